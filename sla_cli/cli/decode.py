"""sla decode"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sla_cli.cli.options import WORK, Device, Force, Json, Quiet, Verbose, Work, answer
from sla_cli.config import DecodeConfig, TuneConfig
from sla_cli.errors import SlaError

if TYPE_CHECKING:
    from sla_cli.decode.clips import BeamOptions
    from sla_cli.formats.work import Work as WorkFolder

Format = Literal["tsv", "ctm", "stm", "trn", "csv", "jsonl"]
TUNED = "tuned, or {}"
PANEL, GRID = "Tuning", "Values of {} to try, separated by commas."


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


def decode(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN | EMISSIONS]", help="Run folder or emissions file; without it, the newest run."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, dev or test.", show_default="dev")] = None,
    lm: Annotated[Path | None, typer.Option(help="Gloss n-gram model: ARPA, also .gz, or KenLM binary.")] = None,
    beam: Annotated[
        int | None,
        typer.Option(help="Beam width; 1 without --lm is greedy.", min=1, show_default=TUNED.format(DecodeConfig.beam)),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="Weight of the language model.", show_default=TUNED.format(DecodeConfig.alpha)),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(
            help="Added to the score for each gloss, with --lm; more makes readings longer.",
            show_default=TUNED.format(DecodeConfig.beta),
        ),
    ] = None,
    max_oov: Annotated[
        float,
        typer.Option(help="Refuse --lm where it lacks more of the glosses than this, in percent.", min=0, max=100),
    ] = DecodeConfig.max_oov,
    nbest: Annotated[int, typer.Option(help="Readings of each clip to keep, best first.", min=1)] = 1,
    hotword: Annotated[list[str] | None, typer.Option(help="A gloss to favour; repeat it for several.")] = None,
    hotword_weight: Annotated[
        float, typer.Option(help="What each occurrence of a hot word adds to the score (natural log).")
    ] = DecodeConfig.hotword_weight,
    tune: Annotated[
        bool, typer.Option("--tune", rich_help_panel=PANEL, help="Choose alpha, beta and beam on dev.")
    ] = False,
    alphas: Annotated[
        str | None,
        typer.Option(rich_help_panel=PANEL, help=GRID.format("alpha"), show_default=_listed(TuneConfig.alphas)),
    ] = None,
    betas: Annotated[
        str | None,
        typer.Option(rich_help_panel=PANEL, help=GRID.format("beta"), show_default=_listed(TuneConfig.betas)),
    ] = None,
    beams: Annotated[
        str | None, typer.Option(rich_help_panel=PANEL, help=GRID.format("beam"), show_default=str(DecodeConfig.beam))
    ] = None,
    engine: Annotated[
        Literal["prefix", "pyctcdecode"], typer.Option(help="Beam search: ours or pyctcdecode's, which answers alike.")
    ] = "prefix",
    kind: Annotated[
        Format, typer.Option("--format", help="A tsv is always written; any other format beside it, or to -o.")
    ] = "tsv",
    store: Annotated[Path | None, typer.Option(help="Store folder; the run's own without it.")] = None,
    weights: Annotated[str | None, typer.Option(help="The backbone's weights, where they have moved.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write the hypotheses here, in the --format, instead of into the work folder."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes of the beam search.", min=1)] = 1,
    device: Device = "auto",
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Beam search over a run's emissions, with an optional gloss language model.

    Emissions are made first where there are none that match; decoding itself
    needs neither GPU nor torch, and from an emissions file neither run nor
    store. With --tune, alpha, beta and beam are chosen on dev, and from then
    on taken for the same run and language model.
    """
    from sla_cli.decode.clips import BeamOptions
    from sla_cli.decode.tune_run import check_tunable, tuned_options
    from sla_cli.formats.work import Work as WorkFolder
    from sla_cli.lm.kenlm_model import open_lm

    folder = WorkFolder(work)
    options = BeamOptions(
        DecodeConfig.beam if beam is None else beam,
        DecodeConfig.alpha if alpha is None else alpha,
        DecodeConfig.beta if beta is None else beta,
        lm,
        nbest,
        tuple(hotword or ()),
        hotword_weight,
        engine,
    )
    # All that can be refused is refused before minutes of emissions.
    weighed = {"--alpha": alpha, "--beta": beta}
    if lm is None:
        _refuse({**weighed, "--tune": tune or None}, "without a language model", "Give one with --lm.")
    else:
        open_lm(lm)
    if tune:
        _refuse({**weighed, "--beam": beam}, "with --tune", "Say which to try with --alphas, --betas and --beams.")
        written = {"--output": output, "--format": None if kind == "tsv" else kind}
        _refuse(written, "with --tune, which writes no hypotheses", "Decode with the choice afterwards.")
        check_tunable(split or "dev")
    else:
        _refuse({"--alphas": alphas, "--betas": betas, "--beams": beams}, "without --tune", "Add --tune.")
    settings = (
        _numbers("--alphas", alphas or _listed(TuneConfig.alphas)),
        _numbers("--betas", betas or _listed(TuneConfig.betas)),
        _numbers("--beams", beams or str(DecodeConfig.beam), whole=True),
    )
    emissions = _emissions(source, split, folder, store, weights, device)
    if tune:
        _tune(emissions, store, folder, options, settings, jobs, max_oov, force, as_json)
        return
    options = tuned_options(
        options, emissions, folder.tuning, beam=beam is None, weights=alpha is None and beta is None
    )
    _decode(emissions, folder, options, kind, output, jobs, max_oov, force, as_json)


