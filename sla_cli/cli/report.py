"""sla report"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Force, Json, Work, answer
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError


def report(
    scores: Annotated[
        list[Path] | None,
        typer.Argument(help="Score folders of `sla score`, of the same clips. Default: the newest."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file. Default: report.html in the work folder.")
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--name", help="Name of a system on the page; one for each score.")
    ] = None,
    title: Annotated[str, typer.Option(help="Heading of the page. Default: corpus and split.")] = "",
    clips: Annotated[
        int,
        typer.Option(
            help="Number of clips with frames, alternating: systems differ, most errors, no errors, medium error rate.",
            min=0,
        ),
    ] = 6,
    ids: Annotated[
        list[str] | None, typer.Option("--clip", help="Show the frames of this clip instead; repeat it for several.")
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make an HTML page of one or more scores: figures, learning curves, confusions, frames, alignments.

    The page is a single file, which contains everything and needs no network.
    """
    from sla_cli.cli.results.evaluation import Reported
    from sla_cli.log import log
    from sla_cli.report.page import is_page, write_page
    from sla_cli.report.summary import marks
    from sla_cli.report.system import load_systems
    from sla_cli.score.compare import against_first
    from sla_cli.work.output import check_output
    from sla_cli.work.work import Work as WorkFolder

    out = output or work / "report.html"
    check_output(out, replace=True)
    if out.exists() and not force and not is_page(out):
        raise SlaError(f"{out} exists and is not a report of sla", "Use --force to replace it, or another -o.")
    folders = scores or [WorkFolder(work).newest_score()]
    systems = load_systems(folders, names or ())
    for system in systems:
        for what in system.missing:
            log.warning("%s: %s What needs it is left out.", system.name, what)
    against = against_first([system.score for system in systems], marks(len(systems)))
    write_page(out, systems, title=title, clips=clips, ids=ids or (), against=against)
    size = out.stat().st_size
    lines = [
        f"report {out}: {counted(len(systems), 'system')}, {counted(len(systems[0].score.clips), 'clip')}, "
        f"{size / 1e6:.1f} MB"
    ]
    lines += [f"{system.name}: {system.score.remark}" for system in systems if system.score.remark]
    answer(
        "\n".join(lines),
        Reported(
            report=out,
            systems=[system.name for system in systems],
            clips=len(systems[0].score.clips),
            bytes=size,
            tuned_on=[system.score.tuned_on for system in systems],
            no_gain_on=[system.score.no_gain_on for system in systems],
            missing=[what for system in systems for what in system.missing],
        ),
        as_json,
    )
