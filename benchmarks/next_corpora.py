"""The corpora of benchmarks/next.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from sla_cli.demo.drawing import draw_frame, draw_stage
from sla_cli.demo.grammar import GLOSSES
from sla_cli.demo.signers import SIGNERS, Signer
from sla_cli.demo.signing import sign_sentence
from sla_cli.prep.begun import Begun
from sla_cli.prep.build import build_store
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.request import PrepRequest
from sla_cli.store.store import Store

FRAMES = {"size": 128, "fps": 12.5}  # every other frame, as in docs/experiments/one-division.md
WEIGHTS = "data/weights/vit_small_patch14_dinov2-img224.fp16.safetensors"
PEOPLE = 12


@dataclass(frozen=True)
class Corpus:
    """How a corpus is made, in the layout of Phoenix2014, and settings for it.

    Attributes:
        make: called with a folder, SHARED, and the number of clips of pool and dev.
        size: of the backbone's input.
    """

    make: Callable[[Path, Path, int, int], None]
    size: int

    def store(self, work: Path, shared: Path, pool: int, dev: int) -> Store:
        """Its store in a folder, which is made if it is not there."""
        out = work / "store"
        if not (out / "receipt.json").is_file():
            if not (work / "corpus").is_dir():
                self.make(work / "corpus", shared, pool, dev)
            request = PrepRequest.checked("phoenix2014", work / "corpus", frames=FRAMES)
            with closing(ProcessPool(1)) as engine:
                build_store(Begun(request), out, engine)
        return Store(out)

    def sets(self, shared: Path) -> list[str]:
        """A small pretrained backbone, and a head for half the frame rate."""
        return [
            *("model.backbone=vit_small_patch14_dinov2", f"model.weights={shared / WEIGHTS}"),
            *(f"model.image_size={self.size}", "train.precision=bf16"),
            *("head.pattern=K5,P2", "head.channels=256", "train.min_frames=16"),
        ]


def compose(folder: Path, shared: Path, pool: int, dev: int) -> None:
    """Sentences of real signs."""
    tool = shared / "tools" / "compose_sentences.py"
    subprocess.run([sys.executable, str(tool), str(folder), "--train", str(pool), "--dev", str(dev)], check=True)


def draw(folder: Path, shared: Path, pool: int, dev: int) -> None:
    """Drawn sentences of 3 to 6 glosses, no gloss twice in a row."""
    root, shares = folder / "phoenix-2014-multisigner", zipf(PEOPLE)
    everyone = people()
    for number, (split, count) in enumerate((("train", pool), ("dev", dev))):
        rows = []
        for clip in range(count):
            rng = np.random.default_rng([number, clip])
            signer = everyone[clip % PEOPLE if split == "dev" else rng.choice(PEOPLE, p=shares)]
            glosses = sentence(rng)
            name = f"{split}_{clip:04d}"
            draw_clip(root / "features" / "fullFrame-210x260px" / split / name / "1", name, glosses, signer, rng)
            rows.append(f"{name}|{name}/1/*.png|{signer.name}|{' '.join(glosses)}")
        table = root / "annotations" / "manual" / f"{split}.corpus.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\n".join(["id|folder|signer|annotation", *rows]) + "\n", encoding="utf-8")


def zipf(count: int) -> np.ndarray:
    """Shares of which the k-th is proportional to 1 / k."""
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


def sentence(rng: np.random.Generator) -> list[str]:
    """Glosses by their rank in the alphabet."""
    glosses: list[str] = []
    length = rng.integers(3, 7)
    while len(glosses) < length:
        gloss = str(rng.choice(GLOSSES, p=zipf(len(GLOSSES))))
        if glosses[-1:] != [gloss]:
            glosses.append(gloss)
    return glosses


def people() -> list[Signer]:
    """The demo's, and as many others with another's clothes, hair, wall and way of signing."""
    others = []
    for number, body in enumerate(SIGNERS):
        look, wall = SIGNERS[(number + 2) % len(SIGNERS)], SIGNERS[(number + 3) % len(SIGNERS)]
        others.append(
            replace(
                body,
                name=f"Signer{len(SIGNERS) + number + 1:02d}",
                clothes=look.clothes,
                hair_style=look.hair_style,
                backdrop=wall.backdrop,
                speed=look.speed,
                amplitude=wall.amplitude,
            )
        )
    return [*SIGNERS, *others]


def draw_clip(folder: Path, name: str, glosses: list[str], signer: Signer, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    stage = draw_stage(signer, light=rng.uniform(0.92, 1.04))
    for time, pose in enumerate(sign_sentence(glosses, signer, rng)):
        frame = cv2.cvtColor(draw_frame(pose, signer, stage), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{name}.avi_pid0_fn{time:06d}-0.png"), frame, [cv2.IMWRITE_PNG_COMPRESSION, 1])


CORPORA = {"drawn": Corpus(draw, 84), "real": Corpus(compose, 56)}
