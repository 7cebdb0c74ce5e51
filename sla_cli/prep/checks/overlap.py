"""What splits share although they should not: sentences, signers, recordings."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from sla_cli.core.clip import split_origin
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
            message = f"{share(len(seen), len(clips), 'clip')} have the glosses of a clip of {other}"
            hint = f"In {clips.division}, no split should share sentences with train: are these the right tables?"
            yield Finding("sentences", split, message, hint if broken else "", seen, broken)


def check_signers(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Signers of dev and test who also sign in train."""
    train = set(splits["train"].signers) - {""} if "train" in splits else set()
    for split, clips in splits.items():
        shared = sorted(train & set(clips.signers)) if split != "train" else []
        if shared:
            of = len(set(clips.signers) - {""})
            broken = clips.unseen == "signers"
            message = f"{len(shared)} of its {counted(of, 'signer')} in train too: {some(shared)}"
            hint = f"In {clips.division}, no split should share signers with train: are these the right tables?"
            named = tuple(clip for clip, signer in zip(clips.ids, clips.signers, strict=True) if signer in train)
            yield Finding("signers", split, message, hint if broken else "", named if broken else (), broken)


def check_recordings(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Clips with the same frames, byte for byte, or with the same moment of a recording in two splits."""
    split_of = {clip: split for split, clips in splits.items() for clip in clips.ids}
    alike: dict[str, set[str]] = defaultdict(set)  # by the first clip with these frames
    for one, other in same_frames(splits.values()):
        alike[one] |= {one, other}
    across = [clips for clips in alike.values() if len({split_of[clip] for clip in clips}) > 1]
    if across:
        names = tuple(sorted(clip for clips in across for clip in clips))
        message = f"{counted(len(names), 'clip')} of different splits with the same frames"
        hint = "A recording in train and in an evaluation split makes the score too good: keep only one of them."
        yield Finding("recordings", "", message, hint, names)
    if within := tuple(sorted(clip for clips in alike.values() if clips not in across for clip in clips)):
        message = f"{counted(len(within), 'clip')} with the frames of another one of the same split"
        yield Finding("recordings", "", message, "Was a video copied under two names?", within, problem=False)
    moments = [pair for pair in overlapping(splits.values()) if split_of[pair[0]] != split_of[pair[1]]]
    if moments:
        names = tuple(dict.fromkeys(clip for pair in moments for clip in pair))
        message = f"{counted(len(names), 'clip')} of different splits with the same moment of a recording"
        yield Finding("recordings", "", message, "Put clips that overlap into one split.", names)


def same_frames(parts: Iterable[Split]) -> Iterator[tuple[str, str]]:
    """Pairs of clip ids whose frames are equal: one recording twice. The first of each pair is the same.

    Both ids are equal if parts of two stores have this clip.
    """
    first: dict[tuple[int, int, int], str] = {}
    for clips in parts:
        for name, *frames in zip(clips.ids, clips.checksums, clips.lengths, clips.clip_bytes, strict=True):
            one = first.get(key := (frames[0], frames[1], frames[2]))
            if one is None:
                first[key] = name
            else:
                yield one, name


def overlapping(parts: Iterable[Split]) -> Iterator[tuple[str, str]]:
    """Pairs of clip ids that show the same moment of a recording; enough of them to link all that overlap."""
    recordings: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for clips in parts:
        for name, source in zip(clips.ids, clips.sources, strict=True):
            path, start, end = split_origin(source)
            if path:
                recordings[path].append((start or 0.0, math.inf if end is None else end, name))
    for moments in recordings.values():
        moments.sort()
        _, latest_end, latest = moments[0]
        for start, end, name in moments[1:]:
            if start < latest_end:
                yield latest, name
            if end > latest_end:
                latest_end, latest = end, name
