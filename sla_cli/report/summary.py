"""The top of the page: systems next to each other, with figures and with how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

from sla_cli.core.clip import one_spelling
from sla_cli.core.comparison import Comparison
from sla_cli.core.edit_alignment import Counts
from sla_cli.pages.axis import Axis, around
from sla_cli.report.system import System

LISTED_SIGNERS = 1000  # most signers in the list: those with most clips


def marks(count: int) -> list[str]:
    """Short names of systems: A to Z and then numbers, "" for a single one."""
    return [*ascii_uppercase, *map(str, range(len(ascii_uppercase) + 1, count + 1))][:count] if count > 1 else [""]


def marked(systems: Sequence[System], against: Sequence[Comparison | None] = ()) -> list[System]:
    """Systems with their marks. `against`: how the later ones compare with the first."""
    compared = [None, *against] if against else [None] * len(systems)
    parts = zip(systems, marks(len(systems)), compared, strict=True)
    return [replace(system, mark=mark, against=one) for system, mark, one in parts]


def with_common_signers(systems: Sequence[System]) -> list[System]:
    """Systems that agree on who signs each clip: the references of one may name nobody, or name somebody otherwise.

    The first one counts that names a signer.
    """
    known = {clip.id: clip.signer for system in reversed(systems) for clip in system.score.clips if clip.signer}
    ids = [clip.id for clip in systems[0].score.clips]
    names = dict(zip(ids, one_spelling(known.get(name, "") for name in ids), strict=True))
    found = []
    for system in systems:
        clips = tuple(replace(clip, signer=names.get(clip.id, "")) for clip in system.score.clips)
        found.append(replace(system, score=replace(system.score, clips=clips)))
    return found


def wer_axis(systems: Sequence[System]) -> Axis:
    """Axis for all systems' WER and the ends of their intervals, never below 0."""
    values = [system.score.total.wer for system in systems]
    values += [end for system in systems if (span := system.score.interval) for end in (span.low, span.high)]
    return around(min(values), max(values))


def table(systems: Sequence[System]) -> dict[str, tuple[str, ...]]:
    """Each system's figures, then how it was made: a cell per system, by name, in the order of the longest column."""
    columns = [_figures(system) | system.settings for system in systems]
    names = dict.fromkeys(name for column in sorted(columns, key=len, reverse=True) for name in column)
    return {name: tuple(column.get(name, "") for column in columns) for name in names}


def _figures(system: System) -> dict[str, str]:
    total, interval, against = system.score.total, system.score.interval, system.against
    return {
        "WER": f"{total.wer:.2f} %",
        **({f"{interval.level:g} % interval": f"{interval.low:.2f} to {interval.high:.2f}"} if interval else {}),
        **({"WER minus that of A": _points(against)} if against else {}),
        "glosses signed": f"{total.ref_words}",
        "substitutions": f"{total.substitutions}",
        "deletions": f"{total.deletions}",
        "insertions": f"{total.insertions}",
    }


def _points(against: Comparison) -> str:
    """`-4.01 (-6.20 to -1.90)`, with minus signs."""
    ends = f" ({against.interval.low:+.2f} to {against.interval.high:+.2f})" if against.interval else ""
    return f"{against.difference:+.2f}{ends}".replace("-", "\N{MINUS SIGN}")


def signers(systems: Sequence[System]) -> list[tuple[str, int, tuple[Counts, ...]]]:
    """Name, number of clips, and the counts of each of these systems with common signers; empty unless there are
    several signers.

    Sorted by name; if there are too many to list, those with most clips first.
    """
    tables = [system.score.breakdown.signers for system in systems]
    rows = [(row[0].name, row[0].clips, tuple(one.counts for one in row)) for row in zip(*tables, strict=True)]
    if len(rows) > LISTED_SIGNERS:
        rows.sort(key=lambda row: -row[1])
    return rows if len(rows) > 1 else []
