"""The `sla` command. Heavy libraries are imported inside the commands, so that `sla --help` answers at once.

For the same reason no module here postpones its annotations: typer would have to evaluate each from its text.
"""

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sla_cli import __version__
from sla_cli.cli import check, compare, decode, demo, emit, info, lm, prep, report, score, train, tune
from sla_cli.errors import SlaError, Stopped

USER_ERROR, SIGNALLED, INTERRUPTED = 2, 128, 130
# What a file system says that a user can correct; whatever else goes wrong with a file is a fault of ours.
REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG)


class Group(TyperGroup):
    """Turns errors that a user can correct into one sentence, a hint and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SlaError as error:
            typer.secho(f"error: {error.message}", err=True, fg="red")
            if error.hint:
                typer.secho(f"hint: {error.hint}", err=True)
            raise typer.Exit(USER_ERROR) from error
        except Stopped as error:
            if error.message:
                typer.secho(error.message, err=True)
            raise typer.Exit(SIGNALLED + error.signal) from error
        except OSError as error:
            if error.errno not in REFUSALS or not isinstance(error.filename, str | bytes):
                raise
            typer.secho(f"error: {os.fsdecode(error.filename)}: {error.strerror}", err=True, fg="red")
            typer.secho("hint: Correct it, or name another place; what was complete before is untouched.", err=True)
            raise typer.Exit(USER_ERROR) from error
        except KeyboardInterrupt as error:
            typer.secho("interrupted; what was finished is kept: run it again (training: with --resume)", err=True)
            raise typer.Exit(INTERRUPTED) from error


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
    train a run, decode hypotheses, score a number. Without arguments each takes
    the newest artifact of the stage before it.
    """


app.command("prep")(prep.prep)
app.command("check")(check.check)
app.command("train")(train.train)
app.command("emit")(emit.emit)
app.command("decode", cls=decode.DecodeCommand)(decode.decode)
app.command("tune")(tune.tune)
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("info")(info.info)
app.add_typer(lm.app, name="lm")
app.command("demo")(demo.demo)


def run() -> None:
    """Entry point."""
    try:
        app()
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        sys.stdout = None  # Python would try once more as it ends
        typer.secho("error: the result cannot be written to standard output: its disk is full", err=True, fg="red")
        sys.exit(USER_ERROR)
