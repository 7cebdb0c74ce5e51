from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_work import GLOSSES, STRIDE, peaked

from sla_cli.align.align_clips import UNKNOWN, align_clips
from sla_cli.core.aligned_clip import AlignedClip
from sla_cli.core.calibration import Calibration
from sla_cli.core.place import FrameScores
from sla_cli.errors import SlaError
from sla_cli.work.emissions import Emission, EmissionHeader

HEADER = EmissionHeader("signs", "train", GLOSSES, STRIDE, "/store", "/run")
SIGNED = ("REGEN", "SONNE", "WIND")


def aligned(reference: tuple[str, ...], emission: Emission | None = None) -> AlignedClip:
    emission = emission or peaked("clip", SIGNED)
    [clip] = align_clips([emission], HEADER, {emission.id: reference})
    return clip


def test_glosses_lie_where_they_are_signed() -> None:
    clip = aligned(SIGNED)
    assert clip.glosses == SIGNED
    assert clip.spans == ((4, 8), (12, 16), (20, 24))
    assert all(segment.confidence > 0.9 and segment.score == 0 for segment in clip.segments)
    assert clip.note == ""


def test_frames_that_show_the_glosses_are_their_places() -> None:
    emission = peaked("clip", SIGNED)
    columns = np.repeat([0, *(GLOSSES.index(gloss) + 1 for gloss in SIGNED), 0], [6, 9, 9, 9, emission.frames - 33])
    scores = np.full((emission.frames, len(GLOSSES) + 1), -128, np.int8)
    scores[range(emission.frames), columns] = 0
    clip = aligned(SIGNED, replace(emission, shown=FrameScores(scores, 7)))
    assert clip.spans == ((7, 14), (16, 23), (25, 32))
    assert clip.segments[0].confidence == aligned(SIGNED).segments[0].confidence


def test_confidences_are_calibrated() -> None:
    header = replace(HEADER, calibration=Calibration(0.5, -1.0))
    [clip] = align_clips([peaked("clip", SIGNED)], header, {"clip": SIGNED})
    raw = [segment.confidence for segment in aligned(SIGNED).segments]
    assert tuple(segment.confidence for segment in clip.segments) == Calibration(0.5, -1.0)(raw) != tuple(raw)


def test_a_gloss_that_is_not_signed_has_a_low_score_and_the_others_stay() -> None:
    clip = aligned(("REGEN", "شمس", "WIND"))
    assert clip.spans[0] == (4, 8) and clip.spans[2] == (20, 24)
    assert clip.segments[1].score < -5 and clip.segments[1].confidence < 0.01


def test_the_score_is_the_distance_to_the_most_probable_column() -> None:
    emission = peaked("clip", SIGNED)
    clip = aligned(("شمس", "REGEN", "SONNE"), emission)
    for segment in clip.segments:
        assert segment.span is not None
        steps = emission.log_probs[segment.span[0] // STRIDE : -(-segment.span[1] // STRIDE)]
        own = steps[:, GLOSSES.index(segment.gloss) + 1]
        assert segment.score == pytest.approx((own - steps.max(axis=1)).max(), abs=1e-3)
        assert segment.confidence == pytest.approx(np.exp(own.max()), abs=1e-4)


def test_glosses_that_the_run_does_not_know_have_no_span() -> None:
    clip = aligned(("REGEN", "SCHNEE", "SONNE", "WIND", "EIS"))
    assert [segment.note for segment in clip.segments] == ["", UNKNOWN, "", "", UNKNOWN]
    assert [segment.gloss for segment in clip.placed] == list(SIGNED)
    assert clip.spans == aligned(SIGNED).spans
    assert clip.note == ""


@pytest.mark.parametrize(
    ("reference", "note"),
    [
        ((), "it has no reference glosses"),
        (("SCHNEE",), "the run knows none of its glosses"),
        (("REGEN",) * 6, "its 6 glosses cannot fit in 10 output steps"),
    ],
)
def test_a_clip_that_cannot_be_aligned_says_why(reference: tuple[str, ...], note: str) -> None:
    clip = aligned(reference)
    assert clip.note == note
    assert [(segment.gloss, segment.span, segment.note) for segment in clip.segments] == [
        (gloss, None, note) for gloss in reference
    ]


def test_emissions_of_another_vocabulary_are_refused_with_the_clip() -> None:
    emission = Emission("clip-7", np.zeros((4, 3), np.float32), 16)
    with pytest.raises(SlaError, match="clip clip-7: log-probabilities have shape"):
        aligned(("REGEN",), emission)
