"""Decode all clips of a split, in one process or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sla_cli.config import DecodeConfig
from sla_cli.core.ctc import frame_spans
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.processes import Clips, map_clips
from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission
from sla_cli.search.decoder import BeamDecoder, Engine
from sla_cli.search.greedy import GreedyDecoder


@dataclass(frozen=True)
class BeamOptions:
    """How to decode. A beam of 1 without a language model and hot words is the best path (greedy).

    Attributes:
        beam: prefixes kept at each step.
        alpha: weight of the language model.
        beta: reward a gloss, with a language model.
        lm: the language model's file.
        nbest: readings a clip, at most as many as the beam holds.
        hotwords, hotword_weight: glosses to favour, and what each occurrence adds to the score (natural log).
        engine: our own search, or pyctcdecode's.
    """

    beam: int = DecodeConfig.beam
    alpha: float = DecodeConfig.alpha
    beta: float = DecodeConfig.beta
    lm: Path | None = None
    nbest: int = 1
    hotwords: tuple[str, ...] = ()
    hotword_weight: float = DecodeConfig.hotword_weight
    engine: Engine = "prefix"

    @property
    def greedy(self) -> bool:
        return self.beam == 1 and self.lm is None and not self.hotwords


Readings = list[Hypothesis]  # of one clip, best first


@dataclass(frozen=True)
class _ClipDecoder:
    decoder: BeamDecoder | GreedyDecoder
    stride: int  # video frames an output step
    nbest: int

    def __call__(self, emission: Emission) -> Readings:
        try:
            readings = self.decoder.nbest(emission.log_probs, self.nbest)
        except SlaError as error:
            raise SlaError(f"clip {emission.id}: {error.message}", error.hint) from error
        return [
            Hypothesis(
                emission.id,
                reading.glosses,
                reading.score,
                frame_spans(reading.spans, self.stride, emission.frames),
                reading.confidence,
                rank,
                emission.fps,
            )
            for rank, reading in enumerate(readings, start=1)
        ]


def decode_split(
    emissions: Clips,
    glosses: Sequence[str],
    stride: int,
    options: BeamOptions,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Readings]:
    """Decode clips; the answer does not depend on `jobs`.

    Args:
        emissions: clips with log-probabilities float (T, V + 1), by index; each process reads its own, one at a time.
        glosses: the vocabulary; glosses[i] has column i + 1, column 0 is the blank.
        stride: video frames an output step.
        options: decoder settings.
        jobs: processes.
        progress: called with 1 after each clip.

    Returns:
        The readings of each clip, best first, in the order of `emissions`; their spans in video frames.

    Raises:
        SlaError: names the clip whose emissions cannot be decoded; or the vocabulary, the language model or the
            options are bad; or a process died.
    """
    if jobs < 1:
        raise SlaError(f"{jobs} jobs", "At least 1 process is needed.")
    if options.nbest > options.beam:
        raise SlaError(f"{options.nbest} readings a clip from a beam of {options.beam}", "Give a wider --beam.")
    decoded = []
    with ExitStack() as stack:
        decoder = GreedyDecoder(glosses) if options.greedy else stack.enter_context(open_decoder(glosses, options))
        decode_clip = _ClipDecoder(decoder, stride, options.nbest)
        for readings in map_clips(decode_clip, emissions, jobs):
            decoded.append(readings)
            if progress is not None:
                progress(1)
    return decoded


def open_decoder(glosses: Sequence[str], options: BeamOptions) -> BeamDecoder:
    """The beam decoder that options describe. Raises as `BeamDecoder` does."""
    return BeamDecoder(
        glosses,
        options.lm,
        options.alpha,
        options.beta,
        options.beam,
        hotwords=options.hotwords,
        hotword_weight=options.hotword_weight,
        engine=options.engine,
    )
