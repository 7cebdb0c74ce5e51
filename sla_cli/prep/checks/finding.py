"""A result of a check of a store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some


@dataclass(frozen=True)
class Finding:
    """A note or a problem.

    Attributes:
        about: the check, as named in [sla check](prep.md#sla-check)
        split: the split; empty for the whole store
        message: one sentence with figures
        hint: what to do; may be empty
        clips: ids of the clips concerned
        problem: true for a problem, false for a note
    """

    about: str
    split: str
    message: str
    hint: str = ""
    clips: tuple[str, ...] = ()
    problem: bool = True


def share(part: int, whole: int, noun: str) -> str:
    """`3 of 540 clips (0.6 %)`."""
    return f"{part:,} of {counted(whole, noun)} ({100 * part / whole:.1f} %)"


def refuse_problems(division: str, findings: Iterable[Finding]) -> list[Finding]:
    """What splits of a division share. Raises SlaError if an evaluation would be wrong by that."""
    found = list(findings)
    for finding in found:
        if finding.problem:
            clips = f": {some(finding.clips)}" if finding.clips else ""
            where = f"{finding.split}: " if finding.split else ""
            raise SlaError(f"division {division}: {where}{finding.message}{clips}", finding.hint)
    return found
