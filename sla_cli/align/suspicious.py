"""Which references look wrong: where the model reads something else, and how much that says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sla_cli.align.align_clips import columns_of, obstacle
from sla_cli.align.other_clips import Bigrams, Confusions
from sla_cli.core.ctc import frame_spans
from sla_cli.core.edit_alignment import Pair, align
from sla_cli.core.force_align import force_align
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.likelihood import log_likelihood
from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission, EmissionHeader
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions

CONTEXT = 6  # glosses on either side of a change, in whose part of the clip its probability is computed
FLOOR = -1e4  # nats: what the model excludes is finite too

Kind = Literal["exchanged", "left out", "added"]
KINDS: Mapping[str, Kind] = {"S": "exchanged", "I": "left out", "D": "added"}
Span = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """Where the model reads something else than the reference says.

    Attributes:
        kind: what the annotator did if the model is right: a gloss exchanged for another, left out, or added.
        number: of the gloss in the reference, from 1; for one left out, of the gloss that follows.
        gloss: of the reference, "" for one left out.
        read: by the model, "" for one added.
        span: in video frames, end exclusive.
        gain: natural logarithm: how much more probable the reference becomes if it is changed here to what the model
            reads.
        rarity: minus the natural logarithm of how often, in the other clips, the reference has `gloss` where the model
            reads `read`. What the model confuses all the time says little about the annotation.
        fluency: as `gain`, by a gloss bigram of the other references instead of by the model.
    """

    kind: Kind
    number: int
    gloss: str
    read: str
    span: Span
    gain: float
    rarity: float
    fluency: float

    @property
    def score(self) -> float:
        """How suspicious it is: the sum of all three, at least 0.

        A fluency below 0 does not count: what is read next to a wrong label is often wrong itself.
        """
        return round(max(0.0, self.gain + self.rarity + max(0.0, self.fluency)), 4)


@dataclass(frozen=True)
class ReadClip:
    """A clip as annotated and as read, with the places where both differ, the most suspicious first.

    Attributes:
        fps: video frames per second, 0.0 where unknown; spans divided by it are seconds.
    """

    id: str
    fps: float
    reference: Glosses
    hypothesis: Glosses
    places: tuple[Place, ...]

    @property
    def score(self) -> float:
        """That of the most suspicious place, 0 where the model reads the reference."""
        return self.places[0].score if self.places else 0.0


@dataclass(frozen=True)
class Ranking:
    """Clips, the most suspicious first, and by id why others are not among them."""

    clips: tuple[ReadClip, ...]
    left_out: Mapping[str, str]


class _Change(NamedTuple):
    """A place before it is compared with other clips."""

    pair: Pair
    number: int
    span: Span
    gain: float


class _Reading(NamedTuple):
    id: str
    fps: float
    reference: Glosses
    hypothesis: Glosses
    pairs: list[Pair]
    changes: list[_Change]


def rank(
    emissions: Iterable[Emission],
    header: EmissionHeader,
    references: Mapping[str, Glosses],
    progress: Callable[[int], None] | None = None,
) -> Ranking:
    """Compare the reference of each clip with what a beam search without language model reads.

    Args:
        references: by clip id.
        progress: called with 1 after each clip.

    Raises:
        SlaError: names the clip whose emissions are no log-probabilities.
    """
    columns = columns_of(header)
    left_out: dict[str, str] = {}
    readings = []
    with BeamDecoder(header.glosses, BeamOptions()) as decoder:
        for emission in emissions:
            reference = references[emission.id]
            if reason := _reason(emission, reference, columns):
                left_out[emission.id] = reason
            else:
                readings.append(_read(emission, header.stride, columns, reference, decoder))
            if progress is not None:
                progress(1)
    clips = sorted(_compared(readings, len(columns)), key=lambda clip: -clip.score)
    return Ranking(tuple(clips), left_out)


def _reason(emission: Emission, reference: Glosses, columns: Mapping[str, int]) -> str:
    """Why a clip is not compared, "" where it is: an unknown gloss can never be read."""
    if unknown := [gloss for gloss in reference if gloss not in columns]:
        return f"the run does not know {unknown[0]}"
    return obstacle(emission, reference, [columns[gloss] for gloss in reference])


def _read(
    emission: Emission, stride: int, columns: Mapping[str, int], reference: Glosses, decoder: BeamDecoder
) -> _Reading:
    try:
        hypothesis = decoder.decode(emission.log_probs)
    except SlaError as error:
        raise SlaError(f"clip {emission.id}: {error.message}", error.hint) from error
    pairs = align(reference, hypothesis.glosses)
    log_probs = emission.log_probs.clip(FLOOR)
    labels = [columns[gloss] for gloss in reference]
    spans = force_align(log_probs, labels) if len(pairs) > sum(pair.op == "C" for pair in pairs) else []
    changes = []
    place = heard = 0  # in reference and hypothesis
    for pair in pairs:
        if pair.op != "C":
            span = hypothesis.spans[heard] if pair.reference is None else spans[place]
            gain = _gain(log_probs, labels, spans, place, pair, columns)
            changes.append(_Change(pair, place + 1, frame_spans([span], stride, emission.frames)[0], gain))
        place += pair.reference is not None
        heard += pair.hypothesis is not None
    return _Reading(emission.id, emission.fps, reference, hypothesis.glosses, pairs, changes)


def _gain(
    log_probs: NDArray[np.floating],
    labels: Sequence[int],
    spans: Sequence[Span],
    place: int,
    pair: Pair,
    columns: Mapping[str, int],
) -> float:
    """How much more probable (natural logarithm) the reference is with a step of the alignment applied to it.

    Computed on the part of the clip where CONTEXT glosses on either side lie, so that long clips cost no more.
    """
    after = place + (pair.reference is not None)
    first, last = max(0, place - CONTEXT), min(len(labels), after + CONTEXT)
    begin = spans[first - 1][1] if first else 0
    end = spans[last][0] if last < len(labels) else len(log_probs)
    read = [] if pair.hypothesis is None else [columns[pair.hypothesis]]
    changed = [*labels[first:place], *read, *labels[after:last]]
    part = log_probs[begin:end]
    return log_likelihood(part, changed) - log_likelihood(part, labels[first:last])


def _compared(readings: Sequence[_Reading], vocabulary: int) -> Iterator[ReadClip]:
    """Clips with their places, each compared with the other clips."""
    confusions = Confusions((reading.pairs for reading in readings), vocabulary)
    bigrams = Bigrams(reading.reference for reading in readings)
    for reading in readings:
        places = []
        for pair, number, span, gain in reading.changes:
            rarity = confusions.rarity(pair, reading.pairs)
            first, last = number - 1, number - 1 + (pair.reference is not None)
            read = [] if pair.hypothesis is None else [pair.hypothesis]
            fluency = bigrams.fluency(reading.reference, first, last, read)
            gloss, heard = pair.reference or "", pair.hypothesis or ""
            places.append(Place(KINDS[pair.op], number, gloss, heard, span, gain, rarity, fluency))
        places.sort(key=lambda one: -one.score)
        yield ReadClip(reading.id, reading.fps, reading.reference, reading.hypothesis, tuple(places))
