"""Keep secrets out of events: `Redactor` walks through an event within a budget."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import pass_on, shows_half_made
from structlog_mozdef._validate import check_names
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.processors.secret_look import (
    EXAMINED_FIELDS,
    NAME_LIMIT,
    SecretLook,
    is_pair,
    may_have_secret,
    name_of_value,
)
from structlog_mozdef.processors.secret_names import bare
from structlog_mozdef.processors.secret_strings.commands import is_command
from structlog_mozdef.processors.secret_strings.formats import REDACTED, is_in_private_key
from structlog_mozdef.processors.secret_strings.texts import redact_text
from structlog_mozdef.processors.secret_strings.values import STRONG_VALUE
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
# No more of a string is kept in an event, even if a part of it is replaced.
_STRING_LIMIT = 2 * STRING_LIMIT_BYTES
# How much of one event is examined, in characters. The rest does not fit into an event anyway,
# unless the event only looks so large because it contains the same objects many times.
_BUDGET = 10 * EVENT_LIMIT_BYTES
_VALUE_COST = 20
# 80 bits: no two of a thousand million values are likely to have the same token.
_TOKEN_DIGITS = 20
_KEY_MIN_BYTES = 16
_ARGUMENTS = ("names", "patterns", "keep", "hash_names", "hash_key")
_LEFT_OUT = "[left out: too many values]"
_VALUE_KEYS = frozenset({"value", "Value", "input"})
# The private parts of a key in JSON (RFC 7518), which says so by "kty".
_KEY_PARTS = frozenset({"d", "dp", "dq", "k", "p", "q", "qi"})


class Redactor(SecretLook):
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

    __slots__ = ("_hash_key", "_hashed", "_patterns")

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
        self._patterns = [_compiled(pattern) for pattern in _several("patterns", patterns)]
        own_names = _bare_names("names", names)
        super().__init__(
            own_names | self._hashed,
            _bare_names("keep", keep),
            always=bool(self._patterns) or not own_names.isdisjoint(EXAMINED_FIELDS),
        )

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "exc_info" in event_dict or "exception" in event_dict:
            move_exception(event_dict)
        # Nearly every event has known names and no hint of a secret in its strings, which one look
        # at all of them tells.
        if not self.may_have_secret_yet(event_dict):
            return event_dict
        budget = [_BUDGET]
        for key, value in list(event_dict.items()):
            redacted = self._entry(key, value, 2, budget)
            if redacted is not value:
                event_dict[key] = redacted
        return event_dict

    def redact(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return *event*, with the ten fields of a MozDef event, without its secrets.

        For `MozDefRenderer`.
        """
        budget = [_BUDGET]
        fields = {name: self._entry(name, event[name], 2, budget) for name in EXAMINED_FIELDS}
        details = event["details"]
        if not isinstance(details, dict):
            details = {"event_dict": details}
        # Where one of the details uses up the budget, the others are kept.
        redacted = {
            self._key(key, budget): self._entry(key, value, 2, budget)
            for key, value in list(dict.items(details))
        }
        return {**event, **fields, "details": redacted}

    def _entry(self, key: Any, value: Any, depth: int, budget: list[int]) -> Any:
        if self._is_secret(key) and value is not None and type(value) is not bool:
            return self._token_of(key, value) if self._hashed else REDACTED
        return value if type(value) in _UNTOUCHED else self._value(value, depth, budget)

    def _token_of(self, key: Any, value: Any) -> str:
        name = bare(safe_str(key)[:NAME_LIMIT])
        if name not in self._hashed or type(value) not in (str, bytes, int):
            return REDACTED
        message = safe_str(value).encode("utf-8", "surrogatepass")
        return f"hash:{hmac.digest(self._hash_key, message, 'sha256').hex()[:_TOKEN_DIGITS]}"

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
        name = name_of_value(value) or _name_of_input(value)
        is_key = "kty" in value
        for key, item in list(dict.items(value)):
            budget[0] -= _VALUE_COST
            if budget[0] < 0:
                return {**redacted, "left_out": _LEFT_OUT}
            is_named = name is not None and key in _VALUE_KEYS
            if is_key and key in _KEY_PARTS:
                new: Any = REDACTED
            else:
                new = self._entry(name if is_named else key, item, depth + 1, budget)
            new_key = self._key(key, budget)
            redacted[new_key] = new
            changed = changed or new is not item or new_key is not key
        return redacted if changed else original

    def _key(self, key: Any, budget: list[int]) -> Any:
        if type(key) is str:
            return self._string(key, budget)
        if type(key) in _UNTOUCHED:
            return key
        text = safe_str(key)
        redacted = self._string(text, budget)
        return key if redacted == text else redacted

    def _array(self, value: Any, depth: int, budget: list[int]) -> Any:
        kind = type(value)
        items = value if kind is list or kind is tuple else to_jsonable(value)
        if type(items) is dict:  # a named tuple
            return self._mapping(items, value, depth, budget)
        if _UNTOUCHED.issuperset(map(type, items)):
            return value
        if is_pair(items) and _is_strong(items[1]) and self._is_secret(items[0]):
            name = self._value(items[0], depth + 1, budget)
            return [name, self._entry(items[0], items[1], depth + 1, budget)]
        redacted = self._items(items, depth, budget)
        result = value if redacted is items else redacted
        return self._command(result, budget) if is_command(items) else result

    def _items(self, items: Any, depth: int, budget: list[int]) -> Any:
        redacted: list[Any] = []
        changed = False
        in_key = False  # within the lines of a private key
        option: str | None = None  # the item before, such as --password
        for item in list(items):
            if budget[0] < 0:
                return [*redacted, _LEFT_OUT]
            new: Any = self._pair(item, depth, budget) if is_pair(item) else None
            if in_key and _is_text(item):
                new = REDACTED
            elif option is not None and _is_text(item):
                new = self._entry(option, item, depth + 1, budget)
            elif new is None:
                new = self._value(item, depth + 1, budget)
            redacted.append(new)
            changed = changed or new is not item
            if type(item) is str:
                in_key = is_in_private_key(item, is_in_it=in_key)
                option = item if item.startswith("-") and " " not in item else None
        return redacted if changed else items

    def _command(self, words: Any, budget: list[int]) -> Any:
        """Redact the words of a command together: ``["mysql", "-psecret"]``."""
        text = orjson.dumps(words).decode()
        redacted = self._string(text, budget)
        return words if redacted == text else orjson.loads(redacted)

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
        return (
            f"Redactor({count_of(len(self._names), 'name')},"
            f" {count_of(len(self._patterns), 'pattern')})"
        )


