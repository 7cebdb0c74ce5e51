"""sla lm"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Force, Json, Quiet, Verbose, Work, answer


def lm(
    source: Annotated[
        Path | None, typer.Argument(help="Store, or text with a sentence a line; the only store without it.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="ARPA file to write.")] = Path("gloss.arpa"),
    order: Annotated[int, typer.Option(help="Length of the n-grams.", min=2, max=6)] = 3,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Use fixed discounts where the text is too small to estimate them.")
    ] = False,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Estimate a gloss n-gram model (interpolated modified Kneser-Ney) on a store's train split or a text."""
    from sla_cli.decode.lm_run import estimate_file
    from sla_cli.formats.work import Work as WorkFolder

    source = source or WorkFolder(work).only_store()
    facts = estimate_file(source, output, order=order, fallback=fallback, force=force)
    answer(
        f"{output}: order {order}, {facts['sentences']} sentences, {', '.join(map(str, facts['ngrams']))} n-grams",
        {"lm": str(output), **facts},
        as_json,
    )
