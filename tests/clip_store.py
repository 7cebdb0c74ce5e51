"""Stores of clips that differ only in what a test needs; their frames are few and small, or not even pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sla_cli.artifact.legacy import profile_of, unseen_of
from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.paths import split_path
from sla_cli.store.write import write_split

SIDE = 24  # pixels
Splits = Mapping[str, Iterable[Encoded]]


def clip(
    name: str, text: str = "A B", frames: int = 12, *, signer: str = "", seed: int | None = None, **more: Any
) -> Encoded:
    """A clip at 25 frames per second; its pictures are noise from `seed`, or from its name."""
    rng = np.random.default_rng(list(name.encode()) if seed is None else seed)
    pictures = (rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8) for _ in range(frames))
    parts = [cv2.imencode(".jpg", picture)[1].ravel() for picture in pictures]
    data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
    sizes = np.array([len(part) for part in parts], np.int64)
    return Encoded(name, signer, tuple(text.split()), data, sizes, **{"fps": 25.0, **more})


def bytes_only(name: str, glosses: Iterable[str], frames: int, *, signer: str = "", **more: Any) -> Encoded:
    """A clip whose frames are one byte each, for tests that use only tables."""
    data = np.random.default_rng(list(name.encode())).integers(0, 256, frames, np.uint8)
    return Encoded(name, signer, tuple(glosses), data, np.ones(frames, np.int64), **{"fps": 25.0, **more})


def make_store(
    folder: Path, splits: Splits, results: Mapping[str, Any] | None = None, *, shards: int = 1, **header: Any
) -> Path:
    """A complete store.

    Args:
        results: of its receipt.
        shards: files per split.
        header: fields of SplitHeader; `annotated` may be the splits that are.
    """
    clips = {name: list(part) for name, part in splits.items()}
    vocabulary = sorted({gloss for one in clips.get("train", ()) for gloss in one.glosses})
    corpus, protocol = header.get("corpus", "mine"), header.get("protocol", "")
    promises = {"profile": profile_of(corpus), "unseen": unseen_of(corpus, protocol)}
    header = {**promises, **header}
    facts = {"corpus": "mine", "size": SIDE, "fps": 25.0, "quality": 95, "vocabulary": tuple(vocabulary), **header}
    annotated = facts.pop("annotated", tuple(clips))
    for name, part in clips.items():
        whole = SplitHeader(split=name, annotated=name in annotated, shards=shards, **facts)
        size = -(-len(part) // shards)
        for shard in range(shards):
            some = part[shard * size : (shard + 1) * size]
            path = split_path(folder, name, shard, shards)
            write_split(path, replace(whole, shard=shard), some, sum(len(one.data) for one in some))
    write_receipt(Receipt("prep", {}, {}, results=dict(results or {})), folder)
    return folder
