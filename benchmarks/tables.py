"""Tables as text: aligned for a console, and as reStructuredText."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Table


def as_text(table: Table) -> str:
    """Format a table for a console."""
    lines = [table.title]
    lines += ["  " + line for line in _aligned([table.columns, *table.rows])]
    if table.caveat:
        lines.append(f"  ({table.caveat})")
    return "\n".join(lines)


def as_rst(table: Table, underline: str = "-") -> str:
    """Format a table as a section of reStructuredText."""
    title = table.title[0].upper() + table.title[1:]
    parts = [title, underline * len(title), ""]
    if table.caveat:
        parts += [table.caveat[0].upper() + table.caveat[1:] + ".", ""]
    escaped = [[_escape(cell) for cell in row] for row in [table.columns, *table.rows]]
    rule = "  ".join("=" * width for width in _widths(escaped))
    body = _aligned(escaped)
    parts += [rule, body[0], rule, *body[1:], rule, ""]
    return "\n".join(parts)


def _escape(cell: str) -> str:
    # An empty first cell would continue the row above, and "-" alone would be a list.
    escaped = cell.replace("\\", "\\\\").replace("*", "\\*").replace("|", "\\|")
    return f"\\{escaped}" if escaped in {"", "-", "+"} else escaped


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(rows)
    numeric = [
        all(not row[column] or row[column].lstrip("\\")[:1] in "0123456789-+" for row in rows[1:])
        for column in range(len(widths))
    ]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    ]
