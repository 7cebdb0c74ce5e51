"""sla doctor"""

import typer

from sla_cli.cli.options import WORK, Json, Work, answer
from sla_cli.errors import in_line

PROBLEMS = 3  # exit code


def doctor(work: Work = WORK, as_json: Json = False) -> None:
    """Show what is installed, and what is missing for which command. Exits with 3 on problems.

    Versions, GPUs, cores and memory within the limits of the job, the disk and
    the file locks of the work folder, weights. An extra that is not installed is
    not a problem.
    """
    from sla_cli.doctor.diagnosis import examine, lines

    found = examine(work)
    answer("\n".join(in_line(f"{name:9} {text}") for name, text in lines(found)), found, as_json)
    if found.problems:
        raise typer.Exit(PROBLEMS)
