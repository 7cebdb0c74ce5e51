"""Which name is meant, compared with the rule in words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.alike import Alike, among, plain_name

NAMES = st.lists(
    st.sampled_from(["a", "A", "\u00e9", "e\u0301", "\u00c9", "E\u0301", "strasse", "stra\u00dfe", "b"]), max_size=5
)


@given(NAMES, NAMES.filter(bool))
def test_the_nearest_form_that_only_one_name_has(names: list[str], wanted: list[str]) -> None:
    there = dict.fromkeys(names)
    same = [name for name in wanted if name in there]
    form = [
        [one for one in there if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", name)]
        for name in wanted
    ]
    plain = [[one for one in there if plain_name(one) == plain_name(name)] for name in wanted]
    alone = [found[0] for found in (*form, *plain) if len(found) == 1]
    assert list(Alike(names).find_all(*wanted)) == list(dict.fromkeys([*same, *alone]))


@pytest.mark.parametrize(
    ("names", "wanted", "meant"),
    [
        (["A.mp4", "a.mp4"], "a.mp4", "a.mp4"),
        (["A.mp4"], "a.mp4", "A.mp4"),
        (["A.mp4", "a.mp4"], "a.MP4", None),
        (["caf\u00e9", "cafe\u0301"], "cafe\u0301", "cafe\u0301"),
        (["caf\u00e9"], "CAFE\u0301", "caf\u00e9"),
        ([], "a", None),
    ],
)
def test_what_is_meant(names: list[str], wanted: str, meant: str | None) -> None:
    assert Alike(names).find(wanted) == meant


@pytest.mark.parametrize("wanted", ["caf\u00e9", "cafe\u0301"])
@pytest.mark.parametrize("there", ["caf\u00e9", "cafe\u0301"])
def test_a_name_is_the_one_that_is_there_in_either_form(wanted: str, there: str) -> None:
    assert among(wanted, ["tea", there]) == there
    assert among(wanted, ["CAF\u00c9"]) == wanted
