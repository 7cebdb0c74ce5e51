"""Alignments of several systems under one reference, one column per step, like interlinear glosses in linguistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sla_cli.core.clip_score import ClipScore
from sla_cli.core.edit_alignment import Pair


@dataclass(frozen=True)
class Column:
    """A gloss of the reference, None if there are only insertions, and each system's step; None for no step."""

    reference: str | None
    steps: tuple[Pair | None, ...]


@dataclass(frozen=True)
class Block:
    """Systems, by their numbers, that were scored against the same glosses of a clip, and their columns."""

    systems: tuple[int, ...]
    columns: tuple[Column, ...]


def blocks(scores: Sequence[ClipScore]) -> list[Block]:
    """The alignments of all systems for a clip; one block, unless normalisation profiles give different references."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for number, score in enumerate(scores):
        alike.setdefault(score.reference, []).append(number)
    return [Block(tuple(numbers), _columns([scores[number] for number in numbers])) for numbers in alike.values()]


def _columns(scores: Sequence[ClipScore]) -> tuple[Column, ...]:
    columns = []
    for parts in zip(*map(_parts, scores), strict=True):
        insertions = [inserted for inserted, _ in parts]
        columns += [Column(None, steps) for steps in zip_longest(*insertions)]
        steps = tuple(step for _, step in parts)
        if steps[0] is not None:
            columns.append(Column(steps[0].reference, steps))
    return tuple(columns)


def _parts(score: ClipScore) -> list[tuple[list[Pair], Pair | None]]:
    """The insertions before each reference gloss with the step of that gloss; last, insertions at the end."""
    parts: list[tuple[list[Pair], Pair | None]] = []
    inserted: list[Pair] = []
    for pair in score.pairs:
        if pair.op == "I":
            inserted.append(pair)
        else:
            parts.append((inserted, pair))
            inserted = []
    return [*parts, (inserted, None)]
