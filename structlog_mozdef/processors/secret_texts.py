"""Secrets inside strings: the patterns, for strings in which `secret_hints` has found a hint.

Each pattern takes a time in proportion to the length of the string, whatever it contains: nothing
that repeats without bound can begin at many offsets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from structlog_mozdef.processors.secret_hints import NAME_HINTS, SCHEME_HINTS, TOKEN_HINTS

#: Replaces a secret.
REDACTED = "[redacted]"

# user:password@ in a URL, with or without the user; a token in place of both. A password can have
# the characters that end a host; but digits up to the next slash are a port.
_USER_INFO = r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/?#@:\"']*:)[^\s/?#]*@"
_ODD_USER_INFO = r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/?#@:\"']{0,100}:)(?!\d{1,5}[/?#])[^\s@\"'<>]{1,200}@(?=\w)"
_USER_ONLY = r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/?#@:]{20,}@"
_SCHEME = (
    r"(?i)\b(bearer|basic|digest|negotiate|apikey)([ \t]{1,8})"
    r"(?=[a-z+/=._~-]{0,100}\d|[a-z+/=._~-]{24})[a-z0-9+/=._~-]{8,}"
)
_PRIVATE_KEY = (
    r"(?s)-----? ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-----?.*?"
    r"(?:-----? ?END [A-Z0-9 ]{0,40}KEY(?: BLOCK)? ?-----?|\Z)"
)
_PUTTY_KEY = r"(?s)(Private-Lines: \d{1,4}(?:\s|\\[rn]){1,4})\S.*?(?=Private-(?:MAC|Hash):|\Z)"
_ONE_TIME_CODE = (
    r"(?i)\b((?:2fa|access|authentication|backup|login|mfa|one[ -]?time|otp|recovery|security|sms"
    r"|verification)[ -](?:pass)?code(?:[ \t]{0,8}[:=]|[ ]is)[ \t]{0,8}[\"']?)"
    r"(?=[a-z-]{0,20}\d)[0-9a-z-]{4,}"
)
_FORMATS = (
    r"\b(?:A[KS]IA[0-9A-Z]{16}\b|gh[pousr]_\w{20,}|github_pat_\w{20,}|gl(?:pat|dt)-[\w-]{16,}"
    r"|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|[sr]k_(?:live|test)_\w{10,}|whsec_[\w+/=]{10,}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"
    r"|npm_[0-9A-Za-z]{30,}|pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_[0-9a-f]{32,}"
    r"|hvs\.[\w-]{20,}|sk-(?:ant|proj)-[\w-]{16,})"
)
_WEBHOOK = r"(?i)(hooks\.slack\.com/\w+/|/api/webhooks/)[\w/-]{8,}"

# NAME=value, "NAME": "value", NAME => 'value', \"NAME\": \"value\": what a secret is depends on
# the name, so the value is only looked at where the name asks for it: it may hold others.
_NAME = (
    r"(?<![\w./-])(?P<name>[\w.-]++)(?:\\{0,8}[\"']?[ \t]{0,8}"
    r"(?:=>|:=|=(?!=)|:(?!/)|(?<=[\"']),)[ \t]{0,8}"
    # The same in a URL within a URL.
    r"|(?:%(?:25){0,3}2[027]){0,3}%(?:25){0,3}3[ADad])"
)
# A quoted value ends at the same quotes, unless a backslash stands before them. Those of YAML can
# have a type, and can be the lines below.
_VALUE = (
    r"(?s)(?:[bru]{1,2}(?=[\"'])|!{1,2}[\w./:-]{1,60}[ \t]{1,8})?"
    r"(?:(?P<quote>\\*[\"'])(?!(?P=quote))(?P<quoted>.+?)(?:(?<!\\)(?P=quote)|\Z)"
    r"|[|>][-+\d]{0,2}[ \t]{0,8}\r?\n(?P<block>[ \t]+[^\r\n]+(?:\r?\n(?:[ \t]+[^\r\n]+)?)*)"
    r"|(?P<plain>[^\s&;,\"'][^\s&;,\"']*))"
)
_FLAG = r"(?<!\S)--?(?P<name>[a-zA-Z][\w-]*+) (?P<plain>[^\s\"'-][^\s\"']*)"
_ELEMENT = r"<(?P<name>[\w.-]{1,60})>(?P<plain>[^<>\s][^<>]{0,500})(?=</)"
# The rest of the line is theirs.
_LINE = (
    r"(?i)(\b(?:set-)?cookie[ \t]?[:=][ \t]?|\bauthorization[ \t]?[:=][ \t]?)[^\s\"'=;][^\r\n\"']*"
)
_CODE = r"(?i)([?&]code=)[^\s&#\"']+"
# Words that tell of a secret in its place.
_HARMLESS_VALUES = frozenset(
    {
        "bearer",
        "basic",
        "changed",
        "disabled",
        "empty",
        "enabled",
        "expired",
        "failed",
        "false",
        "invalid",
        "is",
        "malformed",
        "mismatch",
        "missing",
        "must",
        "no",
        "none",
        "not",
        "null",
        "off",
        "ok",
        "on",
        "refreshed",
        "rejected",
        "required",
        "reset",
        "revoked",
        "rotated",
        "strict",
        "too",
        "true",
        "undefined",
        "unknown",
        "unset",
        "valid",
        "verified",
        "was",
        "wrong",
        "yes",
    }
)
_FILE_NAME = re.compile(r"\.(?:c|cfg|css|go|html?|ini|java|jsx?|json|log|php|py|rb|rs|tsx?|txt)$")

IsSecretName = Callable[[str], bool]


class _Patterns:
    """The patterns above, compiled with the first use: some programs redact nothing."""

    def __init__(self) -> None:
        self.urls = [re.compile(_USER_INFO), re.compile(_ODD_USER_INFO)]
        self.url_token = re.compile(_USER_ONLY)
        self.scheme = re.compile(_SCHEME)
        self.private_key = re.compile(_PRIVATE_KEY)
        self.putty_key = re.compile(_PUTTY_KEY)
        self.one_time_code = re.compile(_ONE_TIME_CODE)
        self.token = re.compile(_FORMATS)
        self.webhook = re.compile(_WEBHOOK)
        self.line = re.compile(_LINE)
        self.code = re.compile(_CODE)
        self.name = re.compile(_NAME)
        self.value = re.compile(_VALUE)
        self.named = [re.compile(pattern) for pattern in (_FLAG, _ELEMENT)]


_patterns = functools.cache(_Patterns)


def redact_text(text: str, is_secret_name: IsSecretName) -> str:
    """Return *text* with its secrets replaced."""
    patterns = _patterns()
    lowered = text.lower()
    if "@" in text and "://" in text:
        for pattern in patterns.urls:
            text = pattern.sub(rf"\1{REDACTED}@", text)
        text = patterns.url_token.sub(rf"\1{REDACTED}@", text)
    if "PRIVATE KEY" in text or "Private-Lines:" in text:
        text = patterns.private_key.sub(REDACTED, text)
        text = patterns.putty_key.sub(rf"\1{REDACTED}\n", text)
    if any(map(lowered.__contains__, TOKEN_HINTS)):
        text = patterns.token.sub(REDACTED, text)
        text = patterns.webhook.sub(rf"\1{REDACTED}", text)
    if any(map(lowered.__contains__, SCHEME_HINTS)):
        text = patterns.scheme.sub(rf"\1\2{REDACTED}", text)
    if any(map(lowered.__contains__, NAME_HINTS)):
        text = patterns.line.sub(_of_line, text)
        text = patterns.code.sub(rf"\1{REDACTED}", text)
        text = patterns.one_time_code.sub(rf"\1{REDACTED}", text)
        text = _without_assigned(text, is_secret_name)

        def of_named(match: re.Match[str]) -> str:
            if _is_secret(match["name"], match["plain"], is_secret_name):
                return f"{match[0][: match.start('plain') - match.start()]}{REDACTED}"
            return match[0]

        for pattern in patterns.named:
            text = pattern.sub(of_named, text)
    return text


def _of_line(match: re.Match[str]) -> str:
    value = match[0][len(match[1]) :]
    return match[0] if value.lower() in _HARMLESS_VALUES else f"{match[1]}{REDACTED}"


def _without_assigned(text: str, is_secret_name: IsSecretName) -> str:
    patterns = _patterns()
    pieces: list[str] = []
    end = 0  # of what is in the pieces
    for named in patterns.name.finditer(text):
        if named.start() < end or not is_secret_name(named["name"]):
            continue
        value = patterns.value.match(text, named.end())
        if value is None:
            continue
        group = value.lastgroup or "plain"
        if _is_secret(named["name"], value[group], is_secret_name):
            pieces += (text[end : value.start(group)], REDACTED)
            end = value.end(group)
    return "".join((*pieces, text[end:])) if pieces else text


def _is_secret(name: str, value: str, is_secret_name: IsSecretName) -> bool:
    return (
        is_secret_name(name)
        and value.lower().rstrip("]})>.") not in _HARMLESS_VALUES
        and not value.startswith(REDACTED)
        and _FILE_NAME.search(name) is None
        # The shell's folder, in each line of sudo.
        and not (name == "PWD" and value.startswith("/"))
    )
