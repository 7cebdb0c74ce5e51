"""sla decode"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from sla_cli.cli import options as shared
from sla_cli.cli.emit import find_emissions
from sla_cli.config.settings import DecodeConfig
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.exchange.gloss_files import WRITABLE

# typer shows and completes an Enum; mypy requires its members to be written out, which would list formats twice.
FormatName = StrEnum("FormatName", ["tsv", *WRITABLE])  # type: ignore[misc]
TSV = FormatName("tsv")


class Command(TyperCommand):
    """Names the replacement of an option that older versions had."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--tune" in args:
            raise SlaError("`sla decode` has no --tune", "Use `sla tune`, then `sla decode` takes what it chose.")
        return super().parse_args(ctx, args)


def decode(
    source: shared.Source = None,
    split: Annotated[
        shared.SplitName | None, typer.Option(help="Split of the store.", show_default="dev, or the only split")
    ] = None,
    lm: Annotated[Path | None, typer.Option(help=shared.LM_HELP)] = None,
    beam: Annotated[
        int | None,
        typer.Option(help="Beam width. 1 without --lm: greedy.", min=1, show_default=f"tuned, or {DecodeConfig.beam}"),
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
    max_oov: shared.MaxOov = DecodeConfig.max_oov,
    nbest: Annotated[int, typer.Option(help="Number of hypotheses to write per clip, best first.", min=1)] = 1,
    hotwords: shared.Hotwords = None,
    hotword_weight: shared.HotwordWeight = None,
    prune_logp: shared.PruneLogp = None,
    token_min_logp: shared.TokenMinLogp = None,
    engine: shared.EngineName = "prefix",
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
    neither GPU nor torch; with an emissions file it needs neither run nor store.
    The beam and the weights that `sla tune` chose for this run and language model
    are used. --beam replaces the beam only; where --alpha or --beta is given, the
    other weight has its default.
    """
    from sla_cli.cli.results.recognition import Decoded
    from sla_cli.core.result import left_out
    from sla_cli.decode.decode_file import decode_file, export_file
    from sla_cli.decode.tuned import tuned_options
    from sla_cli.lm.kenlm_model import open_lm
    from sla_cli.search.given import flag, options_given
    from sla_cli.work.emissions import Emissions
    from sla_cli.work.kind import HYPOTHESES
    from sla_cli.work.output import check_output
    from sla_cli.work.work import Work as WorkFolder

    folder = WorkFolder(work)
    if source is not None and source.is_file():
        options_of_runs = {"--store": store, "--weights": weights}
        if unused := [name for name, value in options_of_runs.items() if value is not None]:
            raise SlaError(f"{source} is an emissions file, for which {some(unused)} has no effect", "Leave it out.")
    # Whatever can be refused is refused before emissions are computed, which takes minutes.
    given = {
        "lm": None if lm is None else folder.find_lm(lm),
        "beam": beam,
        "alpha": alpha,
        "beta": beta,
        "nbest": nbest,
        "hotwords": tuple(hotwords or ()),
        "hotword_weight": hotword_weight,
        "prune_logp": prune_logp,
        "token_min_logp": token_min_logp,
        "engine": engine,
    }
    options = options_given(given, flag)
    if options.lm is not None:
        open_lm(options.lm)
    inputs = (source, options.lm, shared.weights_file(weights))
    check_output(output, HYPOTHESES if kind == "tsv" else "", inputs=inputs, replace=force or kind == "tsv")
    emissions = find_emissions(source, split, folder, store, weights, device)
    settled = tuned_options(
        options, emissions, folder.tuning, beam=beam is None, weights=alpha is None and beta is None
    )
    out = output if kind == "tsv" else None
    path, hypotheses = decode_file(
        emissions,
        folder.hypotheses,
        settled.options,
        out=out,
        jobs=jobs,
        max_oov=max_oov,
        tuned_on=settled.tuned_on,
        no_gain_on=settled.no_gain_on,
        force=force,
    )
    folder.note_hypotheses(path)
    glosses = sum(len(hypothesis.glosses) for hypothesis in hypotheses)
    facts = Decoded(hypotheses=path, clips=len(hypotheses), glosses=glosses)
    lines = f"hypotheses {path}: {counted(len(hypotheses), 'clip')}, {counted(glosses, 'gloss')}"
    if tuned_on := settled.tuned_on:
        facts.tuned_on = tuned_on
        here = " these same clips, so this WER is too low" if tuned_on == Emissions(emissions).header.split else ""
        lines += f"\nweights tuned on{here or f' {tuned_on}'}"
    if settled.no_gain_on:
        facts.no_gain_on = settled.no_gain_on
        lines += f"\n{left_out(settled.no_gain_on)}"
    if kind != "tsv":
        exported = export_file(path, kind, output, force=force)
        setattr(facts, kind, exported)
        lines += f"\n{kind} {exported}"
    shared.answer(lines, facts, as_json)
