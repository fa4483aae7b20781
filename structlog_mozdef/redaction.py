"""Keep secrets out of events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef.limits import DEPTH_LIMIT
from structlog_mozdef.text import text_of, text_of_bytes
from structlog_mozdef.tracebacks import move_exception
from structlog_mozdef.values import plain

#: What stands in an event for a secret.
REDACTED = "[redacted]"

# Compared with a key in lower case and without separators: X-API-Key and apiKey are one name.
_SECRET_NAME = re.compile(
    r"passw(or)?d|passwd|passphrase|passcode|^pwd$|^pass$|secret|credential"
    r"|token$|tokens$|^token|accesstoken|refreshtoken|idtoken|csrf|xsrf"
    r"|authorization$|^auth$|^bearer$|cookie|sessionid$|sessionkey|^sid$|^jwt$|^otp$|^pin$|^cvv2?$"
    r"|apikey|accesskey|privatekey|secretkey|signingkey|encryptionkey|masterkey|sshkey|^key$"
    r"|connectionstring|^dsn$"
)
_SEPARATORS = str.maketrans("", "", "-_. :")
# Names that look like secrets and are none.
_HARMLESS_NAME = re.compile(r"^(token(type|count|s?used)|passwordless|cookiesenabled)$")

_SECRETS_IN_TEXT = (
    # user:password@ in a URL, with or without the user
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://[^\s/?#@:]*:)[^\s/?#]*@"), rf"\1{REDACTED}@"),
    # ?token=..., &api_key=..., password=..., password: ...
    (
        re.compile(
            r"(?i)(?<![a-z0-9])((?:[a-z0-9]+[_-])*(?:password|passwd|pwd|passphrase|secret|token"
            r"|api[_-]?key|access[_-]?key|private[_-]?key|signature|sig|session[_-]?id|jwt|auth)"
            r"[\"']?\s?[=:]\s?[\"']?)(?!\s|[\"'])[^\s&#;,\"']+"
        ),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[a-z0-9+/=._~-]{8,}"),
        rf"\1\2{REDACTED}",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            re.DOTALL,
        ),
        REDACTED,
    ),
)
# A text without any of these characters cannot match one of the patterns above, but for the
# words before a blank; this is what most texts of an event are spared by.
_HINT = re.compile(r"[=:]|(?i:bearer|basic|digest|negotiate) ")

_UNTOUCHED = frozenset({int, float, bool, type(None)})
_MAX_REMEMBERED_NAMES = 4096


class Redactor:
    """Replace secrets in an event by ``[redacted]``, at any depth.

    By name: passwords, tokens, authorization headers, cookies, keys. In texts: credentials and
    secret parameters in URLs, ``password=...``, bearer tokens, private keys; in exceptions as
    well, which this processor turns into plain data for that. The caller's own objects are left
    as they are. Place it last before the renderer or the tee.

    Args:
        names: further names of secrets, compared without regard to case and ``-_. :``.
        patterns: further regular expressions; what they match in a text is replaced.
        keep: names that are no secrets in this program.

    Raises:
        ValueError: for a pattern that is no regular expression.
    """

    __slots__ = ("_decided", "_keep", "_names", "_patterns")

    def __init__(
        self,
        names: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        keep: Iterable[str] = (),
    ) -> None:
        self._names = frozenset(map(_bare, _several("names", names)))
        self._keep = frozenset(map(_bare, _several("keep", keep)))
        self._patterns = [_compiled(pattern) for pattern in _several("patterns", patterns)]
        self._decided: dict[str, bool] = {}

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "exc_info" in event_dict or "exception" in event_dict:
            move_exception(event_dict)
        for key, value in list(event_dict.items()):
            redacted = self._entry(key, value, 2)
            if redacted is not value:
                event_dict[key] = redacted
        return event_dict

    def _entry(self, key: Any, value: Any, depth: int) -> Any:
        if type(key) is not str:
            key = text_of(key)
        secret = self._decided.get(key)
        if secret is None:
            secret = self._decide(key)
        if secret and value is not None and type(value) is not bool:
            return REDACTED
        return value if type(value) in _UNTOUCHED else self._value(value, depth)

    def _decide(self, key: str) -> bool:
        bare = _bare(key)
        secret = bare in self._names or (
            bare not in self._keep
            and _SECRET_NAME.search(bare) is not None
            and _HARMLESS_NAME.search(bare) is None
        )
        if len(self._decided) < _MAX_REMEMBERED_NAMES:  # names can come from outside
            self._decided[key] = secret
        return secret

    def _value(self, value: Any, depth: int) -> Any:  # noqa: PLR0911 - one for each kind
        """*value* without secrets: itself where it has none, else a copy."""
        if type(value) is str:
            return self._text(value)
        if depth > DEPTH_LIMIT:
            return REDACTED  # nobody looked into it
        try:
            if isinstance(value, Mapping):
                return self._mapping(value, depth)
            if isinstance(value, (list, tuple, set, frozenset)):
                return self._array(value, depth)
            if isinstance(value, (bytes, bytearray, memoryview)):
                text = text_of_bytes(value)
                redacted = self._text(text)
                return value if redacted is text else redacted
            converted = plain(value)
            if type(converted) in _UNTOUCHED:
                return value
            redacted = self._value(converted, depth + 1)
            return value if redacted is converted else redacted
        except Exception as error:
            return f"<{type(value).__name__} left out: {type(error).__name__}>"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        redacted = {key: self._entry(key, item, depth + 1) for key, item in list(value.items())}
        return redacted if any(redacted[key] is not item for key, item in value.items()) else value

    def _array(self, value: Any, depth: int) -> Any:
        if names := getattr(value, "_fields", None):  # a named tuple
            return self._mapping(dict(zip(names, value, strict=False)), depth)
        items = list(value)
        redacted = [
            item if type(item) in _UNTOUCHED else self._value(item, depth + 1) for item in items
        ]
        changed = any(new is not old for new, old in zip(redacted, items, strict=True))
        return redacted if changed else value

    def _text(self, text: str) -> str:
        if _HINT.search(text) is not None or "PRIVATE KEY" in text:
            for pattern, replacement in _SECRETS_IN_TEXT:
                text = pattern.sub(replacement, text)
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def __repr__(self) -> str:
        return f"Redactor({len(self._names)} names, {len(self._patterns)} patterns)"


def _bare(name: str) -> str:
    return name.lower().translate(_SEPARATORS)


def _several(option: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, (str, bytes, re.Pattern)):
        raise ValueError(f"{option} is {values!r}; it must be a list, [{values!r}]")
    return list(values)


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"pattern is {pattern!r}; it must be a regular expression: {error}"
        ) from None
