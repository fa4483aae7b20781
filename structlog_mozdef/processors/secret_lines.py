"""One look at a rendered line decides whether an event can have a secret in its strings.

hyperscan, where it is installed, looks for all of the expressions below at once, at gigabytes a
second. They match at least where a pattern of `secret_texts` or `secret_formats` does, which a test
compares; so do those of `secret_searches`, which look at lines elsewhere.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from structlog_mozdef._raised import pass_on
from structlog_mozdef.processors.secret_searches import (
    AT_SIGN,
    BEFORE_VALUE,
    JOINTS,
    LETTER,
    Look,
    has_user_info,
)

# The expressions are for bytes. In each, hyperscan looks for characters that are written as they
# are, and only around those for the rest. That costs more than all else, and nearly every line has
# an "auth" or a "security". So words that belong together are written as one string.


def _each(*parts: Iterable[str]) -> str:
    """Return an expression for one of each of *parts*, in all combinations."""
    return "|".join(map("".join, itertools.product(*parts)))


_ESCAPE = r"\\[bfnrt]|\\u[0-9a-f]{4}"
# All for which `str.isspace` is true.
_SPACE = (
    r"(?: |\\[fnrt]|\\u00(?:0b|1[c-f])|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]"
    r"|\xe2\x81\x9f|\xe3\x80\x80)"
)
_JOINT = ("", "-", "_", r"\.")
_PAIRS = "|".join(
    _each(first, _JOINT, second)
    for first, second in (
        (["sess", "session"], ["id"]),
        (["card"], ["cv[cv]2?", "pin"]),
        (["connect"], ["sid"]),
        (["saml"], ["assertion", "response"]),
        (["code"], ["verifier"]),
    )
)
_PAIRS_AND_MORE = "|".join(
    _each(first, _JOINT, second)
    for first, second in (
        (["client"], ["assertion"]),
        (["snmp"], ["community"]),
        (["community"], ["string"]),
        (["security"], ["answer"]),
    )
)
# The same with more joints.
_FAR_PAIRS = (
    r"(?:sess|session|card|connect|client|saml|snmp|community|code|security)[-_.]{2,}"
    r"(?:id|cv[cv]|pin|sid|assertion|response|community|string|verifier|answer)"
)
_CODES = (
    rf"2fa|auth|authorization|backup|mfa|one{JOINTS}time|otp|recovery|security|sms|unlock"
    "|verification"
)
# Names of secrets by what can follow in a longer name.
_NAMES = (
    rf"(?:pass{JOINTS}(?:w|phrase|code)|secret|credential|csrf|xsrf|cookie|token)[{LETTER}.-]*",
    (
        rf"(?:kennwort|wachtwoord|contrase(?:n|\xc3\xb1)a|connection{JOINTS}string"
        rf"|{_PAIRS_AND_MORE})[{LETTER}.-]*"
    ),
    (
        r"(?:auth|authorization|bearer|creds|dsn|jwt|pass|passe|psk|pw|pwd\d*|senha"
        rf"|signature{JOINTS}\d*|{_PAIRS}){JOINTS}"
    ),
    rf"(?:session{JOINTS}key|[a-z][cdeghinprst]{JOINTS}key|(?:seed|mnemonic){JOINTS}phrase)[{LETTER}.-]*",
)
_WHOLE_NAMES = rf"(?:sid|sig|pin|cv[cv]2?|t?otp|key){JOINTS}"
# In an element of XML or HTML, or in a part of a form. With all words before "code" they would take
# twice the time to compile.
_ALL_NAMES = "|".join((*_NAMES, _WHOLE_NAMES, rf"[{LETTER}.-]code[{LETTER}.-]*"))
# What is in such names where they are options of a command. Words that texts are full of would
# cost half as much again.
_OPTIONS = (
    "pass|pw|secret|token|key|auth|sess|cookie|credential|creds|jwt|csrf|xsrf|bearer|sid|sig|pin|otp"
    rf"|cv[cv]|assertion|dsn|psk|-code|verifier|(?:{_CODES}){JOINTS}code|kennwort|wachtwoord"
    rf"|contrase|senha|saml|connection{JOINTS}string|community{JOINTS}string|snmp{JOINTS}community"
    rf"|security{JOINTS}answer|(?:seed|mnemonic){JOINTS}phrase"
)
_CODES_IN_TEXTS = _each(
    [
        *("2fa", "access", "authentication", "backup", "login", "mfa", "one time", "one-time"),
        *("onetime", "otp", "recovery", "security", "sms", "verification"),
    ],
    " -",
    ["code", "passcode"],
)
_CASELESS = (
    *(rf"{name}{BEFORE_VALUE}" for name in _NAMES),
    _FAR_PAIRS,
    # No line has \x01: it keeps hyperscan from looking for these words instead of "code".
    rf"(?:\x01|{_CODES}){JOINTS}code[{LETTER}.-]*{BEFORE_VALUE}",
    rf"(?:[^0-9a-z_.-]|{_ESCAPE}){JOINTS}{_WHOLE_NAMES}{BEFORE_VALUE}",
    # --NAME of a command
    rf"(?:\"|{_SPACE})--?[{LETTER}-]*(?:{_OPTIONS})[{LETTER}-]*(?: |\\n|\",\")",
    rf"form-data; name=(?:\\*[\"'])?[{LETTER}.:-]*(?:{_ALL_NAMES})",
    r"(?:bearer|basic|digest|negotiate|apikey)(?: |\\t)+[a-z0-9+/=._~-]{8}",
    r"[?&]code=",
    r"hooks\.slack\.com/|/api/webhooks/|webhook\.office\.com/|api\.telegram\.org/",
    r"token [0-9a-f]{32}",
    r" [ai]s your (?:[a-z0-9]+ ){0,4}code",
    r"%(?:25){0,3}2f[^ \"%]*%(?:25){0,3}3a",
    "private key|private-lines",
    rf"(?:{_CODES_IN_TEXTS})s?(?:(?: |\\t)*[:=]| is| [0-9]{{4}})",
    "setx |config set ",
    r"pass(?:code|phrase|wd|word) (?:is )?\\*(?:\\\"|'|\xe2\x80\x9c)",
    r"(?:2fa|mfa|otp|pin) (?:is |code )?[0-9]{4}",
    r"otp is |one[ -]?time password(?:(?: |\\t)*[:=]| is)",
    r"curl(?:[^\"\\]|\\.)* (?:-u|--user|--proxy-user)",
    r"sshpass|(?:az|docker|podman) login|rdesktop|redis-cli|smbclient|mysql(?:[^\"\\]|\\.)* -p",
    r"identified (?:with [^ ]+ )?by |machine [^ ]+ login ",
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
    r"sk-(?:ant|proj)-|sk-[0-9A-Za-z]{8}|dckr_pat_|hf_|ATATT3|AGE-SECRET-KEY-1",
    r"sq0(?:at|cs)p-|lin_api_|sntrys_|figd_|gsk_|r8_[0-9A-Za-z_\x80-\xff]|NRAK-|PMAK-|pul-[0-9a-f]{8}|dapi[0-9a-f]{8}|LS0tLS1CRUdJTiB",
    r"shp(?:at|ca|pa|ss)_",
)
# <NAME type="x">, in lines that have a "<": it costs the others nothing.
_ELEMENTS = (rf"<[{LETTER}.:-]*(?:{_ALL_NAMES})[ \\\x80-\xff]",)
_LESS_THAN = ord("<")


@functools.cache
def line_look() -> Look | None:
    """Return the function that says whether a rendered line can have a secret, if there is one."""
    try:
        hyperscan: Any = importlib.import_module("hyperscan")  # optional, and without types
        has_element = _scanner(hyperscan, _ELEMENTS)
        return _scanner(hyperscan, _CASELESS, _EXACT, has_element)
    except Exception as error:  # not installed, or not for this processor
        pass_on(error)
        return None


def _scanner(
    hyperscan: Any,
    caseless: Sequence[str],
    exact: Sequence[str] = (),
    has_element: Look | None = None,
) -> Look:
    expressions = (*caseless, *exact)
    once = hyperscan.HS_FLAG_SINGLEMATCH
    database = hyperscan.Database()
    database.compile(
        expressions=[expression.encode() for expression in expressions],
        ids=[0] * len(expressions),
        elements=len(expressions),
        flags=[once | hyperscan.HS_FLAG_CASELESS] * len(caseless) + [once] * len(exact),
    )
    scan = database.scan
    of_thread = threading.local()  # a scratch serves one scan at a time

    def look(line: bytes) -> bool:
        if AT_SIGN in line and has_user_info(line):
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
        return has_element is not None and _LESS_THAN in line and has_element(line)

    return look


def _found(*_: Any) -> bool:
    return True
