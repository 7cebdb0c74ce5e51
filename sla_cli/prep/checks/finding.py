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
        split: where, "" for the whole store.
        message: one sentence with figures; the clips it is about are not in it.
        hint: what to do.
        clips: their ids, all of them.
        problem: False for what is normal, and good to know.
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
