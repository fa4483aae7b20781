"""What redaction costs most log calls: names that were decided before, and one look at the strings.

An event that passes both has no secret. `Redactor` walks through all others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import orjson
from structlog.typing import EventDict

from structlog_mozdef._raised import pass_on
from structlog_mozdef.processors.secret_lines import line_look
from structlog_mozdef.processors.secret_names import bare, is_secret_name
from structlog_mozdef.processors.secret_searches import search_look
from structlog_mozdef.processors.secret_strings.texts import redact_text
from structlog_mozdef.rendering.convert import EVENT_LIMIT_BYTES, safe_str

#: Those of the ten fields that can have secrets, beside the details. The others are a timestamp and
#: the name of a level.
EXAMINED_FIELDS = (
    "category",
    "hostname",
    "processid",
    "processname",
    "source",
    "summary",
    "tags",
)
#: No more of a name is looked at.
NAME_LIMIT = 500
_SCALARS = frozenset({str, int, float, bool, type(None)})
# What is beside these may be a secret: keys in JSON, and the errors of pydantic.
_TELLING_NAMES = frozenset({"kty", "loc"})
_REMEMBERED_NAMES = 4096
_REMEMBERED_TEXTS = 2000
_TEXT_LIMIT = 200
# A longer line is searched as it is, without hyperscan.
_LINE_LIMIT = 4000
# A larger event is looked at value by value.
_ITEMS_LIMIT = 200
_DEPTH_LIMIT = 5


class SecretLook:
    """Know the names of secrets, and see whether an event can have one.

    Args:
        names: of secrets in this program, as `bare` returns them.
        keep: names that are none.
        always: whether no event passes.
    """

    __slots__ = ("_always", "_decided", "_harmless", "_harmless_texts", "_keep", "_names")

    def __init__(self, names: frozenset[str], keep: frozenset[str], *, always: bool) -> None:
        self._names = names
        self._keep = keep
        self._always = always
        # Names that were decided before, those of them that are harmless, and such texts.
        self._decided: dict[str, bool] = {}
        self._harmless: set[str] = set()
        self._harmless_texts: set[str] = set()
        line_look()  # loaded here, and not by the first log call

    def may_have_secret(
        self, event: dict[str, Any], nested: list[Any], line: bytes, are_flat: bool
    ) -> bool:
        """Return whether *event*, which was rendered as *line*, can have a secret.

        For `MozDefRenderer`. All its values have JSON's own types. Those of its details that are
        objects or arrays are in *nested*; *are_flat* says that they have no others in them.
        """
        details = event["details"]
        if (
            self._always
            or not (self._harmless.issuperset(details) or self._are_harmless(details))
            or (nested and not self._are_plain(nested, 1, are_flat))
        ):
            return True
        look = line_look()
        if look is not None:
            return look(line)
        if len(line) > _LINE_LIMIT:
            return search_look(line)
        return self._have_secret([event[name] for name in EXAMINED_FIELDS] + list(details.values()))

    def may_have_secret_yet(self, event_dict: EventDict) -> bool:
        """Return whether *event_dict*, which is not rendered yet, can have a secret."""
        if self._always or not self._is_plain(event_dict, 0):
            return True
        return self._have_secret(event_dict.values())

    def _is_plain(self, items: Any, depth: int) -> bool:
        """Return whether all names in *items* are known to be harmless, at any depth.

        False as well if there are values that are not of JSON, or too many.
        """
        if len(items) > _ITEMS_LIMIT:
            return False
        try:
            if not self._harmless.issuperset(items) and not self._are_harmless(items):
                return False
            nested = [value for value in items.values() if type(value) not in _SCALARS]
        except (TypeError, RuntimeError) as error:
            pass_on(error)
            return False  # another thread is changing it
        return not nested or self._are_plain(nested, depth + 1)

    def _are_plain(self, values: Iterable[Any], depth: int, are_flat: bool = False) -> bool:
        if depth > _DEPTH_LIMIT:
            return False
        for value in values:
            kind = type(value)
            if kind is dict:
                if "value" in value or "Value" in value:
                    name = name_of_value(value)
                    if name is not None and not self._is_harmless(name):
                        return False
                if not (
                    self._harmless.issuperset(value)
                    and (are_flat or _SCALARS.issuperset(map(type, value.values())))
                ) and not self._is_plain(value, depth):
                    return False
            elif kind is list or kind is tuple:
                if (
                    len(value) > _ITEMS_LIMIT
                    or (is_pair(value) and not self._is_harmless(value[0]))
                    or not (are_flat or self._are_plain(value, depth + 1))
                ):
                    return False
            elif kind not in _SCALARS:
                return False
        return True

    def _are_harmless(self, names: Collection[Any]) -> bool:
        return len(names) <= _ITEMS_LIMIT and all(map(self._is_harmless, names))

    def _is_harmless(self, name: Any) -> bool:
        return not self._is_secret(name) and name in self._harmless

    def _is_secret(self, key: Any) -> bool:
        if type(key) is not str:
            key = safe_str(key)
        secret = self._decided.get(key)
        return self._decide(key) if secret is None else secret

    def _decide(self, key: str) -> bool:
        name = bare(key[:NAME_LIMIT])
        secret = name in self._names or (name not in self._keep and is_secret_name(name))
        # Names can come from outside, and can have secrets themselves.
        if len(key) <= NAME_LIMIT and (
            secret or not may_have_secret(key) or redact_text(key, self._is_secret) == key
        ):
            if len(self._decided) >= _REMEMBERED_NAMES:
                self._decided.clear()
                self._harmless.clear()
            self._decided[key] = secret
            if not secret and key not in _TELLING_NAMES:
                self._harmless.add(key)
        return secret

    def _have_secret(self, values: Iterable[Any]) -> bool:
        """Return whether there can be a secret in the strings of *values*.

        Those that come again and again are remembered.
        """
        harmless = self._harmless_texts
        texts = [text for text in _strings(values) if text not in harmless]
        if not texts:
            return False
        if sum(map(len, texts)) > EVENT_LIMIT_BYTES or may_have_secret(texts):
            return True
        if len(harmless) >= _REMEMBERED_TEXTS:
            harmless.clear()
        harmless.update([text for text in texts if len(text) <= _TEXT_LIMIT])
        return False


def may_have_secret(text: str | list[str]) -> bool:
    """Return whether *text*, one or several, has a hint of a secret."""
    look = line_look() or search_look
    try:
        return look(orjson.dumps(text))
    except Exception as error:  # half a surrogate pair
        pass_on(error)
        return True


def is_pair(item: Any) -> bool:
    """Return whether *item* is a name and its value, such as those in lists of headers."""
    kind = type(item)
    return (kind is tuple or kind is list) and len(item) == 2 and type(item[0]) in (str, bytes)


def name_of_value(item: dict[Any, Any]) -> str | None:
    """Return the name in *item* if it has one and its value.

    So do those of `MozDefRenderer.listed_names`, variables of containers, and tags of Amazon's.
    """
    if "value" in item:
        name = item.get("name") or item.get("key")
    elif "Value" in item:
        name = item.get("Name") or item.get("Key")
    else:
        return None
    return name if type(name) is str else None


def _strings(values: Iterable[Any]) -> list[str]:
    strings: list[str] = []
    for value in values:
        kind = type(value)
        if kind is str:
            strings.append(value)
        elif kind is dict:
            strings += _strings(value.values())
        elif kind is list or kind is tuple:
            strings += _strings(value)
    return strings
