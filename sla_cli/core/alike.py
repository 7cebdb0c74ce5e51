"""Which file a name means: the one of this name; else one in another form of Unicode, else in other capitals, as on
Windows and macOS, if there is only one."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator


def plain_name(name: str) -> str:
    """Key for comparison: it ignores case, and the Unicode form of accented letters."""
    return unicodedata.normalize("NFC", name).casefold()


def _as_is(name: str) -> str:
    return name


def _in_one_form(name: str) -> str:
    return unicodedata.normalize("NFC", name)


class Alike:
    """Names, among which one is looked for that may be written in another way."""

    def __init__(self, names: Iterable[str]) -> None:
        names = tuple(dict.fromkeys(names))
        self._tables = []
        for key in (_as_is, _in_one_form, plain_name):
            count = Counter(map(key, names))
            self._tables.append((key, {key(name): name for name in names if count[key(name)] == 1}))

    def find(self, *wanted: str) -> str | None:
        """The first of `find_all`, None if there is none."""
        return next(self.find_all(*wanted), None)

    def find_all(self, *wanted: str) -> Iterator[str]:
        """The names that are meant by any of these: those that are the same first, then those in another form."""
        found = [known[key(name)] for key, known in self._tables for name in wanted if key(name) in known]
        yield from dict.fromkeys(found)
