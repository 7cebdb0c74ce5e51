"""sla tune"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sla_cli.cli import options as shared
from sla_cli.cli.score import between, table
from sla_cli.config.settings import DecodeConfig, TuneConfig

if TYPE_CHECKING:
    from sla_cli.decode.grid_search import GridPoint, Trial
    from sla_cli.work.tuning import Tuned

GRID = "Values of {} to try, separated by commas."


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


def tune(
    context: typer.Context,
    lm: Annotated[Path, typer.Option(help=shared.LM_HELP)],
    source: shared.Source = None,
    alphas: Annotated[str, typer.Option(help=GRID.format("alpha"))] = _listed(TuneConfig.alphas),
    betas: Annotated[str, typer.Option(help=GRID.format("beta"))] = _listed(TuneConfig.betas),
    beams: Annotated[str, typer.Option(help=GRID.format("beam"))] = str(DecodeConfig.beam),
    max_oov: shared.MaxOov = None,
    hotwords: shared.Hotwords = None,
    hotword_weight: shared.HotwordWeight = None,
    prune_logp: shared.PruneLogp = None,
    token_min_logp: shared.TokenMinLogp = None,
    engine: shared.EngineName = None,
    store: shared.StoreFolder = None,
    weights: shared.BackboneWeights = None,
    jobs: shared.Jobs = 0,
    device: shared.Device = "auto",
    work: shared.Work = shared.WORK,
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> None:
    """Choose alpha, beta and beam of a language model by the errors on dev.

    Dev is decoded at every point of the grid. Of the settings whose number of
    errors is about the lowest, that with the smallest weights is taken: smallest
    alpha, then beta nearest to 0. Its gain over no language model is printed with its
    interval. The choice, the errors of each clip and a plot are written into the
    work folder. After that, `sla decode` uses the choice for the same run and
    language model. Missing or outdated emissions are computed first.
    """
    from sla_cli.cli.results.artifacts import TunedFolder
    from sla_cli.decode.decode_run import check_hotwords
    from sla_cli.decode.grid_search import GridPoint, grid
    from sla_cli.decode.tune_file import check_no_model, references_of, tune_file
    from sla_cli.emit.find_emissions import find_emissions
    from sla_cli.lm.kenlm_model import open_lm
    from sla_cli.search.options import flag, options_given
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.tuning import tunings_of

    folder = WorkFolder(work)
    store = folder.store_if_given(store)
    source = folder.run_given(source)
    check_no_model(source)
    model = folder.find_lm(lm)
    points = grid(
        shared.numbers("--alphas", alphas, float, "0,0.5,1"),
        shared.numbers("--betas", betas, float, "0,0.5,1"),
        shared.numbers("--beams", beams, int, "5,10"),
    )
    options = options_given(shared.search_given(context, model), flag)
    open_lm(model)  # refused before emissions are computed, which takes minutes
    check_hotwords(options.hotwords, source)
    split = None if source.is_file() else "dev"
    path, run = find_emissions(source, folder, split=split, store=store, weights=weights, device=device)
    references, tunings = references_of(path, store), tunings_of(path, run)
    out, tuned, trials = tune_file(path, references, tunings, options, points, jobs=jobs, force=force)
    lines = _grids(trials, GridPoint(tuned.beam, tuned.alpha, tuned.beta))
    lines += [_text(tuned), f"{out / 'tune.png'} shows the WERs, {out / 'clips.tsv'} the errors of each clip"]
    shared.answer("\n".join(lines), TunedFolder(**vars(tuned), tuned=out), as_json)


def _text(tuned: "Tuned") -> str:
    """What was chosen and what it gains."""
    lines = [
        f"tuned on {tuned.split}: alpha {tuned.alpha:g}, beta {tuned.beta:g}, beam {tuned.beam}: "
        f"WER {tuned.wer:.2f} % ({tuned.profile})"
    ]
    if tuned.lowest_wer < tuned.wer:
        lines.append(f"the smallest weights with about the lowest WER, {tuned.lowest_wer:.2f} %")
    if tuned.finds_no_gain:
        lines.append("the choice is no language model: no gain is shown, and `sla decode` leaves it out")
    else:
        shown = "" if tuned.interval and tuned.interval.high < 0 else ", so no gain is shown"
        allows = ", which allows for the choice" if tuned.interval else ""
        gain = f"difference {tuned.difference:+.2f} points, {between(tuned.interval)}{allows}{shown}"
        lines.append(f"without a language model {tuned.wer_without:.2f} %, {gain}")
    return "\n".join(lines)


def _grids(trials: Sequence["Trial"], chosen: "GridPoint") -> list[str]:
    """WER by alpha (down) and beta (across), a table for each beam; the choice has a star. If too wide, where it is."""
    from sla_cli.decode.grid_search import GridPoint

    wers = {trial.point: trial.counts.wer for trial in trials}
    tables = list[str]()
    alphas, betas = sorted({point.alpha for point in wers}), sorted({point.beta for point in wers})
    for beam in sorted({point.beam for point in wers}):
        points = [[GridPoint(beam, alpha, beta) for beta in betas] for alpha in alphas]
        rows = [(f"{row[0].alpha:g}", *(f"{'*' * (one == chosen)}{wers[one]:.2f}" for one in row)) for row in points]
        title = f"WER %, beam {beam}" + (" (* is chosen)" if beam == chosen.beam else "")
        tables.append(table(title, ("alpha \\ beta", *(f"{beta:g}" for beta in betas)), rows) + "\n")
        if tables[-1].count("\n") > 2 + len(rows):  # cells are folded
            return ["The tables of WERs are too wide to be shown: tune.tsv, beside tune.png, has all.\n"]
    return tables
