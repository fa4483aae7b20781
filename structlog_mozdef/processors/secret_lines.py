r"""One look at a rendered line decides whether an event can have a secret in its strings.

hyperscan, where it is installed, looks for all of the expressions below at once, at gigabytes a
second. They match at least where a pattern of `secret_texts` does, which a test compares. In a line
of JSON ``\"`` is a quote of a text, and ``"`` the end of one. So the names of fields, which stand
before such an end, match nothing here: `Redactor` decides about them by themselves.
"""

from __future__ import annotations

import functools
import importlib
import re
import threading
from collections.abc import Callable
from typing import Any

from structlog_mozdef._raised import pass_on

# The expressions are for bytes: those of a letter that is not ASCII can belong to a name.
_LETTER = r"0-9a-z_\x80-\xff"
_ESCAPE = r"\\[bfnrt]|\\u[0-9a-f]{4}"
_JOINTS = "[-_.]*"
_CODES = rf"2fa|backup|mfa|one{_JOINTS}time|otp|recovery|security|sms|verification"
# Names of secrets by what can follow in a longer name. What hyperscan does when it has found a few
# letters costs more than all the rest, so the parts of expressions are as long as they can be.
_NAMES = (
    rf"(?:pass{_JOINTS}(?:w|phrase|code)|secret|credential|csrf|xsrf|cookie|token)[{_LETTER}.-]*",
    (
        rf"(?:auth|authorization|bearer|jwt|pass|passe|pwd|sess{_JOINTS}id|session{_JOINTS}id"
        rf"|card{_JOINTS}cv[cv]2?|(?:admin|bind|db|root|user){_JOINTS}pw|signature{_JOINTS}\d*|client{_JOINTS}assertion)"
        rf"{_JOINTS}"
    ),
    rf"(?:session{_JOINTS}key|connection{_JOINTS}string|[cdeghinprst]{_JOINTS}key)[{_LETTER}.-]*",
    rf"(?:{_CODES}){_JOINTS}code[{_LETTER}.-]*",
)
_WHOLE_NAMES = rf"(?:sid|sig|pin|cv[cv]2?|dsn|t?otp|key|pw){_JOINTS}"
_QUOTE = r"\\*(?:\\\"|')?"
_BLANKS = r"(?: |\\t|\xc2\xa0)*"
# NAME=, NAME: and "NAME" =>, NAME["NAME"] =, 'NAME', and <NAME>, NAME%3D in a URL within a URL
_BEFORE_VALUE = (
    rf"(?:{_QUOTE}(?:\[?\]{_QUOTE})?{_BLANKS}[=:]"
    r"|\\*(?:(?:\\\"|')?\[?\]\\*)?(?:\\\"|')(?:[,> ]|/>)|>"
    r"|(?:%(?:25){0,3}(?:2[027]|5[bd])){0,3}(?:=|%(?:25){0,3}3[ad]))"
)
_CASELESS = (
    *(rf"{name}{_BEFORE_VALUE}" for name in _NAMES),
    rf"(?:[^0-9a-z_.-]|{_ESCAPE}){_JOINTS}{_WHOLE_NAMES}{_BEFORE_VALUE}",
    # --NAME of a command, and <NAME type="x">
    rf"(?:[ \"\x80-\xff]|{_ESCAPE})--?[{_LETTER}-]*(?:{'|'.join((*_NAMES, _WHOLE_NAMES))}) ",
    rf"<[{_LETTER}.:-]*(?:{'|'.join((*_NAMES, _WHOLE_NAMES))})(?:[ \x80-\xff]|{_ESCAPE})",
    r"(?:bearer|basic|digest|negotiate|apikey)(?: |\\t)+[a-z0-9+/=._~-]{8}",
    r"[?&]code=",
    r"hooks\.slack\.com/|/api/webhooks/",
    "private key|private-lines",
    rf"(?:{_CODES}|access|authentication|login|one time)[ -](?:pass)?codes?(?:(?: |\\t)*[:=]| is)",
    "otp is ",
    r"curl(?:[^\"\\]|\\.)* (?:-u|--user|--proxy-user)",
    r"sshpass|(?:docker|podman) login|mysql(?:[^\"\\]|\\.)* -p",
    r"identified (?:with [^ ]+ )?by |password '|machine [^ ]+ login ",
    # The Kelvin sign, whose small letter is k.
    r"\xe2\x84\xaa",
)
_EXACT = (
    r"A[KS]IA[0-9A-Z]{4}",
    r"gh[pousr]_|github_pat_",
    r"gl(?:agent|cbt|dt|ft|pat|ptt|rt|soat)-",
    r"xox[a-z]-|xapp-",
    r"[sr]k_(?:live|test)_|whsec_",
    r"AIza|ya29\.|GOCSPX-",
    r"eyJ[0-9A-Za-z_\x80-\xff-]{8,}\.",
    r"npm_|pypi-|SG\.|dop_v1_|hvs\.",
    r"sk-(?:ant|proj)-|dckr_pat_|hf_|ATATT3|AGE-SECRET-KEY-1",
    r"shp(?:at|ca|pa|ss)_",
)
# A user before a host, with a password or not.
_AT_SIGN = ord("@")
_URL = re.compile(
    rb"://(?:(?:[^ /?#@:\"'\\]|\\.)*+:(?:(?:[^ /?#@\"\\]|\\.)*+|(?:[^ @\"\\]|\\.){1,800}+)"
    rb"|(?:[^ /?#@:\"\\]|\\.){20,}+)@"
)

Look = Callable[[bytes], bool]


@functools.cache
def line_look() -> Look | None:
    """Return the function that says whether a rendered line can have a secret, if there is one."""
    try:
        return _scanner()
    except Exception as error:  # not installed, or not for this processor
        pass_on(error)
        return None


def _scanner() -> Look:
    hyperscan: Any = importlib.import_module("hyperscan")  # optional, and without types
    expressions = (*_CASELESS, *_EXACT)
    once = hyperscan.HS_FLAG_SINGLEMATCH
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode() for expression in expressions],
        ids=[0] * len(expressions),
        elements=len(expressions),
        flags=[once | hyperscan.HS_FLAG_CASELESS] * len(_CASELESS) + [once] * len(_EXACT),
    )
    scan = database.scan
    of_thread = threading.local()  # a scratch serves one scan at a time

    def look(line: bytes) -> bool:
        # A number is looked for at once; b"@" would take longer than all the rest.
        if _AT_SIGN in line and _URL.search(line) is not None:
            return True
        try:
            scratch = of_thread.scratch
        except AttributeError as error:
            pass_on(error)
            scratch = of_thread.scratch = hyperscan.Scratch(database)
        try:
            # By position: names of arguments would double the cost.
            scan(line, _found, 0, None, scratch)
        except Exception as error:  # ended at the first hint, or not able to scan: look closer
            pass_on(error)
            return True
        return False

    return look


def _found(*_: Any) -> bool:
    return True
