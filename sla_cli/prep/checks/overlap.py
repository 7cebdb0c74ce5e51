"""What splits share although they should not: sentences, signers, recordings."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from sla_cli.core.clip import signer_key, split_origin
from sla_cli.core.counted import counted
from sla_cli.core.normalize import profile
from sla_cli.errors import some
from sla_cli.prep.checks.finding import Finding, share
from sla_cli.store.clips import Split


def check_overlap(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """What splits of one division share."""
    for check in (check_sentences, check_signers, check_recordings):
        yield from check(splits)


def check_sentences(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Clips of dev and test with the glosses of a clip of another split, both normalised as for scoring.

    Training labels are not suitable: raw ones differ because the annotation of train is less clean.
    """
    annotated = {split: clips for split, clips in splits.items() if clips.annotated}
    sentences = {
        split: list(map(profile(clips.profile).training, clips.raw_glosses)) for split, clips in annotated.items()
    }
    for other, split in combinations(sentences, 2):
        known, clips = set(sentences[other]) - {()}, splits[split]
        seen = tuple(clip for clip, glosses in zip(clips.ids, sentences[split], strict=True) if glosses in known)
        if seen:
            broken = other == "train" and clips.unseen == "sentences"
            message = f"{share(len(seen), len(clips), 'clip')} with the glosses of a clip of {other}"
            hint = f"In {clips.division}, no split should share sentences with train: are these the right tables?"
            yield Finding("sentences", split, message, hint if broken else "", seen, broken)


def check_signers(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Signers of dev and test who also sign in train."""
    train = set(map(signer_key, splits["train"].signers)) - {""} if "train" in splits else set()
    for split, clips in splits.items():
        shared = {name for name in clips.signers if signer_key(name) in train} if split != "train" else set()
        if shared:
            of = len(set(clips.signers) - {""})
            broken = clips.unseen == "signers"
            message = f"{len(shared)} of its {counted(of, 'signer')} in train too: {some(sorted(shared))}"
            hint = f"In {clips.division}, no split should share signers with train: are these the right tables?"
            named = tuple(clip for clip, signer in zip(clips.ids, clips.signers, strict=True) if signer in shared)
            yield Finding("signers", split, message, hint if broken else "", named if broken else (), broken)


def check_recordings(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Clips with the same frames, byte for byte, or with the same moment of a recording in two splits."""
    alike: dict[Member, set[Member]] = defaultdict(set)  # by the first clip with these frames
    for one, other in same_frames(splits.values()):
        alike[one] |= {one, other}
    across = [clips for clips in alike.values() if len({clip.split for clip in clips}) > 1]
    if across:
        names = tuple(sorted(clip.id for clips in across for clip in clips))
        message = f"{counted(len(names), 'clip')} of different splits with the same frames"
        hint = "A recording in train and in an evaluation split makes the score too good: keep only one of them."
        yield Finding("recordings", "", message, hint, names)
    if within := tuple(sorted(clip.id for clips in alike.values() if clips not in across for clip in clips)):
        message = f"{counted(len(within), 'clip')} with the frames of another one of the same split"
        yield Finding("recordings", "", message, "Was a video copied under two names?", within, problem=False)
    told = {clip: clips for clips in across for clip in clips}
    moments = [
        (one, other)
        for one, other in overlapping(splits.values())
        if one.split != other.split and other not in told.get(one, ())
    ]
    if moments:
        names = tuple(dict.fromkeys(clip.id for pair in moments for clip in pair))
        message = f"{counted(len(names), 'clip')} of different splits with the same moment of a recording"
        yield Finding("recordings", "", message, "Put clips that overlap into one split.", names)


class Member(NamedTuple):
    """A clip of one of several splits, which may be those of different stores: its split's place, and its id."""

    split: int
    id: str


def same_frames(parts: Iterable[Split]) -> Iterator[tuple[Member, Member]]:
    """Pairs of clips whose frames are equal: one recording twice. The first of each pair is the same."""
    first: dict[tuple[int, int, int], Member] = {}
    for number, clips in enumerate(parts):
        for name, *frames in zip(clips.ids, clips.checksums, clips.lengths, clips.clip_bytes, strict=True):
            clip = Member(number, name)
            one = first.setdefault((frames[0], frames[1], frames[2]), clip)
            if one is not clip:
                yield one, clip


def overlapping(parts: Iterable[Split]) -> Iterator[tuple[Member, Member]]:
    """Pairs of clips that show the same moment of a recording; enough of them to link all that overlap.

    A recording is known by its fingerprint, under whatever name and in whatever corpus it is, but in a tar.gz by its
    path and sizes only, and without a fingerprint by its path.
    """
    recordings: dict[str, list[tuple[float, float, Member]]] = defaultdict(list)
    for number, clips in enumerate(parts):
        for name, source, stamp in zip(clips.ids, clips.sources, clips.stamps, strict=True):
            path, start, end = split_origin(source)
            if path:
                moment = start or 0.0, math.inf if end is None else end, Member(number, name)
                recordings[stamp or path].append(moment)
    for moments in recordings.values():
        moments.sort()
        _, latest_end, latest = moments[0]
        for start, end, clip in moments[1:]:
            if start < latest_end:
                yield latest, clip
            if end > latest_end:
                latest_end, latest = end, clip
