"""Draws a division of a store's clips into splits.

Groups of clips are kept together: all clips of a signer, of a sentence, or one clip. Their order depends on a digest of
seed and name, so it is independent of the order of the clips and the path of the corpus. Larger groups come first,
those of comparable size in the order of their digests, and each is put into the split that still lacks most clips. So
small groups balance what large ones leave. If there are few large groups (such as signers) and the shares are missed,
several such orders are tried, and the division nearest to the shares is used.

A division that was drawn before is continued: its groups keep their splits, and only new groups are put into one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sla_cli.config.checks import parse_part
from sla_cli.config.settings import DivisionConfig
from sla_cli.core.clip import SPLITS, signer_key
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_json
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError, some
from sla_cli.prep.checks.overlap import overlapping, same_frames
from sla_cli.store.clips import Split
from sla_cli.store.division import Division

UNSEEN = {"signer": "signers", "sentence": "sentences", "random": ""}
FEWEST_FOLDS = 3  # one each for test, dev and train
JOINED = "What has the same frames counts as one."
TRIALS = 64  # orders of groups; covers all orders of few signers, and is fast for any corpus


# Ids of clips that must stay together, by a name that is independent of where and in which order they are listed.
Groups = Mapping[str, Sequence[str]]


def draw(clips: Split, wanted: DivisionConfig, name: str, before: Mapping[str, str] | None = None) -> Division:
    """A division of all clips that have glosses; the others are in no split.

    Args:
        clips: all clips of a store.
        name: of the division.
        before: clip id to split in the division that is continued.

    Raises:
        SlaError: settings that contradict each other, fewer groups than splits, no clip with glosses, a clip whose
            signer is not known although the division is by signer, or folds that would get new groups.
    """
    check_division(wanted)
    annotated = clips.part({clip for clip, glosses in zip(clips.ids, clips.raw_glosses, strict=True) if glosses})
    if not annotated.ids:
        raise SlaError(f"none of {counted(len(clips), 'clip')} of {clips.store} has glosses: nothing can be divided")
    groups = _groups(annotated, wanted.by)
    kept = _kept(groups, before or {})
    new = [name for name in groups if name not in kept]
    if kept and wanted.fold and new:
        message = f"{_number_of(len(new), wanted)} of {clips.store} in no fold yet: {some(new)}"
        raise SlaError(message, "Draw all folds again, with --force: parts of equal size cannot be continued.")
    split_of = _by_fold(groups, wanted) if wanted.fold and not kept else _by_shares(groups, kept, wanted)
    return Division(name, {clip: split_of[clip] for clip in annotated.ids}, UNSEEN[wanted.by], description(wanted))


def check_division(wanted: DivisionConfig) -> None:
    """Raise SlaError for settings that do not define a division."""
    shares = wanted.shares
    if len(shares) not in (2, 3) or not all(share >= 0 and math.isfinite(share) for share in shares) or not any(shares):
        text = ",".join(f"{share:g}" for share in shares)
        hint = "Give two or three numbers for train, dev and test, none below 0 and one above, such as 80,10,10."
        raise SlaError(f"--shares {text} does not define a division", hint)
    if wanted.fold:
        parse_part("--fold", wanted.fold, FEWEST_FOLDS)
        if shares != DivisionConfig().shares:
            raise fold_and_shares()


def name_of(wanted: DivisionConfig) -> str:
    """A name such as `signer-80-10-10`, `sentence-2of5` or `random-90-10-seed7`."""
    parts = [_fold(wanted).replace("/", "of")] if wanted.fold else [f"{share:g}" for share in wanted.shares]
    seed = [f"seed{wanted.seed}"] if wanted.seed else []
    return "-".join([wanted.by, *parts, *seed])


def description(wanted: DivisionConfig) -> str:
    """How it is drawn, for the table: `by signer, shares 80,10,10, seed 0`."""
    how = f"fold {_fold(wanted)}" if wanted.fold else f"shares {','.join(f'{share:g}' for share in wanted.shares)}"
    return f"by {wanted.by}, {how}, seed {wanted.seed}"


def is_fold(drawn: str) -> bool:
    """Whether a description, as of `description`, is of one of several folds, to which no group can be added."""
    return ", fold " in drawn


def _fold(wanted: DivisionConfig) -> str:
    """`2/5`, also for `02/05`."""
    return "/".join(map(str, parse_part("--fold", wanted.fold, FEWEST_FOLDS)))


def _groups(clips: Split, by: str) -> Groups:
    """Groups of the clips; those with the same frames, or with the same moment, are always together."""
    if by == "signer":
        if unknown := [clip for clip, signer in zip(clips.ids, clips.signers, strict=True) if not signer]:
            message = f"the signer of {len(unknown)} of {counted(len(clips), 'clip')} is not known: {some(unknown)}"
            raise SlaError(
                message,
                "Name them in a column `signer`, or in ELAN as the tier's participant; or choose another --by.",
            )
        spelt = {signer_key(name): name for name in sorted(clips.signers, reverse=True)}
        names = [spelt[signer_key(name)] for name in clips.signers]
    elif by == "sentence":
        names = [" ".join(glosses) for glosses in map(profile(clips.profile).training, clips.raw_glosses)]
    else:
        names = clips.ids
    pairs = [*same_frames([clips]), *overlapping([clips])]
    return _joined(dict(zip(clips.ids, names, strict=True)), ((one.id, other.id) for one, other in pairs))


def _joined(names: Mapping[str, str], pairs: Iterable[tuple[str, str]]) -> Groups:
    """Groups of clips of the same name, joined if a pair of clips links them; the first of their names is used."""
    leads_to = {name: name for name in names.values()}  # maps a name to an earlier one, or to itself

    def find(name: str) -> str:
        while leads_to[name] != name:
            leads_to[name] = name = leads_to[leads_to[name]]
        return name

    for one, other in pairs:
        first, second = sorted((find(names[one]), find(names[other])))
        leads_to[second] = first
    groups: dict[str, list[str]] = defaultdict(list)
    for clip, name in names.items():
        groups[find(name)].append(clip)
    return groups


def _kept(groups: Groups, before: Mapping[str, str]) -> dict[str, str]:
    """Group name to its split in the division that is continued."""
    kept = {}
    for name, clips in groups.items():
        splits = sorted({before[clip] for clip in clips if clip in before}, key=SPLITS.index)
        if len(splits) > 1:
            one_in = {before[clip]: clip for clip in reversed(clips) if clip in before}
            where = ", ".join(f"{one_in[split]} in {split}" for split in splits)
            message = f"{name} is in {counted(len(splits), 'split')} of the division that is continued ({where})"
            raise SlaError(message, f"Draw it again with --force, or give it another --name. {JOINED}")
        if splits:
            kept[name] = splits[0]
    return kept


def _ordered(groups: Groups, seed: int, trial: int) -> list[str]:
    """Names of larger groups first; within a power of two, the order depends on seed and trial."""
    return sorted(groups, key=lambda name: (-len(groups[name]).bit_length(), digest_json([seed, trial, name]), name))


def _by_shares(groups: Groups, kept: Mapping[str, str], wanted: DivisionConfig) -> dict[str, str]:
    """The split of each clip id."""
    shares = {split: share for split, share in zip(SPLITS, wanted.shares, strict=False) if share}
    new = {name: clips for name, clips in groups.items() if name not in kept}
    if new and len(groups) < len(shares):  # without new ones, a division from which somebody left stays as it is
        number, lost = _number_of(len(groups), wanted), list(shares)[len(groups) :]
        message = f"{number} cannot fill {', '.join(shares)}: nothing would be left for {' and '.join(lost)}"
        less = ",".join(f"{shares[split]:g}" if split in shares and split not in lost else "0" for split in SPLITS)
        raise SlaError(message, f"Give --shares {less}, or another --by. {JOINED}")
    clips = sum(map(len, groups.values()))
    targets = {split: share / sum(shares.values()) * clips for split, share in shares.items()}
    best, nearest = {}, math.inf
    for trial in range(TRIALS):
        split_of, off = _deal(groups, _ordered(new, wanted.seed, trial), kept, targets)
        if off < nearest:
            best, nearest = split_of, off
        if nearest < len(targets):  # less than one clip per split
            break
    return {clip: best[name] for name, clips in groups.items() for clip in clips}


def _deal(
    groups: Groups, new: Sequence[str], kept: Mapping[str, str], targets: Mapping[str, float]
) -> tuple[dict[str, str], float]:
    """The split of each group, and by how many clips all splits together miss their targets; no split is empty.

    Args:
        new: names of the groups that are not in `kept`, in the order in which they are put into splits.
    """
    there = {split: sum(len(groups[name]) for name in kept if kept[name] == split) for split in targets}
    lacks = {split: target - there[split] for split, target in targets.items()}
    empty = {split for split, clips in there.items() if not clips}
    split_of = dict(kept)
    for number, name in enumerate(new):
        open_to = [split for split in targets if split in empty or len(empty) < len(new) - number]
        split = max(open_to, key=lacks.__getitem__)
        lacks[split] -= len(groups[name])
        empty.discard(split)
        split_of[name] = split
    return split_of, math.fsum(map(abs, lacks.values()))


def _by_fold(groups: Groups, wanted: DivisionConfig) -> dict[str, str]:
    """The split of each clip id: each group is put into the smallest fold so far, whichever fold is test."""
    test, folds = parse_part("--fold", wanted.fold, FEWEST_FOLDS)
    if len(groups) < folds:
        message = f"--fold {wanted.fold}: {_number_of(len(groups), wanted)} cannot fill {counted(folds, 'fold')}"
        instead = {1: "Give --shares 100,0", 2: "Give --shares 90,10"}.get(len(groups), "Use fewer folds")
        raise SlaError(message, f"{instead}, or another --by. {JOINED}")
    sizes, split_of = [0] * folds, dict[str, str]()
    for name in _ordered(groups, wanted.seed, 0):
        fold = sizes.index(min(sizes))
        sizes[fold] += len(groups[name])
        split = {test - 1: "test", test % folds: "dev"}.get(fold, "train")
        split_of |= dict.fromkeys(groups[name], split)
    return split_of


def _number_of(groups: int, wanted: DivisionConfig) -> str:
    noun = {"signer": "signer", "sentence": "different sentence", "random": "separate clip"}[wanted.by]
    return counted(groups, noun)


def fold_and_shares() -> SlaError:
    """The error for both options; which of them the user gave, only the command line knows of the default shares."""
    return SlaError("--fold makes parts of equal size, --shares parts of different sizes", "Give one of them.")
