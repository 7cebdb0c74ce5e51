"""sla table"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sla_cli.cli.options import WORK, Force, Json, SplitName, Work, answer
from sla_cli.cli.score import ClusterName, Level, Nfc, Normalize, Samples, Seed
from sla_cli.errors import SlaError

if TYPE_CHECKING:
    from sla_cli.cli.results.evaluation import TableRow
    from sla_cli.score.run_table import Row


def table(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]",
            help="Runs, by name or folder; several seeds of one separated by commas.",
            show_default="all that have hypotheses of the splits and searches shown",
        ),
    ] = None,
    kind: Annotated[
        Literal["markdown", "latex"], typer.Option("--format", help="Markdown, or LaTeX with booktabs.")
    ] = "markdown",
    split: Annotated[
        SplitName | None, typer.Option(help="Show this split only.", show_default="dev and test, as far as decoded")
    ] = None,
    ref: Annotated[Path | None, typer.Option(help="References, as for `sla score`. Default: the store's.")] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            help="Which hypotheses of a run, if it has several: greedy, beam10, beam10-lm, …; repeat it for a row each."
        ),
    ] = None,
    normalize: Normalize = "auto",
    nfc: Nfc = False,
    level: Level = 95.0,
    samples: Samples = 1000,
    seed: Seed = 0,
    cluster: ClusterName = "sentence",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the table into a file too.")] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Show runs side by side as papers do: parameters, WER on dev and test, intervals, spread of seeds.

    The hypotheses of each run in the work folder are scored; decode dev and test
    first, or one with --split. A row is a run, or the runs of several seeds: mean ± standard deviation.
    """
    from sla_cli.cli.results.evaluation import Tabled
    from sla_cli.core.bootstrap import Resampling
    from sla_cli.score.run_table import SHOWN, run_table
    from sla_cli.score.score import ScoreOptions
    from sla_cli.score.table_text import runs_like, table_text
    from sla_cli.system.atomic import write_text
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.folder import work_option
    from sla_cli.work.output import check_output

    folder = WorkFolder(work)
    ref = folder.store_if_given(ref)
    check = check_output(output, runs_like(kind), inputs=(ref,), replace=force)
    options = ScoreOptions(normalize, nfc=nfc, resampling=Resampling(level, samples, seed, cluster))
    splits = (split,) if split else SHOWN
    rows = run_table(runs or (), folder, splits=splits, ref=ref, searches=search or (), options=options)
    if not rows:
        raise SlaError(
            f"no hypotheses of {' or '.join(splits)} of a run in {folder.hypotheses}",
            f"`sla decode{f' --split {split}' if split else ''}{work_option(folder.root)}` makes them.",
        )
    text = table_text(rows, kind, options)
    if output is not None:
        write_text(output, text + "\n", check=check, keep=True)
    answer(text, Tabled(rows=list(map(_row, rows)), output=output), as_json)


def _row(row: "Row") -> "TableRow":
    from sla_cli.cli.results.evaluation import TableRow
    from sla_cli.work.comparison_figures import group_figures

    scores = {split: group_figures(group) for split, group in row.scores.items()}
    return TableRow(name=row.name, search=row.search, variant=row.variant, trained=row.trained, scores=scores)
