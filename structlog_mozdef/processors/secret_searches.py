r"""A look at a rendered line for hints of secrets, with nothing but `re`.

A search is fast where its pattern begins with one character that is written as it is: Python skips
what is before it, at some gigabytes a second. So each of the patterns below begins with one that
several hints have in common, and looks at what is before and behind it. They match at least where a
pattern of `secret_texts` and `secret_formats` does, which a test compares.

They are for bytes in small letters. In a line of JSON ``\"`` is a quote of a text, and ``"`` the
end of one. So the names of fields, which stand before such an end, match nothing here: `Redactor`
decides about them by themselves.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable

from structlog_mozdef.processors.secret_texts import NAME_PARTS

Look = Callable[[bytes], bool]
Search = Callable[[bytes], object]

#: A letter that is not ASCII can belong to a name.
LETTER = r"0-9a-z_\x80-\xff"
JOINTS = "[-_.]*"
_QUOTE = r"(?:\\*(?:\\\"|')|&quot;|&#3[49];)?"
_BLANKS = r"(?: |\\t|\xc2\xa0|\xe3\x80\x80)*"
#: NAME=, NAME: and "NAME" =>, NAME["NAME"] =, 'NAME', and <NAME>, NAME%3D in a URL within a URL
BEFORE_VALUE = (
    rf"(?:{_QUOTE}(?:\[?\]{_QUOTE})?{_BLANKS}(?:[=:]|->|\xef\xbc[\x9a\x9d])"
    r"|\\*(?:(?:\\\"|')?\[?\]\\*)?(?:\\\"|')(?:[,> ]|/>)|>|&gt;"
    r"|(?:%(?:25){0,3}(?:2[027]|5[bd])){0,3}(?:=|%(?:25){0,3}3[ad]|\\+u003d))"
)
# What ends a name: only joints, or anything but a wide colon; and what stands before its value.
_END = rf"[-_.]{{0,5}}+{BEFORE_VALUE}"
_REST = r"(?:[0-9a-z_\x80-\xee\xf0-\xff.-]|\xef(?!\xbc[\x9a\x9d])){0,300}+" + BEFORE_VALUE
_CREDENTIAL = r"(?: |\\t)+[a-z0-9+/=._~-]{8}"
_IS = r"(?:(?: |\\t)*[:=]| is| \d{4})"


def _behind(words: Iterable[str], letters: str) -> str:
    """Return an expression for what stands behind *letters*, with one of *words* before them."""
    joints = ("", "[-_.]", "[-_.]{2}", "[-_.]{3}")
    each = (f"(?<={word}{joint}{letters})" for word in words for joint in joints)
    return f"(?:{'|'.join(each)})"


_WHOLE = (r"[^0-9a-z_.-]", r"\\[bfnrt]", r"\\u[0-9a-f]{4}")
_CODES = "2fa auth authorization backup mfa otp recovery security sms time unlock verification"
# What is in each name, for options of commands and elements of XML.
_PARTS = f"(?:{'|'.join(NAME_PARTS)})"
# By the character that they begin with: what is behind it. Each alternative begins with other
# characters that are written as they are, and looks back from there: so most are skipped at once.
_SEARCHES: dict[str, tuple[str, ...]] = {
    "k": (
        rf"en(?<=token)(?:{_REST}| [0-9a-f]{{32}})",
        rf"ie(?<=cookie){_REST}",
        rf"ey(?:{_behind(['[a-z][cdeghinprst]'], 'key')}{_REST}|{_behind(_WHOLE, 'key')}{_END})",
        r"s(?<=hooks)(?:/|\.slack\.com/)",
        r"\.office\.com/",
        r"er login",
    ),
    "s": (
        (
            rf"s(?<=pass)(?:{JOINTS}(?:w|phrase|code){_REST}|e?{_END}"
            r"|(?:code|phrase|wd|word) (?:is )?\\*(?:\\\"|'|\xe2\x80\x9c)"
            r"|word(?<=time password)(?: is|(?: |\\t)*[:=]))"
        ),
        rf"e(?:cret{_REST}|ss(?:ion)?{JOINTS}(?:id{_END}|key{_REST})|rtion(?<=assertion){_REST}|nha{_END})",
        rf"rf(?<=[cx]srf){_REST}",
        rf"i(?:d{_END}|g(?:nature{JOINTS}\d*)?{_END})",
        rf"n(?<=dsn){_END}",
        rf"k(?:(?<=psk){_END}|top(?<=rdesktop))",
        rf"aml{JOINTS}response{_END}",
        rf"t(?<=digest){_CREDENTIAL}",
        r"et(?:x|(?<=config set)) ",
        r"mbclient",
        r"ql(?<=mysql).{0,440}? -p",
        r" your (?:[a-z0-9]+ ){0,4}code",
        r"hpass(?<=sshpass)",
    ),
    "c": (
        (
            rf"ode(?:{_behind(_CODES.split(), 'code')}{_REST}|(?<=[?&]code)="
            rf"|(?:(?<=[ -]code)|(?<=[ -]passcode))s?{_IS}|{JOINTS}verifier{_END})"
        ),
        rf"red(?:ential{_REST}|s{_END})",
        rf"v[cv]2?{_END}",
        (
            rf"o(?:nnection{JOINTS}string{_REST}|mmunity{_REST}"
            rf"|ntrase(?:n|\xc3\xb1)a{_REST})"
        ),
        r"url(?<=curl).{0,840}? -(?:u|-user|-proxy-user)",
        r"hine [^ ]+ login ",
        r"li(?<=redis-cli)",
    ),
    "a": (
        rf"uth(?:orization)?{_END}",
        rf"rer(?<=bearer)(?:{_END}|{_CREDENTIAL})",
        rf"sic(?<=basic){_CREDENTIAL}",
        rf"t(?:e(?<=negotiate){_CREDENTIAL}|att3|a; name=(?=[{LETTER}.\\\"'-]{{0,60}}?{_PARTS}))",
        rf"p(?:i[0-9a-f]{{32}}|ikey{_CREDENTIAL}|i\.telegram\.org/)",
        rf"nswer{_behind(['security'], 'answer')}{_REST}",
        r"[ks]ia[0-9a-z]{16}",
        r"(?<=[2m]fa) (?:is |code )?\d{4}",
        r"iza[\w\x80-\xff-]{30}",
        r"ge-secret-key-1",
        r"z login",
    ),
    "w": (
        rf"(?<=pw)(?:d\d*)?{_END}",
        rf"t(?<=jwt){_END}",
        rf"ort(?<=kennwort){_REST}",
        rf"achtwoord{_REST}",
    ),
    "p": (
        rf"in(?:{_END}| (?:is |code )?\d{{4}})",
        rf"(?<=otp)(?:{_END}| is | (?:code )?\d{{4}})",
        rf"hrase{_behind(['seed', 'mnemonic'], 'phrase')}{_REST}",
        r"rivate(?: key|-lines)",
        r"odman login",
    ),
    "_": (
        (
            r"(?=[0-9a-z_\x80-\xff+/=-]{10})(?:(?<=gh[oprsu]_)|(?<=github_pat_)"
            r"|(?<=k_(?:live|test)_)|(?<=whsec_)|(?<=(?:npm|gsk)_)|(?<=dop_v1_)|(?<=dckr_pat_)"
            r"|(?<=(?:hf|r8)_)|(?<=shp(?:at|ca|pa|ss)_)|(?<=lin_api_)|(?<=sntrys_)|(?<=figd_))"
        ),
    ),
    "-": (
        (
            r"(?<=[a-z]-)(?=[0-9a-z_\x80-\xff-]{10})(?:(?<=xox[a-z]-)|(?<=[ijklptx]-)"
            r"(?:(?<=gl(?:pat|cbt|ptt)-)|(?<=glagent-)|(?<=gl(?:dt|ft|rt)-)|(?<=glsoat-)"
            r"|(?<=xapp-)|(?<=gocspx-)|(?<=pypi-)|(?<=sk-)|(?<=sk-ant-)|(?<=sk-proj-)"
            r"|(?<=sq0(?:at|cs)p-)|(?<=(?:nr|pm)ak-)|(?<=pul-)))"
        ),
        # --NAME of a command
        (
            rf"(?:(?<=[ \"\x80-\xff-]-)|(?<=\\[bfnrt]-)|(?<=\\u[0-9a-f]{{4}}-))"
            rf"(?=[a-z])(?=[{LETTER}-]{{0,60}}?{_PARTS}[{LETTER}-]{{0,60}}(?: |\\n|\",\"))"
        ),
    ),
    ".": (r"(?=[\w\x80-\xff-]{16})(?:(?<=(?:ya29|.hvs)\.)|(?<=sg\.))",),
    "j": (
        (
            r"(?<=eyj)(?:(?<=[^0-9a-z_]eyj)|(?<=\\[bfnrt]eyj)|(?<=\\u[0-9a-f]{4}eyj))"
            r"[\w\x80-\xff-]{8,3000}+\."
        ),
        r"tib(?<=ls0tls1crudjtib)",
    ),
    "'": (r"(?<=by ')",),
    # <NAME type="x">
    "<": (rf"(?=[{LETTER}.:-]{{0,60}}?{_PARTS}[{LETTER}.:-]{{0,60}}(?:[ \x80-\xff]|\\[bfnrtu]))",),
    "%": (r"(?:25){0,3}2f[^ \"%]{0,100}%(?:25){0,3}3a",),
}
# The Kelvin sign, whose small letter is k.
_KELVIN_FIRST, _KELVIN = 0xE2, b"\xe2\x84\xaa"
#: A user before a host, with a password or not. A number is looked for at once; b"@" would take
#: longer than all the rest.
AT_SIGN = ord("@")
_SLASH = ord("/")
# From the first slash on, which is rarer than a colon. Most lines with an @ have an address of mail
# and no user in a URL: a space or the end of the text before the @ tells at once.
_URL = re.compile(
    rb"/(?<=[:\\]/)\\*/(?![^ @\"]{0,200}+(?: |(?<!\\)\"))"
    rb"(?:(?:[^ /?#:\"'\\]|\\.)*+:(?:(?:[^ /?#@\"\\]|\\.)*+|(?:[^ @\"\\]|\\.){1,800}+)"
    rb"|(?:[^ /?#@:\"\\]|\\.){20,}+)@"
)


def has_user_info(line: bytes) -> bool:
    """Return whether a URL in *line* may have a password or a token before its host."""
    return _SLASH in line and _URL.search(line) is not None


@functools.cache
def _searches() -> list[tuple[int, Search]]:
    """Compile with the first use: with hyperscan there is none."""
    return [
        (ord(first), re.compile(f"{re.escape(first)}(?:{'|'.join(rest)})".encode("latin-1")).search)
        for first, rest in _SEARCHES.items()
    ]


def search_look(line: bytes) -> bool:
    """Return whether *line*, which orjson has written, can have a secret."""
    if (AT_SIGN in line and has_user_info(line)) or (_KELVIN_FIRST in line and _KELVIN in line):
        return True
    lowered = line.lower()
    for first, search in _searches():  # noqa: SIM110 - faster than any()
        if first in lowered and search(lowered) is not None:
            return True
    return False
