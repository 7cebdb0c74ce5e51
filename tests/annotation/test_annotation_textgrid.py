"""TextGrid, read back by pympi."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_cases import EXAMPLE, annotations
from hypothesis import given, settings
from pympi.Praat import TextGrid

from sla_cli.annotation.formats import annotation_text, write_annotation
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation

ALL = Layout(sentences=True, confidence=True)


def read(annotation: Annotation, layout: Layout) -> TextGrid:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.TextGrid"
        write_annotation(path, "textgrid", annotation, layout)
        return TextGrid(path)


def labelled(grid: TextGrid, name: str) -> list[tuple[float, float, str]]:
    return [one for one in grid.get_tier(name).get_intervals() if one[2]]


@settings(max_examples=60, deadline=None)
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


@settings(max_examples=60, deadline=None)
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
