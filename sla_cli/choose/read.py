"""From what a run computes of a clip to a candidate, and from annotated clips to what strategies compare it with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sla_cli.choose.candidate import Annotated, Candidate, Peaks
from sla_cli.core.calibration import UNCHANGED, Calibration
from sla_cli.core.clip import MEDIA, split_origin
from sla_cli.core.ctc import columns_of, feasible, log_likelihood
from sla_cli.core.force_align import force_align
from sla_cli.core.hypothesis import Glosses
from sla_cli.errors import SlaError, naming
from sla_cli.search.decoder import GreedyDecoder
from sla_cli.store.clips import Split
from sla_cli.work.emissions import Emission

WIDEN = 1  # steps by which a peak is widened on each side, as in RAIDAL
Floats = NDArray[np.floating]


def as_candidate(name: str, frames: int, fps: float, *, signer: str = "", origin: str = "") -> Candidate:
    """A clip in which nothing is recognised yet.

    Args:
        origin: where it comes from, as stores record it.

    Raises:
        SlaError: its frame rate is unknown, so nobody can say how many minutes it has.
    """
    if not fps:
        hint = "Make the store again from videos, or with the column fps in the table of image folders."
        raise SlaError(f"the frame rate of clip {name} is unknown, and so are its minutes", hint)
    recording, start, _ = split_origin(origin)
    return Candidate(name, frames / fps, signer=signer, recording=recording.removeprefix(MEDIA), start=start or 0.0)


def read_clip(
    clip: Candidate,
    emission: Emission,
    vocabulary: Glosses,
    calibration: Calibration = UNCHANGED,
    features: Floats | None = None,
) -> Candidate:
    """The clip with what greedy search recognises in it.

    Args:
        features: of each output step, (steps, width).

    Raises:
        SlaError: the emissions are no log-probabilities of this vocabulary; names the clip.
    """
    with naming(f"clip {clip.id}"):
        found = GreedyDecoder(vocabulary).decode(emission.log_probs)
    columns = columns_of(vocabulary)
    labels = [columns[gloss] for gloss in found.glosses]
    return replace(
        clip,
        glosses=found.glosses,
        confidence=tuple(calibration(found.confidence)),
        log_likelihood=log_likelihood(emission.log_probs, labels),
        peaks=None if features is None else peak_features(features, emission.log_probs, labels, found.spans),
    )


def annotated_in(splits: Iterable[Split]) -> Annotated:
    """The glosses and signers of splits; a clip whose frame rate is unknown has no seconds."""
    found = Annotated()
    for split in splits:
        rates = split.clip_fps.tolist()
        for glosses, signer, frames, fps in zip(split.glosses, split.signers, split.lengths, rates, strict=True):
            found.add(glosses, signer, frames / fps if fps else 0.0)
    return found


def add_aligned(
    annotated: Annotated, glosses: Glosses, log_probs: Floats, vocabulary: Glosses, features: Floats
) -> None:
    """Add the features under the aligned peaks of a clip's annotation; glosses that the run does not know have none."""
    columns = columns_of(vocabulary)
    known = [gloss for gloss in glosses if gloss in columns]
    labels = [columns[gloss] for gloss in known]
    if labels and feasible(len(log_probs), labels):
        annotated.add_peaks(known, peak_features(features, log_probs, labels, force_align(log_probs, labels)))


def peak_features(
    features: Floats, log_probs: Floats, columns: Sequence[int], spans: Sequence[tuple[int, int]]
) -> Peaks:
    """The mean feature around the peak of each gloss, scaled to length 1: float16 (glosses, width).

    Args:
        features: of each output step, (steps, width).
        log_probs: natural log, (steps, glosses of the vocabulary + 1).
        columns: of the glosses.
        spans: one (start, end) for each gloss in output steps, end exclusive; its peak is in it.
    """
    found = np.zeros((len(columns), features.shape[1]), np.float32)
    for row, column, (start, end) in zip(found, columns, spans, strict=True):
        peak = start + int(log_probs[start:end, column].argmax())
        row[:] = features[max(0, peak - WIDEN) : peak + WIDEN + 1].mean(axis=0)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths > 0, lengths, 1), np.float16)
