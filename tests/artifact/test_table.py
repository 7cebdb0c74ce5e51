"""Tables as corpora publish them: nothing is guessed, nothing is lost, and what is wrong has a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.artifact.table import parse_any_table, read_table
from sla_cli.artifact.text import read_text
from sla_cli.errors import FormatError, SlaError

COLUMNS = ("id", "gloss")
cells = st.text(st.characters(codec="utf-8", exclude_characters="|\n\r\ufeff"), max_size=8)


def read(path: Path, data: bytes, separator: str = "|") -> list[tuple[int, str, str]]:
    path.write_bytes(data)
    return [(row.line, row["id"], row["gloss"]) for row in read_table(path, COLUMNS, separator)]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("final", [True, False])
def test_byte_order_mark_line_ends_and_a_missing_last_one_are_fine(
    tmp_path: Path, bom: bytes, end: bytes, final: bool
) -> None:
    arabic = "\u063a\u062f\u0627 _\u0627"
    lines = [b"id|gloss", b"a|HEUTE", f"b|{arabic}".encode()]
    data = bom + end.join(lines) + (end if final else b"")
    assert read(tmp_path / "t", data) == [(2, "a", "HEUTE"), (3, "b", arabic)]


def test_words_that_other_readers_turn_into_missing_values_stay(tmp_path: Path) -> None:
    rows = read(tmp_path / "t", b'id|gloss\nNA|NULL\n007|nan\n1e5|NULL NULL\nNone|"QUOTED\nx|#N/A\n')
    assert rows == [
        (2, "NA", "NULL"),
        (3, "007", "nan"),
        (4, "1e5", "NULL NULL"),
        (5, "None", '"QUOTED'),
        (6, "x", "#N/A"),
    ]


def test_spaces_in_cells_stay_and_empty_lines_are_skipped(tmp_path: Path) -> None:
    assert read(tmp_path / "t", b"id|gloss\n\na|A  B \n   \nb|\n\n") == [(3, "a", "A  B "), (5, "b", "")]


def test_utf_16_with_a_mark_is_read_and_a_part_of_it_refused(tmp_path: Path) -> None:
    data = "id|gloss\na|中\n".encode("utf-16")
    assert read(tmp_path / "t", data) == [(2, "a", "中")]
    with pytest.raises(FormatError, match="t: broken UTF-16 text"):
        read(tmp_path / "t", data[:-1])


def test_columns_are_found_by_name_and_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("text,gloss , id\nGuten Tag,TAG,a\n", encoding="utf-8")
    (row,) = read_table(path, COLUMNS, ",")
    assert (row["id"], row["gloss"], row["text"], row.line) == ("a", "TAG", "Guten Tag", 2)


@pytest.mark.timeout(300)
def test_time_grows_with_the_columns_and_not_with_their_square(tmp_path: Path) -> None:
    """With the square, this takes half an hour."""
    header, row = ("|".join(part.format(number) for number in range(300_000)) for part in ("c{}", "x{}"))
    assert read(tmp_path / "t", f"id|gloss|{header}\na|A|{row}\n".encode()) == [(2, "a", "A")]


@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    text = "id|gloss\n" + "".join(f"{one}|{two}\n" for one, two in rows)
    assert [row[1:] for row in read(path, text.encode())] == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: no column id, gloss"),
        (b"name|gloss\na|A\n", "line 1: no column id in the header 'name|gloss'"),
        (b"id,gloss\na,A\n", "line 1: no column id, gloss"),
        (b"id|gloss\na|A\nb|A|B\n", "line 3: 3 fields, but the header has 2: 'b|A|B'"),
        (b"id|gloss\r\na|A\r\nb\r\n", "line 3: 1 field, but the header has 2: 'b'"),
        (b"id|gloss|id\na|A|b\n", "line 1: several columns are named id"),
        (b"id|gloss\na|GR\xdcN\n", "line 2: not UTF-8"),
        ("id|gloss\na|中文".encode()[:-1], "line 2: not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "train.corpus.csv"
    with pytest.raises(FormatError) as caught:
        read(path, data)
    assert f"{path}, {message}" in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"cannot read .*none") as caught:
        read_text(tmp_path / "none")
    assert "put one there" in caught.value.hint


def test_real_annotations_keep_null_and_odd_spaces(shared: Path) -> None:
    columns = ("id", "folder", "signer", "annotation")
    path = shared / "data" / "phoenix2014" / "train.corpus.csv"
    glosses = [row["annotation"].split() for row in read_table(path, columns)]
    assert len(glosses) == 5672
    assert len({gloss for sentence in glosses for gloss in sentence}) == 1231
    assert sum(sentence.count("NULL") for sentence in glosses) > 0


def test_a_real_table_cut_inside_a_character_names_its_last_line(shared: Path) -> None:
    path = shared / "data" / "csl-daily" / "video_map.truncated.txt"
    with pytest.raises(FormatError, match=rf"line {path.read_bytes().count(10) + 1}: not UTF-8"):
        read_text(path)


def test_a_cell_longer_than_csv_reads_has_its_line(tmp_path: Path) -> None:
    for separator in ",\t":  # with tabs, quotes that do not fit are read as parts of their cells
        text = separator.join(["id", "gloss\na", "B\nb", '"' + "C " * 70_000 + '"\n'])
        with pytest.raises(FormatError, match=r"^t\.csv, line 3: a cell has more than 131,072 characters\n"):
            list(parse_any_table(text, "t.csv", COLUMNS))


@pytest.mark.parametrize("before", ["\n", " \t\r\n\r\n", "\r\nsep=;\r\n", "SEP=;\n\n"])
def test_lines_before_the_header_are_counted_and_not_read(before: str) -> None:
    (row,) = parse_any_table(f"{before}id;gloss\na;A\n", "t.csv", COLUMNS)
    assert (row["id"], row["gloss"], row.line) == ("a", "A", before.count("\n") + 2)


def test_columns_without_a_name_are_ignored(tmp_path: Path) -> None:
    assert read(tmp_path / "t", b"id|gloss||\na|A||\n") == [(2, "a", "A")]
