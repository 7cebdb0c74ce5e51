"""Arguments of public functions: what is taken, and that everything else is refused in a sentence."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sla_cli
from sla_cli.core.arguments import as_line, as_number, as_path, as_plain, as_texts, check_name, check_one_of
from sla_cli.errors import SlaError
from sla_cli.transcribe.events import Final, Partial, SentenceEnd
from sla_cli.transcribe.segments import Segments

ODD = [None, 5, 1.5, b"bytes", ["a"], {"a": "b"}, np.zeros(3), object(), True]


@pytest.mark.parametrize("value", [*ODD, "", "a\0b", "a\ud800b", "a" * 300, "a/" * 3000])
def test_what_is_not_a_path(value: Any) -> None:
    with pytest.raises(SlaError, match=r"^here is"):
        as_path(value, "here")


def test_paths() -> None:
    assert as_path("a/b", "here") == as_path(Path("a/b"), "here") == Path("a/b")


def test_a_name_leaves_room_for_what_is_added_to_it() -> None:
    check_name("é" * 100)
    with pytest.raises(SlaError, match=r"^the name a+… has more than 200 bytes"):
        check_name("a" * 201)
    with pytest.raises(SlaError, match=r"^the name é+… has more than 200 bytes"):
        check_name("é" * 101)


@pytest.mark.parametrize("name", ["a\udce9", "a\ud800", "a\x9b", "a\u202e", "a\tb", "a\n"])
def test_a_name_can_be_written_and_shown(name: str) -> None:
    with pytest.raises(SlaError, match=r"cannot be a name"):
        check_name(name)


@given(value=st.floats(), low=st.floats(-1e6, 1e6), width=st.floats(0, 1e6))
def test_numbers_are_within_their_bounds_or_refused(value: float, low: float, width: float) -> None:
    if low <= value <= low + width:
        assert as_number(value, "n", low, low + width) == value
    else:
        with pytest.raises(SlaError, match=r"^n is"):
            as_number(value, "n", low, low + width)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "5", b"5", True, [5], np.zeros(3), 1j, float("nan"), 10**400, Fraction(10**400), Decimal("sNaN")),
        *(np.timedelta64(5), np.timedelta64(5, "ns"), np.timedelta64(5, "s"), np.timedelta64("NaT")),
    ],
)
def test_what_is_not_a_number(value: Any) -> None:
    with pytest.raises(SlaError, match=r"^n is"):
        as_number(value, "n", 0)


def test_numbers_of_other_types() -> None:
    assert as_number(np.float32(0.5), "n", 0, 1) == as_number(np.int64(1), "n", 0, 1) / 2 == 0.5
    assert as_number(Decimal("0.5"), "n", 0, 1) == as_number(Fraction(1, 2), "n", 0, 1) == 0.5


def test_a_signalling_nan_is_nan() -> None:
    """It raises an error where it is compared or converted."""
    assert math.isnan(as_plain(Decimal("sNaN")))


def test_texts() -> None:
    assert as_texts(iter(["a", "b"]), "t") == ("a", "b")
    assert as_texts(np.array(["a", "b"]), "t") == ("a", "b")
    assert sorted(as_texts({"a", "b"}, "t", ordered=False)) == ["a", "b"]
    with pytest.raises(SlaError, match="t is a value of type dict, not a list of texts"):  # of words to weights
        as_texts({"a": 3.0}, "t", ordered=False)
    with pytest.raises(SlaError, match="t is b'abc', not a list of texts"):
        as_texts(b"abc", "t")
    unordered = ({"a", "b"}, frozenset("a"), {"a": "b"}, {"a": "b"}.keys())
    for value in ("abc", 5, None, ["a", 5], ["a", None], [b"a"], np.array("a"), *unordered):
        with pytest.raises(SlaError, match=r"^t "):
            as_texts(value, "t")
    with pytest.raises(SlaError, match=r"^c is 'x'"):
        check_one_of("x", "c", ("a", "b"))


def test_lines() -> None:
    assert as_line("m\udcc3\udcbcll \u0645 & <b>", "--title") == "m\u00fcll \u0645 & <b>"  # bytes that are text
    for value in ("a\nb", "a\tb", "a\rb", "\x1b[2J", "a\u202eb", "a\x85b", "bad\udcff", None):
        with pytest.raises(SlaError, match=r"^--title is "):
            as_line(value, "--title")


SIGN = sla_cli.Sign("A", 0.0, 1.0, 0.5)
ODD_EVENTS: list[Any] = [None, 3, ["x"], SentenceEnd, [SentenceEnd], [Final("A", 1.0)]]  # type: ignore[arg-type]
ODD_EVENTS += [[Partial(odd, 1.0)] for odd in (SIGN, [1], "A")]  # type: ignore[arg-type, list-item]
ODD_EVENTS += [[Final(SIGN, math.nan)], [SentenceEnd(0.0, math.inf, 1.0)], [Final(replace(SIGN, start=math.nan), 1.0)]]
ODD_EVENTS += [[Partial((replace(SIGN, confidence=2.0),), 1.0)]]


@pytest.mark.parametrize(
    "call",
    [
        *(lambda odd=odd: sla_cli.wer(odd, odd) for odd in (None, 5, b"x", ["a"])),
        lambda: sla_cli.wer(None, {"a": "X"}),  # type: ignore[arg-type]
        *(
            lambda odd=odd: sla_cli.wer({"a": odd}, {"a": "X"})
            for odd in (None, 5, b"X", ["X", 5], {"X", "Y"}, np.array("X"))
        ),
        *(
            lambda odd=odd: sla_cli.wer({"a": odd}, {"a": "X"})
            for odd in (["A B"], ["X", ""], ["X\n"], ["X\0"], "X\ud800")
        ),
        *(lambda odd=odd: sla_cli.wer("a.ctm", "b.stm", normalize=odd) for odd in (None, 5, ["none"], np.zeros(2))),
        *(lambda odd=odd: list(Segments().add(odd)) for odd in ODD_EVENTS),
        lambda: sla_cli.wer({1: "X"}, {1: "X"}),  # type: ignore[dict-item]
        *(lambda odd=odd: sla_cli.wer({odd: "X"}, {odd: "X"}) for odd in ("", "a\tb", "a\n", "\ud800")),
        lambda: sla_cli.wer({"a": "X"}, {"a": "X"}, normalize=5),  # type: ignore[arg-type]
        *(lambda odd=odd: sla_cli.Store(odd) for odd in (None, 5, b"x", "")),
        *(lambda odd=odd: sla_cli.Layout(tier=odd) for odd in (None, 5, 10**5000, b"x", "")),
        lambda: sla_cli.Layout(cue="x"),  # type: ignore[arg-type]
        *(lambda odd=odd: sla_cli.Recognizer.open(odd) for odd in (None, 5, b"x", "")),
    ],
)
def test_public_functions_refuse_in_a_sentence(call: Any) -> None:
    with pytest.raises(SlaError):
        call()
