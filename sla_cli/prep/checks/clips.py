"""Is each clip usable? Its id, its reference, its length, its frame rate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import feasible
from sla_cli.formats.store import Split
from sla_cli.prep.checks.finding import Finding, counted, share

OFF = 0.02  # a frame rate farther from the common one than this share of it is told


def check_ids(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Ids that are empty, or that two clips have."""
    places: dict[str, list[str]] = defaultdict(list)
    for split, clips in splits.items():
        for clip in clips.ids:
            places[clip].append(split)
    for split, clips in splits.items():
        if empty := sum(not clip.strip() for clip in clips.ids):
            yield Finding(
                "ids", split, f"{counted(empty, 'clip')} with an empty id", "Name them in the corpus's table."
            )
        twice = tuple(clip for clip, count in Counter(clips.ids).items() if count > 1)
        if twice:
            yield Finding(
                "ids", split, f"{counted(len(twice), 'id')} of more than one clip", "Ids must differ: rename.", twice
            )
    if across := {clip: set(where) for clip, where in places.items() if len(set(where)) > 1}:
        names = " and ".join(split for split in splits if any(split in where for where in across.values()))
        message = f"{counted(len(across), 'id')} in more than one of {names}"
        yield Finding("ids", "", message, "A clip belongs to one split: mend the tables.", tuple(across))


def check_references(split: str, clips: Split) -> Iterator[Finding]:
    """Clips without glosses in a split that has references."""
    if not clips.annotated:
        message = "it has no references: it can be decoded, and not scored"
        yield Finding("references", split, message, problem=False)
        return
    empty = tuple(clip for clip, glosses in zip(clips.ids, clips.raw_glosses, strict=True) if not glosses)
    if empty:
        hint = "Annotate them, or leave them out of the table."
        yield Finding("references", split, f"{counted(len(empty), 'clip')} without glosses", hint, empty)
    pairs = zip(clips.ids, clips.raw_glosses, clips.glosses, strict=True)
    cleaned = tuple(clip for clip, raw, glosses in pairs if raw and not glosses)
    if cleaned:
        message = f"{counted(len(cleaned), 'clip')} without a gloss after the clean-up {clips.labels}"
        yield Finding("references", split, message, "--labels raw keeps all glosses.", cleaned, split == "train")


def check_feasible(split: str, clips: Split, stride: int) -> Iterator[Finding]:
    """Clips too short for CTC: each gloss needs an output step, and a blank between equal neighbours another."""
    pairs = zip(clips.ids, clips.lengths, clips.glosses, strict=True)
    short = tuple(clip for clip, frames, glosses in pairs if not feasible(-(-frames // stride), glosses))
    if not short:
        return
    message = f"{counted(len(short), 'clip')} with too few frames for the glosses at stride {stride}"
    if split == "train":
        hint = "Their CTC loss is infinite: train with a smaller stride, or leave them out."
        yield Finding("feasibility", split, message, hint, short)
    else:
        yield Finding("feasibility", split, f"{message}, which no model gets right", "", short, problem=False)


def check_lengths(split: str, clips: Split) -> Iterator[Finding]:
    """Clips without frames."""
    empty = tuple(clip for clip, frames in zip(clips.ids, clips.lengths, strict=True) if not frames)
    if empty:
        yield Finding(
            "frames", split, f"{counted(len(empty), 'clip')} without frames", "Mend the source; run prep again.", empty
        )


def check_rates(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Frame rates that are unknown or differ: a model sees time in frames."""
    for split, clips in splits.items():
        rates = clips.clip_fps
        if unknown := _where(clips, rates <= 0):
            message = f"the frame rate is not known of {share(len(unknown), len(clips), 'clip')}"
            yield Finding("rate", split, message, "Results in seconds (CTM, STM) need it.", unknown, problem=False)
        off = (rates > 0) & (np.abs(rates - clips.fps) > OFF * clips.fps)
        if clips.fps and off.any():
            low, high = rates[off].min(), rates[off].max()
            between = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            message = f"{share(int(off.sum()), len(clips), 'clip')} with {between} frames a second, not {clips.fps:g}"
            hint = f"`sla prep --fps {clips.fps:g}` brings all to one rate."
            yield Finding("rate", split, message, hint, _where(clips, off), problem=False)
    rates_of = {split: clips.fps for split, clips in splits.items()}
    if len(set(rates_of.values())) > 1:
        told = ", ".join(f"{split} {fps:g}" for split, fps in rates_of.items())
        yield Finding(
            "rate", "", f"splits differ in frames a second: {told}", "`sla prep --fps` brings all to one rate."
        )


def _where(clips: Split, chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    """Ids of the clips for which `chosen`, bool (clips,), is true."""
    return tuple(clips.ids[number] for number in np.flatnonzero(chosen))
