"""Warnings of recordings unlike the training data: how many of a run's own are warned of, and how many foreign ones.

    python benchmarks/unlike.py RUN [RUN...] [--drawn] [--foreign VIDEO_OR_FOLDER...] [--each 40] [--json]

Own are the clips of the run's dev split, whose distances give the limit, and of test if there is one; with --drawn
(runs of `sla demo --keep`) also recordings of unseen sentences with pauses and with movements that are no signs, as
benchmarks/recordings.py draws them. Foreign are recordings of --foreign; without --drawn, drawn signing; noise, a
picture of one colour and a landscape; and dev clips seen by another camera: enlarged, reduced, to the side, turned,
mirrored, without colour, darker.

`warned` is the share of clips beyond the limit. `AUC` is the area under the ROC curve of the distances of a group
against those of the own clips of dev and test.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from recordings import CONDITIONS, draw

from sla_cli.core.clip import Source
from sla_cli.core.windows import Windows
from sla_cli.demo.movie import FPS
from sla_cli.demo.signers import SIGNERS
from sla_cli.model.open_run import OpenedModel, open_model
from sla_cli.store.codec import reduction
from sla_cli.transcribe.find_recordings import find_recordings
from sla_cli.transcribe.recording import Recording, as_stored
from sla_cli.transcribe.runtime import stream_outputs
from sla_cli.transcribe.torch_runtime import TorchRuntime
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat

MOST = 500  # frames of a recording
DRAWN = ("single sentences", "rests 0.3 to 0.6 s", "rests 2 to 3 s", "other movements")

Frames = Sequence[NDArray[np.uint8]]  # RGB (side, side, 3), as stored


@dataclass(frozen=True)
class Figures:
    """Results of a group of clips; `warned` and `auc` in percent."""

    run: str
    group: str
    clips: int
    warned: float
    auc: float | None
    least: float
    greatest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--foreign", nargs="+", type=Path, default=[], metavar="VIDEO_OR_FOLDER")
    parser.add_argument("--drawn", action="store_true", help="the runs were trained on drawn signing")
    parser.add_argument("--each", type=int, default=40, help="clips of each group at most")
    parser.add_argument("--sentences", type=int, default=2 * len(SIGNERS), help="drawn in each condition")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[Figures] = []
    for path in options.runs:
        found += measure(Run(path), options)
        if not options.json:
            print(table(found), flush=True)
            found.clear()
    if options.json:
        json.dump([asdict(figures) for figures in found], sys.stdout)


def measure(run: Run, options: argparse.Namespace) -> list[Figures]:
    """One run on all groups."""
    opened = open_model(run, device="cpu")
    domain, windows = opened.domain, Windows.of(opened.config.train, opened.stride)
    assert domain is not None, f"{run.path} has no domain.safetensors: sla train --resume makes it"
    runtime, distances = TorchRuntime(opened), dict[str, list[float]]()
    for group, frames in groups(run, opened, options):
        distance = stream_outputs(runtime, frames, windows, group).distance
        assert distance is not None
        distances.setdefault(group, []).append(distance / domain.limit)
    own = distances["own dev"] + distances.get("own test", [])
    return [
        Figures(
            run.path.name,
            group,
            len(found),
            100 * float(np.mean([distance > 1 for distance in found])),
            None if group.startswith("own") else 100 * area(own, found),
            min(found),
            max(found),
        )
        for group, found in distances.items()
    ]


def groups(run: Run, opened: OpenedModel, options: argparse.Namespace) -> Iterator[tuple[str, Frames]]:
    """Clips as the run sees them, with the names of their groups."""
    like, store = run.facts.frames, run.own_clips()
    reduce = reduction(like.size, opened.config.train.crop, opened.config.model.image_size)
    for name in ("dev", "test"):
        for clip in islice(store[name] if name in store.splits else (), options.each):
            frames = list(clip.frames(reduce=reduce))
            yield f"own {name}", frames
            if name == "dev":
                yield from ((f"camera: {change}", [see(frame) for frame in frames]) for change, see in CAMERAS.items())
    for condition, frames in drawn_recordings(like, reduce, options.sentences):
        yield (f"own {condition}" if options.drawn else "drawn signing"), frames
    for path in options.foreign:
        recordings = find_recordings(path)
        for recording in recordings[:: -(-len(recordings) // options.each)]:
            yield path.name, read(recording.source, like, reduce)
    rng = np.random.default_rng(0)
    for number in range(5):
        pictures = {"landscape": landscape(number), "noise": list(rng.integers(0, 256, (50, 360, 640, 3), np.uint8))}
        pictures["one colour"] = [np.full((360, 640, 3), 60 * number, np.uint8)] * 50
        yield from ((name, [stored(one, like, reduce) for one in frames]) for name, frames in pictures.items())


def drawn_recordings(like: FrameFormat, reduce: int, sentences: int) -> Iterator[tuple[str, Frames]]:
    """Recordings by each of the demo's signers in turn, with the names of their conditions."""
    for condition in DRAWN:
        with TemporaryDirectory() as folder:
            options = argparse.Namespace(sentences=sentences, signer=None, seed=0)
            for recording in draw(Path(folder), CONDITIONS[condition], options, [0, 0]):
                yield condition, read(Source(recording.folder, ""), like, reduce, fps=FPS)


