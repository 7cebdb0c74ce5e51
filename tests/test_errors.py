"""Names of files in messages and files: as text where they are text, else by numbers."""

from __future__ import annotations

import pytest

from sla_cli.errors import visible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("müll", "müll"),
        ("m\udcc3\udcbcll", "müll"),  # as Python reads it in a locale without UTF-8
        ("bad\udcff", r"bad\udcff"),
        ("half\ud800", r"half\ud800"),
        ("a\x1b[2J\u202eb\t", "a\\x1b[2J\\u202eb\t"),
    ],
)
def test_what_is_shown(name: str, shown: str) -> None:
    assert visible(name) == shown
