"""sla prep"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from sla_cli.cli.options import WORK, Force, Jobs, Json, ProfileName, Work, answer, check_name
from sla_cli.config.bounds import PIXELS
from sla_cli.config.settings import PrepConfig, SourceConfig
from sla_cli.errors import SlaError
from sla_cli.log import log

if TYPE_CHECKING:
    from sla_cli.prep.order import Order

CLEANINGS = ("auto", "raw", *get_args(ProfileName))  # prep.labels
ANNOTATION, DIVISION, FRAMES, WORKING = "Annotation", "Division into splits", "Stored frames", "Work"


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
        Path | None,
        typer.Argument(help="Its folder, zip or tar as released; for `folder` and `elan` also a table or one file."),
    ] = None,
    list_corpora: Annotated[
        bool, typer.Option("--list", callback=_list, is_eager=True, help="Explain each corpus and exit.")
    ] = False,
    protocol: Annotated[
        str | None, typer.Option(help="The corpus's division into splits, if it has several.", rich_help_panel=DIVISION)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the store; corpus and division, if not given.", rich_help_panel=WORKING)
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option(
            help="Folder to search for recordings that are not where the annotation says.", rich_help_panel=ANNOTATION
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            help="The recording, by name or pattern, if an annotation file links several.",
            rich_help_panel=ANNOTATION,
        ),
    ] = None,
    tier: Annotated[
        list[str] | None,
        typer.Option(
            help="Gloss tier, by name or pattern as in 'GlossR*'; repeat it for the other hand.",
            rich_help_panel=ANNOTATION,
        ),
    ] = None,
    tier_type: Annotated[
        list[str] | None, typer.Option(help="Gloss tiers, by linguistic type.", rich_help_panel=ANNOTATION)
    ] = None,
    utterance_tier: Annotated[
        str | None,
        typer.Option(help="Tier whose annotations are the clips, by name or pattern.", rich_help_panel=ANNOTATION),
    ] = None,
    translation_tier: Annotated[
        str | None, typer.Option(help="Tier of translations, by name or pattern.", rich_help_panel=ANNOTATION)
    ] = None,
    pause: Annotated[
        float | None,
        typer.Option(
            help="Seconds without a sign that end a clip, without --utterance-tier; "
            f"{SourceConfig.pause:g} if not given.",
            min=0,
            rich_help_panel=ANNOTATION,
        ),
    ] = None,
    list_tiers: Annotated[
        bool,
        typer.Option("--list-tiers", help="Print the tiers of the source and exit.", rich_help_panel=ANNOTATION),
    ] = False,
    split_by: Annotated[
        Literal["signer", "sentence", "random"] | None,
        typer.Option(
            help="Draw splits that share no signer, no sentence, or no clip; the corpus's own if not given.",
            rich_help_panel=DIVISION,
        ),
    ] = None,
    shares: Annotated[
        str | None,
        typer.Option(
            help="Shares of the clips for train, dev and test; 80,10,10 if not given.", rich_help_panel=DIVISION
        ),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(help="K/N: part K of N equal ones is test, the next is dev.", rich_help_panel=DIVISION),
    ] = None,
    split_seed: Annotated[
        int | None, typer.Option(help="Random seed for drawing the splits.", min=0, rich_help_panel=DIVISION)
    ] = None,
    frames_from: Annotated[
        Path | None,
        typer.Option(
            help="Store whose frames are used in place; CORPUS and SOURCE are then those of that store, if not given.",
            rich_help_panel=DIVISION,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help=f"Side of the stored frames in pixels; {PrepConfig.size} if not given.",
            min=16,
            max=PIXELS,
            rich_help_panel=FRAMES,
        ),
    ] = None,
    fit: Annotated[
        Literal["squash", "pad", "crop"] | None,
        typer.Option(
            help=f"How a frame becomes a square: stretched, with black bars, or its middle; {PrepConfig.fit} "
            "if not given.",
            rich_help_panel=FRAMES,
        ),
    ] = None,
    codec: Annotated[
        Literal["jpeg", "png", "raw"] | None,
        typer.Option(
            help=f"How frames are stored; png and raw are lossless; {PrepConfig.codec} if not given.",
            rich_help_panel=FRAMES,
        ),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(help=f"JPEG quality; {PrepConfig.quality} if not given.", min=1, max=100, rich_help_panel=FRAMES),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            help="Frames per second to store, those nearest in time; all if not given, or 0.",
            min=0,
            max=1000,
            rich_help_panel=FRAMES,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Cleaning of training glosses: raw, or a scoring profile; auto, the corpus's, if not given.",
            metavar=f"[{'|'.join(CLEANINGS)}]",
            autocompletion=lambda: list(CLEANINGS),
            rich_help_panel=ANNOTATION,
        ),
    ] = None,
    shard_clips: Annotated[
        int, typer.Option(help="Clips per file; 0 writes one file per split.", min=0, rich_help_panel=FRAMES)
    ] = 0,
    jobs: Jobs = 0,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, to work on its cluster.", rich_help_panel=WORKING)
    ] = "",
    part: Annotated[
        str,
        typer.Option(
            help="K/N: encode part K of N only, for job arrays; a last call without it writes the store.",
            rich_help_panel=WORKING,
        ),
    ] = "",
    on_error: Annotated[
        Literal["stop", "skip"] | None,
        typer.Option(
            help="If clips cannot be read: stop (the default), or skip them and store the others.",
            rich_help_panel=WORKING,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest unfinished store.", rich_help_panel=WORKING)
    ] = False,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Decode and resize a corpus into a frame store: one HDF5 file for each split, or several.

    After an interruption or an error, encoded clips are kept: give the same
    command again, or --resume.
    """
    if jobs and scheduler:
        raise SlaError("--jobs is for local processes, --scheduler for a cluster that has its own", "Give one of them.")
    from sla_cli.cli.prep_order import numbers, order_from, order_of, part_of, store_name
    from sla_cli.prep.resume import newest_unfinished
    from sla_cli.work.work import Work as WorkFolder

    stores, wanted_part = WorkFolder(work).stores, part_of(part)
    stored: dict[str, Any] = {"size": size, "fit": fit, "codec": codec, "quality": quality, "fps": fps}
    stored |= {"labels": labels, "shard_clips": shard_clips}
    wanted: dict[str, Any] = {"protocol": protocol, "media": None if media is None else str(media), "tiers": tier}
    wanted |= {"tier_types": tier_type, "utterance_tier": utterance_tier, "translation_tier": translation_tier}
    wanted |= {"pause": pause, "video": video}
    drawn = {"split_by": split_by, "shares": numbers(shares, "--shares"), "fold": fold, "split_seed": split_seed}
    if resume:
        given = [corpus, source, name, frames_from, *wanted.values(), *drawn.values(), size, fit, codec, quality, fps]
        if any(value is not None for value in (*given, labels)) or force or part or shard_clips:
            hint = "With --resume, give only --on-error, --jobs, --scheduler, --work and --json."
            raise SlaError("--resume uses the arguments of the unfinished store", hint)
        out, arguments = newest_unfinished(stores)
        log.info("continuing %s", out)
        order = order_from(replace(arguments, on_error=on_error or arguments.on_error))
    else:
        check_name(name)
        order = order_of(
            corpus, source, stored, wanted, drawn, frames_from=frames_from, on_error=on_error or "stop", force=force
        )
        if list_tiers:
            _list_tiers(order, as_json)
            return
        out = stores / (name or store_name(order))
    _build(order, out, jobs, scheduler, wanted_part, as_json)


