"""Secrets in strings that are known by their form, whatever name is before them.

Each pattern takes a time in proportion to the length of the string, whatever it contains: nothing
that repeats without bound can begin at many offsets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

#: Replaces a secret.
REDACTED = "[redacted]"

_FORMATS = (
    r"\b(?:A[KS]IA[0-9A-Z]{16}\b|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|gl(?:agent|cbt|dt|ft|pat|ptt|rt|soat)-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|[sr]k_(?:live|test)_\w{10,}|whsec_[\w+/=]{10,}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"
    r"|npm_[0-9A-Za-z]{30,}|pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_[0-9a-f]{32,}"
    r"|hvs\.[\w-]{20,}|sk-(?:ant|proj)-[\w-]{16,}|sk-[0-9A-Za-z]{32,}|dckr_pat_[\w-]{20,}|hf_[0-9A-Za-z]{30,}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|ATATT3[\w=-]{30,}|AGE-SECRET-KEY-1[0-9A-Z]{20,}"
    r"|sq0(?:atp|csp)-[\w-]{20,}|lin_api_\w{20,}|sntrys_\w{20,}|figd_[\w-]{20,}|gsk_\w{20,}"
    r"|r8_\w{30,}|NRAK-[0-9A-Z]{20,}|PMAK-[\w-]{30,}|pul-[0-9a-f]{40}|dapi[0-9a-f]{32}|LS0tLS1CRUdJTiB(?:EU|FQ|FT|PU|QU|SU)[\w+/=]{20,})"
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
    "dop_v1_",
    "hvs.",
    "sk-",
    "dckr_pat_",
    "hf_",
    "shpat_",
    "shpca_",
    "shppa_",
    "shpss_",
    "atatt3",
    "age-secret-key-1",
    "sq0",
    "lin_api_",
    "sntrys_",
    "figd_",
    "gsk_",
    "r8_",
    "nrak-",
    "pmak-",
    "pul-",
    "dapi",
    "ls0tls1crudjtib",
]
_CODE_NAMES = (
    r"(?:(?:2fa|access|authentication|backup|login|mfa|one[ -]?time|otp|recovery|security|sms"
    r"|verification)[ -](?:pass)?codes?|one[ -]?time[ ]password)"
)
_SHELL = (
    r"(?i)(\b(?:sshpass|(?:az|docker|podman)[ ]login|rdesktop)\b[^\r\n]{0,200}?[ ]-p[ =]?"
    r"|\bredis-cli\b[^\r\n]{0,200}?[ ]-a[ ]|\bsmbclient\b[^\r\n]{0,200}?[ ]-U[ ]?[^\s%]{1,60}%"
    r"|\bmysql(?:admin|dump|import|show)?\b[^\r\n]{0,200}?[ ]-p)(?![ -])[\"']?[^\s\"']+"
)
# user:password@ in a URL, with or without the user; a token in place of both. A password can have
# the characters that end a host; but digits up to the next slash are a port. Some JSON has :\\/\\/.
_SCHEME = r"(?i)(\b[a-z][a-z0-9+.-]{0,20}:\\{0,8}/\\{0,8}/"
_COLON, _SLASH, _AT = (rf"%(?:25){{0,3}}{code}" for code in ("3a", "2f", "40"))
_USER_INFO = (
    rf"{_SCHEME}[^\s/?#:\"']*:)[^\s/?#]*@",
    rf"{_SCHEME}[^\s/?#@:\"']{{0,100}}:)(?!\d{{1,5}}[/?#])[^\s@\"'<>]{{1,200}}@(?=\w)",
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
    # Commands, SQL and .netrc.
    (
        ("curl ",),
        (
            r"(?i)(\bcurl\b[^\r\n]{0,400}?[ ](?:-u[ ]?|--(?:proxy-)?user[ =])[\"']?"
            r"[^\s:\"']{1,100}:)[^\s\"']+"
        ),
        rf"\1{REDACTED}",
    ),
    (
        ("sshpass", " login ", "mysql", "rdesktop", "redis-cli", "smbclient"),
        _SHELL,
        rf"\1{REDACTED}",
    ),
    (
        ("identified ", "password "),
        (
            r"(?i)(\b(?:alter|create|grant)[ ][^\r\n]{1,200}?[ ]identified[ ]"
            r"(?:with[ ]\w{1,40}[ ])?by[ ](?:password[ ])?|\bpassword[ ])'[^'\r\n]+"
        ),
        rf"\1'{REDACTED}",
    ),
    (
        ("pass",),
        (
            r"(?i)(\bpass(?:code|phrase|wd|word)[ ](?:is[ ])?\\{0,8}[\"'\u201c])"
            r"(?=[^\"'\s\\]*\d)[^\"'\s\\]{4,}"
        ),
        rf"\1{REDACTED}",
    ),
    (
        ("2fa", "mfa", "otp", "pin"),
        r"(?i)\b((?:2fa|mfa|pin|t?otp)(?:[ ]is|[ ]code)?[ ])\d{4,8}\b",
        rf"\1{REDACTED}",
    ),
    (
        ("machine ",),
        r"(?i)(\bmachine[ ][^\s]{1,100}[ ]login[ ][^\s]{1,100}[ ]password[ ])[^\s]+",
        rf"\1{REDACTED}",
    ),
)


@functools.cache
def _compiled() -> tuple[list[tuple[Sequence[str], re.Pattern[str], str]], list[re.Pattern[str]]]:
    """Compile with the first use: some programs redact nothing."""
    return (
        [(needles, re.compile(pattern), new) for needles, pattern, new in _FORMS],
        [re.compile(pattern) for pattern in _USER_INFO],
    )


def redact_forms(text: str, lowered: str) -> str:
    """Return *text*, which is *lowered* in small letters, with the secrets above replaced."""
    forms, user_info = _compiled()
    if "@" in text and "/" in text:
        for pattern in user_info:
            text = pattern.sub(rf"\1{REDACTED}@", text)
    for needles, pattern, new in forms:
        if any(map(lowered.__contains__, needles)):
            text = pattern.sub(new, text)
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
