"""A small corpus through every stage: a store, two runs, emissions, a language model, hypotheses, a score, a tuning.

`tiny_work()` is its work folder, made once for all processes of a test session. It is not to be changed: copy it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from sla_cli.artifact.lock import locked
from sla_cli.cli.main import app

FOLDER = "SLA_TESTS_FOLDER"  # environment variable that conftest.py sets: the folder of the session

GLOSSES = ("GRAD", "NORD", "REGEN", "SONNE")
SENTENCES = {
    "train": ["NORD REGEN", "REGEN SONNE GRAD", "GRAD GRAD", "SONNE NORD", "GRAD NORD REGEN", "NORD SONNE"],
    "dev": ["REGEN GRAD", "NORD GRAD SONNE", "SONNE REGEN", "loc-NORD"],
    "test": ["GRAD REGEN", "SONNE SONNE NORD"],
}
SIDE, HOLD = 32, 9  # pixels; frames of a gloss, at least
TINY = (
    "model.image_size=32",
    "model.backbone_args={embed_dim = 32, depth = 2, num_heads = 2, patch_size = 16, num_classes = 24}",
    "head.channels=32",
    "train.crop=1.0",
    "train.min_frames=12",
    "train.workers=0",
    "train.rescale=0.0",
    "loss.distillation=0.0",
    "train.milestones=[64, 74]",
    "head.frame_norm=none",
    "train.lengthen=random",
    "train.rest=0",
)


@cache
def tiny_work() -> Path:
    """The work folder. A process of its own makes it: a test may have hidden torch from this one."""
    folder = Path(os.environ[FOLDER])
    with locked(folder, "another process makes it", wait=True):
        if not (folder / "complete").exists():
            if find_spec("torch") is None:
                pytest.skip("needs torch, to train two runs")
            subprocess.run([sys.executable, __file__, folder], check=True, stdout=subprocess.DEVNULL)
            (folder / "complete").touch()
    return folder / "work"


def main() -> None:
    import torch  # conftest.py imports this module also where torch is not installed

    folder = Path(sys.argv[1]).resolve()
    for part in ("corpus", "work"):  # of an attempt that was interrupted
        shutil.rmtree(folder / part, ignore_errors=True)
    draw(folder / "corpus")
    os.chdir(folder)
    torch.set_num_threads(1)
    os.environ |= {"SLA_WORK": "work", "HF_HUB_OFFLINE": "1"}
    sla("prep", "phoenix2014", "corpus", "--size", str(SIDE), "--quality", "90", "-j", "1")
    sla("lm", "estimate", "work/stores/phoenix2014", "--order", "2", "--fallback", "-o", "work/gloss.arpa")
    settings = [part for setting in TINY for part in ("--set", setting)]
    for variant, epochs in (("adapter", "80"), ("lora", "2")):  # only the first has to recognise signs
        sla("train", "--preset", "tiny", "--variant", variant, "--epochs", epochs, "--name", variant, *settings)
        sla("decode", f"work/runs/{variant}", "--beam", "1")
    sla("score")
    grid = ("--alphas", "0.5,1", "--betas", "0,1.5")
    sla("tune", "work/runs/adapter", "--lm", "work/gloss.arpa", *grid, "-j", "1")


def sla(*arguments: str) -> None:
    answer = CliRunner().invoke(app, [*arguments, "-q"])
    assert answer.exit_code == 0, answer.output


def draw(folder: Path) -> None:
    """A corpus in Phoenix2014's layout; a gloss is a colour in a place."""
    rng = np.random.default_rng(0)
    root = folder / "phoenix-2014-multisigner"
    for split, sentences in SENTENCES.items():
        rows = ["id|folder|signer|annotation"]
        for number, sentence in enumerate(sentences):
            clip = f"{split}_{number}"
            rows.append(f"{clip}|{clip}/1/*.png|Signer0{1 + number % 2}|{sentence}")
            frames = root / "features" / "fullFrame-210x260px" / split / clip / "1"
            frames.mkdir(parents=True)
            for time, image in enumerate(pictures(sentence.replace("loc-", ""), rng)):
                cv2.imwrite(str(frames / f"{clip}.avi_pid0_fn{time:06d}-0.png"), image)
        table = root / "annotations" / "manual" / f"{split}.corpus.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def pictures(sentence: str, rng: np.random.Generator) -> list[np.ndarray]:
    images = []
    for gloss in sentence.split():
        number = GLOSSES.index(gloss)
        for _ in range(HOLD + int(rng.integers(3))):
            image = rng.integers(0, 30, (SIDE, SIDE, 3), np.uint8)
            top, left = (number // 2) * SIDE // 2, (number % 2) * SIDE // 2
            image[top : top + SIDE // 2, left : left + SIDE // 2, number % 3] += 200
            images.append(image)
    return images


if __name__ == "__main__":
    main()
