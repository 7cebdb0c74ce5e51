"""sla times"""

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import Json, answer
from sla_cli.cli.score import Nfc


def times(
    hypotheses: Annotated[
        Path,
        typer.Argument(help="Glosses with times: ELAN, Praat or subtitle file, CTM, hypotheses, or a folder of files."),
    ],
    ref: Annotated[
        Path, typer.Option(help="The true glosses with times, in any of these forms; files by the same names.")
    ],
    tier: Annotated[
        list[str] | None,
        typer.Option(
            help="Tier with the glosses; repeat it for two hands. Default: the only one with annotations, "
            "besides those that describe each of its annotations."
        ),
    ] = None,
    ref_tier: Annotated[list[str] | None, typer.Option(help="The same for the true glosses.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Compare only the recordings that both sides have.")
    ] = False,
    nfc: Nfc = False,
    as_json: Json = False,
) -> None:
    """Compare the times of glosses with true ones: how many lie right, F1 by overlap, errors of the ends.

    Times of a wrong gloss mean nothing, so middles and errors are those of the
    glosses that the alignment of the word error rate finds correct.
    """
    from sla_cli.score.time_files import compare_times

    found = compare_times(hypotheses, ref, tier or (), ref_tier or (), nfc=nfc, partial=partial)
    answer(found.text(), found, as_json)
