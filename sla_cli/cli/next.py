"""sla next"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sla_cli.cli import options as shared
from sla_cli.cli.score import table
from sla_cli.config.bounds import FASTEST, SLOWEST
from sla_cli.config.bounds import SEED as LARGEST_SEED
from sla_cli.config.settings import TranscribeConfig
from sla_cli.core.counted import counted

if TYPE_CHECKING:
    from sla_cli.choose.choose import Choice
    from sla_cli.cli.results.recognition import Next, NextClip

StrategyName = Literal["random", "uncertainty", "novelty", "rare", "signers"]  # of choose/strategies.py
TOP = 20  # choices that are printed


def next(
    pool: Annotated[
        Path,
        typer.Argument(
            metavar="STORE[:DIVISION] | FOLDER",
            help="Store, by name or folder, or a video, folder or archive of recordings.",
        ),
    ],
    budget: Annotated[float, typer.Option(metavar="MINUTES", help="Minutes of signing to choose.", min=0.001, max=1e6)],
    run: shared.RunOrModel = None,
    strategy: Annotated[StrategyName, typer.Option(help="How to choose.")] = "random",
    split: Annotated[
        shared.SplitName | None,
        typer.Option(help="Of a store: choose from the clips of this split. Default: those without annotation."),
    ] = None,
    pause: Annotated[
        float | None,
        typer.Option(
            help="Of recordings: seconds without a sign that end a sentence.",
            min=0,
            show_default=f"{TranscribeConfig.pause:g}",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Of recordings: frames per second of folders of pictures.", min=SLOWEST, max=FASTEST),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw among equals.", min=0, max=LARGEST_SEED)] = 0,
    weights: shared.BackboneWeights = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the choices as a tab-separated table.")
    ] = None,
    device: shared.Device = "auto",
    work: shared.Work = shared.WORK,
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> None:
    """Choose what to annotate next: clips of a store, or sentences in recordings, with a reason for each.

    Of recordings, sentences that a person has annotated in their ELAN files, as
    `sla annotate` finds them, are left out. Choices are listed in their order until the budget is full.
    """
    from sla_cli.choose.next import Request, next_choices
    from sla_cli.choose.table import COLUMNS, write_choices
    from sla_cli.cli.results.recognition import Next
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.like import table_like
    from sla_cli.work.output import check_output

    inputs = (pool, shared.weights_file(weights))
    check = check_output(output, table_like(COLUMNS), inputs=inputs, replace=force)
    request = Request(
        strategy=strategy, budget=budget, seed=seed, run=run, split=split, pause=pause, fps=fps, device=device,
        weights=weights,
    )  # fmt: skip
    choices, offered = next_choices(pool, WorkFolder(work), request)
    if output is not None:
        write_choices(output, choices, check=check)
    facts = Next(
        strategy=strategy,
        budget=budget,
        minutes=choices[-1].minutes,
        offered=offered,
        chosen=list(map(_clip, choices)),
        table=output,
    )
    shared.answer(_lines(choices, facts), facts, as_json)


def _lines(choices: "Sequence[Choice]", facts: "Next") -> str:
    """The first choices, and how many there are."""
    head = f"{counted(len(choices), 'choice')} of {facts.offered:,}, {facts.minutes:.2f} min of signing"
    rows = [
        (
            rank,
            choice.candidate.id,
            f"{choice.candidate.start:.2f}-{choice.candidate.start + choice.candidate.seconds:.2f}",
            f"{choice.minutes:.2f}",
            f"{choice.score:.3f}",
            choice.reason,
        )
        for rank, choice in enumerate(choices[:TOP], start=1)
    ]
    lines = table(head, ("", "what", "seconds", "minutes", "score", "reason"), rows, left=("what", "reason"))
    if len(choices) > TOP:
        lines += f"\nand {len(choices) - TOP} more"
    return lines + (f"\ntable {facts.table}" if facts.table else "")


def _clip(choice: "Choice") -> "NextClip":
    from sla_cli.cli.results.recognition import NextClip

    one = choice.candidate
    return NextClip(
        clip=one.id,
        recording=one.recording,
        start=one.start,
        end=one.start + one.seconds,
        signer=one.signer,
        minutes=choice.minutes,
        score=choice.score,
        reason=choice.reason,
        hypothesis=one.glosses,
    )
