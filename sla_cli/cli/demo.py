"""sla demo"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import Json, Quiet, Verbose, answer


def demo(
    keep: Annotated[Path | None, typer.Option(help="Keep all files in this folder, which must not exist.")] = None,
    seed: Annotated[int, typer.Option(help="Draws another corpus and trains from other weights.", min=0)] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; 0 takes one a core.", min=0)] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """The whole way in a few minutes on a CPU: synthetic signing, a small model, a score and a page with pictures."""
    from sla_cli.demo.pipeline import run_demo

    result = run_demo(keep, seed=seed, jobs=jobs)
    answer(result.text(), result.facts(), as_json)
