"""Streams beside whole recordings: how late a sign is final, what is taken back, and what not looking ahead costs.

    sla demo --keep DEMO
    python benchmarks/live.py DEMO/work/runs/adapter-1 [RUN...] [--sentences 36] [--lookahead S...] [--json]

The recordings are those of recordings.py. A frame arrives when a camera would give it, and waits until the frames
before it are computed, on one core; the time of an event is that at which its computation ends. CPU time counts, so
other programs do not disturb.

`WER` is that of the stream, `whole` that of `Recognizer.transcribe` on the same recordings. `delay` is, over signs that
are right, the time of the final event minus the end of the drawn sign: median and 95th percentile in seconds; `floor`
is the median if computing took no time. `taken back` is the share of shown glosses that were replaced or removed
later, in percent; final ones never are. `load` is computing time over the time of the recording: below 1 a stream keeps
up.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import cv2
import numpy as np
import torch
from recordings import CONDITIONS, Recording, draw

from sla_cli.core.annotation import Sign
from sla_cli.core.edit_alignment import align, count, total
from sla_cli.demo.movie import FPS
from sla_cli.transcribe.events import Event, Final, Partial
from sla_cli.transcribe.recognizer import Recognizer

SHOWN = tuple(name for name in CONDITIONS if CONDITIONS[name].sentences > 1)


@dataclass(frozen=True)
class Played:
    """A recording as a stream.

    Attributes:
        final: the final signs, with the time of each event without and with computing time.
        shown, back: numbers of glosses that were shown, and that were taken back.
        load: computing time over the time of the recording.
    """

    final: list[tuple[Sign, float, float]]
    shown: int
    back: int
    load: float


@dataclass(frozen=True)
class Figures:
    """Results of a run in a condition; rates in percent, times in seconds, None where no sign is right."""

    run: str
    lookahead: float | None
    condition: str
    wer: float
    whole: float
    floor: float | None
    delay: float | None
    late: float | None
    back: float
    load: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--sentences", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0, help="of the recordings")
    parser.add_argument("--lookahead", type=float, nargs="+", default=[None], help="seconds; default: the stream's own")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.signer = None
    torch.set_num_threads(1)
    found: list[Figures] = []
    with TemporaryDirectory() as folder:
        drawn = {
            name: list(draw(Path(folder) / str(number), CONDITIONS[name], options, [options.seed, number]))
            for number, name in enumerate(SHOWN)
        }
        for run in options.runs:
            for one in measure(run, drawn, options.lookahead):
                found.append(one)
                if not options.json:
                    print(line(one), flush=True)
    if options.json:
        json.dump([asdict(figures) for figures in found], sys.stdout)


def measure(run: Path, drawn: dict[str, list[Recording]], lookaheads: Sequence[float | None]) -> Iterator[Figures]:
    """One run in each condition and with each look-ahead."""
    with Recognizer.open(run, device="cpu") as model:
        for name, recordings in drawn.items():
            true = [[sign.gloss for sign in one.signs] for one in recordings]
            whole = [[sign.gloss for sign in model.transcribe(one.folder, fps=FPS).signs] for one in recordings]
            for lookahead in lookaheads:
                played = [play(model, one, lookahead) for one in recordings]
                read = [[sign.gloss for sign, *_ in one.final] for one in played]
                both = zip(recordings, played, strict=True)
                delays = [pair for each in both for pair in delays_of(*each)]
                yield Figures(
                    str(run), lookahead, name, _wer(true, read), _wer(true, whole),
                    _percentile([floor for floor, _ in delays], 50),
                    _percentile([delay for _, delay in delays], 50),
                    _percentile([delay for _, delay in delays], 95),
                    100 * sum(one.back for one in played) / max(1, sum(one.shown for one in played)),
                    float(np.mean([one.load for one in played])),
                )  # fmt: skip


def play(model: Recognizer, recording: Recording, lookahead: float | None) -> Played:
    """One recording, frame by frame."""
    pictures = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in sorted(recording.folder.iterdir())]
    stream, ready, busy = model.stream(lookahead=lookahead), 0.0, 0.0
    final: list[tuple[Sign, float, float]] = []
    partial: list[str] = []
    shown = back = 0
    for number in range(len(pictures) + 1):
        arrived, begun = number / FPS, process_time()
        events: list[Event] = stream.push(pictures[number], arrived) if number < len(pictures) else stream.finish()
        spent = process_time() - begun
        busy, ready = busy + spent, max(ready, arrived) + spent
        before = [*(sign.gloss for sign, *_ in final), *partial]
        final += [(event.sign, arrived, ready) for event in events if isinstance(event, Final)]
        for event in events:
            partial = [sign.gloss for sign in event.signs] if isinstance(event, Partial) else partial
        now = [*(sign.gloss for sign, *_ in final), *partial]
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, now, strict=False)))
        shown, back = shown + len(now) - same, back + len(before) - same
    return Played(final, shown, back, busy * FPS / len(pictures))


def delays_of(recording: Recording, played: Played) -> Iterator[tuple[float, float]]:
    """From the end of each sign that is right to its final event, without and with computing time."""
    true, read = list(recording.signs), list(played.final)
    for pair in align([sign.gloss for sign in true], [sign.gloss for sign, *_ in read]):
        sign = true.pop(0) if pair.reference is not None else None
        given = read.pop(0) if pair.hypothesis is not None else None
        if pair.op == "C" and sign is not None and given is not None:
            yield given[1] - sign.end, given[2] - sign.end


def _wer(true: Sequence[Sequence[str]], read: Sequence[Sequence[str]]) -> float:
    return total([count(align(one, other)) for one, other in zip(true, read, strict=True)]).wer


def _percentile(values: Sequence[float], share: int) -> float | None:
    return float(np.percentile(values, share)) if values else None


def line(one: Figures) -> str:
    """For people."""
    lookahead = "own" if one.lookahead is None else f"{one.lookahead:g} s"
    floor, delay, late = ("-" if time is None else f"{time:.2f}" for time in (one.floor, one.delay, one.late))
    return (
        f"{one.run}, {one.condition}, look-ahead {lookahead}: WER {one.wer:.1f} (whole {one.whole:.1f}), "
        f"delay {delay}, 95 % {late}, floor {floor}, taken back {one.back:.1f} %, load {one.load:.2f}"
    )


if __name__ == "__main__":
    main()
