"""What splits share although they should not: sentences, signers, recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

from sla_cli.core.counted import counted
from sla_cli.core.normalize import profile
from sla_cli.errors import some
from sla_cli.prep.checks.finding import Finding, share
from sla_cli.store.store import Split


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
            hint = f"By definition {clips.protocol} has unseen sentences: are the tables those of {clips.protocol}?"
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
            hint = "By definition this protocol has unseen signers: are these the right tables?"
            named = tuple(clip for clip, signer in zip(clips.ids, clips.signers, strict=True) if signer in train)
            yield Finding("signers", split, message, hint if broken else "", named if broken else (), broken)


def check_recordings(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Clips with the same frames, byte for byte: one recording under two names."""
    places: dict[tuple[int, int, int], list[tuple[str, str]]] = defaultdict(list)  # by checksum, frames and bytes
    for split, file in ((split, file) for split, clips in splits.items() for file in clips.files):
        for row in zip(file.checksums.tolist(), file.lengths, file.clip_bytes.tolist(), file.ids, strict=True):
            places[row[:3]].append((split, row[3]))
    alike = [names for (_, frames, _), names in places.items() if frames and len(names) > 1]
    if across := tuple(clip for names in alike if len({split for split, _ in names}) > 1 for _, clip in names):
        message = f"{counted(len(across), 'clip')} of different splits with the same frames"
        hint = "A recording in train and in an evaluation split makes the score too good: keep only one of them."
        yield Finding("recordings", "", message, hint, across)
    if within := tuple(clip for names in alike if len({split for split, _ in names}) == 1 for _, clip in names):
        message = f"{counted(len(within), 'clip')} with the frames of another one of the same split"
        yield Finding("recordings", "", message, "Was a video copied under two names?", within, problem=False)
