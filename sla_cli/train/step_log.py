"""Logs steps within an epoch: every step in TensorBoard, the means of each minute and of the rest in steps.tsv."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from sla_cli.artifact.text import is_whole
from sla_cli.errors import SlaError
from sla_cli.system.atomic import write_text
from sla_cli.work.run import Run

SECONDS_BETWEEN_ROWS = 60.0


@dataclass(frozen=True)
class _Steps:
    """Steps that are in no row yet: numbers of the last one as in `StepLog.add`, how many, the sum of each value."""

    epoch: int
    step: int
    clips: int
    count: int
    sums: Mapping[str, float]


class StepLog:
    """Curves of a run over the number of clips seen, which does not depend on the number of steps in an epoch.

    On leaving it as a context manager, the steps since the last row get a row too, also if a signal or an error ends
    training. If such a row is of steps after the saved state, resuming removes it, as it repeats them.

    Args:
        clips: number seen when training begins or resumes; later rows of an interrupted attempt are removed.
        check: called before a row is written; raises if another process has taken the run.
    """

    def __init__(self, run: Run, clips: int, check: Callable[[], None] = lambda: None) -> None:
        self._board = SummaryWriter(str(run.tensorboard / "steps"), purge_step=clips + 1)
        self._rows, self._check, self._written = run.steps, check, time.monotonic()
        self._rest: _Steps | None = None
        self._lines = _lines_before(run.steps, clips)

    def add(self, epoch: int, step: int, clips: int, values: Mapping[str, float]) -> None:
        """Count a step.

        Args:
            epoch, step: numbers from 1.
            clips: number seen so far in all epochs.
            values: by name; names with the same start share a chart in TensorBoard.
        """
        for name, value in values.items():
            self._board.add_scalar(name, value, clips)
        count, sums = (self._rest.count, self._rest.sums) if self._rest else (0, {})
        sums = {name: sums.get(name, 0.0) + value for name, value in values.items()}
        self._rest = _Steps(epoch, step, clips, count + 1, sums)  # at once, as Ctrl-C may interrupt between any lines
        if time.monotonic() - self._written >= SECONDS_BETWEEN_ROWS:
            self._write_row(self._rest)

    def _write_row(self, steps: _Steps) -> None:
        means = {name: f"{total / steps.count:.6g}" for name, total in steps.sums.items()}
        self._check()
        row = {"epoch": str(steps.epoch), "step": str(steps.step), "clips": str(steps.clips), **means}
        lines = [*(self._lines or ["\t".join(row)]), "\t".join(row.values())]
        write_text(self._rows, "".join(f"{line}\n" for line in lines))
        self._lines, self._rest, self._written = lines, None, time.monotonic()

    def __enter__(self) -> StepLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # What ended training is more important than a row that cannot be written.
            with nullcontext() if error is None else suppress(SlaError):
                if self._rest is not None:
                    self._write_row(self._rest)
        finally:
            self._board.close()


def _lines_before(path: Path, clips: int) -> list[str]:
    """The header and the rows of steps that are not repeated; empty if there are none."""
    if not path.is_file():
        return []
    header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    rows = [line for line in lines if _clips_of(line) <= clips]
    return [header, *rows] if rows else []


def _clips_of(line: str) -> float:
    """Infinite if a person has changed the row to something else."""
    cells = line.split("\t")
    return int(cells[2]) if len(cells) > 2 and is_whole(cells[2]) else math.inf
