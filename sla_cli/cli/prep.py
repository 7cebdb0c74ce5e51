"""sla prep"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from sla_cli.cli.options import WORK, Force, Jobs, Json, ProfileName, Work, answer, check_name
from sla_cli.config import PrepConfig, SourceConfig
from sla_cli.errors import SlaError
from sla_cli.log import log

if TYPE_CHECKING:
    from sla_cli.prep.resume import PrepArguments

CLEANINGS = ("auto", "raw", *get_args(ProfileName))  # prep.labels


def _list(wanted: bool) -> None:
    if wanted:
        from sla_cli.cli.prep_text import about
        from sla_cli.prep.corpora import corpora

        typer.echo("\n\n".join(map(about, corpora().values())))
        raise typer.Exit


def _names() -> list[str]:
    from sla_cli.prep.corpora import corpora

    return list(corpora())


def prep(
    corpus: Annotated[str | None, typer.Argument(help="A corpus that --list explains.", autocompletion=_names)] = None,
    source: Annotated[
        Path | None, typer.Argument(help="Its folder, zip or tar as released; for `folder` also a table or video.")
    ] = None,
    list_corpora: Annotated[
        bool, typer.Option("--list", callback=_list, is_eager=True, help="Explain each corpus and exit.")
    ] = False,
    protocol: Annotated[str, typer.Option(help="Division into splits, where a corpus has several.")] = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the store; corpus, or corpus-protocol, if not given.")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the stored frames in pixels.", min=16)] = PrepConfig.size,
    fit: Annotated[
        Literal["squash", "pad", "crop"],
        typer.Option(help="How a frame becomes a square: stretched, with black bars, or its middle."),
    ] = PrepConfig.fit,
    codec: Annotated[
        Literal["jpeg", "png", "raw"], typer.Option(help="How frames are stored; png and raw lose nothing.")
    ] = PrepConfig.codec,
    quality: Annotated[
        int | None, typer.Option(help=f"JPEG quality; {PrepConfig.quality} if not given.", min=1, max=100)
    ] = None,
    fps: Annotated[
        float, typer.Option(help="Frames per second to store, those nearest in time; 0 keeps all.", min=0, max=1000)
    ] = PrepConfig.fps,
    labels: Annotated[
        str,
        typer.Option(
            help="Cleaning of training glosses: auto (the corpus's), raw, or a scoring profile.",
            metavar=f"[{'|'.join(CLEANINGS)}]",
            autocompletion=lambda: list(CLEANINGS),
        ),
    ] = PrepConfig.labels,
    shard_clips: Annotated[int, typer.Option(help="Clips of each file; 0 writes one file for each split.", min=0)] = 0,
    jobs: Jobs = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, to work on its cluster.")] = "",
    on_error: Annotated[
        Literal["stop", "skip"] | None,
        typer.Option(help="If clips cannot be read: stop (if not given), or skip, which stores the others."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the newest unfinished store.")] = False,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Decode and resize a corpus into a frame store: one HDF5 file for each split, or several.

    What was encoded is kept after a kill or an error: give the same command
    again, or --resume.
    """
    if jobs and scheduler:
        raise SlaError("--jobs is for local processes, --scheduler for a cluster that has its own", "Give one of them.")
    stored = {"size": size, "fit": fit, "codec": codec, "quality": PrepConfig.quality if quality is None else quality}
    config = PrepConfig.checked(**stored, fps=fps, labels=labels, shard_clips=shard_clips)
    if quality is not None and codec != "jpeg":
        raise SlaError(f"--quality does nothing with --codec {codec}", "Leave it out.")
    from sla_cli.formats.work import Work as WorkFolder
    from sla_cli.prep.corpora import find_corpus
    from sla_cli.prep.plan import choose_protocol
    from sla_cli.prep.resume import PrepArguments, newest_unfinished

    stores = WorkFolder(work).stores
    if resume:
        if corpus or source or name or protocol or force or config != PrepConfig():
            hint = "With --resume, give only --on-error, --jobs, --scheduler, --work and --json."
            raise SlaError("--resume continues with the arguments of the unfinished store", hint)
        out, arguments = newest_unfinished(stores)
        log.info("continuing %s", out)
        arguments = replace(arguments, on_error=on_error or arguments.on_error)
    elif corpus is None or source is None:
        raise SlaError("which corpus, and where is it?", "`sla prep CORPUS SOURCE`; --list explains the corpora.")
    else:
        check_name(name)
        protocol = choose_protocol(find_corpus(corpus), protocol)
        out = stores / (name or "-".join(filter(None, (corpus, protocol))))
        arguments = PrepArguments(corpus, str(source), protocol, asdict(config), on_error or "stop", force)
    _build(out, arguments, jobs, scheduler, as_json)


def _build(out: Path, arguments: "PrepArguments", jobs: int, scheduler: str, as_json: bool) -> None:
    from contextlib import closing

    from sla_cli.cli.prep_text import result_text
    from sla_cli.prep.build import BrokenClips, build_store
    from sla_cli.prep.corpora import find_corpus
    from sla_cli.prep.process_pool import Executor, ProcessPool

    config = PrepConfig.checked(**arguments.config)
    engine: Executor
    if scheduler:
        from sla_cli.prep.dask_cluster import DaskCluster

        engine = DaskCluster(scheduler)
    else:
        engine = ProcessPool(jobs)
    with closing(engine):
        try:
            result = build_store(
                find_corpus(arguments.corpus),
                Path(arguments.source),
                out,
                config,
                engine,
                wanted=SourceConfig(protocol=arguments.protocol),
                on_error=arguments.on_error,
                force=arguments.force,
            )
        except BrokenClips as error:
            if as_json:
                answer("", {"store": None, "failed": error.failed}, as_json)
            raise
    answer(result_text(out, result, config), {"store": str(out), **vars(result)}, as_json)
