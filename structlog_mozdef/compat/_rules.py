"""Rules for documents: which names they must have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def has_keys(document: Any, names: str) -> bool:
    """Whether *document* is an object with all of *names*."""
    return isinstance(document, dict) and document.keys() >= set(names.split())


def have_keys(rules: Iterable[tuple[Any, str]]) -> bool:
    """Whether each document of *rules* has the names that stand beside it."""
    return all(has_keys(document, names) for document, names in rules)
