"""The `sla` command. A command's module is imported when it is called, and slow libraries inside the command, so that
`sla --help` is fast.

For the same reason no module here uses postponed annotations: typer would have to evaluate each from its text.
"""

import errno
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sla_cli import __version__, log
from sla_cli.cli.text_streams import Messages, is_utf8
from sla_cli.errors import SlaError, Stopped, file_errors, not_installed

# A command is the function of its name in the module of its name, or that module's `app`; its help begins like this.
COMMANDS = {
    "prep": "Decode and resize a corpus into a frame store: its clips, and its divisions into train, dev and test.",
    "split": "Divide the clips of a store into train, dev and test: draw a division, or take a table.",
    "merge": "Merge several stores into one, to train on more than one corpus.",
    "check": "Check that a store is complete and usable, and that its splits do not overlap. Exits with 3 on problems.",
    "store": "Write a store's frames for other code, or leave a signer out.",
    "train": "Train the adapters and the temporal head on a store; dev WER after each epoch.",
    "emit": "Compute a run's log-probabilities of every clip of a split; `sla decode` starts from them.",
    "decode": "Beam search over a run's emissions, with an optional gloss language model.",
    "align": "Find the position of each reference gloss in its clip, or with --suspicious annotations that look wrong.",
    "tune": "Choose alpha, beta and beam of a language model by the errors on dev.",
    "transcribe": "Recognise the glosses of videos, with times; write them for ELAN, players and tables, or as a page.",
    "live": "Show glosses while somebody signs: before a camera, in a stream or in a video.",
    "elan": "Recognise and align inside ELAN: install the recognisers that ELAN's Recognizer tab lists.",
    "annotate": "Correct suggested glosses of videos on a local page, which writes ELAN files.",
    "serve": "Run a service: videos and live streams in, glosses with times out, over HTTP and WebSocket.",
    "next": "Choose what to annotate next: clips of a store, or sentences in recordings, with a reason for each.",
    "score": "Compute the word error rate as the field's official scripts count it, with its confidence interval.",
    "times": "Compare the times of glosses with true ones: how many lie right, F1 by overlap, errors of the ends.",
    "compare": "Compare two systems on the same references: which is better, by how much, and whether by chance.",
    "export": "Write a run as a model: one folder that others open, with its weights, glosses and card.",
    "publish": "Upload a model to the Hugging Face hub; without --yes show its card and what would be uploaded.",
    "table": "Show runs side by side as papers do: parameters, WER on dev and test, intervals, spread of seeds.",
    "report": "Make an HTML page of one or more scores: figures, learning curves, confusions, frames, alignments.",
    "info": "Describe a file or folder: its format, its content in a few figures, and how and when it was made.",
    "schema": "Print the JSON Schema (draft 2020-12) of the output of a command with --json.",
    "doctor": "Show what is installed, and what is missing for which command. Exits with 3 on problems.",
    "lm": "Estimate a gloss n-gram language model, or score a text with one.",
    "demo": "Run all stages in a few minutes on a CPU: synthetic signing, a small model, a score and a page.",
}

MAY_BE_EMPTY = ("--translation",)  # of `sla annotate`: '' is no tier
USER_ERROR, SIGNALLED, INTERRUPTED, NOT_READ = 2, 128, 130, 141  # the last as programs that SIGPIPE ends
NARROWEST = 40  # columns: tables of figures need at least this many
WIDEST = 10_000  # columns or lines: more than any screen has; a help text is filled up to its width


@contextmanager
def refusals() -> Iterator[None]:
    """End the process with one sentence, a hint and exit code 2 if a user can correct an error; also in scripts.

    Raises:
        SystemExit: after such an error, a signal (128 and its number), or Ctrl-C (130).
    """
    try:
        with file_errors():
            yield
    except SlaError as error:
        raise _refused(error) from error
    except MemoryError as error:  # such as for a clip of a million frames, which a stranger's store may state
        fault = f"there is not enough memory: {error}" if str(error) else "there is not enough memory"
        raise _refused(SlaError(fault, "Close other programs, or take less at once.")) from error
    except (ImportError, OSError) as error:
        if (friendly := not_installed(error)) is None:
            raise
        raise _refused(friendly) from error
    except Stopped as error:
        if error.message:
            typer.echo(error.message, err=True)
        raise SystemExit(SIGNALLED + error.signal) from error
    except KeyboardInterrupt as error:
        typer.echo("interrupted; what was finished is kept: run it again (training: with --resume)", err=True)
        raise SystemExit(INTERRUPTED) from error


