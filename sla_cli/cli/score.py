"""sla score"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Json, Quiet, Verbose, Work, answer


def score(
    hypotheses: Annotated[
        Path | None, typer.Argument(help="Hypotheses: ours, CTM, or CSV id,gloss; the newest without it.")
    ] = None,
    ref: Annotated[
        Path | None, typer.Option(help="References: STM, a |-separated table with id and gloss, or a store.")
    ] = None,
    normalize: Annotated[str, typer.Option(help="Profile of hypothesis clean-up; auto picks the corpus's.")] = "auto",
    partial: Annotated[bool, typer.Option("--partial", help="Score only the clips that both sides name.")] = False,
    work: Work = WORK,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Word error rate as the field's official scripts count it, with a table of clips and their alignments."""
    from sla_cli.formats.scores import summary
    from sla_cli.formats.work import Work as WorkFolder
    from sla_cli.score.run import score_file

    folder = WorkFolder(work)
    source = hypotheses or folder.newest_hypotheses()
    out, result = score_file(source, folder.scores, ref=ref, normalize=normalize, partial=partial)
    total = result.total
    lines = (
        f"WER {total.wer:.2f} %   {total.errors} errors in {total.ref_words} reference words, "
        f"{len(result.clips)} clips\n"
        f"{total.correct} correct, {total.substitutions} substitutions, {total.deletions} deletions, "
        f"{total.insertions} insertions\n{result.signature}\n{out}"
    )
    answer(lines, {**summary(result), "scores": str(out)}, as_json)
