"""sla prep"""

from pathlib import Path
from typing import Annotated, Any

import typer

from sla_cli.cli.options import WORK, Force, Json, Quiet, Verbose, Work, answer
from sla_cli.config import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.log import log


def _list(wanted: bool) -> None:
    if wanted:
        from sla_cli.cli.prep_text import about
        from sla_cli.prep.corpus import MODULES, find_corpus

        typer.echo("\n\n".join(about(find_corpus(name)) for name in MODULES))
        raise typer.Exit


def prep(
    corpus: Annotated[str | None, typer.Argument(help="A corpus that --list explains.", show_default=False)] = None,
    source: Annotated[
        Path | None, typer.Argument(help="Its folder as released, or a zip or tar of it.", show_default=False)
    ] = None,
    list_corpora: Annotated[
        bool, typer.Option("--list", callback=_list, is_eager=True, help="Explain each corpus and leave.")
    ] = False,
    protocol: Annotated[str, typer.Option(help="Division into splits, where a corpus has several.")] = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the store; else the corpus's (and the protocol's).", show_default=False)
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the stored frames in pixels.", min=16)] = PrepConfig.size,
    fit: Annotated[str, typer.Option(help="squash, pad or crop to a square.")] = PrepConfig.fit,
    codec: Annotated[str, typer.Option(help="jpeg, png or raw.")] = PrepConfig.codec,
    quality: Annotated[
        int | None,
        typer.Option(help=f"JPEG quality.  [default: {PrepConfig.quality}]", min=1, max=100, show_default=False),
    ] = None,
    fps: Annotated[
        float, typer.Option(help="Frames a second, taken by nearest time; 0 keeps every frame.", min=0, max=1000)
    ] = PrepConfig.fps,
    labels: Annotated[
        str, typer.Option(help="Cleaning of training glosses: auto (the corpus's), raw, or a scoring profile.")
    ] = PrepConfig.labels,
    shard_clips: Annotated[int, typer.Option(help="Clips a file; 0 is one file a split.", min=0)] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Local processes; 0 takes one a core.", min=0)] = 0,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, to work on its cluster.")] = "",
    on_error: Annotated[
        str | None,
        typer.Option(
            help="stop or skip: no store, or a store without them, where clips are broken.  [default: stop]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest unfinished store.")] = False,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Decode and resize a corpus into a frame store, one HDF5 file a split or several shards of it.

    Run it again after a kill or after mending a broken frame, or say --resume: what was encoded is kept.
    """
    if jobs and scheduler:
        raise SlaError("--jobs is of local processes, --scheduler of a cluster that has its own", "Give one of them.")
    if on_error not in (None, "stop", "skip"):
        raise SlaError(f"--on-error {on_error!r} is neither stop nor skip")
    given: dict[str, Any] = {"size": size, "fit": fit, "codec": codec, "fps": fps, "labels": labels}
    given |= {"shard_clips": shard_clips} | ({"quality": quality} if quality is not None else {})
    config = PrepConfig.checked(**given)
    if quality is not None and codec != "jpeg":
        raise SlaError(f"--quality does nothing with --codec {codec}", "Leave it out.")
    from sla_cli.formats.work import Work as WorkFolder

    stores = WorkFolder(work).stores
    if resume:
        if corpus or source or name or protocol or force or config != PrepConfig():
            raise SlaError("--resume goes on with the arguments that prep was begun with, and takes no others")
        job = _begun(stores, on_error)
    elif corpus is None or source is None:
        raise SlaError("which corpus, and where is it?", "`sla prep CORPUS SOURCE`; --list explains the corpora.")
    else:
        job = _asked(corpus, source, stores, name, protocol, config, on_error, force)
    _run(job, jobs, scheduler, as_json)


def _asked(
    corpus: str,
    source: Path,
    stores: Path,
    name: str | None,
    protocol: str,
    config: PrepConfig,
    on_error: str | None,
    force: bool,
) -> dict[str, Any]:
    """The arguments of build_store, but the engine."""
    from sla_cli.prep.corpus import find_corpus
    from sla_cli.prep.plan import choose_protocol

    if name is not None and (not name or "/" in name or name.startswith(".")):
        raise SlaError(f"--name {name!r} cannot name a folder", "Use letters, digits, - and _.")
    found = find_corpus(corpus)
    protocol = choose_protocol(found, protocol)
    return {
        "corpus": found,
        "source": source,
        "out": stores / (name or "-".join(filter(None, (corpus, protocol)))),
        "config": config,
        "protocol": protocol,
        "on_error": on_error or "stop",
        "force": force,
    }


def _begun(stores: Path, on_error: str | None) -> dict[str, Any]:
    """The same of the newest unfinished store."""
    from sla_cli.prep.corpus import find_corpus
    from sla_cli.prep.state import newest_begun

    out, begun = newest_begun(stores)
    log.info("going on with %s", out)
    return {
        "corpus": find_corpus(begun.corpus),
        "source": Path(begun.source),
        "out": out,
        "config": PrepConfig.checked(**begun.config),
        "protocol": begun.protocol,
        "on_error": on_error or begun.on_error,
        "force": begun.force,
    }


def _run(job: dict[str, Any], jobs: int, scheduler: str, as_json: bool) -> None:
    from contextlib import closing

    from sla_cli.cli.prep_text import told
    from sla_cli.prep.build import BrokenClips, build_store
    from sla_cli.prep.process_pool import open_executor

    with closing(open_executor(jobs, scheduler)) as engine:
        try:
            outcome = build_store(engine=engine, **job)
        except BrokenClips as error:
            if as_json:
                answer("", {"store": None, "failed": error.failed}, as_json)
            raise
    answer(told(job["out"], outcome, job["config"]), {"store": str(job["out"]), **vars(outcome)}, as_json)
