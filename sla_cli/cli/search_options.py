"""Options that `sla decode` and `sla tune` share, and the emissions that both start from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sla_cli.cli.options import SplitName
from sla_cli.errors import SlaError
from sla_cli.search.engines import Engine

if TYPE_CHECKING:
    from sla_cli.formats.work import Work as WorkFolder

LM_HELP = "Gloss n-gram model: ARPA, also .gz, or KenLM binary; looked for as named, then in the work folder's lm/."

Source = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN | EMISSIONS]", help="Run folder or emissions file; without it, the newest run."),
]
MaxOov = Annotated[
    float, typer.Option(help="Refuse --lm where it lacks more of the glosses than this, in percent.", min=0, max=100)
]
Hotwords = Annotated[list[str] | None, typer.Option("--hotword", help="A gloss to favour; repeat it for several.")]
HotwordWeight = Annotated[
    float, typer.Option(help="What each occurrence of a hot word adds to the score (natural log).")
]
EngineName = Annotated[Engine, typer.Option("--engine", help="Beam search: ours or pyctcdecode's; same answers.")]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", help="Any store: the run's glosses are recognised in it; the run's own if left out."),
]
BackboneWeights = Annotated[str | None, typer.Option("--weights", help="The backbone's weights, if they have moved.")]


def find_emissions(
    source: Path | None,
    split: SplitName | None,
    folder: "WorkFolder",
    store: Path | None,
    weights: str | None,
    device: str,
) -> Path:
    """The emissions file that was given, or the run's, which is made where there is none that matches."""
    from sla_cli.formats.emissions import Emissions, emission_receipt, emissions_path, is_current
    from sla_cli.formats.run import Run, warn_of_unknown
    from sla_cli.formats.store import Store

    if source is not None and source.is_file():
        holds = Emissions(source).header.split
        if split not in (None, holds):
            raise SlaError(f"{source} holds emissions of {holds}, and --split says {split}", "Leave --split out.")
        return source
    if source is not None and not source.exists():
        raise SlaError(f"no such run or emissions: {source}", "`sla train` makes runs, `sla emit` emissions.")
    run = Run(source or folder.newest_run())
    found = Store(store or run.store)
    clips = found[split or (found.splits[0] if len(found.splits) == 1 else "dev")]
    emissions = emissions_path(folder.emissions, run, clips)
    if is_current(emissions, emission_receipt(run, clips)):
        warn_of_unknown(run, clips)
    else:
        from sla_cli.emit.emit import emit

        emit(run, clips, emissions, device=device, weights=weights)
    return emissions
