"""Secrets in strings that are known by their form, whatever name is before them.

Each pattern takes a time in proportion to the length of the string, whatever it contains: nothing
that repeats without bound can begin at many offsets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from structlog_mozdef.processors.secret_strings.commands import COMMANDS

#: Replaces a secret.
REDACTED = "[redacted]"

_FORMATS = (
    r"\b(?:A[KS]IA[0-9A-Z]{16}\b|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|gl(?:agent|cbt|dt|ft|imt|pat|ptt|rt|soat)-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|[sr]k_(?:live|test)_\w{10,}|whsec_[\w+/=]{10,}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"
    r"|npm_[0-9A-Za-z]{30,}|pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|do[opr]_v1_[0-9a-f]{32,}"
    r"|hv[bs]\.[\w-]{20,}|sk-(?:admin|ant|or|proj|svcacct)-[\w-]{16,}|sk-[0-9A-Za-z]{32,}"
    r"|dckr_[op]at_[\w-]{20,}|hf_[0-9A-Za-z]{30,}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|AT[AC]TT3[\w=-]{30,}|AGE-SECRET-KEY-1[0-9A-Z]{20,}"
    r"|sq0(?:atp|csp)-[\w-]{20,}|lin_(?:api|oauth)_\w{20,}|sntry[su]_\w{20,}|figd_[\w-]{20,}"
    r"|gsk_\w{20,}|r8_\w{30,}|NRAK-[0-9A-Z]{20,}|PMAK-[\w-]{30,}|pul-[0-9a-f]{40}|dapi[0-9a-f]{32}"
    r"|LS0tLS1CRUdJTiB(?:EU|FQ|FT|PU|QU|SU)[\w+/=]{20,}"
    r"|gl(?:sa|c)_[\w+/=]{30,}|[0-9A-Za-z]{14}\.atlasv1\.[\w-]{40,}|[\w.~-]{3}[78]Q~[\w.~-]{31,}"
    r"|tskey-[a-z]{2,10}-[\w-]{20,}|ntn_[0-9A-Za-z]{40,}|pscale_(?:oauth|pw|tkn)_(?=[\w-]{20})[\w.=-]{30,}"
    r"|HRKU-[\w-]{30,}|sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,}"
    r"|pat-(?:na|eu|ap)\d-[0-9a-f]{8}-[0-9a-f-]{27}|dp\.[cps]t\.[0-9A-Za-z]{40,}"
    r"|ops_eyJ[\w+/=-]{50,}|SSWS [\w-]{30,}|xai-[0-9A-Za-z]{60,}|pplx-[0-9A-Za-z]{40,}"
    r"|pcsk_\w{40,}|lsv2_[a-z]{2}_\w{32,}|xkeysib-[0-9a-f]{60,}[\w-]*|dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{60,}"
    r"|CCIPAT_\w{40,}|FLWSECK(?:_TEST)?-[0-9a-f]{20,}[\w-]*|CFPAT-[\w-]{40,}"
    r"|sq[apu]_[0-9a-f]{40}|EAAA[\w-]{56,}|rubygems_[0-9a-f]{40,}"
    r"|[0-9a-f]{32}-us\d{1,2}\b|fm[12]_[\w+/=]{80,}|pat[0-9A-Za-z]{14}\.[0-9a-f]{64}"
    r"|nvapi-[\w-]{40,}|key-[0-9a-f]{32}\b|LTAI[0-9A-Za-z]{16,20}\b|ATBB\w{28,}|aio_[0-9A-Za-z]{28}|re_[0-9A-Za-z]{8}_[0-9A-Za-z]{20,}|bkua_[0-9a-f]{40}|pnu_[0-9A-Za-z]{36})"
)
#: The beginnings of those, in small letters.
FORMAT_PARTS = [
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "gl",
    "xox",
    "xapp-",
    "k_live_",
    "k_test_",
    "whsec_",
    "aiza",
    "ya29.",
    "gocspx-",
    "eyj",
    "npm_",
    "pypi-",
    "sg.",
    "_v1_",
    "hvb.",
    "hvs.",
    "sk-",
    "dckr_",
    "hf_",
    "shpat_",
    "shpca_",
    "shppa_",
    "shpss_",
    "tt3",
    "age-secret-key-1",
    "sq0",
    "lin_",
    "sntry",
    "figd_",
    "gsk_",
    "r8_",
    "nrak-",
    "pmak-",
    "pul-",
    "dapi",
    "ls0tls1crudjtib",
    "glc_",
    "glsa_",
    ".atlasv1.",
    "q~",
    "tskey-",
    "ntn_",
    "pscale_",
    "hrku-",
    "sbp_",
    "sb_secret_",
    "pat",
    "dp.",
    "ops_eyj",
    "ssws ",
    "xai-",
    "pplx-",
    "pcsk_",
    "lsv2_",
    "xkeysib-",
    "dt0",
    "flwseck",
    "sq",
    "eaaa",
    "rubygems_",
    "-us",
    "fm",
    "nvapi-",
    "key-",
    "aio_",
    "atbb",
    "bkua_",
    "ltai",
    "re_",
    "pnu_",
]
_CODE_NAMES = (
    r"(?:(?:2fa|access|authentication|backup|login|mfa|one[ -]?time|otp|recovery|security|sms"
    r"|verification)[ -](?:pass)?codes?|one[ -]?time[ ]password)"
)
# user:password@ in a URL, with or without the user; a token in place of both. A password can have
# the characters that end a host; but digits up to the next slash are a port. Some JSON has :\\/\\/.
_SCHEME = r"(?i)(\b[a-z][a-z0-9+.-]{0,20}:\\{0,8}/\\{0,8}/"
_COLON, _SLASH, _AT = (rf"%(?:25){{0,3}}{code}" for code in ("3a", "2f", "40"))
# What others have put in its place: app:**@host, ${PASSWORD}@host.
_NOT_MASKED = r"(?!(?:[*x]{2,20}|[$%]?[{(]{1,2}\w{0,60}[)}]{1,2}s?|\$\w{1,60}|<\w{1,60}>)?@)"
_USER_INFO = (
    rf"{_SCHEME}[^\s/?#:\"']*:){_NOT_MASKED}[^\s/?#]*@",
    rf"{_SCHEME}[^\s/?#@:\"']{{0,100}}:){_NOT_MASKED}(?!\d{{1,5}}[/?#])[^\s@\"'<>]{{1,200}}@(?=\w)",
    rf"{_SCHEME})[^\s/?#@:]{{20,}}@",
)
# The same in a URL within a URL.
_QUOTED_USER_INFO = (
    rf"(?i)(\b[a-z][a-z0-9+.-]{{0,20}}{_COLON}{_SLASH}{_SLASH}[\w.~-]{{0,100}}{_COLON})"
    rf"(?:(?!{_AT})[^\s&#?/\"']){{1,500}}(?={_AT})"
)
# Found where the string in small letters has one of these -> the pattern, and what it becomes.
_FORMS: tuple[tuple[Sequence[str], str, str], ...] = (
    # A key in PEM, of SSH or PGP, and one of PuTTY.
    (
        ("private key",),
        (
            r"(?s)-----? ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-----?.*?"
            r"(?:-----? ?END [A-Z0-9 ]{0,40}KEY(?: BLOCK)? ?-----?|\Z)"
        ),
        REDACTED,
    ),
    (
        ("private-lines:",),
        r"(?s)(Private-Lines: \d{1,4}(?:\s|\\[rn]){1,4})\S.*?(?=Private-(?:MAC|Hash):|\Z)",
        rf"\1{REDACTED}\n",
    ),
    (FORMAT_PARTS, _FORMATS, REDACTED),
    (
        ("hook", "api.telegram.org"),
        (
            r"(?i)(hooks\.slack\.com/\w+/|/api/webhooks/|\.webhook\.office\.com/"
            r"|api\.telegram\.org/(?:file/)?bot)[\w/@:-]{8,}"
        ),
        rf"\1{REDACTED}",
    ),
    (("token ",), r"(?i)\b(token[ ])(?=[a-f]*\d)[0-9a-f]{32,}\b", rf"\1{REDACTED}"),
    ((" your ",), r"(?i)\b\d{4,8}(?=[ ][ai]s[ ]your[ ](?:[a-z0-9]+[ ]){0,4}code\b)", REDACTED),
    (
        ("bearer", "basic", "digest", "negotiate", "apikey"),
        (
            r"(?i)\b(bearer|basic|digest|negotiate|apikey)([ \t]{1,8})"
            r"(?=[a-z+/._~-]{0,100}\d|[a-z+/._~-]{24})[a-z0-9+/._~-]{8,}+={0,2}+(?![\w=])"
        ),
        rf"\1\2{REDACTED}",
    ),
    (("code=",), r"(?i)([?&]code=)[^\s&#\"']{6,}", rf"\1{REDACTED}"),
    (
        ("code", "password", "otp is "),
        (
            rf"(?i)\b({_CODE_NAMES}(?:[ \t]{{0,8}}[:=]|[ ]is|(?=[ ]\d{{4,8}}\b))"
            r"[ \t]{0,8}[\"']?|otp is )"
            r"(?=[a-z-]{0,20}\d)[0-9a-z-]{4,}"
        ),
        rf"\1{REDACTED}",
    ),
    (("%40", "%2540"), _QUOTED_USER_INFO, rf"\1{REDACTED}"),
    (
        ("pass",),
        (
            r"(?i)(\bpass(?:code|phrase|wd|word)[ ](?:is[ ])?\\{0,8}[\"'\u201c])"
            r"(?=[^\"'\s\\]*\d)[^\"'\s\\]{4,}"
        ),
        rf"\1{REDACTED}",
    ),
    # In a sentence, where it looks like nothing else.
    (
        ("pass",),
        (
            r"(?i)((?<![a-z])pass(?:code|phrase|wd|word)[ ]is:?[ ])"
            r"(?!\d{4}-|(?:base|md|sha|utf)-?\d)"
            r"(?=[!-~]{0,40}\d)(?=[!-~]{0,40}[a-z])[^\s\"'\\,;<>\[]{6,}"
        ),
        rf"\1{REDACTED}",
    ),
    # A setting of a router, or of a command, with the number of its kind or without.
    (
        ("password ", "passphrase ", "passcode "),
        (
            r"(?i)((?<![a-z])pass(?:code|phrase|word)[ ](?:\d[ ]|ENC[ ]|(?!\d)))"
            r"(?!/|[a-z]+/\d|(?:argon|base|bcrypt|field|hash|line|md|pbkdf|scrypt|sha|user|utf|v|version)-?\d|\[redacted\]|[\w.+-]{1,64}@[\w-]{1,64}\.)"
            r"(?=[^\s\"'\\,;<>\[:=()]{0,40}[0-9])(?=[^\s\"'\\,;<>\[:=()]{0,40}[a-z])"
            r"[^\s\"'\\,;<>\[:=()]{6,}={0,2}(?=[\s\"'\\,;]|\Z)"
        ),
        rf"\1{REDACTED}",
    ),
    (
        ("token ", "api key "),
        (
            r"(?i)(?<!unexpected )(\b(?:token|api[ ]key)[ ]\\{0,8}[\"'])"
            r"(?=[a-z_-]{0,40}\d)[^\s\"'\\]{10,}(?=\\{0,8}[\"'])"
        ),
        rf"\1{REDACTED}",
    ),
    (
        ("2fa", "mfa", "otp", "pin"),
        r"(?i)\b((?:2fa|mfa|pin|t?otp)(?:[ ]is|[ ]code)?[ ])\d{4,8}\b",
        rf"\1{REDACTED}",
    ),
    # Hashes of passwords: $6$..., scrypt:32768:8:1$...
    (
        ("$",),
        (
            r"(?a:(?:(?<![\w$])\$(?:[156789]|2[abxy]?|g?y|sha1|apr1|argon2\w{1,2}|scrypt|pbkdf2[\w-]{0,20})"
            r"|\b(?:pbkdf2|scrypt|argon2|bcrypt)[\w:.-]{0,40})\$[\w./+=,-]{1,60}\$[\w./$=,+-]{20,}"
            # What routers of Juniper write in its place, and can read.
            r"|(?<![\w$])\$9\$[\w./-]{8,})"
        ),
        REDACTED,
    ),
    # What Slack's and Django's URLs have in their paths, and the tokens of Telegram's bots.
    (("/services/t",), r"(/services/T\w{6,20}/B\w{6,20}/)\w{16,}", rf"\1{REDACTED}"),
    (
        ("reset/",),
        r"(reset/(?:[\w-]{1,40}/)?(?:[\w-]{1,20}-)?)[0-9a-z]{6}-[0-9a-f]{32}\b",
        rf"\1{REDACTED}",
    ),
    ((":aa",), r"(?<!\d)\d{8,10}:AA[\w-]{32,}", REDACTED),
    (
        ("unseal key",),
        r"(?i)(\bunseal[ ]key(?:[ ]\d{1,2})?:[ ]{1,8})[\w+/=]{16,}",
        rf"\1{REDACTED}",
    ),
    # Twelve words and more, from which a wallet can be made.
    (
        ("phrase",),
        (
            r"(?i)((?:(?:seed|recovery|secret|mnemonic)[ _]phrase)[\"']?[ ]?[:=][ ]?[\"']?)"
            r"[a-z]{3,8}(?:[ ,]{1,2}[a-z]{3,8}){11,23}"
        ),
        rf"\1{REDACTED}",
    ),
    # What programs say when they are installed.
    (
        ("password",),
        (
            r"(?im)(\bpassword\b(?:[^\r\n:]{0,100}:[ ]?(?:\r?\n[ ]{0,8}){1,3}"
            r"|[ ]is[ ]generated[ ]for[ ][^\s:]{1,100}:[ ]))"
            r"(?=[^\s:]{0,100}\d)[^\s:=\"']{4,}(?=[ ]{0,8}(?:\r?$|\Z))"
        ),
        rf"\1{REDACTED}",
    ),
    # What Go calls a DSN, and what routers are told.
    (("@tcp(",), r"([\w.-]{1,60}:)[^\s@/:\"']{1,100}(?=@tcp\()", rf"\1{REDACTED}"),
    (
        ("enable ", "psk ", "snmp-server ", "tacacs", "radius", "secret "),
        (
            r"(?i)(\benable[ ](?:password|secret)[ ](?:\d[ ])?|\bpsk[ ]\\{0,8}\""
            r"|\bsnmp-server[ ]community[ ]|\b(?:radius|tacacs)[^\r\n]{0,80}?[ ]key[ ]\d[ ]"
            r"|\bsecret[ ][05-9][ ])(?!\[redacted\])"
            r"(?=[^\s\"]{0,100}\d)[^\s\"\\]{4,}"
        ),
        rf"\1{REDACTED}",
    ),
    # A key in JSON.
    (
        ("kty",),
        (
            r"((?<=[\"'])(?:d|p|q|dp|dq|qi|k)\\{0,8}[\"']:[ ]?\\{0,8}[\"'])"
            r"(?=[\w-]{0,100}\d)[\w-]{20,}"
        ),
        rf"\1{REDACTED}",
    ),
    *((needles, pattern, rf"\1{REDACTED}") for needles, pattern in COMMANDS),
)

_Form = tuple[str, Sequence[str], re.Pattern[str], str]


@functools.cache
def _compiled() -> tuple[list[_Form], list[re.Pattern[str]]]:
    """Compile with the first use: some programs redact nothing."""
    return (
        [(needle, others, re.compile(pattern), new) for (needle, *others), pattern, new in _FORMS],
        [re.compile(pattern) for pattern in _USER_INFO],
    )


def redact_forms(text: str, lowered: str) -> str:
    """Return *text*, which is *lowered* in small letters, with the secrets above replaced."""
    forms, user_info = _compiled()
    if "@" in text and "/" in text:
        for pattern in user_info:
            text = pattern.sub(rf"\1{REDACTED}@", text)
    for needle, others, pattern, new in forms:
        # Most have one needle, for which any() would take most of the time.
        if needle in lowered or (others and any(map(lowered.__contains__, others))):
            text = _replaced(pattern, new, text)
    return text


def _replaced(pattern: re.Pattern[str], new: str, text: str) -> str:
    """Replace what *pattern* finds in *text*: of one command, one secret at a time."""
    for _ in range(3):
        before, text = text, pattern.sub(new, text)
        if text == before:
            break
    return text


def is_in_private_key(line: str, *, is_in_it: bool) -> bool:
    """Return whether the line after *line* is in a private key.

    Args:
        line: one of several.
        is_in_it: whether it is in a private key itself.
    """
    if "-----" not in line:
        return is_in_it
    begin, end = line.rfind("-----BEGIN "), line.rfind("-----END ")
    return (
        begin > end and (is_in_it or "PRIVATE KEY" in line) if begin >= 0 else is_in_it and end < 0
    )
