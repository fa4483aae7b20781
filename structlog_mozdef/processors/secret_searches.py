r"""A look at a rendered line for hints of secrets, with nothing but `re`.

A search is fast where its pattern begins with one character that is written as it is: Python skips
what is before it, at some gigabytes a second. So each of the patterns below begins with one that
several hints have in common, and looks at what is before and behind it. They match at least where a
pattern of `secret_strings` does, which a test compares.

They are for bytes in small letters. In a line of JSON ``\"`` is a quote of a text, and ``"`` the
end of one. So the names of fields, which stand before such an end, match nothing here: `Redactor`
decides about them by themselves.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable

from structlog_mozdef.processors.secret_names import FOREIGN_NAMES
from structlog_mozdef.processors.secret_strings.texts import NAME_PARTS

Look = Callable[[bytes], bool]
Search = Callable[[bytes], object]

#: A letter that is not ASCII can belong to a name.
LETTER = r"0-9a-z_\x80-\xff"
JOINTS = "[-_.]*"
_QUOTE = r"(?:\\*(?:\\\"|')|&quot;|&#3[49];)?"
_BLANKS = r"(?: |\\t|\xc2\xa0|\xe3\x80\x80)*"


def _before_value(blanks: str, cell: str) -> str:
    """Return an expression for what stands between a name and its value, of at most so much."""
    return (
        # NAME=, NAME: and "NAME" =>, NAME["NAME"] =
        rf"(?:{_QUOTE}(?:\[?\]{_QUOTE})?{_BLANKS}(?:[=:]|->|\xef\xbc[\x9a\x9d])"
        # {NAME,"x"}, NAME,value=x, <key>NAME</key>
        rf"|, ?(?:<<)?\\*(?:\\\"|')|{_QUOTE}(?:,| |\\+[nrt])+\\*(?:\\\"|')?(?:parameter)?value"
        # NAME'), 'msg' of FastAPI; the next column of a table
        rf"|(?: {blanks}|(?:\\t)+)[^ \"\\]{cell}\d"
        r"|</key|\\*(?:\\\"|'),?[)\]], ?\\*(?:\\\"|')msg"
        # 'NAME', and <NAME>, NAME%3D in a URL within a URL
        r"|\\*(?:(?:\\\"|')?\[?\]\\*)?(?:\\\"|')(?:[,> ]|/>)|>|&gt;"
        r"|(?:%(?:25){0,3}(?:2[027]|5[bd])){0,3}(?:=|%(?:25){0,3}3[ad]|\\+u003d))"
    )


_BEFORE_VALUE = _before_value("{2,40}", "{0,400}")
#: The same for hyperscan, which never looks back, and takes seconds to compile bounds.
UNBOUNDED_BEFORE_VALUE = _before_value("{2,}", "*")
# What ends a name: only joints, or anything but a wide colon; and what stands before its value.
_END = rf"[-_.]{{0,5}}+{_BEFORE_VALUE}"
# A wide colon is no letter.
_LETTERS = r"[0-9a-z_\x80-\xee\xf0-\xff.-]{0,300}+"
_LETTERS = rf"{_LETTERS}(?:\xef(?!\xbc[\x9a\x9d]){_LETTERS}){{0,9}}+"
_REST = rf"{_LETTERS}{_BEFORE_VALUE}"
_CREDENTIAL = r"(?: |\\t)+[a-z0-9+/=._~-]{8}"
_IS = r"(?:(?: |\\t)*[:=]| is| \d{4})"


def _behind(words: Iterable[str], letters: str) -> str:
    """Return an expression for what stands behind *letters*, with one of *words* before them."""
    joints = ("", "[-_.]", "[-_.]{2}", "[-_.]{3}")
    each = (f"(?<={word}{joint}{letters})" for word in words for joint in joints)
    return f"(?:{'|'.join(each)})"


_WHOLE = (r"[^0-9a-z_.-]", r"\\[bfnrt]", r"\\u[0-9a-f]{4}")
_CODES = "2fa auth authorization backup mfa otp recovery security sms time unlock verification"


def in_bytes(word: str) -> str:
    """Return an expression for the bytes of *word*, whose letters can be capital ones.

    Those of ASCII are small.
    """
    letters = []
    for letter in word:
        cases = sorted({letter, letter.upper()}) if not letter.isascii() else [letter]
        each = ["".join(f"\\x{byte:02x}" for byte in case.encode()) for case in cases]
        letters.append(letter if letter.isascii() else f"(?:{'|'.join(each)})")
    return "".join(letters)


# What is in each name, for options of commands and elements of XML.
_PARTS = f"(?:{'|'.join(in_bytes(part) for part in NAME_PARTS if part not in FOREIGN_NAMES)})"
#: Names of secrets in other alphabets, and what is between such a name and its value. (It can be in
#: <NAME type="x"> and in a form with several parts.)
FOREIGN = f"(?:{'|'.join(map(in_bytes, FOREIGN_NAMES))})"
_BEFORE_FOREIGN_VALUE = (
    rf"(?:{_BEFORE_VALUE}|(?: |\\[bfnrt])[^<>]{{0,800}}>|(?:\\*[\"'])?(?:\\[rn]))"
)
# Between two words of a command, and the beginning of an option behind one.
_NEXT = r"[ ,\"'\\]+"
_WORDS = r".{0,440}?[ \"']"
_OPTION = rf"{_WORDS}-"
_COLON = r"(?:\\*[\"'])? ?[:=]"
# By the character that they begin with: what is behind it. Each alternative begins with other
# characters that are written as they are, and looks back from there: so most are skipped at once.
_SEARCHES: dict[str, tuple[str, ...]] = {
    "k": (
        rf"en(?<=token)(?:{_REST}| [^ ]{{0,160}}\d)",
        rf"ie(?<=cookie){_REST}",
        (
            rf"ey(?:{_behind(['unseal', 'deploy', '[a-z][cdeghinprst]'], 'key')}{_REST}"
            rf"|{_behind(_WHOLE, 'key')}{_END}|(?<=unseal key)"
            r"|(?<= key) \d |(?<=_key) [^ ]{0,160}\d|(?<=api key) \\*(?:\\\"|')[^ \"'\\]{0,160}\d)"
        ),
        r"ty(?<=kty)(?:\\+\"|')",
        r"s(?<=hooks)(?:/|\.slack\.com/)",
        rf"opeo(?<=skopeo){_NEXT}login",
        r"\.office\.com/",
        rf"er{_NEXT}login",
    ),
    "s": (
        (
            rf"s(?<=pass)(?:{JOINTS}(?:w|phrase|code){_REST}|ord{_REST}"
            rf"|(?:e|\xc3[\x89\xa9])?{_END}"
            r"|(?<=requirepass)(?: |\\t)|(?:(?<=[\"'>]pass)|(?<=[>:] pass)) [^ ]"
            r"|(?:code|phrase|wd|word) (?:is:? |\d |enc )?[^ ]{0,160}\d"
            r"|(?:code|phrase|wd|word) (?:is )?\\*(?:\\\"|'|\xe2\x80\x9c)"
            r"|word(?:(?<=time password)(?: is|(?: |\\t)*[:=])|[^:\\]{0,400}: ?\\[rn]"
            r"| is generated for |(?<=enable password) |\( ?[bu]?\\*(?:\\\"|')))"
        ),
        (
            rf"e(?:cret(?:{_REST}|(?<=enable secret) | [^ ]{{0,160}}\d)"
            rf"|ss(?:ion)?{JOINTS}(?:id{_END}|key{_REST})"
            rf"|rtion(?<=assertion){_REST}|n(?:ha{_END}|ord{_REST})"
            r"|t(?:(?:x|env|(?<=(?:config|secret|ecrets) set)|(?<=configure set)) "
            r"|(?<=config --set) |user (?<=setuser ).{0,440}?>"
            r"|/(?<=reset/)[\w\x80-\xff/-]{6,300}-[0-9a-f]{32})|curestring(?<=-securestring) "
            r"| (?<=net use )|rvices/t[0-9a-z_]{6}"
            r"|rt (?:[a-z0-9_]{1,10} ){0,2}into [^(]{1,900}\([^()]{0,4000}?"
            rf"(?:{_PARTS}|{FOREIGN})[^()]{{0,4000}}\)(?: |\\[nrt]){{0,8}}values)"
        ),
        rf"rf(?<=[cx]srf){_REST}",
        rf"i(?:d{_END}|g(?:nature{JOINTS}\d*)?{_END}|fre{_END})",
        (
            rf"n(?:(?<=dsn){_END}|mp(?:(?:bulk)?(?:get|set|table|walk){_OPTION}[acx]"
            r"|-server community ))"
        ),
        rf"k(?:(?<=psk)(?:{_END}| \\)|top(?<=rdesktop){_OPTION}p)",
        rf"a(?:ml{JOINTS}response{_END}|lasana{_REST})",
        (
            rf"t(?:(?<=digest){_CREDENTIAL}|ore(?<=mongorestore){_OPTION}p"
            rf"|ry(?<=registry){_NEXT}login)"
        ),
        r"mbclient",
        (
            rf"ql(?:(?<=mysql){_OPTION}p|cmd{_OPTION}p|i(?<=mysqli)(?:_connect|->[a-z_]{{1,20}})?\("
            r"|(?:plus|ldr).{0,200}? .{0,64}/)"
        ),
        r" your (?:[a-z0-9]+ ){0,4}code",
        (
            rf"h(?:pass(?<=sshpass){_OPTION}p|[ \\\"'](?:(?<=mongosh.)|(?<=cqlsh.))(?:{_WORDS}-|-)p"
            rf"|ell(?<=cypher-shell){_OPTION}p|-keygen(?<=ssh-keygen){_OPTION}[np])"
        ),
        r"ws [\w\x80-\xff-]{30}",
        rf"lo(?<=h[ae]slo){_END}",
        rf"quitto_(?:pub|rr|sub){_OPTION}p",
    ),
    "c": (
        (
            rf"ode(?:{_behind(_CODES.split(), 'code')}{_REST}|(?<=[?&]code)="
            rf"|(?:(?<=[ -]code)|(?<=[ -]passcode))s?{_IS}|{JOINTS}verifier{_END})"
        ),
        rf"red(?:ential(?:{_REST}|s\( ?[bu]?\\*(?:\\\"|'))|s{_END})",
        rf"v[cv]2?{_END}",
        (
            rf"o(?:nnection{JOINTS}string{_REST}|mmunity{_REST}"
            rf"|ntrase(?:n|\xc3\xb1)a{_REST})"
        ),
        rf"url[ \\\"'](?:{_WORDS}-|-)(?:u|-user|-proxy-user)",
        (
            r"h(?:ine [^ ]+ login |o [^|]{1,500}\| .{0,400}?"
            r"(?:chpasswd|stdin|sudo -s|cryptsetup|kinit|openconnect|passphrase-fd))"
        ),
        r"urity (?:import|[a-z]{3,8}-).{0,440}? -[pw] ",
        rf"l(?:i(?<=redis-cli){_OPTION}a|e:(?<=jdbc:oracle:))",
        r" (?:login(?<=oc login)|alias set (?<=mc alias set ))",
        r"onfig (?:http-basic|pypi-token)\.",
        (
            rf"tl(?:(?<=nerdctl){_NEXT}login"
            r"|(?<=rabbitmqctl).{0,200}?(?:add_user|authenticate_user|change_password))"
        ),
    ),
    "a": (
        (
            rf"uth(?:(?:orization)?{_END}|=?\(|=\[|\\+\" |(?<=\(auth) |(?<=masterauth)(?: |\\t)"
            r"|(?:enticate)? (?:plain|login|xoauth2) [0-9a-z_\x80-\xff+/=]{8}|enticate\()"
        ),
        rf"r(?:er(?<=bearer)(?:{_END}|{_CREDENTIAL})|iadb(?<=mariadb){_OPTION}p)",
        rf"sic(?<=basic){_CREDENTIAL}",
        (
            rf"t(?:e(?<=negotiate){_CREDENTIAL}|[ac]tt3|bb[\w\x80-\xff]{{28}}"
            rf"|a; name=(?=[{LETTER}.\\\"'-]{{0,60}}?{_PARTS}))"
        ),
        rf"p(?:i[0-9a-f]{{32}}|ikey{_CREDENTIAL}|i\.telegram\.org/)",
        rf"nswer{_behind(['security'], 'answer')}{_REST}",
        r"[ks]ia[0-9a-z]{16}",
        r" (?<=[2m]fa )(?:is |code )?\d{4}",
        r"i(?:za[\w\x80-\xff-]{30}|(?<=ltai)[0-9a-z]{16})",
        r"ge-secret-key-1",
        rf"z{_NEXT}login",
        r"a(?:(?<=\d:aa)[\w\x80-\xff-]{31}|a(?<=eaaa)[\w\x80-\xff-]{56})",
        rf"ult{_NEXT}login{_NEXT}",
        rf"d(?:gangskode{_REST}|min(?<=rabbitmqadmin){_OPTION}p)",
    ),
    "w": (
        rf"(?<=pw)(?:(?:d\d*)?{_END}|(?:(?<=bindpw)|(?<=rootpw))(?: |\\t))",
        rf"t(?<=jwt){_END}",
        rf"ort(?<=kennwort){_REST}",
        rf"achtwoord{_REST}",
        rf"ine(?<=twine){_OPTION}p",
        r"_set(?<=pw_set)\(",
    ),
    "p": (
        rf"in(?:{_END}| (?:is |code )?\d{{4}})",
        rf"(?<=otp)(?:{_END}| is | (?:code )?\d{{4}})",
        rf"hrase(?:{_behind(['seed', 'mnemonic'], 'phrase')}{_REST}|(?<=[cdty][ _]phrase){_COLON})",
        r"rivate(?: key|-lines)",
        rf"o(?:dman{_NEXT}login|rt(?<=mongo[ei][xm]port){_OPTION}p)",
        (
            rf"a(?:rola{JOINTS}(?:chiave)?{_END}|sswd(?:(?<=htpasswd){_NEXT}-|(?<=ldappasswd){_OPTION}w)"
            rf"|dd(?<=ldapadd){_OPTION}w)"
        ),
        rf"m(?:itool(?<=ipmitool){_OPTION}p|odify(?<=ldapmodify){_OPTION}w)",
        rf"search(?<=ldapsearch){_OPTION}w",
        r" (?<=[xm]pdp ).{0,200}?/",
        rf" (?:(?<=unzip )|(?<=mongodump ))(?:{_WORDS}-|-)p",
        r"\((?<=@tcp\()",
        r"ut_value=(?<=input_value=)",
        r":(?<= /p:)",
    ),
    "_": (
        (
            r"(?=[0-9a-z_\x80-\xff+/=-]{10})(?:(?<=k_(?:live|test)_)|(?<=whsec_)"
            r"|(?=[0-9a-z_\x80-\xff+/=-]{20})(?:(?<=gh[oprsu]_)|(?<=github_pat_)"
            r"|(?<=(?:glc|gsk|npm|ntn|pnu|sbp)_)|(?<=glsa_)|(?<=do[opr]_v1_)|(?<=dckr_[op]at_)"
            r"|(?<=(?:hf|r8)_)|(?<=fm[12]_)|(?<=shp(?:at|ca|pa|ss)_)|(?<=lin_api_)|(?<=lin_oauth_)"
            r"|(?<=sntry[su]_)|(?<=figd_)|(?<=sb_secret_)|(?<=ops_)eyj|(?<=pcsk_)|(?<=lsv2_)[a-z]{2}_"
            r"|(?<=ccipat_)|(?<=sq[apu]_)|(?<=rubygems_)|(?<=bkua_)|(?<=pscale_)|(?<=aio_)"
            r"|(?<=re_)[0-9a-z]{8}_))"
        ),
    ),
    "-": (
        (
            r"(?<=[a-z]-)(?=[0-9a-z_\x80-\xff-]{10})(?:(?<=xox[a-z]-)|(?<=[bhijklptuxy]-)"
            r"(?:(?<=gl(?:pat|cbt|imt|ptt)-)|(?<=glagent-)|(?<=gl(?:dt|ft|rt)-)|(?<=glsoat-)"
            r"|(?<=xapp-)|(?<=gocspx-)|(?<=pypi-)|(?<=sk-)|(?<=sk-ant-)|(?<=sk-proj-)"
            r"|(?<=sq0(?:at|cs)p-)|(?<=(?:nr|pm)ak-)|(?<=pul-)|(?<=tskey-)|(?<=hrku-)|(?<=xai-)"
            r"|(?<=pat-)(?:ap|eu|na)\d-|(?<=pplx-)|(?<=xkeysib-)|(?<=cfpat-)|(?<=nvapi-)"
            r"|(?<=key-)[0-9a-f]{32}|(?<=flwseck-)|(?<=flwseck_test-)))"
        ),
        r"us\d(?<=[0-9a-f]{8}-us\d)",
        r"-(?:body|value)[ =]",
        r"u(?<=[ \"']-u)[ ,\"'\\]{0,20}[0-9a-z_.\\\x80-\xff-]{1,400}%",
        r"u(?:(?<=[ \"']-u)|(?<=[ \"']--u))(?:ser(?:name)?)?[= ,\"'\\].{0,900}?[ \"']-p[ ,\"'\\]",
        r"h?p(?:(?<=[zar] [a-z] -p)|(?<=[zar] [a-z] -hp))",
        # --NAME of a command
        (
            rf"(?:(?<=[ \"\x80-\xff-]-)|(?<=\\[bfnrt]-)|(?<=\\u[0-9a-f]{{4}}-))"
            rf"(?=[a-z])(?=[{LETTER}-]{{0,60}}?{_PARTS}[{LETTER}-]{{0,60}}(?: |\\n|\",\"))"
        ),
    ),
    ".": (
        (
            r"(?=[\w\x80-\xff-]{16})(?:(?<=(?:ya29|.hv[bs])\.)|(?<=sg\.)|(?<=.atlasv1\.)|(?<=dp\.[cps]t\.)"
            r"|(?<=dt0[a-z]\d\d\.)|(?<=pat.{14}\.)[0-9a-f]{64})"
        ),
        r"log[io]n\( ?[bu]?\\*(?:\\\"|')",
    ),
    "j": (
        (
            r"(?<=eyj)(?:(?<=[^0-9a-z_]eyj)|(?<=\\[bfnrt]eyj)|(?<=\\u[0-9a-f]{4}eyj))"
            r"[\w\x80-\xff-]{8,3000}+\."
        ),
        r"tib(?<=ls0tls1crudjtib)",
        rf"elsz(?:o|\xc3[\x93\xb3]){_REST}",
    ),
    "'": (r"(?<=by ')",),
    # <NAME type="x">
    "<": (rf"(?=[{LETTER}.:-]{{0,60}}?{_PARTS}[{LETTER}.:-]{{0,60}}(?:[ \x80-\xff]|\\[bfnrtu]))",),
    # The hash of a password, and a secret of Azure.
    "$": (
        r"9\$[\w./-]{8}",
        r"[\w./+=,-]{1,60}+\$(?:[\w./$+=,-]){20}",
    ),
    "~": (r"(?<=[78]q~)[\w.\x80-\xff~-]{31}",),
    "%": (r"(?:25){0,3}2f[^ \"%]{0,100}%(?:25){0,3}3a",),
}

# The same in lines that are not of ASCII alone, as a whole.
_FOREIGN_SEARCHES = (
    # The Kelvin sign, whose small letter is k; NAME and a wide colon; a Turkish and a Polish name.
    r"\xe2\x84\xaa",
    r"\xef\xbc[\x9a\x9d](?<=[0-9a-z_.\"' -]\xef\xbc.)",
    rf"\xc5(?:[\x9e\x9f]ifre|[\x81\x82]o(?<=has..o)){_END}",
    *(
        rf"(?:{'|'.join(map(in_bytes, names))}){_LETTERS}{_BEFORE_FOREIGN_VALUE}"
        for _, names in itertools.groupby(sorted(FOREIGN_NAMES), lambda name: name.encode()[0])
    ),
)
#: A user before a host, with a password or not. A number is looked for at once; b"@" would take
#: longer than all the rest.
AT_SIGN = ord("@")
_BACKSLASH = ord("\\")
_FOLDER = re.compile(rb"(?<=[ \"])PWD=(?=/(?:[\w.-]*/[\w./-]*[ ;\"]|[\w.-]*(?: ;|[;\"])))")
# From the first slash on, which is rarer than a colon.
_URL = re.compile(
    rb"/(?<=[:\\]/)\\*/(?![^ @\"]{0,200}+(?: |(?<!\\)\"))"
    rb"(?:(?:[^ /?#:\"'\\]|\\.)*+:(?:(?:[^ /?#@\"\\]|\\.)*+|(?:[^ @\"\\]|\\.){1,800}+)"
    rb"|(?:[^ /?#@:\"\\]|\\.){20,}+)@"
)


def has_user_info(line: bytes) -> bool:
    """Return whether a URL in *line* may have a password or a token before its host."""
    # Most lines with an @ have an address of mail: a text, whose quote is no part of a URL, without
    # a slash before the @.
    start, at = 0, line.find(b"@")
    while at >= 0:
        quote = line.rfind(b'"', start, at)
        if line.find(b"/", max(quote, start), at) >= 0 or (
            quote > 0 and line[quote - 1] == _BACKSLASH
        ):
            return _URL.search(line) is not None
        start = at + 1
        at = line.find(b"@", start)
    return False


@functools.cache
def _searches() -> list[tuple[int, Search]]:
    """Compile with the first use: with hyperscan there is none."""
    return [
        (ord(first), re.compile(f"{re.escape(first)}(?:{'|'.join(rest)})".encode("latin-1")).search)
        for first, rest in _SEARCHES.items()
    ]


@functools.cache
def _foreign_searches() -> list[tuple[int, Search]]:
    firsts = (0xE2, 0xEF, 0xC5, *sorted({name.encode()[0] for name in FOREIGN_NAMES}))
    return [
        (first, re.compile(pattern.encode("latin-1")).search)
        for first, pattern in zip(firsts, _FOREIGN_SEARCHES, strict=True)
    ]


def search_look(line: bytes) -> bool:
    """Return whether *line*, which orjson has written, can have a secret."""
    if AT_SIGN in line and has_user_info(line):
        return True
    lowered = line.lower()
    if not (_finds(_searches(), lowered) or has_foreign_name(lowered)):
        return False
    renamed = rename_folders(line)
    return renamed is None or search_look(renamed)


def rename_folders(line: bytes) -> bytes | None:
    """Return *line* with ``CWD=`` for ``PWD=`` before a folder, which is no secret, or None.

    Each line of sudo has one.
    """
    if b"PWD=/" not in line:
        return None
    renamed = _FOLDER.sub(b"CWD=", line)
    return None if renamed == line else renamed


def has_foreign_name(lowered: bytes) -> bool:
    """Return whether a line, in small letters, may have the name of a secret in another alphabet.

    Most lines have ASCII alone, and pass at once.
    """
    return not lowered.isascii() and _finds(_foreign_searches(), lowered)


def _finds(searches: list[tuple[int, Search]], lowered: bytes) -> bool:
    for first, search in searches:  # noqa: SIM110 - faster than any()
        if first in lowered and search(lowered) is not None:
            return True
    return False
