"""Numbers of things as people write them."""

from __future__ import annotations

import pytest

from sla_cli.core.counted import counted


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (1, ("deletion",), "1 deletion"),
        (0, ("deletion",), "0 deletions"),
        (2000, ("clip",), "2,000 clips"),
        (2, ("gloss",), "2 glosses"),
        (1, ("gloss",), "1 gloss"),
        (3, ("process",), "3 processes"),
        (5, ("hypothesis",), "5 hypotheses"),
        (2, ("different sentence",), "2 different sentences"),
        (1, ("clip is", "clips are"), "1 clip is"),
        (4, ("clip is", "clips are"), "4 clips are"),
    ],
)
def test_a_number_takes_the_words_of_its_size(count: int, words: tuple[str, ...], text: str) -> None:
    assert counted(count, *words) == text
