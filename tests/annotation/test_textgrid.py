"""TextGrids are written and read, in both text forms, as pympi reads and writes them."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_cases import EXAMPLE, annotations
from annotation_files import write_annotation
from hypothesis import given, settings
from pympi.Praat import TextGrid

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.textgrid import read_textgrid, textgrid_text
from sla_cli.annotation.tier import Mark
from sla_cli.annotation.timed import in_milliseconds
from sla_cli.core.annotation import Annotation
from sla_cli.errors import FormatError

ALL = Layout(sentences=True, confidence=True)


def read(annotation: Annotation, layout: Layout) -> TextGrid:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.TextGrid"
        write_annotation(path, "textgrid", annotation, layout)
        return TextGrid(path)


def labelled(grid: TextGrid, name: str) -> list[tuple[float, float, str]]:
    return [one for one in grid.get_tier(name).get_intervals() if one[2]]


@settings(max_examples=25, deadline=None)
@given(annotation=annotations())
def test_reads_back(annotation: Annotation) -> None:
    grid = read(annotation, ALL)
    assert [tier.name for tier in grid.get_tiers()] == ["SIGN", "SIGN-confidence", "SENTENCE"]
    signs = labelled(grid, "SIGN")
    assert [one[2] for one in signs] == [sign.gloss for sign in annotation.signs]
    assert [one[0] for one in signs] == pytest.approx([sign.start for sign in annotation.signs], abs=0.00051)
    assert [one[1] for one in signs] == pytest.approx([sign.end for sign in annotation.signs], abs=0.00051)
    sure = labelled(grid, "SIGN-confidence")
    assert [one[:2] for one in sure] == [one[:2] for one in signs]
    assert [float(one[2]) for one in sure] == pytest.approx(
        [sign.confidence for sign in annotation.signs], abs=0.000051
    )
    assert [one[2] for one in labelled(grid, "SENTENCE")] == [one.text for one in annotation.sentences]


@settings(max_examples=25, deadline=None)
@given(annotation=annotations(shortest=1e-6))
def test_intervals_follow_each_other_from_0_to_the_end(annotation: Annotation) -> None:
    grid = read(annotation, ALL)
    assert grid.xmin == 0
    assert grid.xmax >= round(annotation.duration, 3) - 0.00051
    for tier in grid.get_tiers():
        intervals = list(tier.get_intervals(sort=False))
        assert (tier.tier_type, intervals[0][0], intervals[-1][1]) == ("IntervalTier", 0, grid.xmax)
        assert all(start < end for start, end, _ in intervals)
        assert all(one[1] == two[0] for one, two in itertools.pairwise(intervals))


def test_layout() -> None:
    silent = replace(EXAMPLE, sentences=(), duration=1.5)
    assert annotation_text("textgrid", silent, Layout(tier='a "b"'), Path()) == (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 1.500\ntiers? <exists>\nsize = 1\n'
        'item []:\n    item [1]:\n        class = "IntervalTier"\n        name = "a ""b"""\n        xmin = 0\n'
        "        xmax = 1.500\n        intervals: size = 1\n        intervals [1]:\n            xmin = 0.000\n"
        '            xmax = 1.500\n            text = ""\n'
    )


def test_a_recording_of_no_length_has_a_timeline() -> None:
    grid = read(Annotation("a", None, 0.0, ()), Layout())
    assert (grid.xmin, grid.xmax) == (0, 0.001)


SHORT = (
    'File type = "ooTextFile"\n"TextGrid"\n\n0\n2.5\n<exists>\n1\n'
    '"IntervalTier"\n"a 1"\n0\n2.5\n2\n0\n1.5\n"A ""b"" [2] 3"\n1.5\n2.5\n""\n'
)


@pytest.mark.parametrize("mode", ["normal", "short"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_what_pympi_writes(tmp_path: Path, mode: str, codec: str) -> None:
    grid = TextGrid(xmin=0, xmax=10)
    words = grid.add_tier("RH-IDgloss")
    words.add_interval(0.5, 1.25, "GRÜN")
    words.add_interval(1.25, 2.0, 'say "no" [3]: 4')
    grid.add_tier("points", tier_type="TextTier").add_point(3.125, "blink")
    grid.to_file(str(tmp_path / "a.TextGrid"), codec=codec, mode=mode)
    signs, points = read_textgrid((tmp_path / "a.TextGrid").read_bytes(), "a.TextGrid").tiers
    assert (signs.name, points.name) == ("RH-IDgloss", "points")
    assert [mark[:3] for mark in signs.marks if mark.text] == [(500, 1250, "GRÜN"), (1250, 2000, 'say "no" [3]: 4')]
    assert [mark[:3] for mark in points.marks] == [(3125, 3125, "blink")]


@settings(max_examples=25, deadline=None)
@given(annotations())
def test_what_we_write_comes_back(annotation: Annotation) -> None:
    text = textgrid_text(annotation, Layout(), Path())
    (tier,) = read_textgrid(text.encode(), "a.TextGrid").tiers
    signs = [one for sentence in in_milliseconds(annotation) for one in sentence]
    assert [mark[:3] for mark in tier.marks if mark.text] == [(one.start, one.end, one.gloss) for one in signs]


def test_what_follows_an_exclamation_mark_is_a_comment() -> None:
    """As Praat reads it (melder_readtext.cpp), but not within a text or at the end of a word."""
    content = """File type = "ooTextFile" ! made by "hand", 3 times
        Object class = "TextGrid"
        ! 0 5 <absent> "A"
        wait! 0 !until
        2 <exists> 1 "IntervalTier" "SIGN!" 0 2 1
        0 2 "HALT! 1 !"
        ! the end"""
    [tier] = read_textgrid(content.encode(), "a.TextGrid").tiers
    assert (tier.name, list(tier.marks)) == ("SIGN!", [Mark(0, 2000, "HALT! 1 !", 6)])


def test_lines_are_recorded() -> None:
    (tier,) = read_textgrid(SHORT.encode(), "a").tiers
    assert [mark.line for mark in tier.marks] == [13, 16]
    assert tier.marks[0].text == 'A "b" [2] 3'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a, line 1: text in quotes is missing: the file ends"),
        ("hello", "a, line 1: text in quotes is missing"),
        ('"ooBinaryFile" "TextGrid"', "a, line 1: not a TextGrid in text form"),
        ("ooBinaryFile\x08TextGrid\udcff", "a, line 1: not UTF-8 text\nSave it in Praat"),
        (SHORT[:-20], r"a, line \d+: .* is missing: the file ends"),
        (SHORT.replace('"IntervalTier"', '"X"'), "a, line 11: unknown class of tier 'X'"),
        (SHORT.replace("0\n1.5\n", "2\n1.5\n"), "a, line 14: an interval ends at 1500 ms, before its start at 2000 ms"),
        (SHORT.replace("0\n1.5\n", '"x"\n1.5\n'), "a, line 13: number is missing"),
        (SHORT.replace("<exists>\n1", "<exists>\n1e9"), "a, line 7: '1e9' is not a number of tiers"),
        (SHORT.replace("1.5", "\u0661"), "a, line 15: number is missing"),
        (SHORT.replace("<exists>\n1", "<exists>\n99999999"), "the file ends"),
        (SHORT + '\n1.5\n2\n"B"\n', "it goes on after the tiers and intervals whose numbers it states"),
        (SHORT.replace("1.5", "1e300"), "a, line 14: 1e\\+300 s is not a time"),
        ('"' * 2_000_001, "line 1: .* is missing"),
    ],
)
def test_what_is_no_textgrid(content: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_textgrid(content.encode(errors="surrogateescape"), "a")
