"""A number with its noun in singular or plural."""

from __future__ import annotations


def counted(count: int, one: str, several: str = "") -> str:
    """`1 clip`, `2,000 clips`, `2 glosses`, `2 hypotheses`; `1 clip is` and `2 clips are`, given both.

    Args:
        one: the words for one thing; the last word is the noun.
        several: the words for any other number, if the usual plural ending does not give them.
    """
    return f"{count:,} {one if count == 1 else several or _plural(one)}"


def _plural(noun: str) -> str:
    if noun.endswith("sis"):
        return f"{noun[:-2]}es"
    return f"{noun}es" if noun.endswith("ss") else f"{noun}s"
