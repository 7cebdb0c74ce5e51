"""Words as numbers, for comparisons without regard to case."""

from __future__ import annotations


class WordNumbers(dict[str, int]):
    """A number for each word, the same for words that differ in case only."""

    def __missing__(self, word: str) -> int:
        small = word.lower()
        self[word] = self.setdefault(small, len(self)) if small != word else len(self)
        return self[word]
