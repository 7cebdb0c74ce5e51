"""Turns emissions and references into segments: the position of each reference gloss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.aligned_clip import AlignedClip, Segment
from sla_cli.core.calibration import Calibration
from sla_cli.core.counted import counted
from sla_cli.core.ctc import check_log_probs, columns_of, feasible
from sla_cli.core.force_align import force_align
from sla_cli.core.hypothesis import Glosses
from sla_cli.errors import naming
from sla_cli.search.decoder import confidences
from sla_cli.work.emissions import Emission, EmissionHeader

UNKNOWN = "the run does not know this gloss"


def align_clips(
    emissions: Iterable[Emission], header: EmissionHeader, references: Mapping[str, Glosses]
) -> Iterator[AlignedClip]:
    """Place the reference of each clip, which `references` names by clip id.

    A gloss that the run does not know has no span, and the others are placed as if it were not there.

    Raises:
        SlaError: names the clip whose emissions are not log-probabilities.
    """
    columns = columns_of(header.glosses)
    for emission in emissions:
        with naming(f"clip {emission.id}"):
            check_log_probs(emission.log_probs, len(header.glosses) + 1)
        yield align_clip(emission, references[emission.id], columns, header.stride, header.calibration)


def obstacle(emission: Emission, glosses: Glosses, labels: list[int]) -> str:
    """Why nothing of a clip can be placed, "" if something can."""
    steps = len(emission.log_probs)
    if not glosses:
        return "it has no reference glosses"
    if not labels:
        return "the run knows none of its glosses"
    if not feasible(steps, labels):
        return f"its {counted(len(labels), 'gloss')} cannot fit in {counted(steps, 'output step')}"
    return ""


def align_clip(
    emission: Emission, glosses: Glosses, columns: Mapping[str, int], stride: int, calibration: Calibration
) -> AlignedClip:
    """Place the glosses of one clip.

    Args:
        columns: of the log-probabilities, by gloss; a gloss without one has no span.
        stride: video frames per output step.
        calibration: how confidences become probabilities.
    """
    labels = [columns[gloss] for gloss in glosses if gloss in columns]
    if note := obstacle(emission, glosses, labels):
        segments = tuple(Segment(gloss, None, note=note) for gloss in glosses)
        return AlignedClip(emission.id, emission.fps, emission.frames, segments, note)
    spans = force_align(emission.log_probs, labels)
    placed = zip(
        emission.places(labels, spans, stride),
        calibration(confidences(emission.log_probs, labels, spans)),
        _scores(emission.log_probs, labels, spans),
        strict=True,
    )
    segments = tuple(
        Segment(gloss, *next(placed)) if gloss in columns else Segment(gloss, None, note=UNKNOWN) for gloss in glosses
    )
    return AlignedClip(emission.id, emission.fps, emission.frames, segments)


def _scores(log_probs: NDArray[np.floating], labels: list[int], spans: list[tuple[int, int]]) -> list[float]:
    """The score of each gloss, see `Segment`, rounded to 4 digits."""
    best = log_probs.max(axis=1)
    nearest = (
        float((log_probs[start:end, label] - best[start:end]).max())
        for label, (start, end) in zip(labels, spans, strict=True)
    )
    return [round(score, 4) + 0.0 for score in nearest]  # no -0.0
