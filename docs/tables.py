"""Markdown tables."""

from __future__ import annotations


def row(*cells: str) -> str:
    """A line of a table. `|` inside a cell is escaped."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in cells) + " |"


def table(header: list[str], rows: list[str]) -> str:
    """A table with this header and these rows."""
    return "\n".join([row(*header), "|" + "---|" * len(header), *rows])
