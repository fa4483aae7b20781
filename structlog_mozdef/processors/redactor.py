"""Keep secrets out of events: `Redactor` walks through an event within a budget."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import pass_on, shows_half_made
from structlog_mozdef.processors.secret_hints import has_hint
from structlog_mozdef.processors.secret_lines import line_look, may_have_secret
from structlog_mozdef.processors.secret_names import bare, is_secret_name
from structlog_mozdef.processors.secret_texts import REDACTED, redact_text
from structlog_mozdef.rendering.convert import (
    DEPTH_LIMIT,
    EVENT_LIMIT_BYTES,
    STRING_LIMIT_BYTES,
    name_of_type,
    safe_str,
    to_jsonable,
)
from structlog_mozdef.rendering.tracebacks import move_exception

_UNTOUCHED = frozenset({int, float, bool, type(None)})
_SCALARS = _UNTOUCHED | {str}
_MAX_REMEMBERED_NAMES = 4096
_NAME_LIMIT = 500
# No more of a string is kept in an event, even if a part of it is replaced.
_STRING_LIMIT = 2 * STRING_LIMIT_BYTES
# How much of one event is examined, in characters. The rest does not fit into an event anyway,
# unless the event only looks so large because it contains the same objects many times.
_BUDGET = 10 * EVENT_LIMIT_BYTES
_VALUE_COST = 20
# 80 bits: no two of a thousand million values are likely to have the same token.
_TOKEN_DIGITS = 20
_KEY_MIN_BYTES = 16
# A larger event is looked at value by value.
_PLAIN_ITEMS = 200
_PLAIN_DEPTH = 5
# The others of the ten fields are numbers, timestamps and names of levels.
_EXAMINED_FIELDS = ("category", "hostname", "processname", "source", "summary", "tags")
_LEFT_OUT = "[left out: too many values]"


class Redactor:
    """Replace secrets in an event by ``[redacted]``, at any depth.

    By name: passwords, tokens, authorization headers, cookies, keys. In strings: credentials and
    secret parameters in URLs, ``password=...``, bearer tokens, private keys; in exceptions as
    well, which this processor converts to strings first. The caller's own objects are never
    changed. Use it as the last processor before the renderer or the tee.

    Args:
        names: further names of secrets, compared without regard to case and ``-_. :``.
        patterns: further regular expressions; their matches in a string are replaced.
        keep: names that are not secrets in this program.
        hash_names: names whose values must not be read, but must be recognized again: each becomes
            a token such as ``hash:4f1d...``, the same for the same value and key. They are names
            of fields: what stands after ``name=`` in a string is not searched for.
        hash_key: the key of these tokens, of 16 bytes or more, kept from those who read the events:
            without it nobody can find a value by trying. All programs whose tokens are compared
            have the same one.

    Raises:
        ValueError: a name is not a string, a pattern is not a regular expression, or there are
            names to hash without a key.
    """

    __slots__ = (
        "_decided",
        "_harmless",
        "_hash_key",
        "_hashed",
        "_keep",
        "_looks_always",
        "_names",
        "_patterns",
    )

    def __init__(
        self,
        names: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        keep: Iterable[str] = (),
        *,
        hash_names: Iterable[str] = (),
        hash_key: bytes | None = None,
    ) -> None:
        self._hashed = _bare_names("hash_names", hash_names)
        self._hash_key = _checked_key(hash_key, is_needed=bool(self._hashed))
        self._names = _bare_names("names", names)
        self._keep = _bare_names("keep", keep)
        self._patterns = [_compiled(pattern) for pattern in _several("patterns", patterns)]
        self._looks_always = bool(self._patterns) or not (self._names | self._hashed).isdisjoint(
            _EXAMINED_FIELDS
        )
        # Names that were decided before, and those of them that are harmless.
        self._decided: dict[str, bool] = {}
        self._harmless: set[str] = set()
        line_look()  # loaded here, and not by the first log call

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "exc_info" in event_dict or "exception" in event_dict:
            move_exception(event_dict)
        # Nearly every event has known names and no hint of a secret in its strings, which one look
        # at all of them tells.
        if not self._looks_always and self._is_plain(event_dict):
            text = _joined(event_dict)
            if len(text) <= EVENT_LIMIT_BYTES and not may_have_secret(text):
                return event_dict
        budget = [_BUDGET]
        for key, value in list(event_dict.items()):
            redacted = self._entry(key, value, 2, budget)
            if redacted is not value:
                event_dict[key] = redacted
        return event_dict

    def may_have_secret(self, event: dict[str, Any], nested: list[Any], line: bytes) -> bool:
        """Return whether *event*, which was rendered as *line*, can have a secret.

        For `MozDefRenderer`. All its values have JSON's own types. Those of its details that are
        objects or arrays are in *nested*.
        """
        details = event["details"]
        if (
            self._looks_always
            or not (self._harmless.issuperset(details) or self._are_harmless(details))
            or not (not nested or self._are_plain(nested, 1))
        ):
            return True
        look = line_look()
        return has_hint(_joined(event)) if look is None else look(line)

    def redact(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return *event*, with the ten fields of a MozDef event, without its secrets.

        For `MozDefRenderer`.
        """
        budget = [_BUDGET]
        redacted = {
            **event,
            **{name: self._entry(name, event[name], 2, budget) for name in _EXAMINED_FIELDS},
        }
        details = self._value(event["details"], 1, budget)
        redacted["details"] = details if isinstance(details, Mapping) else {"left_out": details}
        return redacted

    def _is_plain(self, items: Any, depth: int = 0) -> bool:
        """Return whether all names in *items* are known to be harmless, at any depth.

        False as well if there are values that are not of JSON, or too many.
        """
        if len(items) > _PLAIN_ITEMS:
            return False
        try:
            if not self._harmless.issuperset(items) and not self._are_harmless(items):
                return False
            others = [value for value in items.values() if type(value) not in _SCALARS]
        except (TypeError, RuntimeError) as error:
            pass_on(error)
            return False  # another thread is changing it
        return not others or self._are_plain(others, depth + 1)

    def _are_plain(self, values: Iterable[Any], depth: int) -> bool:
        if depth > _PLAIN_DEPTH:
            return False
        for value in values:
            kind = type(value)
            if kind is dict:
                if not (
                    self._harmless.issuperset(value)
                    and _SCALARS.issuperset(map(type, value.values()))
                ) and not self._is_plain(value, depth):
                    return False
            elif kind is list or kind is tuple:
                if (
                    len(value) > _PLAIN_ITEMS
                    or (_is_pair(value) and not self._is_harmless(value[0]))
                    or not self._are_plain(value, depth + 1)
                ):
                    return False
            elif kind not in _SCALARS:
                return False
        return True

    def _are_harmless(self, names: Collection[Any]) -> bool:
        return len(names) <= _PLAIN_ITEMS and all(map(self._is_harmless, names))

    def _is_harmless(self, name: Any) -> bool:
        return not self._is_secret(name) and name in self._harmless

    def _entry(self, key: Any, value: Any, depth: int, budget: list[int]) -> Any:
        if self._is_secret(key) and value is not None and type(value) is not bool:
            return self._token_of(key, value) if self._hashed else REDACTED
        return value if type(value) in _UNTOUCHED else self._value(value, depth, budget)

    def _token_of(self, key: Any, value: Any) -> str:
        name = bare(safe_str(key)[:_NAME_LIMIT])
        if name not in self._hashed or type(value) not in (str, bytes, int):
            return REDACTED
        message = safe_str(value).encode("utf-8", "surrogatepass")
        return f"hash:{hmac.digest(self._hash_key, message, 'sha256').hex()[:_TOKEN_DIGITS]}"

    def _is_secret(self, key: Any) -> bool:
        if type(key) is not str:
            key = safe_str(key)
        secret = self._decided.get(key)
        return self._decide(key) if secret is None else secret

    def _decide(self, key: str) -> bool:
        name = bare(key[:_NAME_LIMIT])
        secret = (
            name in self._names
            or name in self._hashed
            or (name not in self._keep and is_secret_name(name))
        )
        # Names can come from outside, and can have secrets themselves.
        if len(key) <= _NAME_LIMIT and (
            secret or not may_have_secret(key) or redact_text(key, self._is_secret) == key
        ):
            if len(self._decided) >= _MAX_REMEMBERED_NAMES:
                self._decided.clear()
                self._harmless.clear()
            self._decided[key] = secret
            if not secret:
                self._harmless.add(key)
        return secret

    def _value(  # noqa: PLR0911 - one for each kind
        self, value: Any, depth: int, budget: list[int]
    ) -> Any:
        """Return *value* itself if it has no secrets, else a copy without them."""
        kind = type(value)
        if kind in _UNTOUCHED:
            return value
        budget[0] -= _VALUE_COST
        if depth > DEPTH_LIMIT or budget[0] < 0:
            return _LEFT_OUT if budget[0] < 0 else REDACTED  # not examined
        if kind is str:
            return self._string(value, budget)
        try:
            if isinstance(value, Mapping):
                items: Any = value if kind is dict else to_jsonable(value)
                return self._mapping(items, value, depth, budget)
            if isinstance(value, (list, tuple, set, frozenset)):
                return self._array(value, depth, budget)
            converted = to_jsonable(value)
            redacted = self._value(converted, depth + 1, budget)
            return value if redacted is converted else redacted
        except Exception as error:
            pass_on(error)
            return f"<{name_of_type(kind)} left out: {name_of_type(type(error))}>"

    def _mapping(self, value: dict[Any, Any], original: Any, depth: int, budget: list[int]) -> Any:
        redacted: dict[Any, Any] = {}
        changed = False
        for key, item in list(dict.items(value)):
            budget[0] -= _VALUE_COST
            if budget[0] < 0:
                return {**redacted, "left_out": _LEFT_OUT}
            new = self._entry(key, item, depth + 1, budget)
            new_key = self._string(key, budget) if type(key) is str else key
            redacted[new_key] = new
            changed = changed or new is not item or new_key is not key
        return redacted if changed else original

    def _array(self, value: Any, depth: int, budget: list[int]) -> Any:
        kind = type(value)
        items = value if kind is list or kind is tuple else to_jsonable(value)
        if type(items) is dict:  # a named tuple
            return self._mapping(items, value, depth, budget)
        if _UNTOUCHED.issuperset(map(type, items)):
            return value
        redacted: list[Any] = []
        changed = False
        for item in list(items):
            if budget[0] < 0:
                return [*redacted, _LEFT_OUT]
            new = self._pair(item, depth, budget) if _is_pair(item) else None
            if new is None:
                new = self._value(item, depth + 1, budget)
            redacted.append(new)
            changed = changed or new is not item
        return redacted if changed else value

    def _pair(self, pair: Any, depth: int, budget: list[int]) -> list[Any] | None:
        """Redact a name and its value, an item of a list such as the headers of a request.

        Returns None if there is nothing to redact.
        """
        name, value = pair
        redacted = self._entry(name, value, depth + 2, budget)
        return None if redacted is value else [self._value(name, depth + 2, budget), redacted]

    def _string(self, text: str, budget: list[int]) -> str:
        if len(text) > _STRING_LIMIT:
            text = text[:_STRING_LIMIT]
        budget[0] -= len(text)
        if may_have_secret(text):
            text = redact_text(text, self._is_secret)
        for pattern in self._patterns:
            text = pattern.sub(REDACTED, text)
        return text

    @shows_half_made
    def __repr__(self) -> str:
        return f"Redactor({len(self._names)} names, {len(self._patterns)} patterns)"


