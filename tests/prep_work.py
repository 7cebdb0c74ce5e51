"""Stores made by prep, for tests of prep."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sla_cli.config import PrepConfig
from sla_cli.formats.store import Store
from sla_cli.prep.build import PrepResult, build_store
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.process_pool import ProcessPool

CONFIG = PrepConfig(size=32, quality=90)
TRAIN_CLIP = "02May_2010_Sunday_tagesschau_default-1"
DEV_CLIP = "03June_2011_Friday_heute_default-4"


def build(root: Path, out: Path, *, jobs: int = 1, config: PrepConfig = CONFIG, **options: Any) -> PrepResult:
    with closing(ProcessPool(jobs)) as engine:
        return build_store(find_corpus("phoenix2014"), root, out, config, engine, **options)


def digests(out: Path) -> dict[str, str]:
    """Of the content; also checks that no frame is damaged."""
    store = Store(out)
    for name in store.splits:
        for clip in store[name]:
            clip.raw()
    return {name: store[name].digest for name in store.splits}


def table_of(root: Path, split: str) -> Path:
    return root / "annotations" / "manual" / f"{split}.corpus.csv"


def frames_of(root: Path, split: str, clip: str) -> list[Path]:
    return sorted((root / "features" / "fullFrame-210x260px" / split / clip / "1").iterdir())


def times(folder: Path, pattern: str) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.glob(pattern)}


def cached(out: Path) -> dict[str, int]:
    """Clips that are encoded and wait, and when they were written."""
    return times(out, ".spool-*/*/*.npz")
