"""Draws a division of clips into splits, for a corpus that has none, or if the user wants another one.

Groups of clips are kept together: all clips of a signer, of a sentence, or one clip. Their order depends on a digest of
seed and name, so it is independent of the order of the tables and the path of the corpus. Larger groups come first,
those of comparable size in the order of their digests, and each is put into the split that still lacks most clips. So
small groups balance what large ones leave. If there are few large groups (such as signers) and the shares are missed,
several such orders are tried, and the division nearest to the shares is used.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sla_cli.config.settings import DivisionConfig
from sla_cli.core.clip import SPLITS, Clip
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_json
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError, some

UNSEEN = {"": "", "signer": "signers", "sentence": "sentences", "random": ""}
NO_GLOSSES = "no glosses: only annotated clips are divided into splits"
FEWEST_FOLDS = 3  # one each for test, dev and train
TRIALS = 64  # orders of groups; covers all orders of few signers, and is fast for any corpus


@dataclass(frozen=True)
class Group:
    """Clips that must stay together.

    Attributes:
        name: the same for the same clips, independent of where and in which order they are listed.
    """

    name: str
    clips: tuple[Clip, ...]


def divide(clips: Sequence[Clip], wanted: DivisionConfig, profile_name: str) -> tuple[list[Clip], dict[str, str]]:
    """The clips with newly drawn splits, in the given order.

    Args:
        profile_name: the normalisation under which the corpus is scored: sentences are compared after it.

    Returns:
        The clips with glosses, and by id the reason why another clip is in no split.

    Raises:
        SlaError: settings that contradict each other, fewer groups than splits, no clip with glosses, or a clip whose
            signer is not known although the division is by signer.
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
    """Raise SlaError for settings that do not define a division."""
    default = DivisionConfig()
    if not wanted.split_by:
        if wanted != default:
            raise SlaError("--shares, --fold and --split-seed have no effect without --split-by", "Add --split-by.")
        return
    shares = wanted.shares
    if len(shares) not in (2, 3) or not all(share >= 0 and math.isfinite(share) for share in shares) or not any(shares):
        text = ",".join(f"{share:g}" for share in shares)
        hint = "Give two or three numbers for train, dev and test, none below 0 and one above, such as 80,10,10."
        raise SlaError(f"--shares {text} does not define a division", hint)
    if wanted.fold:
        _fold(wanted)
        if shares != default.shares:
            raise SlaError("--fold makes parts of equal size, --shares parts of different sizes", "Give one of them.")


def name_of(wanted: DivisionConfig) -> str:
    """A name for the protocol, such as `signer-80-10-10`, `sentence-2of5` or `random-90-10-seed7`; "" for none."""
    if not wanted.split_by:
        return ""
    parts = [wanted.fold.replace("/", "of")] if wanted.fold else [f"{share:g}" for share in wanted.shares]
    seed = [f"seed{wanted.split_seed}"] if wanted.split_seed else []
    return "-".join([wanted.split_by, *parts, *seed])


def unseen_of(wanted: DivisionConfig) -> str:
    """What dev and test by definition do not share with train, in the form of a store's header."""
    return UNSEEN[wanted.split_by]


def _groups(clips: Sequence[Clip], split_by: str, profile_name: str) -> list[Group]:
    if split_by == "signer":
        if unknown := [clip.id for clip in clips if not clip.signer]:
            message = f"the signer of {len(unknown)} of {counted(len(clips), 'clip')} is not known: {some(unknown)}"
            raise SlaError(
                message,
                "Name them in a column `signer`, or in ELAN as the tier's participant; or choose another --split-by.",
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
    """Groups joined if they have clips with the same moment of a recording; the first of their names is used."""
    name_of_clip = {clip.id: group.name for group in groups for clip in group.clips}
    leads_to = {group.name: group.name for group in groups}  # maps a name to an earlier one, or to itself

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
    """Larger groups first; within a power of two, the order depends on seed and trial."""
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
        if nearest < len(targets):  # less than one clip per split
            break
    return best


def _deal(groups: Sequence[Group], targets: Mapping[str, float]) -> tuple[dict[str, str], float]:
    """The split of each clip id, and by how many clips all splits together miss their targets; no split is empty."""
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
    """The split of each clip id: each group is put into the smallest fold so far, whichever fold is test."""
    test, folds = _fold(wanted)
    if len(groups) < folds:
        message = f"--fold {wanted.fold}: {_number_of(groups, wanted)} cannot fill {counted(folds, 'fold')}"
        raise SlaError(message, "Use fewer folds, or another --split-by.")
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
        hint = f"Give K/N with K from 1 to N and N at least {FEWEST_FOLDS}, such as 2/5."
        raise SlaError(f"--fold {wanted.fold!r} is not a fold", hint)
    return part, folds


def _check_enough(groups: Sequence[Group], splits: list[str], wanted: DivisionConfig) -> None:
    if len(groups) >= len(splits):
        return
    lost = splits[len(groups) :]
    raise SlaError(
        f"{_number_of(groups, wanted)} cannot fill {', '.join(splits)}: nothing would be left for {' and '.join(lost)}",
        "Give --shares without them (90,10 for train and dev), or another --split-by.",
    )


def _number_of(groups: Sequence[Group], wanted: DivisionConfig) -> str:
    noun = {"signer": "signer", "sentence": "different sentence", "random": "separate clip"}[wanted.split_by]
    return counted(len(groups), noun)
