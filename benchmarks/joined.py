"""Recognition of long recordings: concatenated sentences by people unseen in training, with known boundaries.

    python benchmarks/joined.py RUN SHARED [--minutes 30] [--windows 58,116,232,464] [--contexts 0,8,4] [--json]

RUN was trained by examples/real_signing.sh on the train people of SHARED/data/isl-emergency; sentences are composed of
clips of its dev people, as in SHARED/tools/compose_sentences.py, and each clip's first and last frame are known. The
backbone processes the joined recording once; then the head processes windows of each length, with a share of 1/CONTEXT
of each as context on either side (0: none). `same` is the share of the glosses from whole-sentence decoding that the
joined recording gives too, `kept` the same share of the correct ones. Of the correct glosses, `inside` is the share
whose middle is in the true interval; `start` and `end` are the median absolute errors in frames at the run's rate.
`whole` decodes every sentence separately.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

from sla_cli.core.annotation import Sign
from sla_cli.core.edit_alignment import align, count
from sla_cli.core.place import FrameScores, place
from sla_cli.core.time_score import correct_pairs
from sla_cli.core.windows import Windows
from sla_cli.model.open_run import OpenedModel, open_model
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.transcribe.recording import as_stored
from sla_cli.transcribe.runtime import CHUNK, stream_features
from sla_cli.transcribe.torch_runtime import TorchRuntime
from sla_cli.transcribe.windows import Floats, JoinedWindows
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat

FPS, WIDTH, HEIGHT = 25, 210, 260
LENGTHS = (3, 6)  # number of glosses in a sentence


def shown(gloss: str, start: float, end: float) -> Sign:
    """A gloss and the frames that show it, in the frame rate of the run, end exclusive."""
    return Sign(gloss, start, end, confidence=1.0)


@dataclass(frozen=True)
class Composed:
    """A composed sentence: frames as the run sees them, RGB uint8 (frames, side, side, 3), and its glosses in them."""

    frames: np.ndarray
    glosses: tuple[Sign, ...]


@dataclass(frozen=True)
class Figures:
    """The results of one setting: shares in percent, errors in frames at the run's rate, None if none is correct."""

    name: str
    glosses: int
    wer: float
    same: float | None
    kept: float | None
    inside: float | None
    start: float | None
    end: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--windows", default="58,116,232,464,928")
    parser.add_argument("--contexts", default="0,8,4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument(
        "--features", type=Path, help="NPZ file that stores features, for other windows with the same run"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    opened = open_model(Run(options.run), device=options.device, precision=options.precision)
    answers = []
    for figures in measure(opened, options):
        answers.append(asdict(figures))
        if not options.json:
            print("  ".join(f"{key} {value}" for key, value in answers[-1].items()), flush=True)
    if options.json:
        print(json.dumps(answers))


def measure(opened: OpenedModel, options: argparse.Namespace) -> Iterator[Figures]:
    """Results for whole sentences, then for the joined recording with windows of each kind."""
    frames = Run(options.run).facts.frames
    assert frames is not None
    sentences = list(compose(options.shared / "data" / "isl-emergency", frames, options.minutes, options.seed))
    starts = np.cumsum([0, *(len(sentence.frames) for sentence in sentences)])
    truth = [
        shown(one.gloss, one.start + start, one.end + start)
        for sentence, start in zip(sentences, starts, strict=False)
        for one in sentence.glosses
    ]
    runtime = TorchRuntime(opened)
    with BeamDecoder(opened.glosses, BeamOptions()) as decoder:

        def read(log_probs: Floats, features: Floats, start: int = 0) -> list[Sign]:
            found = decoder.decode(log_probs)
            labels = [opened.glosses.index(gloss) + 1 for gloss in found.glosses]
            scorer = opened.scorer
            scores = (
                FrameScores(scorer(torch.from_numpy(features).to(scorer.bias.device)).cpu().numpy(), scorer.least)
                if scorer is not None
                else None
            )
            spans = place(labels, found.spans, opened.stride, len(features), scores)
            return [shown(gloss, a + start, b + start) for gloss, (a, b) in zip(found.glosses, spans, strict=True)]

        alone, joined = features_of(runtime, sentences, options.features)
        whole, cuts = [], starts[:-1].tolist()
        for features, start in zip(alone, cuts, strict=True):
            whole += read(runtime.head(features), features, start)
        yield figures("whole", whole, whole, truth, cuts)
        steps = len(joined) // opened.stride
        default = Windows.of(opened.config.train, opened.stride)
        kinds = [default, *chosen(options, opened.stride), Windows(steps * opened.stride + opened.stride, 0)]
        for windows in dict.fromkeys(kinds):
            reader = JoinedWindows(runtime.head, opened.stride, windows)
            for start in range(0, len(joined), CHUNK):
                reader.add(joined[start : start + CHUNK])
            name = f"{windows.length}/{windows.context}" + " (default)" * (windows == default)
            yield figures(name, read(reader.finish(), joined), whole, truth, cuts)


def features_of(
    runtime: TorchRuntime, sentences: Sequence[Composed], kept: Path | None
) -> tuple[Sequence[Floats], Floats]:
    """Features of each sentence separately, and of all of them joined; from `kept` if it exists."""
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            return np.split(file["alone"], file["borders"]), file["joined"]

    def of(frames: Iterable[np.ndarray]) -> Floats:
        return np.concatenate([part.rows for part in stream_features(runtime, frames)])

    alone = [of(sentence.frames) for sentence in sentences]
    joined = of(one for sentence in sentences for one in sentence.frames)
    if kept is not None:
        borders = np.cumsum([len(features) for features in alone])[:-1]
        np.savez(kept, alone=np.concatenate(alone), borders=borders, joined=joined)
    return alone, joined


def chosen(options: argparse.Namespace, stride: int) -> Iterator[Windows]:
    """Windows and context rounded to whole steps."""
    for length in map(int, options.windows.split(",")):
        for share in map(int, options.contexts.split(",")):
            context = round(length / share / stride) * stride if share else 0
            yield Windows(-(-length // stride) * stride, context)


def compose(folder: Path, frames: FrameFormat, minutes: float, seed: int) -> Iterator[Composed]:
    """Sentences of 3 to 6 glosses by one person each, without immediate repeats, until there are enough minutes.

    A sentence also does not begin with the last gloss of the previous one: without a pause or a movement between them,
    the two signs would be one.
    """
    takes: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    with (folder / "clips.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                takes[row["person"]][row["gloss"]].append(folder / "clips" / row["clip"])
    rng, every, length, last = random.Random(seed), round(FPS / frames.fps), 0, ""
    while length < minutes * 60 * frames.fps:
        pool, glosses = takes[rng.choice(sorted(takes))], [last]
        while len(glosses) <= rng.randint(*LENGTHS):
            glosses += [gloss for gloss in [rng.choice(sorted(pool))] if gloss != glosses[-1]]
        pictures, signs, last = [], [], glosses[-1]
        for gloss in glosses[1:]:
            clip = read_frames(rng.choice(pool[gloss]))
            signs.append(shown(gloss, len(pictures) / every, (len(pictures) + len(clip)) / every))
            pictures += clip
        while len(pictures) % every:  # a sentence then has the same frames alone and joined
            pictures.append(pictures[-1])
        seen = np.stack([as_stored(picture, frames) for picture in pictures[::every]])
        length += len(seen)
        yield Composed(seen, tuple(signs))


@cache
def read_frames(path: Path) -> list[np.ndarray]:
    """BGR uint8 (260, 210, 3), resized as in compose_sentences.py."""
    video, frames = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        frames.append(cv2.resize(read[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
    return frames


def figures(
    name: str, found: Sequence[Sign], whole: Sequence[Sign], truth: Sequence[Sign], cuts: Sequence[int]
) -> Figures:
    """Compare with whole-sentence decoding, and with the true glosses."""
    correct, errors = matched(truth, found, cuts)
    same, _ = matched(whole, found, cuts)
    if not same or not correct:
        return Figures(name, len(truth), round(100 * errors / len(truth), 2), None, None, None, None, None)
    right = {one for one, _ in matched(truth, whole, cuts)[0]}
    inside = sum(one.start <= (two.start + two.end) / 2 < one.end for one, two in correct)
    return Figures(
        name,
        len(truth),
        round(100 * errors / len(truth), 2),
        round(100 * len(same) / len(whole), 2),
        round(100 * len(right.intersection(one for one, _ in correct)) / len(right), 2),
        round(100 * inside / len(correct), 2),
        round(median(abs(one.start - two.start) for one, two in correct), 2),
        round(median(abs(one.end - two.end) for one, two in correct), 2),
    )


def matched(
    reference: Sequence[Sign], found: Sequence[Sign], cuts: Sequence[int]
) -> tuple[list[tuple[Sign, Sign]], int]:
    """Pairs that an alignment of the glosses finds correct, sentence by sentence, and its errors."""
    pairs, errors = [], 0
    for there, recognised in zip(by_sentence(reference, cuts), by_sentence(found, cuts), strict=True):
        pairs += correct_pairs(there, recognised)
        errors += count(align([sign.gloss for sign in there], [sign.gloss for sign in recognised])).errors
    return pairs, errors


def by_sentence(signs: Sequence[Sign], cuts: Sequence[int]) -> list[list[Sign]]:
    """Glosses by the sentence that contains their middle."""
    groups: list[list[Sign]] = [[] for _ in cuts]
    for one in signs:
        groups[bisect_right(cuts, (one.start + one.end) / 2) - 1].append(one)
    return groups


if __name__ == "__main__":
    main()
