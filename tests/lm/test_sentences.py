"""Texts as a language model reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.lm.sentences import read_lines, read_source


def test_lines_and_glosses_without_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("\ufeffA  B\r\n\r\nسوال هو\nNULL ".encode())  # noqa: RUF001
    assert list(read_lines(tmp_path / "text")) == [(1, ("A", "B")), (3, ("سوال", "هو")), (4, ("NULL",))]


def test_ids_are_lines_and_nothing_left_is_no_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("loc-A\n__PU__\nB\n")
    assert read_source(tmp_path / "text", "train", profile("phoenix2014")).sentences == (("1", ("A",)), ("3", ("B",)))


@pytest.mark.parametrize("word", ["<s>", "</s>", "<unk>", "<UNK>", "A\0", "A\a"])
def test_what_no_gloss_is_is_refused_where_it_stands(word: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text(f"A\n\nB {word}\n")
    with pytest.raises(SlaError, match="text, line 3: "):
        list(read_lines(tmp_path / "text"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("refs.csv", "c1,A B\n"),
        ("refs.eaf", "<ANNOTATION_DOCUMENT/>\n"),
        ("refs.txt", "id|folder|signer|annotation\na|a/*.png|S|A B\n"),
        ("refs", "id,gloss\na,A B\n"),
        ("late.txt", "\nnumber,gloss\n1,A B\n"),
        ("trn.txt", "A B (c1)\n\n{ A / B } (c2)\n"),
        ("stm.txt", ";; LABEL\nc1 1 S1 0.0 1.5 <O> A B\n"),
        ("ctm.txt", "c1 1 0.00 0.50 A 0.9\nc1 1 0.50 0.50 B\n"),
        ("plain.txt", "c1\tA B\nc2\t\n"),
        ("tabs.txt", "clip-1\tA B\nclip-2\tC\nclip-3\nclip-4\tX\n"),
        ("noted.txt", "# made by me\nA B (c1)\nC (c2)\n"),
        ("cues.txt", "WEBVTT\n\n00:00.000 --> 00:01.000\nA B\n"),
        ("jsonl.txt", '{"id": "c1", "glosses": ["A", "B"]}\n'),
        ("hypotheses.txt", "# sla-hypotheses 1\n# split dev\n"),
        ("refs.lst", "\ufeffvideo\tgloss\r\na.mp4\tA B\r\n"),
    ],
)
def test_a_table_or_another_format_is_no_text(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(SlaError, match=f"{name} is a table or another format"):
        read_source(tmp_path / name, "train", profile("none"))


def test_a_text_of_which_some_lines_look_like_a_transcript_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A B\nA (left)\nc 1 0.5 1 A\n")
    assert [glosses for _, glosses in read_lines(tmp_path / "a.txt")] == [
        ("A", "B"),
        ("A", "(left)"),
        ("c", "1", "0.5", "1", "A"),
    ]


def test_a_missing_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"cannot read .*missing"):
        list(read_lines(tmp_path / "missing"))
