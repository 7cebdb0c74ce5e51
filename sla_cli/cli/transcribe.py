"""sla transcribe"""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sla_cli.annotation.formats import KINDS
from sla_cli.cli.options import (
    WORK,
    BackboneWeights,
    Beam,
    Device,
    Force,
    Hotwords,
    HotwordWeight,
    Json,
    LanguageModel,
    MinConfidence,
    ModelPrecision,
    PruneLogp,
    RunOrModel,
    RuntimeName,
    TokenMinLogp,
    Work,
    answer,
    search_given,
    weights_file,
)
from sla_cli.config.bounds import FASTEST, SLOWEST
from sla_cli.config.settings import EmitConfig, TranscribeConfig
from sla_cli.core.counted import counted
from sla_cli.errors import in_line
from sla_cli.log import log

if TYPE_CHECKING:
    from sla_cli.cli.results.recognition import Recording
    from sla_cli.transcribe.transcribe_files import Outcome
    from sla_cli.transcribe.transcript import Transcript

# typer shows and completes an Enum; mypy requires its members to be written out, which would list formats twice.
Kind = StrEnum("Kind", [*KINDS, "html"])  # type: ignore[misc]


def transcribe(
    context: typer.Context,
    videos: Annotated[
        list[Path],
        typer.Argument(metavar="VIDEO...", help="Videos, folders of videos or of pictures, or archives of them."),
    ],
    run: RunOrModel = None,
    lm: LanguageModel = None,
    beam: Beam = None,
    hotwords: Hotwords = None,
    hotword_weight: HotwordWeight = None,
    prune_logp: PruneLogp = None,
    token_min_logp: TokenMinLogp = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder, or file whose extension is a format. Default: next to the video."),
    ] = None,
    kinds: Annotated[
        list[Kind] | None, typer.Option("--format", help="Write a file of this format; repeat it for several.")
    ] = None,
    tier: Annotated[str, typer.Option(help="Name of the tier of glosses in ELAN, Praat and JSON.")] = "SIGN",
    cue: Annotated[Literal["sentence", "gloss"], typer.Option(help="What a subtitle shows at a time.")] = "sentence",
    sentences: Annotated[bool, typer.Option("--sentences", help="Write a tier SENTENCE too.")] = False,
    confidence: Annotated[bool, typer.Option("--confidence", help="Write a tier with the confidence too.")] = False,
    pause: Annotated[
        float,
        typer.Option(help="Seconds without a sign that end a sentence; without effect where none is shown.", min=0),
    ] = TranscribeConfig.pause,
    min_confidence: MinConfidence = TranscribeConfig.min_confidence,
    add_to: Annotated[
        Path | None,
        typer.Option(
            help="Add the tier to this ELAN file, of which everything else stays unchanged; or to those of a folder."
        ),
    ] = None,
    no_video: Annotated[
        bool, typer.Option("--no-video", help="Leave the video, which shows a person, and its name out of the page.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second of a folder of pictures.", min=SLOWEST, max=FASTEST)
    ] = None,
    weights: BackboneWeights = None,
    runtime: RuntimeName = "torch",
    device: Device = "auto",
    precision: ModelPrecision = EmitConfig.precision,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Recognise the glosses of videos, with times; write them for ELAN, players and tables, or as a page.

    Without --output, --format and --add-to they are printed. A recording whose
    files exist is skipped. Recordings may be of any length. Glosses are names of
    signs, not a translation; docs/responsible-use.md says what they are not for.
    """
    from sla_cli.annotation.layout import Layout
    from sla_cli.cli.results.recognition import Transcribed
    from sla_cli.search.options import flag, options_given
    from sla_cli.transcribe.recognizer import Recognizer
    from sla_cli.transcribe.transcribe_files import FileOptions, refuse_failures, transcribe_files
    from sla_cli.work.folder import Work as WorkFolder

    search = search_given(context, lm)
    options_given(search, flag)  # refused before recordings are searched
    inputs = tuple(path for path in (lm, weights_file(weights)) if path is not None)
    layout = Layout(tier, cue, sentences, confidence)
    options = FileOptions(pause, min_confidence, layout, add_to, fps, not no_video, force, inputs)

    def open_recognizer() -> Recognizer:
        found = WorkFolder(work).run_given(run)
        return Recognizer.open(
            found, **search, runtime=runtime, device=device, precision=precision,
            weights=weights, work=work,
        )  # fmt: skip

    outcomes = []
    for outcome in transcribe_files(videos, output, list(kinds or ()), options, open_recognizer):
        outcomes.append(outcome)
        if outcome.transcript is not None:
            if not as_json:
                _show(outcome, outcome.transcript)
            _warn(outcome.transcript)
        elif outcome.files and not as_json:
            typer.echo(in_line(f"{outcome.recording}: {', '.join(map(str, outcome.files))}"))
    if as_json:
        answer("", Transcribed(recordings=list(map(_recording, outcomes))), as_json)
    refuse_failures(outcomes)


def _show(outcome: "Outcome", transcript: "Transcript") -> None:
    """The signs, or one line where files hold them."""
    if outcome.files:
        number = f"{counted(len(transcript.signs), 'sign')} in {transcript.duration:.1f} s"
        typer.echo(in_line(f"{transcript.name}: {number}: {', '.join(map(str, outcome.files))}"))
    elif sys.stdout.isatty():
        _show_table(transcript)
    else:
        for row in _rows(transcript):
            typer.echo(row)


def _warn(transcript: "Transcript") -> None:
    if transcript.warning:
        log.warning("%s: %s", transcript.name, transcript.warning)
    if not transcript.signs:
        log.warning("%s: no sign was recognised in %.1f s", transcript.name, transcript.duration)


def _show_table(transcript: "Transcript") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = Text(in_line(f"{transcript.name}, {transcript.duration:.1f} s"))
    table = Table("time", "gloss", "confidence", title=title)
    for sentence in transcript.sentences:
        for sign in sentence.signs:
            table.add_row(f"{sign.start:.2f} to {sign.end:.2f}", Text(in_line(sign.gloss)), f"{sign.confidence:.2f}")
        table.add_section()
    Console().print(table)


def _rows(transcript: "Transcript") -> Iterator[str]:
    name = in_line(transcript.name)  # so that a row stays one
    for sign in transcript.signs:
        yield f"{name}\t{sign.start:.3f}\t{sign.end:.3f}\t{in_line(sign.gloss)}\t{sign.confidence:.4f}"


def _recording(outcome: "Outcome") -> "Recording":
    from sla_cli.cli.results.recognition import Recording

    transcript, error = outcome.transcript, outcome.error
    return Recording(
        recording=outcome.recording,
        files=outcome.files,
        error=None if error is None else error.message,
        duration=None if transcript is None else transcript.duration,
        signs=None if transcript is None else transcript.signs,
        made=None if transcript is None else transcript.made,
    )
