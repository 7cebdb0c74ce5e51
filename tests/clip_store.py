"""Stores of clips that differ only in what a test needs; their frames are few and small, or not even pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.store.clips import Split
from sla_cli.store.content import EncodedClip, EncodedFrames, StoreHeader
from sla_cli.store.division import Division, write_division
from sla_cli.store.paths import clips_path
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips

SIDE = 24  # pixels
HEADER = StoreHeader("mine", SIDE, 95)
Splits = Mapping[str, Iterable[EncodedClip]]


def clip(
    name: str,
    text: str = "A B",
    frames: int = 12,
    *,
    signer: str = "",
    seed: int | None = None,
    fps: float = 25.0,
    **more: Any,
) -> EncodedClip:
    """A clip whose pictures are noise from `seed`, or from its name."""
    rng = np.random.default_rng(list(name.encode()) if seed is None else seed)
    pictures = (rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8) for _ in range(frames))
    parts = [cv2.imencode(".jpg", picture)[1].ravel() for picture in pictures]
    data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
    sizes = np.array([len(part) for part in parts], np.int64)
    return EncodedClip(name, signer, tuple(text.split()), EncodedFrames(data, sizes, fps), **more)


def bytes_only(
    name: str, glosses: Iterable[str], frames: int, *, signer: str = "", fps: float = 25.0, **more: Any
) -> EncodedClip:
    """A clip whose frames are one byte each, for tests that use only tables."""
    data = np.random.default_rng(list(name.encode())).integers(0, 256, frames, np.uint8)
    return EncodedClip(name, signer, tuple(glosses), EncodedFrames(data, np.ones(frames, np.int64), fps), **more)


def write_file(path: Path, clips: Iterable[EncodedClip], header: StoreHeader = HEADER) -> Path:
    """One file of a store."""
    clips = list(clips)
    write_clips(path, header, clips, sum(len(one.frames.data) for one in clips))
    return path


def make_store(
    folder: Path,
    splits: Splits,
    results: Mapping[str, Any] | None = None,
    *,
    shards: int = 1,
    division: str = "corpus",
    unseen: str = "",
    **header: Any,
) -> Path:
    """A complete store with one division.

    Args:
        results: of its receipt.
        shards: number of files.
        division: its name.
        unseen: what its splits promise not to share.
        header: fields of StoreHeader.
    """
    parts = {name: list(part) for name, part in splits.items()}
    clips = [one for part in parts.values() for one in part]
    size = max(1, -(-len(clips) // shards))
    for shard in range(shards):
        facts = replace(HEADER, **header, shard=shard, shards=shards)
        write_file(clips_path(folder, shard, shards), clips[shard * size : (shard + 1) * size], facts)
    write_division(folder, Division(division, {one.id: name for name, part in parts.items() for one in part}, unseen))
    counts = {name: len(part) for name, part in parts.items()}
    made = {"clips": len(clips), "divisions": {division: {"clips": counts, "vocabulary": 0, "unknown": {}}}}
    made |= {"skipped": {}, "failed": {}, "incomplete": {}, **(results or {})}
    write_receipt(Receipt("prep", {}, {}, results=made), folder)
    return folder


def one_split(folder: Path, clips: Iterable[EncodedClip], **header: Any) -> Split:
    """A store whose clips are all in train."""
    return Store(make_store(folder, {"train": clips}, **header))["train"]
