"""sla live"""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sla_cli.cli.options import (
    WORK,
    BackboneWeights,
    Beam,
    Device,
    Force,
    Hotwords,
    HotwordWeight,
    LanguageModel,
    MinConfidence,
    RunOrModel,
    RuntimeName,
    Work,
    json_text,
    search_given,
)
from sla_cli.config.settings import TranscribeConfig
from sla_cli.core.clip_name import recording_name
from sla_cli.errors import visible
from sla_cli.log import log

if TYPE_CHECKING:
    from sla_cli.live.display import Show


def live(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="[CAMERA|FILE|URL|-]",
            help="Number of a camera, a video, rtsp://…, rtsps://…, http://… or https://…, or - for standard input.",
        ),
    ] = "0",
    run: RunOrModel = None,
    lm: LanguageModel = None,
    beam: Beam = None,
    hotwords: Hotwords = None,
    hotword_weight: HotwordWeight = None,
    lookahead: Annotated[
        float | None,
        typer.Option(
            help="Seconds that are seen after a moment before a sign in it is final.",
            min=0,
            max=60,
            show_default="0.6; 0 for a head that sees no later frames",
        ),
    ] = None,
    hop: Annotated[float, typer.Option(help="Seconds of new frames after which it computes.", min=0, max=60)] = 0.2,
    pause: Annotated[
        float, typer.Option(help="Seconds without a sign that end a line.", min=0)
    ] = TranscribeConfig.pause,
    min_confidence: MinConfidence = TranscribeConfig.min_confidence,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Play a video as fast as a camera would, and drop frames if too slow.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File of what was signed; its extension is a format: .eaf, .srt, .csv, …"),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Keep the video, which shows people, in this new .mkv file. Default: not kept.")
    ] = None,
    weights: BackboneWeights = None,
    runtime: RuntimeName = "torch",
    device: Device = "auto",
    work: Work = WORK,
    force: Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object a line, each time that it changes.")
    ] = False,
) -> None:
    """Show glosses while somebody signs: before a camera, in a stream or in a video.

    On a terminal, glosses that may still change are dim. Ctrl-C ends it: what was
    signed last becomes final, and files are written.
    """
    from sla_cli.core.annotation import made_known
    from sla_cli.live.follow import follow
    from sla_cli.live.results import Results
    from sla_cli.live.source import find_source
    from sla_cli.search.options import flag, options_given
    from sla_cli.transcribe.recognizer import Recognizer
    from sla_cli.video.recorder import SUFFIX, check_recording
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.like import Like
    from sla_cli.work.output import check_output

    search = search_given(context, lm)
    options_given(search, flag)  # refused before a model is loaded
    found = find_source(source)
    if record is not None:
        check_recording(record)
        check_output(record, Like("a recording", lambda _: False, (SUFFIX,)), replace=False)
    with Recognizer.open(
        WorkFolder(work).run_given(run), **search, runtime=runtime, device=device, weights=weights, work=work
    ) as recognizer:
        stream = recognizer.stream(lookahead=lookahead, hop=hop, pause=pause, min_confidence=min_confidence)
        results = None
        if output is not None:
            made = {
                **recognizer.made,
                "live": f"from {found.name}, while it was signed",
                **made_known(min_confidence),
            }
            video = record or found.media
            name = recording_name(video.name) if video else output.stem
            results = Results(output, visible(name), video, made, force=force)
        log.info("%s: Ctrl-C ends it", found.name)
        with _display(as_json) as show:
            follow(found, stream, show, realtime=realtime, record=record, results=results)


def _display(as_json: bool) -> "AbstractContextManager[Show]":
    from sla_cli.live.display import changing_lines, lines

    if as_json:
        return nullcontext(lambda segment: typer.echo(json_text(segment)))
    return changing_lines() if sys.stdout.isatty() else lines()
