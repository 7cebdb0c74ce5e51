from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_work import FRAMES, GLOSSES, STRIDE, peaked

from sla_cli.core.clip_score import score_clip
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.report.timeline import DecodedClip, EmittedClip, Timeline, draw_timeline
from sla_cli.work.emissions import EmissionHeader

HEADER = EmissionHeader("signs", "test", GLOSSES, STRIDE, "store", "run")


def draw(reference: tuple[str, ...], hypothesis: Hypothesis) -> Timeline:
    reading = DecodedClip("beam", score_clip("clip", reference, hypothesis.glosses), hypothesis)
    return draw_timeline([EmittedClip(peaked("clip", reference), HEADER, (reading,))], None)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), st.integers(0, 99)), max_size=9
    )
)
def test_labels_never_cover_each_other(heard: list[tuple[str, int]]) -> None:
    starts = sorted(start % FRAMES for _, start in heard)
    hypothesis = Hypothesis("clip", tuple(gloss for gloss, _ in heard), 0.0, tuple((s, s + 1) for s in starts))
    reference, lane = draw(("SONNE",), hypothesis).lanes
    assert lane.glosses == hypothesis.glosses
    assert [mark.gloss for mark in reference.marks] == ["SONNE"]
    assert [round(mark.start * FRAMES / 100) for mark in lane.marks] == starts
    assert all(mark.label >= -1e-9 and mark.room > 0 for mark in lane.marks)
    for left, right in pairwise(lane.marks):
        assert left.label + left.room == pytest.approx(right.label)


@pytest.mark.parametrize(("fps", "last"), [(25.0, FRAMES / 25), (0.0, FRAMES)])
def test_time_is_shown_in_frames_if_the_frame_rate_is_unknown(fps: float, last: float) -> None:
    emission = replace(peaked("clip", ("SONNE",)), fps=fps)
    reading = DecodedClip("beam", score_clip("clip", ("SONNE",), ()), Hypothesis("clip", ()))
    drawn = draw_timeline([EmittedClip(emission, HEADER, (reading,))], None)
    assert drawn.unit == ("s" if fps else "frames")
    assert 0.5 * last < float(drawn.ticks[-1].text) <= last


def test_a_reference_that_the_model_cannot_say_is_shown_without_times() -> None:
    drawn = draw(("SONNE", "UNSEEN"), Hypothesis("clip", ()))
    assert (drawn.lanes[0].glosses, drawn.lanes[0].marks) == (("SONNE", "UNSEEN"), ())


def test_systems_of_other_frame_rates_share_one_time_axis() -> None:
    emission = peaked("clip", ("SONNE",))
    halved = replace(emission, frames=emission.frames // 2)
    whole = Hypothesis("clip", ("SONNE",), 0.0, ((0, FRAMES // 2),))
    half = Hypothesis("clip", ("SONNE",), 0.0, ((0, FRAMES // 4),))
    emitted = [
        EmittedClip(one, HEADER, (DecodedClip(name, score_clip("clip", ("SONNE",), ("SONNE",)), found),))
        for name, one, found in (("all", emission, whole), ("half", halved, half))
    ]
    _, first, second = draw_timeline(emitted, None).lanes
    assert [mark.length for mark in second.marks] == pytest.approx([mark.length for mark in first.marks], abs=3)
