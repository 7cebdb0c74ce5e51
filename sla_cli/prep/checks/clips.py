"""Is each clip usable? Its reference, its length for CTC, its frame rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from sla_cli.core.counted import counted
from sla_cli.core.ctc import feasible, output_steps
from sla_cli.core.quantities import rates_differ
from sla_cli.prep.checks.finding import Finding, share
from sla_cli.store.clips import Split


def check_references(split: str, clips: Split) -> Iterator[Finding]:
    """Clips without glosses in a split that has references."""
    if not clips.annotated:
        message = "it has no references: it can be decoded but not scored"
        yield Finding("references", split, message, problem=False)
        return
    if empty := _where(clips, (not glosses for glosses in clips.raw_glosses)):
        hint = "Annotate them, or leave them out of the table."
        yield Finding("references", split, f"{counted(len(empty), 'clip')} without glosses", hint, empty)
    pairs = zip(clips.raw_glosses, clips.glosses, strict=True)
    if cleaned := _where(clips, (bool(raw and not glosses) for raw, glosses in pairs)):
        message = f"{counted(len(cleaned), 'clip')} without a gloss after the clean-up {clips.labels}"
        yield Finding("references", split, message, "--labels raw keeps all glosses.", cleaned, split == "train")


def check_feasible(split: str, clips: Split, stride: int) -> Iterator[Finding]:
    """Clips too short for CTC: each gloss needs an output step, and so does a blank between equal neighbours."""
    pairs = zip(clips.lengths, clips.glosses, strict=True)
    if short := _where(clips, (not feasible(output_steps(frames, stride), glosses) for frames, glosses in pairs)):
        message = f"{counted(len(short), 'clip')} with too few frames for the glosses at stride {stride}"
        if split == "train":
            message += ": train.infeasible decides whether training lengthens them, leaves them out or refuses"
        else:
            message += ", which no model gets right"
        yield Finding("feasibility", split, message, "", short, problem=False)


def check_rates(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Frame rates that are unknown or differ: for a model, time is counted in frames."""
    for split, clips in splits.items():
        rates = clips.clip_fps
        if unknown := _where(clips, rates <= 0):
            message = f"{share(len(unknown), len(clips), 'clip')} without a known frame rate"
            yield Finding("rate", split, message, "Results in seconds (CTM, STM) need it.", unknown, problem=False)
        off = np.array([rates_differ((rate, clips.fps)) for rate in rates])
        if off.any():
            low, high = rates[off].min(), rates[off].max()
            between = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            message = f"{share(int(off.sum()), len(clips), 'clip')} with {between} frames per second, not {clips.fps:g}"
            hint = f"`sla prep --fps {clips.fps:g}` makes all rates equal."
            yield Finding("rate", split, message, hint, _where(clips, off), problem=False)
    if rates_differ([clips.fps for clips in splits.values()]):
        listed = ", ".join(f"{split} {clips.fps:g}" for split, clips in splits.items() if clips.fps)
        hint = "`sla prep --fps` makes all rates equal."
        yield Finding("rate", "", f"splits differ in frames per second: {listed}", hint)


def _where(clips: Split, chosen: Iterable[bool]) -> tuple[str, ...]:
    """Ids of the clips for which `chosen`, one value for each clip, is true."""
    return tuple(clip for clip, true in zip(clips.ids, chosen, strict=True) if true)
