"""A result of a check of a store."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.core.counted import counted


@dataclass(frozen=True)
class Finding:
    """A note or a problem.

    Attributes:
        about: the question: sizes, ids, references, feasibility, sentences, signers, recordings, vocabulary, rate or
            frames.
        split: the split, "" for the whole store.
        message: one sentence with figures, without the ids of the clips.
        hint: what to do.
        clips: ids of all clips concerned.
        problem: False for a note.
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
