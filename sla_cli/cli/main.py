"""The `sla` command. A command's module is imported when it is called, and heavy libraries inside the command, so that
`sla --help` answers at once.

For the same reason no module here postpones its annotations: typer would have to evaluate each from its text.
"""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sla_cli import __version__, log
from sla_cli.errors import SlaError, Stopped, without_torch

# A command is the function of its name in the module of its name, or that module's `app`; here with its first sentence.
COMMANDS = {
    "prep": "Decode and resize a corpus into a frame store: one HDF5 file for each split, or several.",
    "merge": "Make one store of several: to train on more than one corpus.",
    "check": "Check that a store is complete and usable, and that its splits do not overlap. Exits with 3 on problems.",
    "export": "Write a store's frames and annotation as folders and tables that other code reads, VAC's among others.",
    "train": "Train the adapters and the temporal head on a store; dev WER after each epoch.",
    "emit": "A run's log-probabilities of every clip of a split, which `sla decode` starts from.",
    "decode": "Beam search over a run's emissions, with an optional gloss language model.",
    "align": "Where each reference gloss lies in its clip, and with --suspicious which annotations look wrong.",
    "tune": "Choose alpha, beta and beam of a language model by the errors on dev.",
    "transcribe": "Glosses with times for videos, in the formats of ELAN, players and tables, or as a page.",
    "score": "Word error rate as the field's official scripts count it, with its confidence interval.",
    "compare": "Compare two systems on the same references: which is better, by how much, and whether by chance.",
    "table": "Runs side by side as papers print them: parameters, WER on dev and test, intervals, spread of seeds.",
    "report": "One HTML page for one or more scores: figures, learning curves, confusions, frames and every alignment.",
    "info": "What a file or folder is: its format, content in a few figures, and how and when it was made.",
    "schema": "The JSON Schema (draft 2020-12) of what a command prints with --json.",
    "doctor": "What this installation has, and what it lacks for which command. Exits with 3 on problems.",
    "lm": "Gloss n-gram language models: estimate one, or score a text with one.",
    "demo": "All stages in a few minutes on a CPU: synthetic signing, a small model, a score and a page with pictures.",
}

USER_ERROR, SIGNALLED, INTERRUPTED = 2, 128, 130
NARROWEST = 40  # columns: tables of figures do not fit into fewer
# Errors of the file system that a user can correct; every other one is a fault of sla.
REFUSALS = (
    *(
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOTDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    ),
    *(errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.ENOLCK),  # of a network file system
)


@contextmanager
def refusals() -> Iterator[None]:
    """Errors that a user can correct end the process with one sentence, a hint and exit code 2; in scripts, too.

    Raises:
        SystemExit: after such an error, a signal (128 and its number), or Ctrl-C (130).
    """
    try:
        yield
    except SlaError as error:
        raise _refused(error) from error
    except ModuleNotFoundError as error:
        if (told := without_torch(error)) is None:
            raise
        raise _refused(told) from error
    except Stopped as error:
        if error.message:
            typer.echo(error.message, err=True)
        raise SystemExit(SIGNALLED + error.signal) from error
    except OSError as error:
        if error.errno not in REFUSALS or not isinstance(error.filename, str | bytes):
            raise
        hint = "Correct it, or name another place; what was complete before is untouched."
        raise _refused(SlaError(f"{os.fsdecode(error.filename)}: {error.strerror}", hint)) from error
    except KeyboardInterrupt as error:
        typer.echo("interrupted; what was finished is kept: run it again (training: with --resume)", err=True)
        raise SystemExit(INTERRUPTED) from error


class Group(TyperGroup):
    """Imports commands when they are called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=sentence) for name, sentence in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, _imported(name) if name else None, rest

    def invoke(self, ctx: Any) -> Any:
        with refusals():
            return super().invoke(ctx)


def _refused(error: SlaError) -> SystemExit:
    """The end of a command that tells an error and its hint."""
    _tell_error(error.message)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
    return SystemExit(USER_ERROR)


def _tell_error(message: str) -> None:
    line = f"error: {message}"
    typer.echo(line if os.environ.get("NO_COLOR") else typer.style(line, fg="red"), err=True)


def _imported(name: str) -> Any:
    """The command itself, in place of the one that help lists."""
    module = import_module(f"sla_cli.cli.{name}")
    command = get_command(module.app) if hasattr(module, "app") else _command(getattr(module, name), module)
    command.name = name
    for each in getattr(command, "commands", {name: command}).values():
        each.params += _command(verbosity).params
    return command


def _command(function: Callable[..., None], module: Any = None) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command(cls=getattr(module, "Command", None))(function)
    return get_command(alone)


# --quiet is parsed first, so --verbose outweighs it.
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
    """Options of every command, which act while they are parsed."""


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

    The stages meet only through files in the work folder: prep makes a store,
    train a run, decode hypotheses, score a number. Without arguments train and
    check take the only store, decode the newest run, score the newest hypotheses.
    """


def fit_terminal() -> None:
    """Output for any terminal: what its letters cannot show is a question mark, and tables get a least width."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
    width = os.environ.get("COLUMNS", "")
    columns = int(width) if width.isdecimal() and len(width) < 6 else shutil.get_terminal_size().columns
    if columns < NARROWEST:
        os.environ["COLUMNS"] = str(NARROWEST)  # rich and click read it


def run() -> None:
    """Entry point."""
    fit_terminal()
    try:
        app()
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        sys.stdout = None  # Python would try once more as it ends
        _tell_error("the result cannot be written to standard output: its disk is full")
        sys.exit(USER_ERROR)
