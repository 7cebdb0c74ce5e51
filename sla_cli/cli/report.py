"""sla report"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Json, Work, answer
from sla_cli.errors import SlaError

CLIPS = 6  # with frames


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
        int | None,
        typer.Option(
            help="Number of clips with frames, alternating: systems differ, most errors, no errors, medium error rate.",
            min=0,
            show_default=str(CLIPS),
        ),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--clip", help="Show the frames of this clip instead; repeat it for several.")
    ] = None,
    no_signers: Annotated[
        bool, typer.Option("--no-signers", help="Do not show who signs, nor error rates by signer.")
    ] = False,
    work: Work = WORK,
    as_json: Json = False,
) -> None:
    """Make an HTML page of one or more scores: figures, learning curves, confusions, frames, alignments.

    The page is a single file, which contains everything and needs no network.
    """
    from sla_cli.core.arguments import as_line
    from sla_cli.report.report_file import report_file
    from sla_cli.report.summary import marks
    from sla_cli.report.system import load_systems, without_signers
    from sla_cli.score.compare import against_first
    from sla_cli.work.folder import Work as WorkFolder

    if ids and clips is not None:
        raise SlaError("--clip names the clips, so --clips has no effect", "Leave out one of the two.")
    title, names = as_line(title, "--title"), [as_line(name, "--name") for name in names or ()]
    systems = load_systems(scores or [WorkFolder(work).newest_score()], names)
    against = against_first([system.score for system in systems], marks(len(systems)))
    if no_signers:  # after the comparison, which may draw signers
        systems = [without_signers(system) for system in systems]
    out = output or work / "report.html"
    number = CLIPS if clips is None else clips
    made = report_file(out, systems, against, title=title, clips=number, ids=ids or (), keep=output is not None)
    answer(made.text(), made, as_json)
