"""Stores made by prep, for tests of prep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sla_cli.config.settings import PrepConfig
from sla_cli.prep.begun import Begun, OnError
from sla_cli.prep.build import build_store
from sla_cli.prep.encoding.process_pool import Executor, ProcessPool
from sla_cli.prep.request import PrepRequest
from sla_cli.prep.result import PrepResult
from sla_cli.store.store import Store

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
    on_error: OnError = "stop",
    force: bool = False,
    engine: Executor | None = None,
    **options: Any,
) -> PrepResult:
    request = replace(PrepRequest.checked(corpus, root, options), frames=config)
    begun = Begun(request, on_error, force)
    with closing(engine or ProcessPool(jobs)) as used:
        return build_store(begun, out, used, part)


@contextmanager
def held(out: Path, how: str) -> Iterator[None]:
    """Another process holds a store's folder: LOCK_EX as one that writes, LOCK_SH as a part."""
    out.mkdir()
    code = (
        f"import fcntl, sys\nlock = open(sys.argv[1], 'a+')\nfcntl.flock(lock, fcntl.{how})\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(out / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.communicate()


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
