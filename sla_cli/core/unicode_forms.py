"""Names in the forms of Unicode: file systems, keyboards and editors write an accented letter in one of two (Unicode
Standard Annex 15), and people cannot see in which."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection


def forms(name: str) -> tuple[str, ...]:
    """The name as it is, then in both forms."""
    return name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)


def among(name: str, names: Collection[str]) -> str:
    """The one of these names that this name is, in any form; the name itself if it is none of them."""
    return next((form for form in forms(name) if form in names), name)
