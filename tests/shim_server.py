"""Forks a process for each request that it reads; shim.py starts it, with the library loaded."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

IMPORTED = (
    *("pydantic", "rich.table"),  # typer and rich import them when they are needed
    *(f"sla_cli.{name}" for name in ("cli.prep", "cli.check", "prep.build", "prep.check", "video.source")),
)


def main() -> None:
    for name in IMPORTED:
        import_module(name)
    os.fsync = lambda handle: None  # no test simulates a power failure
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(**json.loads(line))
        returncode = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{returncode}\n")
        sys.stdout.flush()


def _run(code: str, arguments: Sequence[str], folder: str, settings: Mapping[str, str], printed: Sequence[str]) -> None:
    """As `python -c CODE ARGUMENTS...`; the interpreter ends with the exit code or the traceback of the code."""
    for number, path in enumerate((os.devnull, *printed)):
        os.dup2(os.open(path, os.O_RDWR), number)
    os.chdir(folder)
    os.environ.update(settings)
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
    sys.exit()


if __name__ == "__main__":
    main()
