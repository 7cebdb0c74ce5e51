"""The hypotheses file: what is written reads back equal, and what cannot be written is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.hypotheses import read_hypotheses, write_hypotheses

HEAD = "# sla-hypotheses 1\nid\tscore\tspans\tglosses\n"
glosses = st.text(min_size=1, max_size=8).filter(lambda text: text.split() == [text])
ids = st.text(min_size=1, max_size=8).filter(lambda text: not set(text) & set("\t\r\n"))
spans = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def hypotheses(draw: st.DrawFn) -> Hypothesis:
    words = draw(st.lists(st.tuples(glosses, spans), max_size=6))
    with_spans = draw(st.booleans())
    return Hypothesis(
        id=draw(ids),
        glosses=tuple(gloss for gloss, _ in words),
        score=draw(st.floats(allow_nan=False)),
        spans=tuple(span for _, span in words) if with_spans else (),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(hypotheses(), max_size=5, unique_by=lambda hypothesis: hypothesis.id))
def test_reads_back_what_was_written(written: list[Hypothesis]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hypotheses.tsv"
        write_hypotheses(path, written)
        assert read_hypotheses(path) == written


def test_layout_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / "hypotheses.tsv"
    write_hypotheses(
        path,
        [
            Hypothesis("clip-1", ("HEUTE", "REGEN"), -4.25, ((0, 12), (16, 24))),
            Hypothesis("clip-2", ("#", "##X", "|", "<PAD>", "▁", "NULL")),
            Hypothesis("clip-3", ()),
        ],
    )
    rows = "clip-1\t-4.25\t0-12 16-24\tHEUTE REGEN\nclip-2\t0.0\t\t# ##X | <PAD> ▁ NULL\nclip-3\t0.0\t\t\n"
    assert path.read_bytes() == (HEAD + rows).encode()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Hypothesis("c", ("HEUTE REGEN",)), r"clip c: gloss 'HEUTE REGEN' is empty or holds white space"),
        (Hypothesis("c", ("A", "")), r"clip c: gloss ''"),
        (Hypothesis("c", ("A\u2028B",)), r"clip c: gloss"),
        (Hypothesis("c", ("A\u00a0",)), r"clip c: gloss"),
        (Hypothesis("c", ("\ud800",)), r"half a surrogate pair"),
        (Hypothesis("a\tb", ("A",)), r"clip id 'a\\tb'"),
        (Hypothesis("", ("A",)), r"clip id ''"),
        (Hypothesis("c", ("A", "B"), 0.0, ((0, 1),)), r"clip c: 1 spans for 2 glosses"),
        (Hypothesis("c", ("A",), 0.0, ((5, 4),)), r"clip c: a span"),
        (Hypothesis("c", ("A",), float("nan")), r"clip c: its score"),
    ],
)
def test_refuses_to_write_what_would_not_read_back(tmp_path: Path, bad: Hypothesis, message: str) -> None:
    path = tmp_path / "hypotheses.tsv"
    with pytest.raises(SlaError, match=message):
        write_hypotheses(path, [Hypothesis("fine", ("A",)), bad])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: not hypotheses"),
        ("id,gloss\na,B\n", "line 1: not hypotheses"),
        ("# sla-hypotheses 2\n", "sla-hypotheses version 2, this sla reads version 1"),
        ("# sla-hypotheses 1\nid\tglosses\n", "line 2: not the header"),
        (HEAD + "a\t0.0\t\tA\nb\t0.0\tA\n", "line 4: 3 fields instead of 4"),
        (HEAD + "a\t0.0\t\tA\nb\t0.0\t\tA\na\t0.0\t\tB\n", "line 5: a came before, on line 3"),
        (HEAD + "a\tlots\t\tA\n", "line 3: .*lots"),
        (HEAD + "a\tnan\t\tA\n", "line 3: .*score"),
        (HEAD + "a\t0.0\t0:3\tA\n", "line 3: not a span of frames: '0:3'"),
        (HEAD + "a\t0.0\t0-3 4-5\tA\n", "line 3: .*2 spans for 1 glosses"),
        (HEAD + "a\t0.0\t\tA  B\n", "line 3: .*gloss ''"),
        (HEAD + "a\t0.0\t\tA\nb\t0.0\t\tHEU", "line 4: the file is cut"),
    ],
)
def test_bad_files_name_their_line_and_the_stage(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "hypotheses.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message) as caught:
        read_hypotheses(path)
    assert "sla decode" in caught.value.hint


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="cannot read"):
        read_hypotheses(tmp_path / "none.tsv")
