"""sla export"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from sla_cli.cli.options import WORK, Force, Jobs, Json, Work, answer
from sla_cli.core.clip import SPLITS
from sla_cli.core.counted import counted


def export(
    store: Annotated[Path | None, typer.Argument(help="Store. Without it: the only one in the work folder.")] = None,
    layout: Annotated[
        Literal["phoenix2014", "phoenix2014t"], typer.Option(help="Released corpus whose layout is written.")
    ] = "phoenix2014",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: exports/STORE-LAYOUT in the work folder.")
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

    After an interruption, the same command continues the export. docs/export.md
    shows how to run VAC and code that is based on it.
    """
    from contextlib import closing

    from sla_cli.prep.export.export import export_store
    from sla_cli.prep.export.layout import find_layout
    from sla_cli.prep.process_pool import ProcessPool
    from sla_cli.store.store import Store
    from sla_cli.work.work import Work as WorkFolder

    folder, chosen = WorkFolder(work), find_layout(layout)
    source = Store(store or folder.only_store())
    out = output or folder.exports / f"{source.path.resolve().name}-{layout}"
    with closing(ProcessPool(jobs)) as engine:
        result = export_store(source, chosen, out, engine, splits=splits or (), image=image, force=force)
    counts = ", ".join(f"{split} {count:,}" for split, count in result.clips.items())
    lines = (
        f"export {out / chosen.root}, clips: {counts}\n{counted(result.frames, 'frame')} as {image}, {result.size} px"
    )
    answer(lines, {"export": str(out), "root": str(out / chosen.root), **asdict(result)}, as_json)
