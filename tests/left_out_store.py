"""A store from which a signer is left out."""

from __future__ import annotations

from pathlib import Path

from clip_store import clip, make_store

from sla_cli.store.division import Division, write_division

CLIPS = [
    clip("a1", "A", signer="ann"),
    clip("first-of-bob", "B", signer="bob"),
    clip("second-of-bob", "B C", signer="bob"),
    clip("x", "A"),
]


def make_signed(folder: Path) -> Path:
    """A store of `CLIPS` in two files, with two drawn divisions; the second has nobody called bob."""
    make_store(folder, {"train": CLIPS[:3], "dev": CLIPS[3:]}, shards=2)
    write_division(folder, Division("drawn", {"a1": "train", "first-of-bob": "test", "x": "dev"}, "signers", "by hand"))
    write_division(folder, Division("without", {"a1": "train", "x": "dev"}))
    return folder
