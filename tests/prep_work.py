"""Stores made by prep, for tests of prep."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sla_cli.config import PrepConfig
from sla_cli.formats.store import Store
from sla_cli.prep.build import build_store, encode_part
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.order import Order
from sla_cli.prep.process_pool import ProcessPool
from sla_cli.prep.result import PrepResult

CONFIG = PrepConfig(size=32, quality=90)
TRAIN_CLIP = "02May_2010_Sunday_tagesschau_default-1"
DEV_CLIP = "03June_2011_Friday_heute_default-4"


def build(
    root: Path,
    out: Path,
    *,
    jobs: int = 1,
    config: PrepConfig = CONFIG,
    corpus: str = "phoenix2014",
    part: tuple[int, int] | None = None,
    **options: Any,
) -> PrepResult:
    order = Order(find_corpus(corpus), root, config, **options)
    with closing(ProcessPool(jobs)) as engine:
        return build_store(order, out, engine) if part is None else encode_part(order, out, engine, part)


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
