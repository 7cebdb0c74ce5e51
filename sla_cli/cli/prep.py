"""sla prep"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Force, Json, Quiet, Verbose, Work, answer
from sla_cli.config import PrepConfig
from sla_cli.errors import SlaError, some, suggestion

CORPORA = ("phoenix2014",)


def prep(
    corpus: Annotated[str, typer.Argument(help=f"One of: {', '.join(CORPORA)}.")],
    source: Annotated[Path, typer.Argument(help="Folder of the corpus as released.")],
    size: Annotated[int, typer.Option(help="Side of the stored frames in pixels.", min=16)] = PrepConfig.size,
    quality: Annotated[int, typer.Option(help="JPEG quality.", min=1, max=100)] = PrepConfig.quality,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; 0 takes one a core.", min=0)] = 0,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Decode and resize a corpus into a frame store, one HDF5 file a split.

    Run it again after a kill or after mending a broken frame: what was encoded is kept.
    """
    from importlib import import_module

    if corpus not in CORPORA:
        raise SlaError(f"unknown corpus {corpus!r}", suggestion(corpus, CORPORA))
    from sla_cli.formats.work import Work as WorkFolder
    from sla_cli.prep.build import build_store

    reader = import_module(f"sla_cli.prep.corpora.{corpus}")
    out = WorkFolder(work).stores / corpus
    outcome = build_store(reader, source, out, PrepConfig(size, quality), jobs=jobs, force=force)
    counts = ", ".join(f"{split} {count}" for split, count in outcome.clips.items())
    skipped = f"; {len(outcome.skipped)} train clips skipped, see its receipt" if outcome.skipped else ""
    answer(f"store {out}: {counts} clips{skipped}", {"store": str(out), **vars(outcome)}, as_json)
    if outcome.failed:
        raise SlaError(
            f"{len(outcome.failed)} clips are not in the store: {some(outcome.failed.values())}",
            "Mend the files and run the same command again: the other clips are kept.",
        )
