"""Makes the artifacts of this folder: a small corpus through every command. Run by the version to be remembered.

    PYTHONPATH=CHECKOUT python tests/artifacts/make.py FOLDER

FOLDER gets `work/`, the work folder, and `recorded.json`, what the commands printed with --json.
The folders here are named for the commit that made them. None is ever made again: that an older version's
files are still read is what they are for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

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
    "train.milestones=[50, 56]",
)


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    draw(folder / "corpus")
    os.chdir(folder)
    settings = [part for setting in TINY for part in ("--set", setting)]
    recorded = {}

    def sla(name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "sla_cli", *arguments, "--json", "-q"]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "SLA_WORK": "work"}
        )
        recorded[name] = json.loads(answer.stdout)

    sla("prep", "prep", "phoenix2014", "corpus", "--size", str(SIDE), "--quality", "90")
    sla("lm", "lm", "estimate", "work/stores/phoenix2014", "--order", "2", "--fallback", "-o", "work/gloss.arpa")
    for variant in ("adapter", "lora"):
        run = ("--preset", "tiny", "--variant", variant, "--epochs", "60", "--name", variant, *settings)
        sla(f"train {variant}", "train", *run)
        sla(f"emit {variant}", "emit", f"work/runs/{variant}")
    grid = ("--betas", "0,1.5", "--alphas", "0.5,1")
    sla("tune", "tune", "work/runs/adapter", "--lm", "work/gloss.arpa", *grid)
    decoded = {
        "greedy": ("work/runs/adapter", "--beam", "1"),
        "nbest": ("work/runs/adapter", "--nbest", "3"),
        "tuned": ("work/runs/adapter", "--lm", "work/gloss.arpa"),
        "lora": ("work/runs/lora", "--beam", "1"),
    }
    for name, arguments in decoded.items():
        sla(f"decode {name}", "decode", *arguments)
        sla(f"score {name}", "score", recorded[f"decode {name}"]["hypotheses"])
    pair = [recorded[f"score {name}"]["scores"] for name in ("greedy", "lora")]
    sla("compare", "compare", *pair)
    sla("report", "report", *pair, "-o", "report.html")
    for artifact in ("stores/phoenix2014", "runs/adapter", "emissions/adapter/dev.h5", "gloss.arpa"):
        sla(f"info {artifact}", "info", f"work/{artifact}")
    Path("recorded.json").write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


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
