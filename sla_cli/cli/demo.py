"""sla demo"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import Jobs, Json, answer
from sla_cli.config.bounds import SEED


def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Keep all files in this folder, which must be empty or new.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed for corpus, first weights and training.", min=0, max=SEED)] = 0,
    jobs: Jobs = 0,
    as_json: Json = False,
) -> None:
    """Run all stages in a few minutes on a CPU: synthetic signing, a small model, a score and a page."""
    from sla_cli.demo.pipeline import run_demo

    result = run_demo(keep, seed=seed, jobs=jobs)
    answer(result.text(), result, as_json)
