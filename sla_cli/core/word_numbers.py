"""Words as numbers, for comparison without case."""

from __future__ import annotations


class WordNumbers(dict[str, int]):
    """A number for each word, the same for words that differ only in case."""

    def __missing__(self, word: str) -> int:
        small = word.lower()
        self[word] = self.setdefault(small, len(self)) if small != word else len(self)
        return self[word]
