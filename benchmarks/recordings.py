"""Recognition of drawn recordings with pauses, against the frames in which each sign was drawn.

    sla demo --keep DEMO
    python benchmarks/recordings.py DEMO/work/runs/adapter-1 [RUN...] [--sentences 36] [--signer NAME] [--json]

Each RUN was trained on drawn signing; several are, for instance, several seeds. Sentences are of the grammar's test
part, so no run has seen one. In each condition the same sentences are signed anew with other pauses, six by each of the
demo's signers in turn, or all by the one of --signer. Frames are drawn, read as PNG and transcribed with the defaults
of `sla transcribe`, without a language model.

Of the glosses that are right, `inside` is the share whose middle lies in the true sign, `start` and `end` are median
errors in seconds. `F1` is at an intersection over union of 0.1, 0.25 and 0.5. `in rests`: recognised glosses that no
true sign overlaps. `ECE`: expected calibration error of confidences. Ratios compare a condition's WER with that of
single sentences.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from sla_cli.core.annotation import Sign
from sla_cli.core.calibration import calibration_error
from sla_cli.core.edit_alignment import Counts, align, count, total
from sla_cli.core.time_score import TimeScore, pooled_times, score_times
from sla_cli.demo.drawing import draw_frame, draw_stage
from sla_cli.demo.grammar import draw_sentences
from sla_cli.demo.lexicon import MOVEMENTS
from sla_cli.demo.movie import FPS
from sla_cli.demo.signers import SIGNERS
from sla_cli.demo.signing import sign_sentences
from sla_cli.transcribe.recognizer import Recognizer

SINGLE = "single sentences"
TOGETHER = 6  # sentences that one person signs before the next, so that conditions have the same people sign the same


@dataclass(frozen=True)
class Condition:
    """How recordings are signed.

    Attributes:
        sentences: number of sentences in each.
        rests: seconds of rest around them, least and most.
        movements: whether there are movements between them that are no signs.
        repeated: whether one sign of each sentence is signed twice, which no training sentence has.
    """

    sentences: int
    rests: tuple[float, float]
    movements: bool = False
    repeated: bool = False


CONDITIONS = {
    SINGLE: Condition(1, (0.08, 0.08)),  # as in training
    "rests 0.1 to 0.3 s": Condition(TOGETHER, (0.1, 0.3)),
    "rests 0.3 to 0.6 s": Condition(TOGETHER, (0.3, 0.6)),
    "rests 1.2 to 2 s": Condition(TOGETHER, (1.2, 2.0)),
    "rests 2 to 3 s": Condition(TOGETHER, (2.0, 3.0)),
    "ten sentences": Condition(10, (0.3, 3.0)),
    "signs repeated": Condition(1, (0.08, 0.08), repeated=True),
    "other movements": Condition(TOGETHER, (0.3, 3.0), movements=True),
}


@dataclass(frozen=True)
class Recording:
    """Pictures in a folder, and the signs in them."""

    folder: Path
    signs: tuple[Sign, ...]


@dataclass(frozen=True)
class Figures:
    """Results of a run in a condition; shares and rates in percent, errors in seconds; None where nothing counts."""

    run: str
    condition: str
    glosses: int
    wer: float
    ratio: float | None
    inside: float | None
    f1: tuple[float, ...]
    start: float | None
    end: float | None
    in_rests: float | None
    calibration: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--sentences", type=int, default=36)
    parser.add_argument("--seed", type=int, default=0, help="of the recordings")
    parser.add_argument("--signer", choices=[signer.name for signer in SIGNERS], help="who signs; default: all in turn")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[Figures] = []
    with TemporaryDirectory() as folder:
        drawn = {
            name: list(draw(Path(folder) / str(number), condition, options, [options.seed, number]))
            for number, (name, condition) in enumerate(CONDITIONS.items())
        }
        for run in options.runs:
            found += measure(run, drawn, options.device)
            if not options.json:
                print(table(found[-len(drawn) :]), flush=True)
    if options.json:
        json.dump([asdict(figures) for figures in found], sys.stdout)


def draw(folder: Path, condition: Condition, options: argparse.Namespace, seed: Sequence[int]) -> Iterator[Recording]:
    """Recordings of so many sentences together; the last may have fewer than the others."""
    sentences = draw_sentences(0, "test", options.sentences, different=True)
    signers = [signer for signer in SIGNERS if options.signer in (None, signer.name)]
    for number, first in enumerate(range(0, options.sentences, condition.sentences)):
        rng = np.random.default_rng([*seed, number])
        signer = signers[(first // TOGETHER + options.seed) % len(signers)]
        signed = sentences[first : first + condition.sentences]
        if condition.repeated:
            signed = [repeat(sentence, int(rng.integers(len(sentence)))) for sentence in signed]
        rests = [round(FPS * rng.uniform(*condition.rests)) for _ in range(len(signed) + 1)]
        kinds = list(MOVEMENTS.values())
        movements = {at: kinds[rng.integers(len(kinds))] for at in range(len(signed)) if condition.movements}
        poses, spans = sign_sentences(signed, signer, rng, rests, movements)
        here = folder / str(number)
        here.mkdir(parents=True)
        stage = draw_stage(signer, light=rng.uniform(0.92, 1.04))
        for time, pose in enumerate(poses):
            frame = cv2.cvtColor(draw_frame(pose, signer, stage), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(here / f"{time:06d}.png"), frame)
        glosses = [gloss for sentence in signed for gloss in sentence]
        times = [span for each in spans for span in each]
        yield Recording(
            here,
            tuple(Sign(gloss, start / FPS, end / FPS, 1.0) for gloss, (start, end) in zip(glosses, times, strict=True)),
        )


def repeat(sentence: tuple[str, ...], place: int) -> tuple[str, ...]:
    """The sentence with one of its signs twice."""
    return (*sentence[: place + 1], *sentence[place:])


def measure(run: Path, drawn: dict[str, list[Recording]], device: str) -> Iterator[Figures]:
    """One run in each condition."""
    single = 0.0
    with Recognizer.open(run, device=device) as model:
        for name, recordings in drawn.items():
            counts: list[Counts] = []
            times: list[TimeScore] = []
            sure: list[float] = []
            right: list[bool] = []
            for recording in recordings:
                read = model.transcribe(recording.folder, fps=FPS).signs
                true = recording.signs
                pairs = list(align([sign.gloss for sign in true], [sign.gloss for sign in read]))
                counts.append(count(pairs))
                sure += [sign.confidence for sign in read]
                right += [pair.op == "C" for pair in pairs if pair.hypothesis is not None]
                times.append(score_times(true, read))
            wer, placed = total(counts).wer, pooled_times(times)
            single = wer if name == SINGLE else single
            yield Figures(
                str(run), name, placed.references, wer, wer / single if single else None, placed.share_inside,
                placed.f1, placed.start_error, placed.end_error, placed.share_outside, calibration_error(sure, right),
            )  # fmt: skip


def table(found: Sequence[Figures]) -> str:
    """A line for each condition."""
    lines = [f"{found[0].run}, {found[0].glosses} glosses in each condition"]
    columns = ("WER", "ratio", "inside", "F1 0.1", "0.25", "0.5", "start", "end", "in rests", "ECE")
    lines.append(f"{'':20} " + " ".join(f"{name:>8}" for name in columns))
    for one in found:
        figures = [_text(one.wer, 1), _text(one.ratio, 2), _text(one.inside, 1), *(_text(share, 1) for share in one.f1)]
        figures += [_text(one.start, 2), _text(one.end, 2), _text(one.in_rests, 1), _text(one.calibration, 3)]
        lines.append(f"{one.condition:20} " + " ".join(f"{text:>8}" for text in figures))
    return "\n".join(lines)


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