def read(source: Source, like: FrameFormat, reduce: int, fps: float | None = None) -> Frames:
    return list(islice(Recording(source, like, fps=fps, reduce=reduce), MOST))


def stored(picture: NDArray[np.uint8], like: FrameFormat, reduce: int) -> NDArray[np.uint8]:
    return as_stored(picture, like, reduce)


def landscape(seed: int) -> Frames:
    """A camera that moves past hills under a sky, BGR (360, 640, 3)."""
    rng = np.random.default_rng(seed)
    height, width = 360, 640
    down = np.linspace(0, 1, height)[:, None, None]
    picture = (1 - down) * np.array([235.0, 180, 120]) + down * np.array([240.0, 220, 200]) + np.zeros((1, width, 1))
    across = np.arange(width)
    for number in range(4):
        waves = (rng.uniform(5, 25) * np.sin(across / rng.uniform(30, 150) + rng.uniform(0, 6)) for _ in range(4))
        edge = height * (0.45 + 0.13 * number) + sum(waves)
        picture[np.arange(height)[:, None] > edge] = 60 + 20 * number, 120 - 20 * number + rng.uniform(0, 40), 60
    picture += rng.normal(0, 12, (height, width, 1))
    return [np.clip(np.roll(picture, 2 * time, 1), 0, 255).astype(np.uint8) for time in range(100)]


def zoomed(frame: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Enlarged around the middle, or reduced with its borders repeated."""
    side = len(frame)
    matrix = np.array([[scale, 0, side * (1 - scale) / 2], [0, scale, side * (1 - scale) / 2]])
    moved = cv2.warpAffine(frame, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(frame.mean(2, keepdims=True), 3, 2).astype(np.uint8)


CAMERAS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "enlarged to 2": lambda frame: zoomed(frame, 2),
    "enlarged to 1.3": lambda frame: zoomed(frame, 1.3),
    "reduced to 0.75": lambda frame: zoomed(frame, 0.75),
    "reduced to 0.5": lambda frame: zoomed(frame, 0.5),
    "to the side by a fifth": lambda frame: np.roll(frame, len(frame) // 5, 1),
    "turned by 90 degrees": lambda frame: np.rot90(frame).copy(),
    "mirrored": lambda frame: frame[:, ::-1].copy(),
    "without colour": grey,
    "half as bright": lambda frame: frame // 2,
}


def area(own: Sequence[float], foreign: Sequence[float]) -> float:
    """Area under the ROC curve: the share of pairs in which the foreign distance is greater."""
    pairs = np.subtract.outer(np.array(foreign), np.array(own))
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def table(figures: Sequence[Figures]) -> str:
    lines = [f"{'':38}{'clips':>6}{'warned %':>10}{'AUC %':>8}{'distance / limit':>20}"]
    for one in figures:
        auc = "" if one.auc is None else f"{one.auc:.1f}"
        lines += [f"{one.group:38}{one.clips:6}{one.warned:10.1f}{auc:>8}{one.least:12.2f} to {one.greatest:.2f}"]
    return "\n".join([figures[0].run, *lines])


if __name__ == "__main__":
    main()
