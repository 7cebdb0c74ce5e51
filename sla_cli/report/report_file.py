"""`sla report`: the page of one or more score folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from sla_cli.core.comparison import Comparison
from sla_cli.core.counted import counted
from sla_cli.core.quantities import Count
from sla_cli.errors import SlaError
from sla_cli.report.page import is_page, write_page
from sla_cli.report.system import System
from sla_cli.work.output import check_output


class Reported(Struct, kw_only=True):
    """A report.

    Attributes:
        report: path of the page
        systems: names of the systems
        clips: number of clips of each system
        bytes: size of the page in bytes
        tuned_on: for each system, the scored split if the language model weights were tuned on it, else empty
        no_gain_on: for each system, the split on which tuning found no gain of the language model, else empty
        missing: what was not found and is left out, one sentence each
    """

    report: Path
    systems: list[str]
    clips: Count
    bytes: Count
    tuned_on: list[str]
    no_gain_on: list[str]
    missing: list[str]


@dataclass(frozen=True)
class Report:
    """A page that was written, and what it shows."""

    path: Path
    systems: Sequence[System]

    def text(self) -> str:
        """Lines for people."""
        size = self.path.stat().st_size / 1e6
        clips = counted(len(self.systems[0].score.clips), "clip")
        lines = [f"report {self.path}: {counted(len(self.systems), 'system')}, {clips}, {size:.1f} MB"]
        lines += [f"{system.name}: {system.score.remark}" for system in self.systems if system.score.remark]
        return "\n".join(lines)

    def figures(self) -> Reported:
        """The same for programs."""
        return Reported(
            report=self.path,
            systems=[system.name for system in self.systems],
            clips=len(self.systems[0].score.clips),
            bytes=self.path.stat().st_size,
            tuned_on=[system.score.tuned_on for system in self.systems],
            no_gain_on=[system.score.no_gain_on for system in self.systems],
            missing=[what for system in self.systems for what in system.missing],
        )


def report_file(
    out: Path,
    systems: Sequence[System],
    against: Sequence[Comparison | None],
    *,
    title: str = "",
    clips: int = 6,
    ids: Sequence[str] = (),
    force: bool = False,
) -> Report:
    """Write the page.

    Args:
        systems, against, title, clips, ids: as for `write_page`.
        force: replace a file that is not a page of sla.

    Raises:
        SlaError: a file that must not be written; or as `write_page`.
    """
    check_output(out, replace=True)
    if out.exists() and not force and not is_page(out):
        raise SlaError(f"{out} exists and is not a report of sla", "Use --force to replace it, or another -o.")
    write_page(out, systems, title=title, clips=clips, ids=ids, against=against)
    return Report(out, systems)
