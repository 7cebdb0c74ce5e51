"""sla merge"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Force, Json, Work, answer, check_name
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError


def merge(
    stores: Annotated[list[Path], typer.Argument(help="Two or more finished stores.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the new store. Default: in the work folder.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the store; the names of all, if not given.")] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the frames, so that the other stores are no longer needed.")
    ] = False,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Merge several stores into one, to train on more than one corpus.

    The new store refers to the frames in the other stores, or copies them with
    --copy. Its vocabulary has the glosses of all train splits. An id that several
    stores have becomes STORE-ID.
    """
    if output is not None and name is not None:
        raise SlaError("--output and --name both determine where the store is written", "Give one of them.")
    check_name(name)
    from sla_cli.prep.merge import merge_stores
    from sla_cli.work.work import Work as WorkFolder

    out = output or WorkFolder(work).stores / (name or "+".join(path.resolve().name for path in stores))
    result = merge_stores(stores, out, copy=copy, force=force)
    counts = ", ".join(f"{split} {count:,}" for split, count in result.clips.items())
    lines = [f"store {out}, clips: {counts}", f"glosses: {result.vocabulary:,} in train"]
    if result.renamed:
        lines.append(f"renamed: {counted(len(result.renamed), 'id')} that several stores have, to STORE-ID")
    if result.skipped:
        lines.append(f"left out: {counted(len(result.skipped), 'clip')}, {next(iter(result.skipped.values()))}")
    answer("\n".join(lines), {"store": str(out), **vars(result)}, as_json)
