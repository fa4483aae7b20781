"""Secrets inside strings by the names before them, for strings in which a look has found a hint.

Each pattern takes a time in proportion to the length of the string, whatever it contains: nothing
that repeats without bound can begin at many offsets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from structlog_mozdef.processors.secret_names import FOREIGN_NAMES
from structlog_mozdef.processors.secret_strings.formats import REDACTED, redact_forms
from structlog_mozdef.processors.secret_strings.sql import redact_inserts
from structlog_mozdef.processors.secret_strings.values import (
    STRONG_VALUE,
    is_secret_value,
    tells_of_secret,
)

# NAME=value, "NAME": "value", NAME => 'value', \"NAME\": \"value\": what a secret is depends on
# the name, so the value is only looked at where the name asks for it: it may hold others.
# It can be an item, NAME['NAME'] = value, or one of a form, NAME[NAME]=value. It is no part of an
# Amazon resource name, arn:aws:...:123456789012:secret:..., nothing that a parser came upon, and no
# result of a test, --- PASS: TestX.
_NAME = (
    r"(?<![\w./-])(?<!\d{12}:)(?<![Uu]nexpected )(?<!--- )(?P<name>[\w.-]++)"
    r"(?:(?:\\{0,8}[\"']|&quot;|&\#3[49];)?(?:\[?\]\\{0,8}[\"']?)?[ \t\xa0\u3000]{0,8}"
    r"(?:=>(?:\r?\n[ ]{0,20})?|->|:=|=(?!=)|:(?!/)|[\uff1a\uff1d]|(?<=[\"']),[ ]{0,16})"
    r"[ \t\xa0\u3000]{0,8}"
    # The same in a URL within a URL, and in JSON without any sign of HTML.
    r"|(?:%(?:25){0,3}(?:2[027]|5[BDbd])){0,3}(?:=(?!=)|%(?:25){0,3}3[ADad]|\\{1,8}u003[Dd]))"
)
# A quoted value ends at the same quotes, unless a backslash stands before them. It can have a type,
# as in Python, YAML or TypeScript. Values of YAML can be the lines below.
_VALUE = (
    r"(?s)(?:[bruN]{1,2}(?=[\"'])|!{1,2}[\w./:-]{1,60}[ \t]{1,8}|&\w{1,60}[ \t]{1,8}"
    r"|[A-Z]\w{0,60}\((?=\\*[\"'])|[A-Za-z_][\w. |\[\]]{0,60} = (?=\\*[\"'])"
    # Those of PHP and Erlang.
    r"|string\(\d{1,6}\) (?=\\*[\"'])|<<(?=\\*[\"']))?"
    r"(?:(?P<quote>(?:\\*\"){3}|'{3}|\\*[\"']|&quot;|&\#3[49];)(?!(?P=quote))(?P<quoted>.+?)(?:(?<!\\)(?P=quote)|\Z)"
    r"|[|>][-+\d]{0,2}[ \t]{0,8}\r?\n(?P<block>[ \t]+[^\r\n]+(?:\r?\n(?:[ \t]+[^\r\n]+)?)*)"
    r"|(?P<array>[\[(]\s{0,8}\\{0,8}[\"'][^\[\]()\r\n]{1,500}[\])])"
    r"|(?P<braces>\{[^{}\"'\r\n]{1,200}\})(?=;)"
    r"|(?P<plain>[^\s&;,\"'][^\s&;,\"']*))"
)
_NAMED = (
    # --NAME value
    (
        r"(?<!\S)(?<!config set )--?(?P<name>[a-zA-Z][0-9A-Za-z_\xc0-\u024f-]*+) "
        r"(?:\\{0,8}(?P<mark>[\"'])(?P<quoted>(?:(?!(?P=mark))[^\r\n]){1,500})(?P=mark)"
        r"|(?P<plain>[^\s\"'-][^\s\"']*))"
    ),
    # ENV NAME value, of a Dockerfile
    (
        r"\bENV (?P<name>[A-Z0-9_]{0,60}(?:PASSWD|PASSWORD|SECRET|TOKEN|_KEY)) "
        r"(?P<plain>(?=[!-~]{0,60}[0-9])[^\s\"'=\\][^\s\"']*)"
    ),
    # setx NAME value, config set NAME value
    (
        r"\b(?:[Ss]et[Ee]nv|setx|SETX|(?:[Cc]onfig|CONFIG|configure|secrets) (?:--)?(?:set|SET)) "
        r"(?:--\w{1,20} )?\\{0,8}[\"']?(?P<name>[\w.:/-]{1,80})\\{0,8}[\"']? "
        r"(?:\\{0,8}[\"'](?P<quoted>[^\"'\r\n]{1,500})[\"']"
        r"|(?P<plain>[^\s\"'-][^\s\"']*))"
    ),
    # secret set NAME --body value, --name NAME --value value
    (
        r"(?:\bsecret set|--name) (?P<name>[\w./-]{1,80}) (?:[^\r\n]{0,200}? )?--(?:body|value)[ =]"
        r"\\{0,8}[\"']?(?P<plain>[^\s\"'-][^\s\"']*)"
    ),
    # {"name": "NAME", "value": "x"}, ParameterKey=NAME,ParameterValue=x
    (
        r"(?i)\b(?:parameter)?(?:name|key)\\{0,8}[\"']?[ ]{0,4}[:=][ ]{0,4}\\{0,8}[\"']?"
        r"(?P<name>[\w.:/-]{1,80})\\{0,8}[\"']?(?:[, \t\r\n]|\\n){1,40}\\{0,8}[\"']?"
        r"(?:parameter)?value\\{0,8}[\"']?[ ]{0,4}[:=][ ]{0,4}"
        r"(?:\\{0,8}[\"'](?P<quoted>[^\"'\r\n]{1,500}?)\\{0,8}[\"']"
        r"|(?P<plain>[^\s\"',{[]+))"
    ),
    # "NAME": {"value": "x"}
    (
        r"[\"'](?P<name>[\w.-]{1,80})\\{0,8}[\"']: ?\{[^{}]{0,200}?[\"']value\\{0,8}[\"']: ?"
        r"\\{0,8}[\"'](?P<quoted>[^\"'\r\n]{1,500}?)\\{0,8}[\"']"
    ),
    # {NAME,"x"}
    r"\{(?P<name>\w{1,80}), ?(?:<<)?\\{0,8}[\"'](?P<quoted>[^\"'\r\n\\]{1,500})",
    # ;NAME=a b;
    (
        r";[ ]?(?P<name>[A-Za-z_]{1,40})="
        r"(?P<plain>[^\s;\"'{}=]{1,100}(?:[ ][^\s;\"'{}=]{1,100}){1,9})(?=;)"
    ),
    # NAME on a line, and the value below
    (
        r"(?m)^(?P<name>[\w.]{1,80})(?:\r?\n|\\n)[ ]{2}[^\r\n]{1,300}?[ ]input_value="
        r"\\{0,8}['\"](?P<quoted>[^'\"\r\n\\]{1,500})"
    ),
    # 'loc': ('body', 'NAME'), 'msg': '...', 'input': 'x' of FastAPI and pydantic
    (
        r"[\"'](?P<name>\w{1,80})\\{0,8}[\"'],?[)\]], ?\\{0,8}[\"']msg\\{0,8}[\"']:[^\r\n]{1,300}?"
        r"[\"']input\\{0,8}[\"']: ?\\{0,8}[\"'](?P<quoted>[^\"'\r\n\\]{1,500})"
    ),
    # NAME    value: a line of a table
    (
        r"(?m)^[ ]{0,8}(?P<name>[\w.-]{1,80})(?:[ ]{2,40}|\t{1,8})"
        r"(?P<plain>(?=[^\s\"\\\x00-\x1f]{0,100}\d)[^\s\"]{6,})[ ]{0,40}\r?$"
    ),
    # <key>NAME</key><string>x</string>
    r"<key>(?P<name>[\w.-]{1,80})</key>[ \t\r\n]{0,20}<string>(?P<plain>[^<>]{1,500})",
    # /NAME:value
    r"(?<!\S)/(?P<name>[a-zA-Z][\w-]*+):(?P<plain>[^\s\"':/][^\s\"']*)",
    # <NAME>value</NAME>, <NAME type="x">, <x name="NAME">, <x name="NAME" value="value">
    (
        r"<(?:[\w.-]{1,60}:)?(?P<name>[\w.-]{1,60})(?:\s[^<>]{0,200})?>"
        r"(?:<!\[CDATA\[)?(?P<plain>[^<>\s][^<>]{0,500})(?=</|\]\]>)"
    ),
    (r"&lt;(?P<name>[\w.-]{1,60})&gt;(?P<plain>[^<>&\s][^<>&]{0,500})(?=&lt;/)"),
    (
        r"<[\w.:-]{1,60} (?:id|key|name)=[\"'](?P<name>[\w.-]{1,60})[\"'][^<>]{0,100}>"
        r"(?P<plain>[^<>\s][^<>]{0,500})(?=</)"
    ),
    (
        r"<[^<>]{1,200}\b(?:id|key|name)=[\"'](?P<name>[\w.-]{1,60})[\"'][^<>]{0,100}?\bvalue=[\"']"
        r"(?P<plain>[^\"'<>]{1,500})"
    ),
    # Of a form with several parts.
    (
        r"form-data; name=\\{0,8}[\"']?(?P<name>[\w.-]{1,60})\\{0,8}[\"']?"
        r"(?:(?:\r\n|\n|\\r\\n|\\n)[^\r\n\\]{1,200})?(?:\r?\n|\\r\\n|\\n){2}(?P<plain>[^\r\n\\]+)"
    ),
)
# The rest of the line is theirs, with what is quoted in it.
_LINE = (
    r"(?i)(\b(?:set-|simple)?cookie[ \t]?[:=][ \t]?|\bauthorization[ \t]?[:=][ \t]?)"
    r"([^\s\"'=;](?:=[ ]?\\{0,8}\"[^\"\r\n]*\"|='[^'\s]*'|[^\r\n\"'])*)"
)
_SCHEME = re.compile(
    r"(?:apikey|aws4-[\w-]+|basic|bearer|digest|hawk|hmac[\w-]*|key|mac|negotiate|ntlm|oauth"
    r"|signature|token)\s+(?=\S)",
    re.IGNORECASE,
)
# "password", "email": a list of names, and no name before its value.
_WORDS = re.compile(r"[a-z_.:-]+")

#: A string without one of these in small letters has none of the names.
NAME_PARTS = [
    "pass",
    "pw",
    "secret",
    "token",
    "key",
    "auth",
    "sess",
    "cookie",
    "cred",
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
    "psk",
    "community",
    "kennwort",
    "wachtwoord",
    "contrase",
    "senha",
    "saml",
    "answer",
    "phrase",
    "verifier",
    "passord",
    "parola",
    "adgangskode",
    "enord",
    "haslo",
    "has\u0142o",
    "heslo",
    "jelsz",
    "salasana",
    "ifre",
    *FOREIGN_NAMES,
]
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
    if not any(map(lowered.__contains__, NAME_PARTS)):
        return text
    if "values" in lowered:
        text = redact_inserts(text, is_secret_name)

    def of_named(match: re.Match[str]) -> str:
        group = match.lastgroup or "plain"
        if not (is_secret_name(match["name"]) and is_secret_value(match["name"], match[group])):
            return match[0]
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        return f"{match[0][:start]}{REDACTED}{match[0][end:]}"

    patterns = _patterns()
    text = patterns.line.sub(_of_line, text)
    for pattern in patterns.named:
        text = pattern.sub(of_named, text)
    return _without_assigned(text, is_secret_name)


def _of_line(match: re.Match[str]) -> str:
    value = match[2]
    scheme = _SCHEME.match(value)
    words = value[scheme.end() if scheme else 0 :].split(" ", 2)
    first = words[0]
    if (
        tells_of_secret(first.rstrip(";,"))
        or first.startswith(REDACTED)
        # authorization: role=admin is needed
        or (scheme is None and match[1][0] in "aA" and not any(map(STRONG_VALUE.match, words[:2])))
    ):
        return match[0]
    return f"{match[1]}{REDACTED}"


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
        if _is_no_value(text, named, value):
            continue
        if is_secret_value(named["name"], value[group]):
            pieces += (text[end : value.start(group)], REDACTED)
            end = value.end(group)
    return "".join((*pieces, text[end:])) if pieces else text


def _is_no_value(text: str, named: re.Match[str], value: re.Match[str]) -> bool:
    """Return whether *value* only stands in the place of a value, behind the name in *named*."""
    name, end = named["name"], value.end()
    between = text[named.end("name") : named.end()]
    before = text[max(named.start() - 8, 0) : named.start()]
    if "," in between:
        # The next name, as in "type": "password", "label": 1 and "user"."password", "user"."id",
        return (
            text[end : end + 4].lstrip(" \\\"'")[:1] == ":"
            or before.rstrip("\"'`\\")[-1:] == "."
            or (
                before.rstrip("\"'\\bu")[-1:] != "("
                and _WORDS.fullmatch(value[value.lastgroup or "plain"]) is not None
            )
        )
    quoted = value["quoted"]
    if quoted is not None:
        # "Password:" is a string by itself, and this quote its end.
        return (
            quoted[0] == " " and before[-1:] == value["quote"][-1:] and before[-1:] not in between
        )
    # app.credentials: Looking for ..., of a logger
    plain = value["plain"]
    return (
        plain is not None
        and "." in name
        and between == ": "
        and plain.isalpha()
        and plain.istitle()
        and text[end : end + 1] == " "
        and text[end + 1 : end + 3].islower()
    )
