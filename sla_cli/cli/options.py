"""Options that several commands share."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sla_cli.errors import SlaError

Work = Annotated[Path, typer.Option("--work", envvar="SLA_WORK", help="Work folder that holds all artifacts.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what exists.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Processes; 0 uses all usable cores.", min=0)]
SplitName = Literal["train", "dev", "test"]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, …")]

WORK = Path("sla-work")


def refuse_input(output: Path | None, *inputs: Path | None) -> None:
    """Raise SlaError where `output` would replace a file that the command reads."""
    for path in inputs:
        if output is not None and path is not None and output.exists() and path.exists() and output.samefile(path):
            raise SlaError(f"--output {output} would replace an input", "Give it another name.")


def answer(lines: str, facts: dict[str, Any], as_json: bool) -> None:
    """The result of a command on stdout: lines for people or one JSON object for machines."""
    typer.echo(json.dumps(facts, ensure_ascii=False) if as_json else lines)
