"""One look at a rendered line decides whether an event can have a secret in its strings.

hyperscan, where it is installed, looks for all of the expressions below at once, at gigabytes a
second. They match at least where a pattern of `secret_strings` does, which a test compares; so
do those of `secret_searches`, which look at lines elsewhere.
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
    FOREIGN,
    JOINTS,
    LETTER,
    UNBOUNDED_BEFORE_VALUE,
    Look,
    has_foreign_name,
    has_user_info,
    rename_folders,
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
        rf"(?:kennwort|wachtwoord|contrase(?:n|\xc3\xb1)a|connection{JOINTS}string|passord|alasana"
        rf"|(?:\xc3[\x96\xb6]|o)senord|adgangskode|jelsz(?:o|\xc3[\x93\xb3])|{_PAIRS_AND_MORE})"
        rf"[{LETTER}.-]*"
    ),
    (
        r"(?:auth|authorization|bearer|creds|dsn|jwt|pass(?:e|\xc3[\x89\xa9])?|psk|pw|pwd\d*|senha"
        rf"|signature{JOINTS}\d*|h[ae]slo|has\xc5[\x81\x82]o|parola{JOINTS}(?:chiave)?|masterauth"
        rf"|(?:s|\xc5[\x9e\x9f])ifre|{_PAIRS}){JOINTS}"
    ),
    (
        rf"(?:session{JOINTS}key|(?:unseal|deploy|[a-z][cdeghinprst]){JOINTS}key"
        rf"|(?:seed|mnemonic){JOINTS}phrase)[{LETTER}.-]*"
    ),
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
    rf"|security{JOINTS}answer|(?:seed|mnemonic){JOINTS}phrase|haslo|has\xc5[\x81\x82]o|heslo|parola|ifre"
    r"|salasana|senord|adgangskode|jelsz"
)
# In an INSERT, or at the end of a line.
_COLUMNS = rf"{_OPTIONS}|pin|code|community|phrase|answer|connection|saml"
# Between two words of a command, and the beginning of an option behind one.
_NEXT = r"[ ,\"'\\]+"
_OPTION = r".*[ \"']-"
_CODES_IN_TEXTS = _each(
    [
        *("2fa", "access", "authentication", "backup", "login", "mfa", "one time", "one-time"),
        *("onetime", "otp", "recovery", "security", "sms", "verification"),
    ],
    " -",
    ["code", "passcode"],
)
_CASELESS = (
    *(rf"{name}{UNBOUNDED_BEFORE_VALUE}" for name in _NAMES),
    _FAR_PAIRS,
    # No line has \x01: it keeps hyperscan from looking for these words instead of "code".
    rf"(?:\x01|{_CODES}){JOINTS}code[{LETTER}.-]*{UNBOUNDED_BEFORE_VALUE}",
    rf"(?:[^0-9a-z_.-]|{_ESCAPE}){JOINTS}{_WHOLE_NAMES}{UNBOUNDED_BEFORE_VALUE}",
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
    r"set(?:x|env) |(?:config|configure|secrets?) (?:--)?set | --(?:body|value)[ =]",
    r"password[^:\\]*: ?\\[rn]|password is generated for ",
    r"pass(?:code|phrase|wd|word) (?:is:? |[0-9] |enc )?[^ ]*[0-9]",
    r"(?:token|api key) \\*(?:\\\"|')[^ \"'\\]*[0-9]",
    r"pass(?:code|phrase|wd|word) (?:is )?\\*(?:\\\"|'|\xe2\x80\x9c)",
    r"(?:2fa|mfa|otp|pin) (?:is |code )?[0-9]{4}",
    r"otp is |one[ -]?time password(?:(?: |\\t)*[:=]| is)",
    rf"curl[ \\\"'](?:{_OPTION}|-)(?:u|-user|-proxy-user)",
    (
        rf"(?:sshpass|rdesktop|unzip|sqlcmd|ipmitool|mysql|mongo(?:dump|export|import|restore|sh)"
        r"|twine|cqlsh|cypher-shell|rabbitmqadmin|mosquitto_(?:pub|rr|sub)|mariadb"
        rf"|(?:az|docker|nerdctl|oc|podman|registry|skopeo){_NEXT}login){_OPTION}p"
    ),
    r"(?:7z|7z[ar]|rar) [a-z] -h?p",
    rf"ldap(?:add|modify|passwd|search){_OPTION}w|redis-cli{_OPTION}a|smbclient",
    r"[ \"']-u[ ,\"'\\]*[0-9a-z_.\\\x80-\xff-]*%|security (?:import|[a-z]+-).* -[pw] ",
    rf"snmp(?:bulk)?(?:get|set|table|walk){_OPTION}[acx]|@tcp\(|enable (?:password|secret) |psk \\",
    r"[ \"']--?u(?:ser(?:name)?)?[= ,\"'\\].*[ \"']-p[ ,\"'\\]",
    rf"ssh-keygen{_OPTION}[np]|config (?:http-basic|pypi-token)\.|mc alias set |freerdp.* /p:",
    r"net use |setuser .*>|snmp-server community |(?:radius|tacacs).* key [0-9] |secret [0-9] ",
    rf"htpasswd{_NEXT}-|vault{_NEXT}login{_NEXT}",
    r"rabbitmqctl.*(?:add_user|authenticate_user|change_password)",
    r"echo [^|]*\| .*(?:chpasswd|stdin|sudo -s|cryptsetup|kinit|openconnect|passphrase-fd)",
    r"(?:sqlplus|sqlldr|expdp|impdp).* .*/|jdbc:oracle:|to-securestring ",
    r"(?:requirepass|masterauth|bindpw|rootpw)(?: |\\t)",
    r"auth(?:enticate)? (?:plain|login|xoauth2) [0-9a-z_\x80-\xff+/=]{8}",
    r"[\"'>]pass [^ ]|[>:] pass [^ ]|\(auth |auth\\+\" ",
    r"auth(?:=?\(|=\[) ?[bu]?\\*(?:\\\"|')",
    r"(?:authenticate|\.log[io]n|pw_set|credentials|password)\( ?[bu]?\\*(?:\\\"|')",
    r"mysqli(?:_connect|->[a-z_]*)?\(",
    (
        rf"insert (?:[a-z0-9_]+ )*into [^(]*\([^()]*(?:{_COLUMNS}|{FOREIGN})[^()]*\)"
        r"(?: |\\[nrt])*values"
    ),
    r"unseal key|(?:seed|recovery|secret|mnemonic)[ _]phrase(?:\\*[\"'])? ?[:=]",
    r"kty(?:\\+\"|')|services/t[0-9a-z_]{6}|reset/.*-[0-9a-f]{32}|input_value=",
    r"identified (?:with [^ ]+ )?by |machine [^ ]+ login ",
)
_EXACT = (
    r"ENV [A-Z0-9_]*(?:PASSWD|PASSWORD|SECRET|TOKEN|_KEY) [!-~]*[0-9]",
    r"A[KS]IA[0-9A-Z]{4}",
    r"gh[pousr]_|github_pat_",
    r"gl(?:agent|cbt|dt|ft|imt|pat|ptt|rt|soat)-",
    r"xox[a-z]-|xapp-",
    r"[sr]k_(?:live|test)_|whsec_",
    r"AIza|ya29\.|GOCSPX-",
    r"eyJ[0-9A-Za-z_\x80-\xff-]{8,}\.",
    r"npm_|pypi-|SG\.|do[opr]_v1_|hv[bs]\.",
    r"sk-(?:admin|ant|or|proj|svcacct)-|sk-[0-9A-Za-z]{8}|dckr_[op]at_|hf_|AT[AC]TT3|AGE-SECRET-KEY-1",
    r"sq0(?:at|cs)p-|lin_(?:api|oauth)_|sntry[su]_|figd_|gsk_[0-9A-Za-z_\x80-\xff]|r8_[0-9A-Za-z_\x80-\xff]|NRAK-|PMAK-|pul-[0-9a-f]{8}|dapi[0-9a-f]{8}|LS0tLS1CRUdJTiB",
    r"shp(?:at|ca|pa|ss)_",
    r"gl(?:sa|c)_[0-9A-Za-z_\x80-\xff+/=]{8}|\.atlasv1\.|[78]Q~|tskey-[a-z]|ntn_[0-9A-Za-z]{8}",
    r"pscale_(?:oauth|pw|tkn)_|HRKU-|sbp_[0-9a-f]{8}|sb_secret_|pat-(?:ap|eu|na)[0-9]-[0-9a-f]{8}",
    r"dp\.[cps]t\.|ops_eyJ|SSWS [0-9A-Za-z_\x80-\xff-]{8}|xai-[0-9A-Za-z]{8}|pplx-|pcsk_",
    r"lsv2_[a-z]{2}_|xkeysib-|dt0[a-z][0-9]{2}\.[0-9A-Z]{8}|CCIPAT_|FLWSECK|CFPAT-",
    r"sq[apu]_[0-9a-f]{8}|EAAA[0-9A-Za-z_\x80-\xff-]{8}|LTAI[0-9A-Za-z]{8}|ATBB[0-9A-Za-z_\x80-\xff]{8}|aio_[0-9A-Za-z]{8}|re_[0-9A-Za-z]{8}_|rubygems_",
    r"[0-9a-f]{32}-us[0-9]|fm[12]_[0-9A-Za-z_\x80-\xff+/=]{8}|pat[0-9A-Za-z]{14}\.[0-9a-f]{8}|nvapi-",
    r"key-[0-9a-f]{32}|bkua_[0-9a-f]{8}|pnu_[0-9A-Za-z]{8}",
    r"[0-9]:AA[0-9A-Za-z_\x80-\xff-]{30}",
    r"\$(?:[156789]|2[abxy]?|g?y|sha1|apr1)\$|(?:argon2|bcrypt|pbkdf2|scrypt)[0-9A-Za-z_:.-]*\$",
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
            renamed = rename_folders(line)
            return renamed is None or look(renamed)
        if has_element is None:
            return False
        if _LESS_THAN in line and has_element(line):
            return True
        return not line.isascii() and has_foreign_name(line.lower())

    return look


def _found(*_: Any) -> bool:
    return True
