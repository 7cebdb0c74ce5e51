"""`sla prep CORPUS SOURCE`: a command for each corpus, with the options that all have and those of the corpus."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from msgspec import Meta

from sla_cli.cli.options import WORK, Force, Jobs, Json, Work, answer
from sla_cli.config.checks import OptionValues, annotations_of, parse_part
from sla_cli.config.settings import PrepConfig
from sla_cli.core.arguments import check_name
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.corpora import corpora
from sla_cli.prep.corpus import Corpus

if TYPE_CHECKING:
    from sla_cli.prep.begun import Begun
    from sla_cli.prep.encoding.process_pool import Executor

OWN, FRAMES, WORKING = "Options of this corpus", "Frames in the store", "Work"

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    help="Decode and resize a corpus into a frame store: its clips, and its divisions into train, dev and test. "
    "`sla prep CORPUS --help` shows what SOURCE must contain.",
)


def prep(
    corpus: Corpus,
    source: Annotated[
        Path | None, typer.Argument(help="Folder, archive (.zip, .tar, .tar.gz) or file with the corpus.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the store. Default: that of the corpus.")] = None,
    jobs: Jobs = 0,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, to work on its cluster.", rich_help_panel=WORKING)
    ] = "",
    part: Annotated[
        str,
        typer.Option(
            help="K/N: encode only part K of N, for job arrays; a last call without --part writes the store.",
            rich_help_panel=WORKING,
        ),
    ] = "",
    on_error: Annotated[
        Literal["stop", "skip"] | None,
        typer.Option(
            help="If some clips cannot be read: stop, or skip them and store the others. A --part fails all the same.",
            show_default="stop",
            rich_help_panel=WORKING,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the newest unfinished store of this corpus.", rich_help_panel=WORKING),
    ] = False,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    list_tiers: bool = False,
    **chosen: Any,
) -> None:
    if jobs and scheduler:
        raise SlaError("--jobs is for local processes, --scheduler for a cluster that has its own", "Give one of them.")
    from sla_cli.prep.begun import Begun, newest_unfinished
    from sla_cli.prep.tiers.survey import tiers_text
    from sla_cli.store.paths import as_there
    from sla_cli.work.folder import Work as WorkFolder

    stores, wanted_part = WorkFolder(work).stores, parse_part("--part", part) if part else None
    given = {key: value for key, value in chosen.items() if value not in (None, [])}
    frames = {key: given.pop(key) for key in annotations_of(PrepConfig) if key in given}
    if resume:
        if any((source, name, frames, given, force, part, list_tiers)):
            hint = "With --resume, give only --on-error, --jobs, --scheduler, --work and --json."
            raise SlaError("--resume uses the options of the unfinished store", hint)
        out, begun = newest_unfinished(stores, corpus.name)
        log.info("continuing %s", out)
        begun = Begun(begun.request, on_error or begun.on_error, begun.force)
    else:
        check_name(name)
        begun = _begun(corpus, source, given, frames, on_error, force)
        if list_tiers and corpus.survey is not None:
            survey = corpus.survey(corpus.open(begun.request.source, None), begun.request.options)
            answer(tiers_text(survey), survey, as_json)
            return
        out = as_there(stores / (name or corpus.name))
    _build(begun, out, _engine(jobs, scheduler), wanted_part, as_json)


def _begun(
    corpus: Corpus,
    source: Path | None,
    options: dict[str, Any],
    frames: dict[str, Any],
    on_error: Literal["stop", "skip"] | None,
    force: bool,
) -> "Begun":
    from sla_cli.prep.begun import Begun
    from sla_cli.prep.request import PrepRequest

    if source is None:
        raise SlaError(
            f"where is {corpus.name}?", f"Give SOURCE, as in `sla prep {corpus.name} SOURCE`: {corpus.layout}"
        )
    request = PrepRequest.checked(corpus.name, source, options, frames)
    if "quality" in frames and request.frames.codec != "jpeg":
        raise SlaError(f"--quality has no effect with --codec {request.frames.codec}", "Leave it out.")
    return Begun(request, on_error or "stop", force)


def _engine(jobs: int, scheduler: str) -> "Executor":
    if scheduler:
        from sla_cli.prep.encoding.dask_cluster import DaskCluster

        return DaskCluster(scheduler)
    from sla_cli.prep.encoding.process_pool import ProcessPool

    return ProcessPool(jobs)


def _build(begun: "Begun", out: Path, engine: "Executor", part: tuple[int, int] | None, as_json: bool) -> None:
    from contextlib import closing

    from sla_cli.cli.prep_text import part_text, result_text
    from sla_cli.prep.build import build_store
    from sla_cli.prep.result import BrokenClips, PrepResult

    with closing(engine):
        try:
            result = build_store(begun, out, engine, part)
        except BrokenClips as error:
            if as_json:
                answer("", PrepResult(failed=error.failed), as_json)
            raise
    text = result_text(out, result, begun.request.frames) if part is None else part_text(out, result, part)
    result.store = str(out) if part is None else None
    answer(text, result, as_json)


def _command_of(corpus: Corpus) -> Callable[..., None]:
    """The function `prep` for one corpus: its own options stand in the signature that typer reads."""
    from sla_cli.cli.prep_text import about

    common = [one for key, one in inspect.signature(prep).parameters.items() if key not in ("corpus", "chosen")]
    if corpus.survey is None:
        common = [one for one in common if one.name != "list_tiers"]
    else:
        tiers = typer.Option(
            "--list-tiers",
            help="Print the tiers of the source and exit; options of the store have no effect.",
            rich_help_panel=OWN,
        )
        common[-1] = common[-1].replace(annotation=Annotated[bool, tiers])
    source, name, *others = common
    parameters = [source, *_parameters(corpus.options, OWN), name, *_parameters(PrepConfig, FRAMES), *others]

    def command(**values: Any) -> None:
        prep(corpus, **values)

    command.__doc__ = about(corpus)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _parameters(kind: type[OptionValues], panel: str) -> Iterator[inspect.Parameter]:
    """The options of a dataclass, as typer wants them."""
    for field in fields(kind):
        hint: Any = annotations_of(kind)[field.name]
        plain, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        bounds: Any = next(({"min": mark.ge, "max": mark.le} for mark in marks if isinstance(mark, Meta)), {})
        default: Any = field.default
        shown = f"{default:g}" if isinstance(default, int | float) else default or False
        option = typer.Option(help=field.metadata["help"], show_default=shown, rich_help_panel=panel, **bounds)
        kept: Any = list[str] if get_origin(plain) is tuple else plain
        annotation: Any = Annotated[kept | None, option]
        yield inspect.Parameter(
            field.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation
        )


for each in corpora().values():
    app.command(each.name, short_help=each.title)(_command_of(each))
