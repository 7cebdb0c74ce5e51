"""Chosen candidates as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sla_cli.artifact.table import write_tsv
from sla_cli.choose.choose import Choice
from sla_cli.errors import in_line
from sla_cli.system.atomic import Check

COLUMNS = ("rank", "clip", "recording", "signer", "start", "end", "minutes", "score", "reason", "hypothesis", "elan")


def write_choices(path: Path, choices: Sequence[Choice], *, check: Check | None = None) -> None:
    """Write a row for each choice, tab-separated, in the order of choice; the file appears when it is complete.

    `check` is as for `atomic_write`.
    """
    rows = (_row(rank, choice) for rank, choice in enumerate(choices, start=1))
    write_tsv(path, COLUMNS, rows, check=check, keep=True)


def _row(rank: int, choice: Choice) -> tuple[object, ...]:
    one = choice.candidate
    times = f"{one.start:.3f}", f"{one.start + one.seconds:.3f}"
    figures = f"{choice.minutes:.3f}", f"{choice.score:.4f}"
    texts = choice.reason, " ".join(one.glosses), in_line(one.elan)
    return (rank, in_line(one.id), in_line(one.recording), in_line(one.signer), *times, *figures, *texts)
