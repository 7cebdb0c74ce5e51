"""Pickles of plain values are accepted, those that end the process or take all memory are not."""

from __future__ import annotations

import io
import pickle
from collections import Counter, OrderedDict
from fractions import Fraction
from pathlib import Path

import pytest
from deep_pickle import DEEP, KEY

from sla_cli.artifact.pickled import check_pickle

SHARED = ("a", 1)
CONTENT = {
    "info": [{"name": f"clip {number}", "glosses": ["A", "B"], "pair": (number, SHARED)} for number in range(12_000)],
    "sets": [{1, (2, 3)}, frozenset({SHARED})],
    "objects": [OrderedDict(a=1), Counter("aab"), Fraction(1, 3), SHARED, b"bytes", bytearray(9), 1 << 99, -0.5, None],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values(protocol: int) -> None:
    file = io.BytesIO(pickle.dumps(CONTENT, protocol) + b"what follows")
    check_pickle(file, len(file.getbuffer()))
    assert file.read() == b"what follows"


HOSTILE = {
    "a key of a dict": DEEP,
    "a part of a set": b"\x80\x04\x8f(" + KEY + b"\x90.",
    "frozen sets": b"\x80\x04" + b"(" * 20_000 + b")" + b"\x91" * 20_000 + b".",
    "one by one by the memo": b"\x80\x02)q\x00" + b"0h\x00\x85q\x00" * 20_000 + b".",
    "doubled": b"\x80\x02)q\x00" + b"h\x00\x86q\x00" * 60 + b".",
    "arguments of a call": b"\x80\x02ccollections\nOrderedDict\n]" + KEY + b"K\x01\x86a\x85R.",
    "arguments of arguments": b"\x80\x02" + b"cbuiltins\ncomplex\n" * 20_000 + b")R" + b"\x85R" * 19_999 + b".",
    "a number for all memory": b"\x80\x02]r" + (1 << 27).to_bytes(4, "little") + b".",
    "nothing": b"",
    "text": b"no pickle",
    "cut off": pickle.dumps(CONTENT)[:-20],
    "a tuple of nothing": b"\x80\x02\x87.",
    "a tuple of a mark": b"\x80\x02(\x85.",
    "an end without a mark": b"\x80\x02t.",
    "an object that is not remembered": b"\x80\x02h\x07.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_damaged_ones_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check_pickle(io.BytesIO(HOSTILE[name]), len(HOSTILE[name]))
    nested = "nests more than" in str(caught.value)
    assert nested == (list(HOSTILE).index(name) < list(HOSTILE).index("a number for all memory"))


def test_a_length_that_no_memory_has(tmp_path: Path) -> None:
    """Of a file on the disk: Python reserves the memory before it reads."""
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x05\x96" + (1 << 62).to_bytes(8, "little") + b"x.")
    with path.open("rb") as file, pytest.raises(ValueError, match="damaged"):
        check_pickle(file, path.stat().st_size)
