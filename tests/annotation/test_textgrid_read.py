"""TextGrids are read in both text forms, as Praat and pympi write them, and as we do."""

from __future__ import annotations

from pathlib import Path

import pympi
import pytest
from annotation_cases import annotations
from hypothesis import given

from sla_cli.annotation.layout import Layout
from sla_cli.annotation.textgrid import read_textgrid, textgrid_text
from sla_cli.annotation.timed import in_milliseconds
from sla_cli.core.annotation import Annotation
from sla_cli.errors import FormatError

SHORT = (
    'File type = "ooTextFile"\n"TextGrid"\n\n0\n2.5\n<exists>\n1\n'
    '"IntervalTier"\n"a 1"\n0\n2.5\n2\n0\n1.5\n"A ""b"" [2] 3"\n1.5\n2.5\n""\n'
)


@pytest.mark.parametrize("mode", ["normal", "short"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_what_pympi_writes(tmp_path: Path, mode: str, codec: str) -> None:
    grid = pympi.Praat.TextGrid(xmin=0, xmax=10)
    words = grid.add_tier("RH-IDgloss")
    words.add_interval(0.5, 1.25, "GRÜN")
    words.add_interval(1.25, 2.0, 'say "no" [3]: 4')
    grid.add_tier("points", tier_type="TextTier").add_point(3.125, "blink")
    grid.to_file(str(tmp_path / "a.TextGrid"), codec=codec, mode=mode)
    signs, points = read_textgrid((tmp_path / "a.TextGrid").read_bytes(), "a.TextGrid").tiers
    assert (signs.name, points.name) == ("RH-IDgloss", "points")
    assert [mark[:3] for mark in signs.marks if mark.text] == [(500, 1250, "GRÜN"), (1250, 2000, 'say "no" [3]: 4')]
    assert [mark[:3] for mark in points.marks] == [(3125, 3125, "blink")]


@given(annotations())
def test_what_we_write_comes_back(annotation: Annotation) -> None:
    text = textgrid_text(annotation, Layout(), Path())
    (tier,) = read_textgrid(text.encode(), "a.TextGrid").tiers
    signs = [one for sentence in in_milliseconds(annotation) for one in sentence]
    assert [mark[:3] for mark in tier.marks if mark.text] == [(one.start, one.end, one.gloss) for one in signs]


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
        (SHORT[:-20], r"a, line \d+: .* is missing: the file ends"),
        (SHORT.replace('"IntervalTier"', '"X"'), "a, line 11: unknown class of tier 'X'"),
        (SHORT.replace("0\n1.5\n", "2\n1.5\n"), "a, line 14: an interval ends at 1500 ms, before its start at 2000 ms"),
        (SHORT.replace("0\n1.5\n", '"x"\n1.5\n'), "a, line 13: number is missing"),
        (SHORT.replace("<exists>\n1", "<exists>\n1e9"), "a, line 7: '1e9' is not a number of tiers"),
        (SHORT.replace("<exists>\n1", "<exists>\n99999999"), "the file ends"),
        (SHORT.replace("1.5", "1e300"), "a, line 14: 1e\\+300 s is not a time"),
        ('"' * 2_000_001, "line 1: .* is missing"),
    ],
)
def test_what_is_no_textgrid(content: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_textgrid(content.encode(), "a")
