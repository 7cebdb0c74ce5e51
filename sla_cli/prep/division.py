"""A division of clips into splits that is drawn, where a corpus has none or another one is wanted.

Groups of clips that must not be torn apart are dealt out: all clips of a signer, of a sentence, or one clip. Their
order follows from a digest of seed and name, so neither the order of the tables nor where the corpus lies plays a part.
Larger groups come first, those of comparable size in the order of their digests, and each goes to the split that still
lacks most clips, so that the small ones even out what the large ones leave. Where few large groups miss the shares, as
signers do, several such orders are tried, and the nearest division is taken.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sla_cli.config import DivisionConfig
from sla_cli.core.clip import SPLITS, Clip
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_json
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError, some

UNSEEN = {"": "", "signer": "signers", "sentence": "sentences", "random": ""}
NO_GLOSSES = "no glosses: only annotated clips are divided into splits"
FEWEST_FOLDS = 3  # one each for test, dev and train
TRIALS = 64  # orders of groups; all those of few signers, and no time for any corpus


@dataclass(frozen=True)
class Group:
    """Clips that stay together.

    Attributes:
        name: the same for the same clips wherever and in whatever order they are listed.
    """

    name: str
    clips: tuple[Clip, ...]


def divide(clips: Sequence[Clip], wanted: DivisionConfig, profile_name: str) -> tuple[list[Clip], dict[str, str]]:
    """The clips with their splits drawn anew, in the order in which they came.

    Args:
        profile_name: the normalisation under which the corpus is scored: sentences are equal if they are after it.

    Returns:
        Those that have glosses, and by id why another clip is in no split.

    Raises:
        SlaError: settings that do not go together, fewer groups than splits, no clip with glosses, or a clip whose
            signer is not known where signers are divided.
    """
    check_division(wanted)
    if not wanted.split_by:
        return list(clips), {}
    annotated = [clip for clip in clips if clip.glosses]
    if not annotated:
        raise SlaError(
            f"none of {counted(len(clips), 'clip')} has glosses: nothing can be divided", "Leave --split-by out."
        )
    groups = _groups(annotated, wanted.split_by, profile_name)
    split_of = _by_fold(groups, wanted) if wanted.fold else _by_shares(groups, wanted)
    divided = [replace(clip, split=split_of[clip.id]) for clip in annotated]
    return divided, {clip.id: NO_GLOSSES for clip in clips if not clip.glosses}


def check_division(wanted: DivisionConfig) -> None:
    """Raise SlaError for settings that are no division."""
    default = DivisionConfig()
    if not wanted.split_by:
        if wanted != default:
            raise SlaError("--shares, --fold and --split-seed do nothing without --split-by", "Say what is divided.")
        return
    shares = wanted.shares
    if len(shares) not in (2, 3) or not all(share >= 0 and math.isfinite(share) for share in shares) or not any(shares):
        text = ",".join(f"{share:g}" for share in shares)
        hint = "Give two or three numbers for train, dev and test, none below 0 and one above, as in 80,10,10."
        raise SlaError(f"--shares {text} divides nothing", hint)
    if wanted.fold:
        _fold(wanted)
        if shares != default.shares:
            raise SlaError("--fold makes parts of equal size, --shares others", "Give one of them.")


def name_of(wanted: DivisionConfig) -> str:
    """A name for the protocol, as in `signer-80-10-10`, `sentence-2of5` or `random-90-10-seed7`; "" for none."""
    if not wanted.split_by:
        return ""
    parts = [wanted.fold.replace("/", "of")] if wanted.fold else [f"{share:g}" for share in wanted.shares]
    seed = [f"seed{wanted.split_seed}"] if wanted.split_seed else []
    return "-".join([wanted.split_by, *parts, *seed])


def unseen_of(wanted: DivisionConfig) -> str:
    """What dev and test do not share with train by promise, as a store's header says it."""
    return UNSEEN[wanted.split_by]


def _groups(clips: Sequence[Clip], split_by: str, profile_name: str) -> list[Group]:
    if split_by == "signer":
        if unknown := [clip.id for clip in clips if not clip.signer]:
            message = f"the signer of {len(unknown)} of {counted(len(clips), 'clip')} is not known: {some(unknown)}"
            raise SlaError(
                message,
                "Name them in a column `signer`, or in ELAN as the tier's participant; or divide otherwise.",
            )
        return _grouped((clip.signer, clip) for clip in clips)
    if split_by == "sentence":
        clean = profile(profile_name).training
        return _joined(_grouped((" ".join(clean(clip.glosses)), clip) for clip in clips))
    return _joined(_grouped((clip.id, clip) for clip in clips))


def _grouped(named: Iterable[tuple[str, Clip]]) -> list[Group]:
    groups: dict[str, list[Clip]] = defaultdict(list)
    for name, clip in named:
        groups[name].append(clip)
    return [Group(name, tuple(clips)) for name, clips in groups.items()]


