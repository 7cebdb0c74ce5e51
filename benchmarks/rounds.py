"""Corrections that transcripts need from round to round of annotating, training and transcribing, on drawn recordings.

    python benchmarks/rounds.py FOLDER [--minutes 10] [--rounds 2] [--batch 5] [--epochs 30] [--seed 0] [--json]

It does what docs/guides/rounds.md says, by the same commands: some minutes are annotated, a model is trained on them
and transcribes the next recordings, these are corrected (replaced by the truth) and added, and so on. Counted for each
model: glosses that are wrong, missing or too many, and right glosses of which an end has to be moved by more than
0.12 seconds, for each minute of recording; for the recordings that are corrected next, and for the same last
recordings, which no model is trained on. Seconds are those of this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Sign
from sla_cli.core.edit_alignment import align, count
from sla_cli.core.time_score import score_times

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
HAND = "RH-IDgloss"
TIERS = ("--tier", HAND, "--tier", "LH-IDgloss")
SUGGESTED = Layout.tier
SECONDS = 31  # of a recording of 8 sentences
MOVED = 0.12  # seconds by which an end may be wrong
SMALL = ("--preset", "tiny", "--batch", "1", "--set", "train.schedule=cosine", "--set", "loss.distillation=0",
         "--set", "loss.conv_ctc=0")  # fmt: skip


@dataclass(frozen=True)
class Round:
    """What one model needs.

    Attributes:
        annotated: minutes that it was trained on.
        glosses, ends: corrections a minute in the recordings that are corrected next.
        last_glosses, last_ends: the same in the last recordings.
        train: seconds of training.
    """

    annotated: float
    glosses: float
    ends: float
    last_glosses: float
    last_ends: float
    train: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0, help="annotated at the beginning")
    parser.add_argument("--batch", type=float, default=5.0, help="minutes that are corrected in a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = rounds(arguments)
    if arguments.json:
        print(json.dumps([asdict(one) for one in found]))
        return
    print(f"{'annotated':>10}{'glosses':>9}{'ends':>7}{'last: glosses':>15}{'ends':>7}{'train':>8}")
    for one in found:
        print(
            f"{one.annotated:8.1f} m{one.glosses:9.1f}{one.ends:7.1f}{one.last_glosses:15.1f}{one.last_ends:7.1f}"
            f"{one.train:6.0f} s"
        )


def rounds(arguments: argparse.Namespace) -> list[Round]:
    """Every round, and one model more, which is only measured."""
    folder, seed = arguments.folder.resolve(), str(arguments.seed)
    first, batch = (max(1, round(60 * minutes / SECONDS)) for minutes in (arguments.minutes, arguments.batch))
    later = batch * (arguments.rounds + 1)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(EXAMPLES / "draw_elan.py"), "draw", str(folder), "--seed", seed]
    call(folder, [*command, "--annotated", str(first), "--unannotated", str(later), "--sentences", "8"])
    (folder / "rest").rename(folder / "recordings")
    for path in (folder / "corpus").iterdir():
        path.rename(folder / "recordings" / path.name)
    waiting = sorted((folder / "recordings").glob("*.webm"))[first:]
    batches = [waiting[start : start + batch] for start in range(0, later, batch)]
    found = []
    for number, current in enumerate(batches):
        sla(folder, "prep", "elan", "recordings", *TIERS, "--pause", "2", "--size", "128", "--force")
        sla(folder, "split", "--by", "sentence")
        begun, run = time.monotonic(), f"round-{number + 1}"
        sla(folder, "train", "--name", run, *SMALL, "--epochs", str(arguments.epochs), "--seed", seed)
        seconds = time.monotonic() - begun
        for each in {*current, *batches[-1]}:
            sla(folder, "transcribe", str(each), "--run", run, "--format", "eaf", "--force")
        annotated = SECONDS / 60 * (first + number * batch)
        found.append(Round(annotated, *corrections(folder, current), *corrections(folder, batches[-1]), seconds))
        for video in current if number < arguments.rounds else ():
            shutil.copy(folder / "truth" / f"{video.stem}.eaf", video.with_suffix(".eaf"))
    return found


def corrections(folder: Path, videos: Sequence[Path]) -> tuple[float, float]:
    """Glosses and ends to correct, a minute."""
    glosses = ends = 0
    for video in videos:
        read, true = signs(video.with_suffix(".eaf"), SUGGESTED), signs(folder / "truth" / f"{video.stem}.eaf", HAND)
        glosses += count(align([one.gloss for one in true], [one.gloss for one in read])).errors
        times = score_times(true, read)
        ends += sum(start > MOVED or end > MOVED for start, end in zip(times.starts, times.ends, strict=True))
    minutes = len(videos) * SECONDS / 60
    return glosses / minutes, ends / minutes


def signs(path: Path, name: str) -> list[Sign]:
    """The glosses of a tier; none if the file lacks it."""
    tiers = read_eaf(path.read_bytes(), str(path)).tiers
    marks = next((sorted(tier.marks) for tier in tiers if tier.name == name), [])
    return [Sign(one.text, one.start / 1000, one.end / 1000, 1.0) for one in marks]


def sla(folder: Path, *arguments: str) -> None:
    call(folder, [sys.executable, "-m", "sla_cli", *arguments, "-q"])


def call(folder: Path, command: Sequence[str]) -> None:
    subprocess.run(command, cwd=folder, check=True, env=os.environ, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
