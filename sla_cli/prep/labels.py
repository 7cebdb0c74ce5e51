"""Training glosses: annotated glosses after a named cleaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sla_cli.core.clip import Clip
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.corpus import Listing

AUTO, RAW = "auto", "raw"


@dataclass(frozen=True)
class Labels:
    """A cleaning.

    Attributes:
        name: `raw`, or a scoring profile with its version.
        clean: annotated glosses to training glosses; () if all are cleaned away.
    """

    name: str
    clean: Callable[[Sequence[str]], tuple[str, ...]]


def find_labels(name: str, of_corpus: str) -> Labels:
    """The cleaning with a name; `auto` is that of the corpus. Raises SlaError with the nearest name."""
    name = of_corpus if name == AUTO else name
    if name == RAW:
        return Labels(RAW, tuple)
    rules = profile(name)
    return Labels(str(rules), rules.training)


def label_clips(listing: Listing, labels: Labels) -> list[Clip]:
    """The clips of a listing that are not skipped, with training glosses.

    Clips of which no training gloss is left are taken out of train, and skipped if they are then in no split.

    Raises:
        SlaError: no clip is left, in the store or in a train split.
    """
    had_train = {name for name, splits in listing.divisions.items() if "train" in splits.values()}
    clips = [_cleaned(clip, labels) for clip in listing.clips]
    for clip in (clip for clip in clips if not clip.training and clip.id not in listing.skipped):
        if _loses_its_split(clip, listing):
            reason = f"after cleaning with {labels.name} no gloss is left: {' '.join(clip.glosses) or 'none'}"
            listing.skipped[clip.id] = reason
            log.warning("skipping clip %s: %s", clip.id, reason)
    clips = [clip for clip in clips if clip.id not in listing.skipped]
    if not clips or any("train" not in listing.divisions[name].values() for name in had_train):
        reasons = some(dict.fromkeys(listing.skipped.values()), 1)
        hint = f"Clips are left out: {reasons}" if reasons else "Do they contain glosses?"
        raise SlaError(f"{some(listing.tables) or 'the corpus'}: no usable clip", hint)
    return clips


def _cleaned(clip: Clip, labels: Labels) -> Clip:
    """The clip with training glosses and their times; without times if cleaning divides or joins glosses."""
    training = labels.clean(clip.glosses)
    alone = [labels.clean((gloss,)) for gloss in clip.glosses] if clip.times else []
    left = [(gloss[0], time) for gloss, time in zip(alone, clip.times, strict=True) if gloss]
    whole = all(len(gloss) < 2 for gloss in alone) and training == tuple(gloss for gloss, _ in left)
    return replace(clip, training=training, times=tuple(time for _, time in left) if whole else ())


def _loses_its_split(clip: Clip, listing: Listing) -> bool:
    """Take a clip without training glosses out of all train splits; whether it is in no split after that."""
    of_train = [splits for splits in listing.divisions.values() if splits.get(clip.id) == "train"]
    for splits in of_train:
        del splits[clip.id]
    if not listing.divisions:
        return bool(clip.glosses)  # it would be in train
    return bool(of_train) and not any(clip.id in splits for splits in listing.divisions.values())
