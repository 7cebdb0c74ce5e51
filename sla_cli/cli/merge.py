"""sla merge"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Force, Json, Work, answer
from sla_cli.core.arguments import check_name
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError


def merge(
    stores: Annotated[list[Path], typer.Argument(metavar="STORE[:DIVISION]...", help="Two or more finished stores.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the new store. Default: in the work folder.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new store. Default: the names of all, joined by +.")
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Merge several stores into one, to train on more than one corpus.

    The new store has a copy of the frames, and one division, made of those of the
    stores. Its vocabulary has the glosses of all train splits. If two stores have an
    id in common, all ids become STORE-ID.
    """
    if output is not None and name is not None:
        raise SlaError("--output and --name both set the folder of the new store", "Give one of them.")
    check_name(name)
    from sla_cli.prep.merge import merge_stores
    from sla_cli.store.paths import as_there, split_name
    from sla_cli.work.folder import Work as WorkFolder

    folder = WorkFolder(work)
    given = [folder.store_given(store) for store in stores]
    joined = name or "+".join(split_name(store)[0].resolve().name for store in given)
    out = as_there(output or folder.stores / joined)
    result = merge_stores(given, out, force=force)
    [figures] = result.divisions.values()
    counts = ", ".join(f"{split} {count:,}" for split, count in figures.clips.items())
    lines = [f"store {out}, clips: {counts}", f"glosses: {figures.vocabulary:,} in train"]
    if result.renamed:
        lines.append("ids are now STORE-ID, since two stores have an id in common")
    if result.skipped:
        reasons = "; ".join(dict.fromkeys(result.skipped.values()))
        lines.append(f"left out: {counted(len(result.skipped), 'clip')}, {reasons}")
    result.store = str(out)
    answer("\n".join(lines), result, as_json)
