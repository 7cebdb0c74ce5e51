"""The hypotheses file: what is written reads back equal, and what cannot be written is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.config.bounds import RATES
from sla_cli.core.hypothesis import NO_GLOSS, Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.work.hypotheses import Header, read_header, read_hypotheses, read_nbest, write_hypotheses

HEAD = "# sla-hypotheses 1\nid\trank\tscore\tfps\tspans\tconfidence\tglosses\n"
glosses = st.text(min_size=1, max_size=8).filter(lambda text: not NO_GLOSS.search(text))
ids = st.text(min_size=1, max_size=8).filter(lambda text: not set(text) & set("\t\r\n"))
spans = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def readings(draw: st.DrawFn) -> list[Hypothesis]:
    """Up to three hypotheses of one clip."""
    name = draw(ids)
    found = []
    for rank in range(1, draw(st.integers(1, 3)) + 1):
        words = draw(st.lists(st.tuples(glosses, spans, st.floats(0, 1)), max_size=6))
        found.append(
            Hypothesis(
                name,
                tuple(gloss for gloss, _, _ in words),
                draw(st.floats(allow_nan=False)),
                tuple(span for _, span, _ in words) if draw(st.booleans()) else (),
                tuple(sure for _, _, sure in words) if draw(st.booleans()) else (),
                rank,
                draw(st.just(0.0) | st.floats(*RATES)),
            )
        )
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(readings(), max_size=4, unique_by=lambda clip: clip[0].id),
    st.builds(Header, st.sampled_from(["", "csl-daily"]), st.sampled_from(["", "dev"]), st.just("none"), st.just("")),
)
def test_reads_back_what_was_written(clips: list[list[Hypothesis]], header: Header) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hypotheses.tsv"
        write_hypotheses(path, [reading for clip in clips for reading in clip], header)
        assert read_hypotheses(path) == [clip[0] for clip in clips]
        assert read_nbest(path) == {clip[0].id: clip for clip in clips}
        assert read_header(path) == header


def test_layout_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / "hypotheses.tsv"
    write_hypotheses(
        path,
        [
            Hypothesis("clip-1", ("HEUTE", "REGEN"), -4.25, ((0, 12), (16, 24)), (0.98, 0.71), 1, 25.0),
            Hypothesis("clip-1", ("HEUTE",), -6.5, ((0, 12),), (0.98,), 2, 25.0),
            Hypothesis("clip-2", ("#", "##X", "|", "<PAD>", "▁", "NULL")),
            Hypothesis("clip-3", ()),
        ],
        Header("phoenix2014", "dev", "phoenix2014"),
    )
    rows = (
        "clip-1\t1\t-4.25\t25.0\t0-12 16-24\t0.98 0.71\tHEUTE REGEN\nclip-1\t2\t-6.5\t25.0\t0-12\t0.98\tHEUTE\n"
        "clip-2\t1\t0.0\t0.0\t\t\t# ##X | <PAD> ▁ NULL\nclip-3\t1\t0.0\t0.0\t\t\t\n"
    )
    head = HEAD.replace("\n", "\n# corpus phoenix2014\n# split dev\n# profile phoenix2014\n", 1)
    assert path.read_bytes() == (head + rows).encode()


@pytest.mark.parametrize("ranks", [[2], [1, 3], [1, 2, 2]])
def test_ranks_are_contiguous(tmp_path: Path, ranks: list[int]) -> None:
    with pytest.raises(SlaError, match="clip c: rank"):
        write_hypotheses(tmp_path / "h.tsv", [Hypothesis("c", (), rank=rank) for rank in ranks])


def test_a_clip_comes_once(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="occurs twice"):
        write_hypotheses(tmp_path / "h.tsv", [Hypothesis("c", ()), Hypothesis("d", ()), Hypothesis("c", ())])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Hypothesis("c", ("HEUTE REGEN",)), r"clip c: gloss 'HEUTE REGEN' is empty, or holds white space"),
        (Hypothesis("c", ("A", "")), r"clip c: gloss ''"),
        (Hypothesis("c", ("A\u2028B",)), r"clip c: gloss"),
        (Hypothesis("c", ("A\u00a0",)), r"clip c: gloss"),
        (Hypothesis("c", ("\ud800",)), r"clip c: gloss"),
        (Hypothesis("c", ("A\x07",)), r"clip c: gloss"),
        (Hypothesis("c", ("A\ufffe",)), r"clip c: gloss"),
        (Hypothesis("\ud800", ("A",)), r"half a surrogate pair"),
        (Hypothesis("a\tb", ("A",)), r"clip id 'a\\tb'"),
        (Hypothesis("", ("A",)), r"clip id ''"),
        (Hypothesis("c", ("A", "B"), 0.0, ((0, 1),)), r"clip c: 1 span for 2 glosses"),
        (Hypothesis("c", ("A",), 0.0, ((5, 4),)), r"clip c: a span starts below 0 or ends before it starts: 5-4"),
        (Hypothesis("c", ("A",), float("nan")), r"clip c: its score"),
        (Hypothesis("c", ("A",), fps=float("inf")), r"clip c: inf frames per second"),
        (Hypothesis("c", ("A",), fps=1e-320), r"clip c: 1e-320 frames per second"),
        (Hypothesis("c", ("A",), confidence=(1.5,)), r"clip c: a confidence outside 0 to 1: 1\.5\n?$"),
        (Hypothesis("c", ("A",), confidence=(0.5, 0.5)), r"clip c: 2 confidence values for 1 gloss"),
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
        ("# sla-hypotheses 0\n", "sla-hypotheses version 0, this sla reads version 1"),
        ("# sla-hypotheses 1\nid\tglosses\n", "line 2: not the header id rank score"),
        ("# sla-hypotheses 1\n# profile phoenix2014\n", "line 3: not the header"),
        (HEAD + "a\t1\t0.0\t0\t\t\tA\nb\t1\t0.0\tA\n", "line 4: 4 fields instead of 7"),
        (HEAD + "a\n", "line 3: 1 field instead of 7"),
        (
            HEAD + "a\t1\t0.0\t25.0\t\t\tA\nb\t1\t0.0\t25.0\t\t\tA\na\t1\t0.0\t25.0\t\t\tB\n",
            "line 5: a occurs twice, first on line 3",
        ),
        (
            HEAD + "a\t1\t0.0\t25.0\t\t\tA\nb\t1\t0.0\t25.0\t\t\tA\na\t2\t0.0\t25.0\t\t\tB\n",
            "line 5: a occurs twice, first on line 3",
        ),
        (HEAD + "a\t1\t0.0\t25.0\t\t\tA\na\t1\t0.0\t25.0\t\t\tB\n", "line 4: a occurs twice, first on line 3"),
        (HEAD + "a\t1\t0.0\t25.0\t\t\tA\na\t3\t0.0\t25.0\t\t\tB\n", "line 4: rank 3 instead of 2"),
        (HEAD + "a\t2\t0.0\t25.0\t\t\tA\n", "line 3: rank 2 instead of 1"),
        (HEAD + "a\tone\t0.0\t25.0\t\t\tA\n", "line 3: .*one"),
        (HEAD + "a\t1\tlots\t25.0\t\t\tA\n", "line 3: .*lots"),
        (HEAD + "a\t1\tnan\t25.0\t\t\tA\n", "line 3: .*score"),
        (HEAD + "a\t1\t1_0.0\t25.0\t0-3\t\tA\n", "line 3: not a number: '1_0.0'"),
        (HEAD + "a\t1_0\t0.0\t25.0\t0-3\t\tA\n", "line 3: not a whole number: '1_0'"),
        (HEAD + "a\t1\t0.0\t25.0\t0-\u0663\t\tA\n", "line 3: not a span of frames: '0-\u0663'"),
        (HEAD + "a\t1\t0.0\t25.0\t0:3\t\tA\n", "line 3: not a span of frames: '0:3'"),
        (HEAD + "a\t1\t0.0\t25.0\t0-3 4-5\t\tA\n", "line 3: .*2 spans for 1 gloss"),
        (HEAD + "a\t1\t0.0\t25.0\t\t0.5 0.5\tA\n", "line 3: .*2 confidence values for 1 gloss"),
        (HEAD + "a\t1\t0.0\t25.0\t\tnan\tA\n", "line 3: .*confidence outside"),
        (HEAD + "a\t1\t0.0\t25.0\t\t\tA  B\n", "line 3: .*gloss ''"),
        (HEAD + "a\t1\t0.0\t25.0\t\t\tA\nb\t1\t0.0\t25.0\t\t\tHEU", "line 4: the file is cut"),
        (HEAD + "a\t1\t0.0\t\t\tA\n", "line 3: 6 fields instead of 7"),
        (HEAD + "a\t1\t0.0\t-1\t\t\tA\n", "line 3: .*-1.0 frames per second"),
        (HEAD + "a\t1\t0.0\tnan\t\t\tA\n", "line 3: .*frames per second"),
        ("# sla-hypotheses 1\n# split dev\n# split test\n" + HEAD.split("\n")[1] + "\n", "a fact occurs twice"),
    ],
)
def test_bad_files_name_their_line_and_the_stage(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "hypotheses.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message) as caught:
        read_hypotheses(path)
    assert "sla decode" in caught.value.hint and "\n" not in caught.value.message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="cannot read"):
        read_hypotheses(tmp_path / "none.tsv")
