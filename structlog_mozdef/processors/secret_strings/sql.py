"""Secrets in an INSERT, whose columns have names and whose values have none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from structlog_mozdef.processors.secret_strings.formats import REDACTED

_INSERT = re.compile(
    r"\binsert[ ](?:\w{1,10}[ ]){0,2}into[ ][^\s(]{1,200}[ ]?\((?P<columns>[^()]{1,1000})\)"
    r"[ \t\r\n]{0,8}values[ ]?\(",
    re.IGNORECASE,
)
# Where SQLAlchemy shows the values apart.
_PARAMETERS = re.compile(r"\[parameters: \[?\(")
_VALUE = re.compile(
    r"\s{0,8}(?:[bEN]?'(?P<single>(?:[^'\\]|''|\\.){1,4000})'|[bEN]?\"(?P<double>[^\"\\]{1,4000})\"|''"
    r"|(?:[^\s,'\"()]|\([^()'\"]{0,100}\)){0,200})\s{0,8}(?P<end>[,)])",
    re.DOTALL,
)
_NEXT_ROW = re.compile(r"\s{0,8},\s{0,8}\(")


def redact_inserts(text: str, is_secret_name: Callable[[str], bool]) -> str:
    """Return *text* without the values that are inserted into columns of secrets."""
    pieces: list[str] = []
    end = 0  # of what is in the pieces
    for insert in _INSERT.finditer(text):
        columns = [name.strip(" \t\r\n\"'`[]\\") for name in insert["columns"].split(",")]
        secret = {place for place, name in enumerate(columns) if is_secret_name(name)}
        if not secret or insert.start() < end:
            continue
        parameters = _PARAMETERS.search(text, insert.end())
        for rows in (insert, parameters):
            for start, stop in _values(text, rows.end(), secret) if rows else ():
                if start >= end:
                    pieces += (text[end:start], REDACTED)
                    end = stop
    return "".join((*pieces, text[end:])) if pieces else text


def _values(text: str, start: int, places: set[int]) -> Iterator[tuple[int, int]]:
    """Yield where in *text* the values at *places* of rows are, which begin at *start*."""
    place = 0
    while (value := _VALUE.match(text, start)) is not None:
        quoted = value.span("single" if value["double"] is None else "double")
        if place in places and quoted[0] >= 0 and text[quoted[0]] not in "%:[":
            yield quoted
        start = value.end()
        place += 1
        if value["end"] == ")":
            row = _NEXT_ROW.match(text, start)
            if row is None:
                return
            start, place = row.end(), 0