def _emissions(
    source: Path | None, split: str | None, folder: "WorkFolder", store: Path | None, weights: str | None, device: str
) -> Path:
    """The emissions file that was given, or the run's, which is made where there is none that matches."""
    from sla_cli.formats.emissions import Emissions, emission_receipt, is_current
    from sla_cli.formats.run import Run, check_glosses
    from sla_cli.formats.store import Store

    if source is not None and source.is_file():
        found = Emissions(source).header.split
        if split not in (None, found):
            raise SlaError(f"{source} holds emissions of {found}, and --split says {split}", "Leave --split out.")
        return source
    if source is not None and not source.exists():
        raise SlaError(f"no such run or emissions: {source}", "`sla train` makes runs, `sla emit` emissions.")
    run = Run(source or folder.newest_run())
    split = split or "dev"
    clips = Store(store or run.store)[split]
    check_glosses(run, clips)
    emissions = folder.emissions / run.path.name / f"{split}.h5"
    if not is_current(emissions, emission_receipt(run, clips)):
        from sla_cli.emit.emit import emit

        emit(run, clips, emissions, device=device, weights=weights)
    return emissions


def _decode(
    emissions: Path,
    folder: "WorkFolder",
    options: "BeamOptions",
    kind: Format,
    output: Path | None,
    jobs: int,
    max_oov: float,
    force: bool,
    as_json: bool,
) -> None:
    from sla_cli.decode.decode_file import decode_file, export_file
    from sla_cli.formats.emissions import Emissions

    home = folder.hypotheses / (Path(Emissions(emissions).header.run).name or emissions.stem)
    out = output if kind == "tsv" else None
    path, hypotheses = decode_file(emissions, home, options, out=out, jobs=jobs, max_oov=max_oov, force=force)
    glosses = sum(len(hypothesis.glosses) for hypothesis in hypotheses)
    facts: dict[str, Any] = {"hypotheses": str(path), "clips": len(hypotheses), "glosses": glosses}
    lines = f"hypotheses {path}: {len(hypotheses)} clips, {glosses} glosses"
    if kind != "tsv":
        exported = export_file(path, kind, output, force=force)
        facts[kind] = str(exported)
        lines += f"\n{kind} {exported}"
    answer(lines, facts, as_json)


def _tune(
    emissions: Path,
    store: Path | None,
    folder: "WorkFolder",
    options: "BeamOptions",
    values: tuple[list[float], list[float], list[float]],
    jobs: int,
    max_oov: float,
    force: bool,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from sla_cli.decode.tune import best_trial, grid
    from sla_cli.decode.tune_run import references_of, tune_file

    alphas, betas, beams = values
    settings = grid(alphas, betas, [int(beam) for beam in beams])
    references = references_of(emissions, store)
    out, tuned, trials = tune_file(
        emissions, references, folder.tuning, options, settings, jobs=jobs, max_oov=max_oov, force=force
    )
    if trials and not as_json:
        _print_table([(trial.setting, trial.counts.wer) for trial in trials], best_trial(trials).setting)
    answer(
        f"tuned on {tuned.split}: alpha {tuned.alpha:g}, beta {tuned.beta:g}, beam {tuned.beam}: "
        f"WER {tuned.wer:.2f} % ({tuned.profile}); {out / 'tune.png'} shows all",
        {"tuned": str(out), **asdict(tuned)},
        as_json,
    )


def _print_table(trials: list[tuple[Any, float]], best: Any) -> None:
    """WER by alpha (down) and beta (across), a table a beam, the choice in bold."""
    from rich.console import Console
    from rich.table import Table

    wers = dict(trials)
    betas = sorted({setting.beta for setting in wers})
    for beam in sorted({setting.beam for setting in wers}):
        table = Table("alpha \\ beta", *(f"{beta:g}" for beta in betas), title=f"WER %, beam {beam}")
        for alpha in sorted({setting.alpha for setting in wers}):
            row = [(type(best)(beam, alpha, beta)) for beta in betas]
            marked = [f"[bold]*{wers[point]:.2f}[/bold]" if point == best else f"{wers[point]:.2f}" for point in row]
            table.add_row(f"{alpha:g}", *marked)
        Console().print(table)


def _refuse(options: dict[str, Any], why: str, hint: str) -> None:
    """Raise SlaError where options were given (are not None) that would do nothing."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise SlaError(f"{' and '.join(given)} {why}", hint)


def _numbers(option: str, text: str, *, whole: bool = False) -> list[float]:
    """`0,0.5,1` as numbers. Raises SlaError."""
    try:
        return [int(part) if whole else float(part) for part in text.split(",")]
    except ValueError as error:
        raise SlaError(f"{option} {text}: not numbers separated by commas", f"As in {option} 1,2,5.") from error
