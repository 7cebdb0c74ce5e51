"""Small stores, configurations and disks for tests of the model and of training; a gloss is a colour in a place."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import torch
from clip_store import make_store
from safetensors.torch import load_file, save_file

from sla_cli.config.settings import Config, Variant, resolve
from sla_cli.model.backbone import Backbone
from sla_cli.model.distributed import ProcessGroup
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.store import Store
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

GLOSSES = ("GRAD", "NORD", "REGEN", "SONNE")
VARIANTS: tuple[str, ...] = get_args(Variant)
ADDING = tuple(variant for variant in VARIANTS if variant != "frozen")  # variants that add modules
# Of a run without a store.
FACTS = RunFacts(
    "/s", "", "phoenix2014", "tiny", {"train": "", "dev": ""}, "raw", "none", FrameFormat(32, "squash", 0.0, 0.0, 0.0)
)
CPU = ProcessGroup("cpu")  # one process
# Settings of the adapter by what they are called in tests; each alone, and whole forms of others (docs/method.md).
FORMS: dict[str, dict[str, Any]] = {
    "3 x 3 x 3": {"adapter__kernel": [3, 3, 3]},
    "one frame": {"adapter__kernel": [1, 3, 3]},
    "zero convolution": {"adapter__start": "conv"},
    "norms": {"adapter__layer_norm": True},
    "plain with norms": {"adapter__layer_norm": True, "adapter__temporal": "none"},
    "after": {"adapter__place": "after", "adapter__normed": False},
    "st-adapter": {
        "adapter__place": "mlp",
        "adapter__start": "conv",
        "adapter__activation": "none",
        "adapter__normed": False,
    },
    "lvm-stem": {
        "adapter__place": "after",
        "adapter__kernel": [3, 3, 3],
        "adapter__width": 6,
        "adapter__layer_norm": True,
        "adapter__start": "conv",
        "adapter__activation": "none",
        "adapter__normed": False,
    },
}
Sentences = Mapping[str, Sequence[str]]
SENTENCES: Sentences = {
    "train": ["NORD REGEN", "REGEN SONNE GRAD", "GRAD GRAD", "SONNE NORD", "GRAD NORD REGEN", "NORD SONNE"],
    "dev": ["REGEN GRAD", "NORD GRAD SONNE"],
}
TINY = {
    "model.image_size": 32,
    "model.backbone_args": {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 16, "num_classes": 24},
    "adapter.place": "both",
    "head.channels": 32,
    "train.epochs": 2,
    "train.crop": 1.0,
    "train.min_frames": 12,
    "train.workers": 0,
}


def tiny(**values: Any) -> Config:
    """The tiny preset made tinier; keys as in `train__lr=0.1`."""
    return resolve("tiny", flags={**TINY, **{key.replace("__", "."): value for key, value in values.items()}})


def lively_weights(folder: Path) -> Path:
    """Random weights large enough that pictures make a difference; timm's are meant to be trained."""
    state = Backbone(tiny().model).vit.state_dict()
    large = {name: value * 5 if value.dim() > 1 else value for name, value in state.items()}
    save_file(large, folder / "lively.safetensors")
    return folder / "lively.safetensors"


def write_store(folder: Path, sentences: Sentences = SENTENCES, *, size: int = 32, hold: int = 9) -> Store:
    """A store of clips that hold each gloss for about `hold` frames."""
    splits = {
        split: [_clip(f"{split}-{number}", text, size, hold, number) for number, text in enumerate(texts)]
        for split, texts in sentences.items()
    }
    return Store(make_store(folder, splits, corpus="phoenix2014", size=size))


@contextmanager
def disk_with(room: int) -> Iterator[None]:
    """No file may grow beyond `room` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def same_weights(one: Path, two: Path) -> bool:
    """Whether two safetensors files hold the same tensors; the order of their headers is random."""
    left, right = load_file(one), load_file(two)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def metrics(run: Run) -> list[list[str]]:
    """metrics.tsv without its four columns of what is measured."""
    return [line.split("\t")[:-4] for line in run.metrics.read_text(encoding="utf-8").splitlines()]


def _clip(name: str, text: str, size: int, hold: int, seed: int) -> EncodedClip:
    rng = np.random.default_rng(seed)
    encoded = []
    for gloss in text.split():
        number = GLOSSES.index(gloss)
        for _ in range(hold + int(rng.integers(3))):
            image = rng.integers(0, 30, (size, size, 3), np.uint8)
            top, left = (number // 2) * size // 2, (number % 2) * size // 2
            image[top : top + size // 2, left : left + size // 2, number % 3] += 200
            encoded.append(cv2.imencode(".jpg", image)[1].ravel())
    sizes = np.array([len(part) for part in encoded], np.int64)
    frames = EncodedFrames(np.concatenate(encoded), sizes, 25.0)
    return EncodedClip(name, f"signer{seed % 2}", tuple(text.split()), frames)
