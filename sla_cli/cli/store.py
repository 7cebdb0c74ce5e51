"""`sla store`: what is done with a finished store."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sla_cli.cli.options import WORK, Force, Jobs, Json, StoreArgument, Work, answer
from sla_cli.core.clip import SPLITS
from sla_cli.core.counted import counted
from sla_cli.errors import some

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback()
def store() -> None:
    """Write a store's frames for other code, or leave a signer out."""


@app.command()
def export(
    store: StoreArgument = None,
    layout: Annotated[
        Literal["phoenix2014", "phoenix2014t"], typer.Option(help="Released corpus whose layout is written.")
    ] = "phoenix2014",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder. Default: STORE-LAYOUT, or STORE-DIVISION-LAYOUT, in the work folder's exports.",
        ),
    ] = None,
    splits: Annotated[
        list[str] | None,
        typer.Option(
            "--split",
            help="Only this split; can be repeated.",
            metavar=f"[{'|'.join(SPLITS)}]",
            autocompletion=lambda: list(SPLITS),
        ),
    ] = None,
    image: Annotated[
        Literal["png", "jpg"],
        typer.Option(help="png, or the stored JPEG bytes as they are (readers must look for jpg)."),
    ] = "png",
    jobs: Jobs = 0,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a store's frames and annotation as folders and tables that other code reads, VAC's among others.

    After an interruption, the same command continues the export. The
    documentation shows how to run VAC and code that is based on it.
    """
    from contextlib import closing

    from sla_cli.prep.encoding.process_pool import ProcessPool
    from sla_cli.prep.export.export import export_store
    from sla_cli.prep.export.layout import LAYOUTS
    from sla_cli.store.store import Store
    from sla_cli.work.folder import Work as WorkFolder

    folder = WorkFolder(work)
    source = Store(folder.store_given(store))
    parts = source.path.resolve().name, source.division.name if len(source.divisions) > 1 else "", layout
    out = output or folder.exports / "-".join(filter(None, parts))
    with closing(ProcessPool(jobs)) as engine:
        result = export_store(source, LAYOUTS[layout], out, engine, splits=splits or (), image=image, force=force)
    counts = ", ".join(f"{split} {count:,}" for split, count in result.clips.items())
    lines = f"export {result.root}, clips: {counts}\n{counted(result.frames, 'frame')} as {image}, {result.size} px"
    answer(lines, result, as_json)


@app.command("leave-out")
def leave_out(
    signers: Annotated[list[str], typer.Option("--signer", help="Name of the signer; can be repeated.")],
    store: StoreArgument = None,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Remove all clips of a signer from a store, as after consent was withdrawn.

    Their frames are removed from the files, and their rows from all divisions;
    `sla prep` does not bring them back. The command lists the runs, caches, copies
    of the store and other artifacts in the work folder, and in the one in which the
    store lies, that were made from the store before; you must remove these yourself.
    """
    from sla_cli.prep.left_out import leave_out as remove
    from sla_cli.work.folder import Work as WorkFolder

    folder = WorkFolder(work)
    removed = remove(folder.store_given(store), signers, folder.root)
    lines = [f"{counted(len(removed.clips), 'clip')} of {some(removed.signers)} removed from {removed.store}"]
    lines += [f"  division {name}: {clips:,}" for name, clips in removed.divisions.items()]
    outer = [str(one) for one in removed.searched if not any(other in one.parents for other in removed.searched)]
    where = " and ".join(outer) or f"{work}, which does not exist"
    if removed.held_by:
        lines += [f"Searched: {where}"]
        lines += ["These may have been made from the store before, and hold the clips or what was learned from them:"]
        lines += [f"  {held.kind} {held.path}" for held in removed.held_by]
    else:
        lines += [f"Nothing that was made from the store was found in {where}."]
    answer("\n".join(lines), removed, as_json)
