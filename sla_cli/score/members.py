"""The runs that a name on the command line stands for, and their hypotheses or score folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.formats.run import Run
from sla_cli.formats.scores import FIGURES
from sla_cli.formats.work import Work


@dataclass(frozen=True)
class Member:
    """One run of a group.

    Attributes:
        name: what it is called.
        path: its hypotheses, or its score folder.
        seed: that it was trained with; None where the run is not known.
    """

    name: str
    path: Path
    seed: int | None = None


def members(text: str, work: Work, *, split: str | None = None, search: str | None = None) -> list[Member]:
    """What an argument names: files, score folders or runs, several of them separated by commas.

    A run is a folder, or a name in the work folder; the name of `sla train --seeds` stands for the runs of all its
    seeds. Runs are in the order of their seeds where all are runs.

    Args:
        split, search: choose among a run's hypotheses, as `Work.hypotheses_of` takes them.

    Raises:
        SlaError: nothing has a name, a run comes twice, or it is not clear which hypotheses of a run are meant.
    """
    whole = os.path.exists(text)  # noqa: PTH110 - Path.exists raises for a long list; a comma may be part of a name
    parts = [text] if whole else [part for part in text.split(",") if part]
    if not parts:
        raise SlaError(f"{text!r} names no hypotheses, score or run")
    found = [member for part in parts for member in _members(part, work, split, search)]
    paths = [member.path.resolve() for member in found]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise SlaError(f"{twice} comes twice in {text}", "Name each run once.")
    seeds = [member.seed for member in found if member.seed is not None]
    return found if len(seeds) < len(found) else sorted(found, key=lambda member: member.seed or 0)


def _members(part: str, work: Work, split: str | None, search: str | None) -> list[Member]:
    path = Path(part)
    if (path.exists() and not path.is_dir()) or (path / FIGURES).is_file():
        return [Member(path.name if path.is_dir() else path.stem, path)]
    runs = work.runs_called(part)
    if not runs:
        what = "it is a folder that is neither a score nor a run" if path.is_dir() else "no such file"
        raise SlaError(f"cannot read {part}: {what}, and {work.runs} has no run of this name")
    return [
        Member(run.name, work.hypotheses_of(run, split=split, search=search), Run(run).config.train.seed)
        for run in runs
    ]
