from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_work import FRAMES, GLOSSES, STRIDE, peaked

from sla_cli.core.place import FrameScores
from sla_cli.pages.timeline import Lane, Output, draw_timeline


def output(reference: tuple[str, ...], *lanes: Lane, frames: int = FRAMES) -> Output:
    return Output(replace(peaked("clip", reference), frames=frames), GLOSSES, STRIDE, lanes)


def test_the_reference_lies_where_frames_show_it() -> None:
    emission = peaked("clip", ("SONNE",))
    scores = np.full((FRAMES, len(GLOSSES) + 1), -128, np.int8)
    scores[:, 0], scores[20:32, GLOSSES.index("SONNE") + 1] = 0, 0
    scores[20:32, 0] = -128
    shown = replace(emission, shown=FrameScores(scores, 7))
    drawn = draw_timeline([Output(shown, GLOSSES, STRIDE, ())], ("SONNE",))
    assert drawn.lanes[0].spans == ((21, 31),)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), st.integers(0, 99)), max_size=9
    )
)
def test_labels_never_cover_each_other(heard: list[tuple[str, int]]) -> None:
    starts = sorted(start % FRAMES for _, start in heard)
    glosses = tuple(gloss for gloss, _ in heard)
    decoded = Lane("beam", glosses, tuple((start, start + 1) for start in starts), FRAMES)
    drawn = draw_timeline([output(("SONNE",), decoded)], ("SONNE",))
    reference, bars = (lane.bars(drawn.pixels) for lane in drawn.lanes)
    assert [bar.gloss for bar in reference] == ["SONNE"]
    assert tuple(bar.gloss for bar in bars) == glosses
    assert [round(bar.start * FRAMES / 100) for bar in bars] == starts
    assert all(bar.label >= -1e-9 and bar.room > 0 for bar in bars)
    for left, right in pairwise(bars):
        assert left.label + left.room == pytest.approx(right.label)


@pytest.mark.parametrize(("fps", "last"), [(25.0, FRAMES / 25), (0.0, FRAMES)])
def test_time_is_shown_in_frames_if_the_frame_rate_is_unknown(fps: float, last: float) -> None:
    drawn = draw_timeline([output(("SONNE",))], ("SONNE",), fps=fps)
    assert drawn.unit == ("s" if fps else "frames")
    assert 0.5 * last < float(drawn.ticks[-1].text) <= last


def test_a_reference_that_the_model_cannot_say_is_shown_without_times() -> None:
    drawn = draw_timeline([output(("SONNE",))], ("SONNE", "UNSEEN"))
    assert (drawn.lanes[0].glosses, drawn.lanes[0].bars(drawn.pixels)) == (("SONNE", "UNSEEN"), [])


def test_systems_of_other_frame_rates_share_one_time_axis() -> None:
    every, half = (
        output(("SONNE",), Lane("beam", ("SONNE",), ((0, frames // 2),), frames), frames=frames)
        for frames in (FRAMES, FRAMES // 2)
    )
    drawn = draw_timeline([every, half], ("SONNE",))
    (first,), (second,) = (lane.bars(drawn.pixels) for lane in drawn.lanes[1:])
    assert second.length == pytest.approx(first.length, abs=3)
