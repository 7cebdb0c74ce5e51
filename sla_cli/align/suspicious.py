"""Which references look wrong: where the model recognises something else, and how strong this evidence is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sla_cli.align.align_clips import obstacle
from sla_cli.align.other_clips import Bigrams, Confusions
from sla_cli.core.clip import MEDIA, split_origin
from sla_cli.core.ctc import columns_of, log_likelihood
from sla_cli.core.edit_alignment import Pair, align
from sla_cli.core.force_align import force_align
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.quantities import Amount, Positive
from sla_cli.errors import naming
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.work.emissions import Emission, EmissionHeader

CONTEXT = 6  # glosses on either side of a change; its probability is computed on their part of the clip
FLOOR = -1e4  # nats: a finite value also for what the model excludes

Kind = Literal["exchanged", "left out", "added"]
KINDS: Mapping[str, Kind] = {"S": "exchanged", "I": "left out", "D": "added"}
Span = tuple[int, int]


@dataclass(frozen=True)
class SuspiciousPlace:
    """A place where the hypothesis of the model differs from the reference.

    Attributes:
        kind: what the annotator did if the model is right: replaced a gloss by another, left one out, or added one
        number: position of the gloss in the reference, from 1; if a gloss was left out, position of the next one
        gloss: gloss of the reference; empty if it was left out
        read: gloss that the model recognises; empty if it recognises none
        frames: start and end in the clip, in video frames, end exclusive
        seconds: start and end in seconds of the recording that the clip is cut from; null if the frame rate is unknown
        gain: natural logarithm: how much more probable the reference becomes if it is changed here to the hypothesis
        rarity: minus the natural logarithm of how often, in the other clips, the reference has `gloss` where the model
            recognises `read`. A confusion that the model makes often is weak evidence against the annotation
        fluency: as `gain`, by a gloss bigram of the other references instead of by the model
        score: how suspicious the place is ([how](annotation-files.md#suspicious-annotations)): the sum of the last
            three, of `fluency` only what is above 0; at least 0
    """

    kind: Kind
    number: Positive
    gloss: str
    read: str
    frames: Span
    seconds: tuple[float, float] | None
    gain: float
    rarity: float
    fluency: float
    score: Amount


@dataclass(frozen=True)
class ReadClip:
    """A clip's reference and hypothesis.

    Attributes:
        id: id of the clip
        recording: path of the video or folder in its corpus that it is cut from; empty if that is unknown
        score: score of its most suspicious place; 0 if the hypothesis equals the reference
        reference: glosses as annotated
        hypothesis: glosses that the model recognises
        places: places where the two differ, most suspicious first
    """

    id: str
    recording: str
    score: Amount
    reference: Glosses
    hypothesis: Glosses
    places: tuple[SuspiciousPlace, ...]


@dataclass(frozen=True)
class Ranking:
    """Clips, the most suspicious first, and by id the reason why other clips were left out."""

    clips: tuple[ReadClip, ...]
    left_out: Mapping[str, str]

    @property
    def wer(self) -> float:
        """Word error rate of the hypotheses against these references, in percent; 0 without glosses."""
        glosses = sum(len(clip.reference) for clip in self.clips)
        return 100 * sum(len(clip.places) for clip in self.clips) / glosses if glosses else 0.0


class _Change(NamedTuple):
    """A place, before it is compared with other clips."""

    pair: Pair
    number: int
    span: Span
    gain: float


class _Compared(NamedTuple):
    id: str
    recording: str
    start: float  # of the clip in the recording, seconds
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
    *,
    sources: Mapping[str, str] | None = None,
) -> Ranking:
    """Compare the reference of each clip with the hypothesis of a beam search without language model.

    Args:
        references: by clip id.
        progress: called with 1 after each clip.
        sources: by clip id, where it comes from, as stores record it.

    Raises:
        SlaError: names the clip whose emissions are not log-probabilities.
    """
    columns = columns_of(header.glosses)
    left_out: dict[str, str] = {}
    compared = []
    with BeamDecoder(header.glosses, BeamOptions()) as decoder:
        for emission in emissions:
            reference = references[emission.id]
            if reason := _reason(emission, reference, columns):
                left_out[emission.id] = reason
            else:
                recording, start, _ = split_origin((sources or {}).get(emission.id, ""))
                source = recording.removeprefix(MEDIA), start or 0.0
                compared.append(_read(emission, header.stride, columns, reference, decoder, source))
            if progress is not None:
                progress(1)
    clips = sorted(_with_places(compared, len(columns)), key=lambda clip: -clip.score)
    return Ranking(tuple(clips), left_out)


def _reason(emission: Emission, reference: Glosses, columns: Mapping[str, int]) -> str:
    """Why a clip is not compared, "" if it is: an unknown gloss can never be recognised."""
    if unknown := [gloss for gloss in reference if gloss not in columns]:
        return f"the run does not know {unknown[0]}"
    return obstacle(emission, reference, [columns[gloss] for gloss in reference])


def _read(
    emission: Emission,
    stride: int,
    columns: Mapping[str, int],
    reference: Glosses,
    decoder: BeamDecoder,
    source: tuple[str, float],
) -> _Compared:
    with naming(f"clip {emission.id}"):
        hypothesis = decoder.decode(emission.log_probs)
    pairs = align(reference, hypothesis.glosses)
    if all(pair.op == "C" for pair in pairs):
        return _Compared(emission.id, *source, emission.fps, reference, hypothesis.glosses, pairs, [])
    log_probs = emission.log_probs.clip(FLOOR)
    labels, read = ([columns[gloss] for gloss in glosses] for glosses in (reference, hypothesis.glosses))
    spans = force_align(log_probs, labels)
    written, shown = emission.places(labels, spans, stride), emission.places(read, hypothesis.spans, stride)
    changes = []
    place = heard = 0  # in reference and hypothesis
    for pair in pairs:
        if pair.op != "C":
            # Where the recognised gloss is shown; no frame shows one that only stands in the reference.
            span = written[place] if pair.hypothesis is None else shown[heard]
            gain = _gain(log_probs, labels, spans, place, pair, columns)
            changes.append(_Change(pair, place + 1, span, gain))
        place += pair.reference is not None
        heard += pair.hypothesis is not None
    return _Compared(emission.id, *source, emission.fps, reference, hypothesis.glosses, pairs, changes)


def _gain(
    log_probs: NDArray[np.floating],
    labels: Sequence[int],
    spans: Sequence[Span],
    place: int,
    pair: Pair,
    columns: Mapping[str, int],
) -> float:
    """How much more probable (natural logarithm) the reference becomes if one step of the alignment is applied to it.

    Computed only on the part of the clip with CONTEXT glosses on either side, so a long clip takes no more time.
    """
    after = place + (pair.reference is not None)
    first, last = max(0, place - CONTEXT), min(len(labels), after + CONTEXT)
    begin = spans[first - 1][1] if first else 0
    end = spans[last][0] if last < len(labels) else len(log_probs)
    read = [] if pair.hypothesis is None else [columns[pair.hypothesis]]
    changed = [*labels[first:place], *read, *labels[after:last]]
    part = log_probs[begin:end]
    return log_likelihood(part, changed) - log_likelihood(part, labels[first:last])


def _with_places(compared: Sequence[_Compared], vocabulary: int) -> Iterator[ReadClip]:
    """Clips with their places, each compared with the other clips."""
    confusions = Confusions((clip.pairs for clip in compared), vocabulary)
    bigrams = Bigrams(clip.reference for clip in compared)
    for clip in compared:
        places = [_place(clip, change, confusions, bigrams) for change in clip.changes]
        places.sort(key=lambda one: -one.score)
        score = places[0].score if places else 0.0
        yield ReadClip(clip.id, clip.recording, score, clip.reference, clip.hypothesis, tuple(places))


def _place(clip: _Compared, change: _Change, confusions: Confusions, bigrams: Bigrams) -> SuspiciousPlace:
    """A change of a clip, compared with the other clips.

    A fluency below 0 does not count in the score: a gloss recognised next to a wrong label is often wrong too.
    """
    pair, number, frames, gain = change
    start, end = frames
    first, last = number - 1, number - 1 + (pair.reference is not None)
    rarity = confusions.rarity(pair, clip.pairs)
    fluency = bigrams.fluency(clip.reference, first, last, [] if pair.hypothesis is None else [pair.hypothesis])
    return SuspiciousPlace(
        kind=KINDS[pair.op],
        number=number,
        gloss=pair.reference or "",
        read=pair.hypothesis or "",
        frames=frames,
        seconds=(_time(clip, start), _time(clip, end)) if clip.fps else None,
        gain=gain,
        rarity=rarity,
        fluency=fluency,
        score=round(max(0.0, gain + rarity + max(0.0, fluency)), 4),
    )


def _time(clip: _Compared, frame: int) -> float:
    return round(clip.start + frame / clip.fps, 3)