class Command(TyperCommand):
    """Warns of an option that is given several times: as in other programs, the last one counts."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        rest = super().parse_args(ctx, args)  # also sets the log up
        for option in dict.fromkeys(given):
            changes = not option.multiple and (option.secondary_opts or not getattr(option, "is_flag", False))
            if changes and given.count(option) > 1 and not ctx.resilient_parsing:
                log.log.warning("%s is given several times: only the last one counts", option.opts[0])
        return rest


class Group(TyperGroup):
    """Imports commands when they are called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=sentence) for name, sentence in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        if not ctx.resilient_parsing:  # as it is while a shell completes a line
            _refuse_empty(name or "", rest)
        return name, imported(name) if name else None, rest

    def invoke(self, ctx: Any) -> Any:
        with refusals():
            Path.cwd()  # in a folder that was removed, torch would end the process
            return super().invoke(ctx)


def _refused(error: SlaError) -> SystemExit:
    """Ends a command with an error and its hint."""
    _tell_error(error.message)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
    return SystemExit(USER_ERROR)


def _tell_error(message: str) -> None:
    line = f"error: {message}"
    typer.echo(line if os.environ.get("NO_COLOR") else typer.style(line, fg="red"), err=True)


@cache
def imported(name: str) -> Any:
    """The command itself, instead of the placeholder for the list in the help."""
    module = import_module(f"sla_cli.cli.{name}")
    command = get_command(module.app) if hasattr(module, "app") else _command(getattr(module, name))
    command.name = name
    for each in getattr(command, "commands", {name: command}).values():
        each.__class__ = Command  # typer makes those of an app
        each.params += _command(verbosity).params
    return command


def _refuse_empty(command: str, arguments: list[str]) -> None:
    """Raise SlaError for an empty value: a shell variable that is not set does not mean the default of an option, and
    as a path it would be the working directory. So for `-o=FILE`, whose value would begin with the sign."""
    for before, text in pairwise((f"sla {command}", *arguments)):
        if re.match("-[a-z]=", text):
            raise SlaError(f"{text[:2]} is followed by =", f"Write {text[:2]} and a space before the value.")
        option = re.fullmatch("(--[a-z-]+)=", text)
        place = option[1] if option else before
        if (option or not text) and place not in MAY_BE_EMPTY:
            raise SlaError(f"{place} is followed by an empty text", "Give a value, or leave it out.")


def _command(function: Callable[..., None]) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command()(function)
    return get_command(alone)


# --quiet is parsed first, so --verbose overrides it.
Quiet = typer.Option(
    "--quiet",
    "-q",
    callback=lambda on: log.setup(-on),
    is_eager=True,
    expose_value=False,
    help="Warnings and errors only.",
)
Verbose = typer.Option(
    "--verbose", "-v", callback=lambda on: log.setup(1) if on else None, expose_value=False, help="Log everything."
)


def verbosity(quiet: Annotated[bool, Quiet] = False, verbose: Annotated[bool, Verbose] = False) -> None:
    """Options of every command that take effect while they are parsed."""


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sla {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Sign language video to glosses.

    The stages exchange only files in the work folder: prep makes a store, train
    a run, decode hypotheses, score a word error rate. Without arguments train and
    check use the only store, decode the newest run, score the newest hypotheses.
    """


def fit_terminal() -> None:
    """Output for any terminal: what it cannot show becomes an escape (\\u0634), and its size has bounds.

    An output that is closed (`>&-`) leads nowhere. A variable with the size that holds no number counts as not set.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until the process ends
            setattr(sys, name, nowhere)
            setattr(sys, f"__{name}__", nowhere)  # keeps it open, as that of the system is
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not (is_utf8(stream) and stream.errors == "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")
    for name, least in (("COLUMNS", NARROWEST), ("TERMINAL_WIDTH", NARROWEST), ("LINES", 1)):  # for rich and typer
        given = os.environ.pop(name, "").strip().lstrip("0")
        if given.isascii() and given.isdecimal():
            os.environ[name] = str(min(max(least, int(given[:9])), WIDEST))
    if shutil.get_terminal_size().columns < NARROWEST:
        os.environ["COLUMNS"] = str(NARROWEST)


def run() -> None:
    """Entry point."""
    fit_terminal()
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = Messages(sys.stderr.buffer, sys.stderr.encoding, sys.stderr.errors, line_buffering=True)
    try:
        app()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer makes it a 1, the code of bugs
            sys.exit(NOT_READ)
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or error.filename is not None:
            raise
        sys.stdout = None  # Python would try again when it exits
        _tell_error(f"the result cannot be written to standard output: {os.strerror(error.errno)}")
        sys.exit(USER_ERROR)
    finally:  # all is done; Ctrl-C would only print a traceback of Python's exit
        signal.signal(signal.SIGINT, signal.SIG_IGN)