def _list_tiers(order: "Order", as_json: bool) -> None:
    from sla_cli.prep.tiers.survey import survey_tiers, tiers_text

    if "tiers" not in order.corpus.takes:
        raise SlaError(f"{order.corpus.name} has no tiers", "`sla prep elan FOLDER --list-tiers`")
    facts = survey_tiers(order.corpus.open(order.source, None), order.wanted)
    answer(tiers_text(facts), facts, as_json)


def _build(order: "Order", out: Path, jobs: int, scheduler: str, part: tuple[int, int] | None, as_json: bool) -> None:
    from contextlib import closing

    from sla_cli.cli.prep_text import part_text, result_text
    from sla_cli.prep.build import build_store, encode_part
    from sla_cli.prep.process_pool import Executor, ProcessPool
    from sla_cli.prep.result import BrokenClips

    engine: Executor
    if scheduler:
        from sla_cli.prep.dask_cluster import DaskCluster

        engine = DaskCluster(scheduler)
    else:
        engine = ProcessPool(jobs)
    with closing(engine):
        try:
            result = build_store(order, out, engine) if part is None else encode_part(order, out, engine, part)
        except BrokenClips as error:
            if as_json:
                answer("", {"store": None, "failed": error.failed}, as_json)
            raise
    text = result_text(out, result, order.config) if part is None else part_text(out, result, part)
    answer(text, {"store": str(out) if part is None else None, **vars(result)}, as_json)
