"""Hints of secrets: a text without one matches none of the patterns in `secret_texts`.

They are looked for one by one, where `secret_lines` has nothing that looks for all of them at once.
"""

from __future__ import annotations

#: In a name before its value.
NAME_HINTS = (
    "pass",
    "pw",
    "secret",
    "token",
    "key",
    "auth",
    "sess",
    "cookie",
    "credential",
    "jwt",
    "csrf",
    "xsrf",
    "bearer",
    "code",
    "connection",
    "sid",
    "sig",
    "pin",
    "otp",
    "cvv",
    "cvc",
    "assertion",
    "dsn",
)
#: Before a credential in a header.
SCHEME_HINTS = ("bearer", "basic", "digest", "negotiate", "apikey")
#: What else can stand before a secret.
PHRASES = (
    "code is ",
    "codes is ",
    "otp is ",
    "curl ",
    "sshpass",
    " login",
    "mysql",
    "identified ",
    "password ",
    "machine ",
)
#: The beginnings of tokens in known formats, in lower case.
TOKEN_HINTS = (
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    *("glagent-", "glcbt-", "gldt-", "glft-", "glptt-", "glrt-", "glsoat-"),
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
    "sk-ant-",
    "sk-proj-",
    "dckr_pat_",
    "hf_",
    *("shpat_", "shpca_", "shppa_", "shpss_"),
    "atatt3",
    "age-secret-key-1",
)

# A hint cannot be where its most telling character is not, which is found out in no time.
_WITH_UNDERSCORE = tuple(hint for hint in TOKEN_HINTS if "_" in hint)
_WITH_HYPHEN = (*(hint for hint in TOKEN_HINTS if "-" in hint), "xox")
_WITH_DOT = (*(hint for hint in TOKEN_HINTS if "." in hint), "eyj")
_BARE = ("akia", "asia", "aiza", "atatt3", "hooks")


def has_hint(text: str) -> bool:
    """Return whether *text* has a hint; the one that needs no other package."""
    lowered = text.lower()
    return (
        ("@" in text and "://" in text)
        or (
            ("=" in text or ":" in text or "," in text or "<" in text or "-" in text or "%" in text)
            and _has_one(lowered, NAME_HINTS)
        )
        or _has_one(lowered, _BARE)
        or ("." in text and _has_one(lowered, _WITH_DOT))
        or ("-" in text and _has_one(lowered, _WITH_HYPHEN))
        or ("_" in text and _has_one(lowered, _WITH_UNDERSCORE))
        or (" " in text and _has_one(lowered, SCHEME_HINTS))
        or ("\t" in text and _has_one(lowered, SCHEME_HINTS))
        or "private key" in lowered
        or "private-lines" in lowered
        or (" " in text and _has_one(lowered, PHRASES))
    )


def _has_one(lowered: str, hints: tuple[str, ...]) -> bool:
    for hint in hints:  # noqa: SIM110 - three times as fast as any()
        if hint in lowered:
            return True
    return False
