"""sla serve"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import (
    RUN_HELP,
    WORK,
    BackboneWeights,
    Beam,
    Device,
    Hotwords,
    HotwordWeight,
    LanguageModel,
    ModelPrecision,
    PruneLogp,
    RuntimeName,
    TokenMinLogp,
    Work,
    search_given,
)
from sla_cli.config.settings import EmitConfig
from sla_cli.errors import SlaError, visible


def serve(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN_OR_MODEL]", help=RUN_HELP),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; another than this machine's own needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port; 0 is any free one.", min=0, max=65535)] = 8000,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token that requests must send as `Authorization: Bearer`.")
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Serve everybody: a reverse proxy in front of it checks who asks.")
    ] = False,
    contact: Annotated[str, typer.Option(help="Who runs it and how to reach them; its page shows this.")] = "",
    workers: Annotated[int, typer.Option(help="Processes for videos, each with the model.", min=1, max=64)] = 1,
    streams: Annotated[
        int, typer.Option(help="Live streams at once, each a process with the model; 0: none.", min=0, max=64)
    ] = 1,
    state: Annotated[
        Path | None,
        typer.Option(help="Folder for videos that wait and for results: after a restart they go on. Default: none."),
    ] = None,
    queue: Annotated[int, typer.Option(help="Videos that may be sent and wait at once.", min=1, max=10_000)] = 16,
    max_mb: Annotated[float, typer.Option(help="Size of a video, in megabytes.", min=0.001, max=1e6)] = 500,
    max_minutes: Annotated[
        float, typer.Option(help="Length of a video or a live stream, in minutes.", min=0.01, max=1e5)
    ] = 60,
    work_minutes: Annotated[float, typer.Option(help="Minutes of computing for a video.", min=0.001, max=1e5)] = 60,
    memory_gb: Annotated[
        float | None,
        typer.Option(help="Memory of a process, in gigabytes.", min=0.1, max=1e5, show_default="its share of 80 %"),
    ] = None,
    keep_minutes: Annotated[
        float, typer.Option(help="Minutes for which a result can be fetched.", min=0.01, max=1e6)
    ] = 60,
    lm: LanguageModel = None,
    beam: Beam = None,
    hotwords: Hotwords = None,
    hotword_weight: HotwordWeight = None,
    prune_logp: PruneLogp = None,
    token_min_logp: TokenMinLogp = None,
    weights: BackboneWeights = None,
    runtime: RuntimeName = "torch",
    device: Device = "auto",
    precision: ModelPrecision = EmitConfig.precision,
    work: Work = WORK,
) -> None:
    """Run a service: videos and live streams in, glosses with times out, over HTTP and WebSocket.

    It has a page for browsers, too. Videos are deleted as soon as they are
    recognised, results after an hour. Ctrl-C ends it.
    """
    from sla_cli.core.arguments import as_line
    from sla_cli.search.options import flag, options_given
    from sla_cli.serve.limits import Limits, share_of_memory
    from sla_cli.serve.run import Access, read_token
    from sla_cli.serve.run import serve as run_service
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.model_folder import find_trained

    search = search_given(context, lm)
    options_given(search, flag)
    contact = as_line(contact, "--contact")
    if no_token and token_file is not None:
        raise SlaError("--no-token and --token-file contradict each other", "Leave one out.")
    access = Access(host, port, "" if token_file is None else read_token(token_file), no_token, contact)
    place = WorkFolder(work).run_given(run)
    trained = find_trained(place)
    _ = trained.facts  # refuses what is no run, before the processes start
    if lm is not None:
        WorkFolder(work).find_lm(lm, trained.own_lm(lm))
    memory = share_of_memory(workers + streams) if memory_gb is None else int(memory_gb * 1e9)
    limits = Limits(queue, int(max_mb * 1e6), max_minutes * 60, work_minutes * 60, memory, keep_minutes * 60)
    opening = {
        "run": place, **search, "runtime": runtime, "device": device, "precision": precision,
        "weights": weights, "work": work,
    }  # fmt: skip
    run_service(opening, workers, streams, limits, state, access, _tell)


def _tell(address: str) -> None:
    typer.echo(visible(address))
    typer.echo("It accepts videos; /health says when the model is loaded. Ctrl-C ends it.", err=True)