def _joined(groups: list[Group]) -> list[Group]:
    """Groups made one where a clip of each shows the same moment of a recording; its name is the first of theirs."""
    name_of_clip = {clip.id: group.name for group in groups for clip in group.clips}
    leads_to = {group.name: group.name for group in groups}  # a name to one that comes before it, or to itself

    def find(name: str) -> str:
        while leads_to[name] != name:
            leads_to[name] = name = leads_to[leads_to[name]]
        return name

    for one, other in _overlapping(clip for group in groups for clip in group.clips):
        first, second = sorted((find(name_of_clip[one.id]), find(name_of_clip[other.id])))
        leads_to[second] = first
    return _grouped((find(group.name), clip) for group in groups for clip in group.clips)


def _overlapping(clips: Iterable[Clip]) -> Iterable[tuple[Clip, Clip]]:
    """Pairs of clips that show the same moment; enough of them to link all that overlap."""
    recordings: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        recordings[str(clip.source.root), clip.source.path].append(clip)
    for of_one in recordings.values():
        of_one.sort(key=lambda clip: (clip.source.start or 0.0, _end(clip)))
        latest = of_one[0]
        for clip in of_one[1:]:
            if (clip.source.start or 0.0) < _end(latest):
                yield latest, clip
            latest = max(latest, clip, key=_end)


def _end(clip: Clip) -> float:
    return math.inf if clip.source.end is None else clip.source.end


def _ordered(groups: Iterable[Group], seed: int, trial: int) -> list[Group]:
    """Larger groups first; within a power of two, as seed and trial have it."""
    return sorted(
        groups,
        key=lambda group: (-len(group.clips).bit_length(), digest_json([seed, trial, group.name]), group.name),
    )


def _by_shares(groups: Sequence[Group], wanted: DivisionConfig) -> dict[str, str]:
    """The split of each clip id."""
    shares = {split: share for split, share in zip(SPLITS, wanted.shares, strict=False) if share}
    _check_enough(groups, list(shares), wanted)
    clips = sum(len(group.clips) for group in groups)
    targets = {split: share / sum(shares.values()) * clips for split, share in shares.items()}
    best, nearest = {}, math.inf
    for trial in range(TRIALS):
        split_of, off = _deal(_ordered(groups, wanted.split_seed, trial), targets)
        if off < nearest:
            best, nearest = split_of, off
        if nearest < len(targets):  # less than a clip in each split
            break
    return best


def _deal(groups: Sequence[Group], targets: Mapping[str, float]) -> tuple[dict[str, str], float]:
    """The split of each clip id, and by how many clips all splits together miss their targets; none stays empty."""
    lacks, empty = dict(targets), set(targets)
    split_of: dict[str, str] = {}
    for number, group in enumerate(groups):
        open_to = [split for split in targets if split in empty or len(empty) < len(groups) - number]
        split = max(open_to, key=lacks.__getitem__)
        lacks[split] -= len(group.clips)
        empty.discard(split)
        split_of.update({clip.id: split for clip in group.clips})
    return split_of, math.fsum(map(abs, lacks.values()))


def _by_fold(groups: Sequence[Group], wanted: DivisionConfig) -> dict[str, str]:
    """The split of each clip id: each group is in the smallest fold as it comes, whichever of them is test."""
    test, folds = _fold(wanted)
    if len(groups) < folds:
        message = f"--fold {wanted.fold}: {_number_of(groups, wanted)} cannot fill {counted(folds, 'fold')}"
        raise SlaError(message, "Ask for fewer folds, or divide by something else.")
    sizes, split_of = [0] * folds, dict[str, str]()
    for group in _ordered(groups, wanted.split_seed, 0):
        fold = sizes.index(min(sizes))
        sizes[fold] += len(group.clips)
        split = {test - 1: "test", test % folds: "dev"}.get(fold, "train")
        split_of.update({clip.id: split for clip in group.clips})
    return split_of


def _fold(wanted: DivisionConfig) -> tuple[int, int]:
    """K and N of a fold."""
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", wanted.fold, re.ASCII)
    part, folds = map(int, found.groups()) if found else (0, 0)
    if not 1 <= part <= folds or folds < FEWEST_FOLDS:
        hint = f"Give K/N with K from 1 to N and N at least {FEWEST_FOLDS}, as in 2/5."
        raise SlaError(f"--fold {wanted.fold!r} is not a fold", hint)
    return part, folds


def _check_enough(groups: Sequence[Group], splits: list[str], wanted: DivisionConfig) -> None:
    if len(groups) >= len(splits):
        return
    lost = splits[len(groups) :]
    raise SlaError(
        f"{_number_of(groups, wanted)} cannot fill {', '.join(splits)}: nothing would be left for {' and '.join(lost)}",
        "Give --shares without them (90,10 for train and dev), or divide by something else.",
    )


def _number_of(groups: Sequence[Group], wanted: DivisionConfig) -> str:
    noun = {"signer": "signer", "sentence": "different sentence", "random": "separate clip"}[wanted.split_by]
    return counted(len(groups), noun)
