"""Numbers in text files: as everybody writes them, and nothing else that Python would read as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.artifact.text import is_number, is_whole, read_bytes, read_text, seconds
from sla_cli.errors import SlaError


def test_a_file_that_is_too_large_is_not_said_to_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no room on the disk
    with pytest.raises(SlaError, match="more than 512 MiB") as caught:
        read_bytes(path)
    assert "so large" in caught.value.hint and "there" not in caught.value.hint
    with pytest.raises(SlaError, match="No such file") as caught:
        read_bytes(tmp_path / "none.csv")
    assert "put one there" in caught.value.hint


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_alike_whichever_program_saved_them(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(f"GRÜN{end}{end}B".encode(encoding))
    assert read_text(path) == "GRÜN\n\nB"


@pytest.mark.parametrize("data", [*map("S1\n".encode, ("utf-16-le", "utf-16-be", "utf-32", "utf-32-le")), bytes(40)])
def test_a_text_of_zero_bytes_is_refused(tmp_path: Path, data: bytes) -> None:
    """As in another encoding that does not say so, or after a power failure."""
    path = tmp_path / "left-out.txt"
    path.write_bytes(data)
    with pytest.raises(SlaError, match="zero bytes at its beginning: it is damaged, or UTF-16") as caught:
        read_text(path)
    assert "UTF-8" in caught.value.hint


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_writes_is_a_number(value: float) -> None:
    assert is_number(repr(value)) and is_number(f" {value:.17e}\t")


@pytest.mark.parametrize(
    "text",
    ["", ".", "1_0", "1__0", "\u0661\u0662", "\uff11", "nan", "inf", "1e999", "0x1", "1 2", "\x1c2.5", "2.5\x1f"],
)
def test_what_is_not_a_number(text: str) -> None:
    assert not is_number(text) and not is_whole(text)


@given(st.text(st.sampled_from([*"0123456789.eE+-_ \t\n", *map(chr, range(0x20)), "\x85", "\u00a0", "\u0661"])))
def test_what_is_called_a_number_is_one_for_python(text: str) -> None:
    if is_number(text):
        float(text)


@pytest.mark.parametrize(
    "cell", ["\x1c2", "1_0", "\u0661", "1::2", "1:1_0", "1:2:3:4", ":".join("1" * 200), "-1", "1e999", "1e308:0:0"]
)
def test_what_is_not_a_time(cell: str) -> None:
    with pytest.raises(SlaError, match=r"^line 2: start .* is not a time"):
        seconds(cell, "start", "line 2")


def test_numbers_without_digits_on_one_side() -> None:
    assert is_number("5.") and is_number(".5") and is_number("007") and is_whole("007")
    assert seconds("1:02,5", "start", "line 2") == 62.5
