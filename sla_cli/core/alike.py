"""Names that may be written in several ways.

File systems, keyboards and editors write an accented letter in one of two forms (Unicode Standard Annex 15), and people
cannot see in which; Windows and macOS disregard capitals.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator


def forms(name: str) -> tuple[str, ...]:
    """The name as it is, then in both forms."""
    return name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)


def among(name: str, names: Collection[str]) -> str:
    """The one of these names that this name is, in any form; the name itself if it is none of them."""
    return next((form for form in forms(name) if form in names), name)


def plain_name(name: str) -> str:
    """Key for comparison: it ignores case, and the Unicode form of accented letters."""
    return in_one_form(name).casefold()


def in_one_form(name: str) -> str:
    """The name in normal form C of Unicode."""
    return unicodedata.normalize("NFC", name)


def all_in_one_form(names: Iterable[str]) -> list[str]:
    """The names in normal form C of Unicode; those that differ in nothing but their form stay as they are."""
    names = list(names)
    count = Counter(map(in_one_form, names))
    return [form if count[form := in_one_form(name)] == 1 else name for name in names]


class Alike:
    """Names of files. What is looked for means the one of this name; else one in another form, else in other capitals,
    if there is only one."""

    def __init__(self, names: Iterable[str]) -> None:
        names = tuple(dict.fromkeys(names))
        self._tables = []
        for key in (str, in_one_form, plain_name):
            count = Counter(map(key, names))
            self._tables.append((key, {key(name): name for name in names if count[key(name)] == 1}))

    def find(self, *wanted: str) -> str | None:
        """The first of `find_all`, None if there is none."""
        return next(self.find_all(*wanted), None)

    def find_all(self, *wanted: str) -> Iterator[str]:
        """The names that are meant by any of these: those that are the same first, then those in another form."""
        found = [known[key(name)] for key, known in self._tables for name in wanted if key(name) in known]
        yield from dict.fromkeys(found)
