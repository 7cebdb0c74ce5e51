"""Decode all clips of a split, in one process or several."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from sla_cli.core.ctc import frame_spans
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.beam import BeamDecoder
from sla_cli.decode.greedy import GreedyDecoder
from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission
from sla_cli.workers import start_worker

CHUNK = 8  # clips sent to a process at once


@dataclass(frozen=True)
class BeamOptions:
    """How to decode. A beam of 1 without a language model is the best path (greedy)."""

    beam: int = 10
    alpha: float = 0.5  # weight of the language model
    beta: float = 1.5  # reward a gloss, with a language model
    lm: Path | None = None


@dataclass(frozen=True)
class _ClipDecoder:
    decoder: BeamDecoder | GreedyDecoder
    stride: int  # video frames an output step

    def __call__(self, emission: Emission) -> Hypothesis:
        try:
            decoded = self.decoder.decode(emission.log_probs)
        except SlaError as error:
            raise SlaError(f"clip {emission.id}: {error.message}", error.hint) from error
        spans = frame_spans(decoded.spans, self.stride, emission.frames)
        return Hypothesis(emission.id, decoded.glosses, decoded.score, spans)


def decode_split(
    emissions: Iterable[Emission],
    glosses: Sequence[str],
    stride: int,
    options: BeamOptions,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Hypothesis]:
    """Decode clips; the answer does not depend on `jobs`.

    Args:
        emissions: clips with log-probabilities float (T, V + 1); read lazily.
        glosses: the vocabulary; glosses[i] has column i + 1, column 0 is the blank.
        stride: video frames an output step.
        options: decoder settings.
        jobs: processes.
        progress: called with 1 after each clip.

    Returns:
        One hypothesis a clip in the order of `emissions`, its spans in video frames.

    Raises:
        SlaError: names the clip whose emissions cannot be decoded; or the vocabulary, the language model or the
            options are bad; or a process died.
    """
    if jobs < 1:
        raise SlaError(f"{jobs} jobs", "At least 1 process is needed.")
    hypotheses = []
    with ExitStack() as stack:
        decoder: BeamDecoder | GreedyDecoder
        if options.beam == 1 and options.lm is None:
            decoder = GreedyDecoder(glosses)
        else:
            decoder = stack.enter_context(BeamDecoder(glosses, options.lm, options.alpha, options.beta, options.beam))
        decode_clip = _ClipDecoder(decoder, stride)
        answers = map(decode_clip, emissions) if jobs == 1 else _in_processes(decode_clip, emissions, jobs)
        for hypothesis in answers:
            hypotheses.append(hypothesis)
            if progress is not None:
                progress(1)
    return hypotheses


def _in_processes(decode_clip: _ClipDecoder, emissions: Iterable[Emission], jobs: int) -> Iterator[Hypothesis]:
    """Map over forked processes, which inherit the loaded decoder, with few clips under way at a time."""
    clips = iter(emissions)
    under_way: deque[Future[list[Hypothesis]]] = deque()
    with ProcessPoolExecutor(jobs, get_context("fork"), _start_worker, (decode_clip,)) as pool:
        try:
            while chunk := list(islice(clips, CHUNK)):
                under_way.append(pool.submit(_decode_chunk, chunk))
                if len(under_way) > 2 * jobs:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        except BrokenProcessPool as error:
            raise SlaError(
                "a decoding process was killed, perhaps for lack of memory", "Decode with fewer jobs (-j)."
            ) from error


_worker_decode_clip: _ClipDecoder  # set in pool processes only, which keep state in no other way


def _start_worker(decode_clip: _ClipDecoder) -> None:
    global _worker_decode_clip  # noqa: PLW0603
    _worker_decode_clip = decode_clip
    start_worker()


def _decode_chunk(emissions: Sequence[Emission]) -> list[Hypothesis]:
    return [_worker_decode_clip(emission) for emission in emissions]
