"""Cut an event that is too large to its limit, and report what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from structlog_mozdef.rendering.convert import truncate, without_middle

#: The name of strings whose end says as much as their beginning.
STACK = "stack"
_MINIMUM_SHARE_BYTES = 200
_REPORTED_FIELDS = 20
_REPORTED_FIELD_BYTES = 300


class Truncation:
    """The fields that were left out or cut, and how many bytes are missing."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self.bytes = 0

    def add(self, path: tuple[str, ...], n_bytes: int) -> None:
        self.bytes += n_bytes
        if len(self.fields) < _REPORTED_FIELDS:
            field = _fit_string(
                truncate(".".join(path), _REPORTED_FIELD_BYTES), _REPORTED_FIELD_BYTES
            )
            if field not in self.fields:
                self.fields.append(field)

    def as_detail(self) -> dict[str, Any]:
        return {"fields": self.fields, "bytes": self.bytes}


def fit(value: Any, limit_bytes: int, path: tuple[str, ...], report: Truncation) -> Any:
    """Return *value*, which has JSON's own types, cut to about *limit_bytes* of JSON at most.

    Small entries stay complete; large ones share the remaining bytes. Strings keep their beginning
    (a stack its end as well), arrays their first items, and types stay what they were, since
    Elasticsearch rejects a field that changes its type.
    """
    size = len(orjson.dumps(value))
    if size <= limit_bytes:
        return value
    if isinstance(value, str):
        is_stack = path[-1:] == (STACK,)
        kept = _fit_string(value, limit_bytes, without_middle if is_stack else truncate)
        report.add(path, len(value.encode("utf-8")) - len(kept.encode("utf-8")))
        return kept
    if isinstance(value, dict):
        return _fit_mapping(value, limit_bytes, path, report)
    if isinstance(value, list):
        return _fit_array(value, limit_bytes, path, report)
    return value  # a number


def _fit_string(text: str, limit_bytes: int, cut: Callable[[str, int], str] = truncate) -> str:
    kept, n_bytes = text, len(text)
    # Escapes make a character up to six bytes long: cut in proportion until it fits.
    while (size := len(orjson.dumps(kept))) > max(limit_bytes, 2):
        n_bytes = min(n_bytes - 1, n_bytes * limit_bytes // size)
        kept = cut(text, n_bytes)
    return kept


def _fit_array(
    value: list[Any], limit_bytes: int, path: tuple[str, ...], report: Truncation
) -> list[Any]:
    kept: list[Any] = []
    left = limit_bytes - 2
    for item in value:
        left -= len(orjson.dumps(item)) + 1
        if left < 0:
            if not kept and isinstance(item, (str, list, dict)):
                kept.append(fit(item, limit_bytes - 3, path, report))
            break
        kept.append(item)
    if len(kept) < len(value):
        report.add(path, len(orjson.dumps(value[len(kept) :])))
    return kept


def _fit_mapping(
    value: dict[str, Any], limit_bytes: int, path: tuple[str, ...], report: Truncation
) -> dict[str, Any]:
    sizes = {name: len(orjson.dumps({name: item})) for name, item in value.items()}
    left, waiting = limit_bytes - 2, len(sizes)
    kept = set()
    share = 0
    for name in sorted(sizes, key=sizes.__getitem__):
        share = left // waiting
        if sizes[name] > share:
            break
        kept.add(name)
        left -= sizes[name]
        waiting -= 1
    # Entries that are still too large are cut to their share. Where a share is too small to be of
    # use, the first entries stay complete instead, as long as they fit.
    shares = {
        name: share - len(orjson.dumps(name)) - 2
        for name, item in value.items()
        if name not in kept and isinstance(item, (str, list, dict))
    }
    shares = {name: size for name, size in shares.items() if size > _MINIMUM_SHARE_BYTES}
    spare = left - share * len(shares)
    fitted = {}
    for name, item in value.items():
        if name in kept:
            fitted[name] = item
        elif name in shares:
            fitted[name] = fit(item, shares[name], (*path, name), report)
        elif sizes[name] <= spare:
            fitted[name] = item
            spare -= sizes[name]
        else:
            report.add((*path, name), sizes[name])
    return fitted