def redactor_of(redact: object) -> Redactor | None:
    """Return the redactor that the option *redact* means: True, False or a `Redactor`.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(redact, Redactor):
        return redact
    if not isinstance(redact, bool):
        raise ValueError(f"redact is {redact!r}; it must be True, False or a Redactor")
    return Redactor() if redact else None


def _joined(event: Mapping[str, Any]) -> str:
    texts: list[str] = []
    _gather(event.values(), texts)
    return "\n".join(texts)


def _gather(values: Iterable[Any], texts: list[str]) -> None:
    for value in values:
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is dict:
            _gather(value.values(), texts)
        elif kind is list or kind is tuple:
            _gather(value, texts)


def _is_pair(item: Any) -> bool:
    kind = type(item)
    return (kind is tuple or kind is list) and len(item) == 2 and type(item[0]) in (str, bytes)


def _checked_key(key: Any, *, is_needed: bool) -> bytes:
    if key is None and not is_needed:
        return b""
    if not isinstance(key, bytes) or len(key) < _KEY_MIN_BYTES:
        kind = "None" if key is None else f"a {type(key).__name__}"
        raise ValueError(f"hash_key is {kind}; it must be {_KEY_MIN_BYTES} bytes or more")
    return key


def _several(option: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, (str, bytes, re.Pattern)):
        raise ValueError(f"{option} is {values!r}; it must be a list, [{values!r}]")
    if not isinstance(values, Iterable):
        raise ValueError(f"{option} is {values!r}; it must be a list")
    return list(values)


def _bare_names(option: str, names: Iterable[str]) -> frozenset[str]:
    known = []
    for name in _several(option, names):
        if not isinstance(name, str) or not bare(name):
            raise ValueError(
                f"a name in {option} is {name!r}; it must be a string that is not empty"
            )
        known.append(bare(name))
    return frozenset(known)


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"pattern is {pattern!r}; it must be a regular expression: {error}"
        ) from None
