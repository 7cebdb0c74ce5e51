"""sla decode"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli import options as shared
from sla_cli.config.settings import DecodeConfig
from sla_cli.exchange.gloss_files import WRITABLE

# typer shows and completes an Enum; mypy requires its members to be written out, which would list formats twice.
FormatName = StrEnum("FormatName", ["tsv", *WRITABLE])  # type: ignore[misc]
TSV = FormatName("tsv")


def decode(
    context: typer.Context,
    source: shared.Source = None,
    split: Annotated[
        shared.SplitName | None, typer.Option(help="Split of the store.", show_default="dev, or the only split")
    ] = None,
    lm: Annotated[Path | None, typer.Option(help=shared.LM_HELP)] = None,
    beam: Annotated[
        int | None,
        typer.Option(
            help="Beam width. 1 without --lm and --hotword: greedy.",
            min=1,
            show_default=f"tuned, or {DecodeConfig.beam}",
        ),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Weight of the language model.", show_default=f"tuned, or {DecodeConfig.alpha}")
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(
            help="Added to the score for each gloss, with --lm; more makes hypotheses longer.",
            show_default=f"tuned, or {DecodeConfig.beta}",
        ),
    ] = None,
    max_oov: shared.MaxOov = None,
    nbest: Annotated[int, typer.Option(help="Number of hypotheses to write per clip, best first.", min=1)] = 1,
    hotwords: shared.Hotwords = None,
    hotword_weight: shared.HotwordWeight = None,
    prune_logp: shared.PruneLogp = None,
    token_min_logp: shared.TokenMinLogp = None,
    engine: shared.EngineName = None,
    kind: Annotated[
        FormatName,
        typer.Option("--format", help="A format other than TSV is written in addition: next to the TSV, or to -o."),
    ] = TSV,
    store: shared.StoreFolder = None,
    weights: shared.BackboneWeights = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, in the --format. Default: in the work folder.")
    ] = None,
    jobs: shared.Jobs = 0,
    device: shared.Device = "auto",
    work: shared.Work = shared.WORK,
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> None:
    """Beam search over a run's emissions, with an optional gloss language model.

    Missing or outdated emissions are computed first. Decoding itself needs
    neither GPU nor torch; with an emissions file it needs neither run nor store,
    and --device has no effect.
    The beam and the weights that `sla tune` chose for this run and language model
    are used. --beam replaces the beam only; where --alpha or --beta is given, the
    other weight has its default.
    """
    from sla_cli.decode.decode_run import Target, check_decoding, decode_run
    from sla_cli.emit.find_emissions import find_emissions
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.model_folder import find_trained

    folder = WorkFolder(work)
    store = folder.store_if_given(store)
    source = folder.run_given(source)
    if lm is not None:
        lm = folder.find_lm(lm, find_trained(source).own_lm(lm))
    given = shared.search_given(context, lm)
    target = Target(str(kind), output, force)
    check_decoding(given, target, source, store, shared.weights_file(weights))
    path, run = find_emissions(source, folder, split=split, store=store, weights=weights, device=device)
    made = decode_run(path, run, folder, given, target, jobs=jobs)
    shared.answer(made.text(), made, as_json)
