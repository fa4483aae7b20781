"""Secrets inside strings by the names before them, for strings in which a look has found a hint.

Each pattern takes a time in proportion to the length of the string, whatever it contains: nothing
that repeats without bound can begin at many offsets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from structlog_mozdef.processors.secret_formats import REDACTED, redact_forms
from structlog_mozdef.processors.secret_hints import NAME_HINTS

# NAME=value, "NAME": "value", NAME => 'value', \"NAME\": \"value\": what a secret is depends on
# the name, so the value is only looked at where the name asks for it: it may hold others.
# It can be an item, NAME['NAME'] = value, or one of a form, NAME[NAME]=value.
_NAME = (
    r"(?<![\w./-])(?P<name>[\w.-]++)(?:\\{0,8}[\"']?(?:\[?\]\\{0,8}[\"']?)?[ \t\xa0]{0,8}"
    r"(?:=>|:=|=(?!=)|:(?!/)|(?<=[\"']),)[ \t\xa0]{0,8}"
    # The same in a URL within a URL.
    r"|(?:%(?:25){0,3}(?:2[027]|5[BDbd])){0,3}(?:=(?!=)|%(?:25){0,3}3[ADad]))"
)
# A quoted value ends at the same quotes, unless a backslash stands before them. It can have a type,
# as in Python, YAML or TypeScript. Values of YAML can be the lines below.
_VALUE = (
    r"(?s)(?:[bru]{1,2}(?=[\"'])|!{1,2}[\w./:-]{1,60}[ \t]{1,8}|[A-Z]\w{0,60}\((?=\\*[\"'])"
    r"|[A-Za-z_][\w. |\[\]]{0,60} = (?=\\*[\"']))?"
    r"(?:(?P<quote>\\*[\"'])(?!(?P=quote))(?P<quoted>.+?)(?:(?<!\\)(?P=quote)|\Z)"
    r"|[|>][-+\d]{0,2}[ \t]{0,8}\r?\n(?P<block>[ \t]+[^\r\n]+(?:\r?\n(?:[ \t]+[^\r\n]+)?)*)"
    r"|(?P<plain>[^\s&;,\"'][^\s&;,\"']*))"
)
_NAMED = (
    # --NAME value
    r"(?<!\S)--?(?P<name>[a-zA-Z][\w-]*+) (?P<plain>[^\s\"'-][^\s\"']*)",
    # <NAME>value</NAME>, <NAME type="x">, <x name="NAME">, <x name="NAME" value="value">
    (
        r"<(?:[\w.-]{1,60}:)?(?P<name>[\w.-]{1,60})(?:\s[^<>]{0,200})?>"
        r"(?P<plain>[^<>\s][^<>]{0,500})(?=</)"
    ),
    (
        r"<[\w.:-]{1,60} (?:id|key|name)=[\"'](?P<name>[\w.-]{1,60})[\"'][^<>]{0,100}>"
        r"(?P<plain>[^<>\s][^<>]{0,500})(?=</)"
    ),
    (
        r"<[^<>]{1,200}\b(?:id|key|name)=[\"'](?P<name>[\w.-]{1,60})[\"'][^<>]{0,100}?\bvalue=[\"']"
        r"(?P<plain>[^\"'<>]{1,500})"
    ),
)
# The rest of the line is theirs.
_LINE = (
    r"(?i)(\b(?:set-)?cookie[ \t]?[:=][ \t]?|\bauthorization[ \t]?[:=][ \t]?)[^\s\"'=;][^\r\n\"']*"
)
# Words that tell of a secret in its place.
_HARMLESS_VALUES = frozenset(
    {
        "bearer",
        "basic",
        "bytes",
        "changed",
        "denied",
        "disabled",
        "empty",
        "enabled",
        "expired",
        "failed",
        "granted",
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
        "str",
        "strict",
        "string",
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
# What stands for a secret: ***, <hidden>, [FILTERED], %s, $1, os.environ[, Optional[str]
_PLACEHOLDER = re.compile(
    r"[*.#x\u2022-]{3,}|[^\w\s]{1,2}|[<\[({](?:filtered|hidden|masked|none|removed)[>\])}]"
    r"|%(?:\(\w+\))?[sr]|\$\d{1,2}"
    r"|(?:[a-z_]\w*\.)*(?:environ|getenv|(?:get|load|read)_?\w*)[(\[]|optional\[.*",
    re.IGNORECASE,
)
# Names of many other things: their values have to look like secrets.
_WEAK_NAMES = frozenset({"auth", "key", "pin", "pw", "sid", "sig"})
_STRONG_VALUE = re.compile(r"(?=.*\d).{4,}|.{16,}", re.DOTALL)
_FILE_NAME = re.compile(r"\.(?:c|cfg|css|go|html?|ini|java|jsx?|json|log|php|py|rb|rs|tsx?|txt)$")

IsSecretName = Callable[[str], bool]


class _Patterns:
    """The patterns above, compiled with the first use: some programs redact nothing."""

    def __init__(self) -> None:
        self.line = re.compile(_LINE)
        self.name = re.compile(_NAME)
        self.value = re.compile(_VALUE)
        self.named = [re.compile(pattern) for pattern in _NAMED]


_patterns = functools.cache(_Patterns)


def redact_text(text: str, is_secret_name: IsSecretName) -> str:
    """Return *text* with its secrets replaced."""
    lowered = text.lower()
    text = redact_forms(text, lowered)
    if not any(map(lowered.__contains__, NAME_HINTS)):
        return text

    def of_named(match: re.Match[str]) -> str:
        if _is_secret(match["name"], match["plain"], is_secret_name):
            return f"{match[0][: match.start('plain') - match.start()]}{REDACTED}"
        return match[0]

    patterns = _patterns()
    text = patterns.line.sub(_of_line, text)
    for pattern in patterns.named:
        text = pattern.sub(of_named, text)
    return _without_assigned(text, is_secret_name)


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
        and _PLACEHOLDER.fullmatch(value) is None
        and (name.lower() not in _WEAK_NAMES or _STRONG_VALUE.match(value) is not None)
        # tokens: 12
        and not (name[-1:] in "sS" and value.isdigit())
        and not value.startswith(REDACTED)
        and _FILE_NAME.search(name) is None
        # The shell's folder, in each line of sudo.
        and not (name == "PWD" and value.startswith("/"))
    )