def _is_text(item: Any) -> bool:
    return type(item) in (str, bytes) and item[:1] not in ("-", b"-")


def _is_strong(item: Any) -> bool:
    """Return whether *item*, which stands after a name in an array of two, is its value.

    It could be another name: ``fields=["password", "email"]``.
    """
    return _is_text(item) and STRONG_VALUE.fullmatch(safe_str(item)[:NAME_LIMIT]) is not None


def _name_of_input(error: dict[Any, Any]) -> str | None:
    """Return the name of the field that *error* is about: one of those of FastAPI and pydantic."""
    place = error.get("loc")
    if "input" not in error or type(place) not in (list, tuple) or not place:
        return None
    return place[-1] if type(place[-1]) is str else None


def redactor_of(redact: object) -> Redactor | None:
    """Return the redactor that the option *redact* means: True, False or a `Redactor`.

    In JSON it is a mapping with arguments of one; its key is a string there.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(redact, Redactor):
        return redact
    if isinstance(redact, Mapping):
        return _redactor_with(redact)
    if not isinstance(redact, bool):
        raise ValueError(f"redact is {redact!r}; it must be True, False or a Redactor")
    return Redactor() if redact else None


def _redactor_with(arguments: Mapping[Any, Any]) -> Redactor:
    check_names(arguments, _ARGUMENTS, "redact")
    key = arguments.get("hash_key")
    if isinstance(key, str):
        return Redactor(**{**arguments, "hash_key": key.encode("utf-8")})
    return Redactor(**arguments)


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
