"""`sla report`: the page of one or more score folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from sla_cli.core.comparison import Comparison
from sla_cli.core.counted import counted
from sla_cli.core.quantities import Count
from sla_cli.report.page import REPORT, write_page
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
        remarks: for each system, what one of these two means, in a sentence, else empty
        missing: what was not found and is left out, one sentence each
    """

    report: Path
    systems: list[str]
    clips: Count
    bytes: Count
    tuned_on: list[str]
    no_gain_on: list[str]
    remarks: list[str]
    missing: list[str]

    def text(self) -> str:
        """Lines for people."""
        head = f"report {self.report}: {counted(len(self.systems), 'system')}, {counted(self.clips, 'clip')}"
        remarks = zip(self.systems, self.remarks, strict=True)
        lines = [f"{name}: {remark}" for name, remark in remarks if remark]
        return "\n".join([f"{head}, {self.bytes / 1e6:.1f} MB", *lines])


def report_file(
    out: Path,
    systems: Sequence[System],
    against: Sequence[Comparison | None],
    *,
    title: str = "",
    clips: int = 6,
    ids: Sequence[str] = (),
    keep: bool = False,
) -> Reported:
    """Write the page.

    Args:
        systems, against, title, clips, ids: as for `write_page`.
        keep: keep a copy of the page that is replaced.

    Raises:
        SlaError: a file that must not be written; or as `write_page`.
    """
    check = check_output(out, REPORT, replace=True)
    write_page(out, systems, title=title, clips=clips, ids=ids, against=against, check=check, keep=keep)
    return Reported(
        report=out,
        systems=[system.name for system in systems],
        clips=len(systems[0].score.clips),
        bytes=out.stat().st_size,
        tuned_on=[system.score.tuned_on for system in systems],
        no_gain_on=[system.score.no_gain_on for system in systems],
        remarks=[system.score.remark for system in systems],
        missing=[what for system in systems for what in system.missing],
    )
