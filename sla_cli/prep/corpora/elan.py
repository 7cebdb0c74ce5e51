"""Recordings that are annotated in ELAN, in Praat, or with subtitles: the annotation files define the clips.

`prep/tiers/choose.py` has the known tiers of published conventions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sla_cli.annotation.formats import READERS
from sla_cli.annotation.tier import AnnotationFile
from sla_cli.core.alike import in_one_form
from sla_cli.core.clip import Clip, Source, signer_key
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, naming
from sla_cli.prep.corpus import OWN, Corpus, Listing
from sla_cli.prep.tables.annotation import TABLES
from sla_cli.prep.tables.media import MediaFolder
from sla_cli.prep.tiers.choose import Chosen, TierOptions, choose
from sla_cli.prep.tiers.files import Listed, list_files, parse_files
from sla_cli.prep.tiers.found import Found
from sla_cli.prep.tiers.recordings import Recordings
from sla_cli.prep.tiers.survey import survey_tiers
from sla_cli.prep.tiers.utterances import Utterance, read_utterances
from sla_cli.video.tree import Tree

HINT = "Give the folder with the recordings as --media DIR; they are found there by name."
CAMERA = "Give as --video the name of one of these, or a pattern for it, or as --media the folder with the recordings."
OTHER = "Give another --media, or the recordings the names that the annotation files link or have."


def read(tree: Tree, wanted: TierOptions) -> Listing:
    """The utterances of all annotation files as clips; a table may divide them into splits.

    Raises:
        SlaError: there is no annotation file, one is invalid (names file, line and tier), no file has the requested
            tiers, or there is no recording.
    """
    listing, found, splits = Listing(), Found(), dict[str, str]()
    recordings = Recordings(tree, MediaFolder(Path(wanted.media)) if wanted.media else None, wanted.video)
    for listed, file in parse_files(tree, list_files(tree, listing.tables), listing.tables):
        with naming(tree.where(listed.path)):
            chosen, before = choose(file, wanted), found.counts.glosses
        found.add(file, chosen)
        utterances = list(read_utterances(file, chosen, wanted.pause, found.counts))
        if any(utterance.glosses for utterance in utterances):
            clips = list(_clips(listed, file, utterances, recordings, found, listing))
            listing.clips += clips
            splits |= dict.fromkeys((clip.id for clip in clips), listed.split)
        else:
            listing.skipped[listed.name] = _nothing(listed, chosen, wanted, found.counts.glosses - before)
    for clip in listing.clips:  # a file, or an utterance of another annotator, may have its name
        listing.skipped.pop(clip.id, None)
    if any(splits.values()):
        listing.divisions[OWN] = {clip: split or "train" for clip, split in splits.items()}
    where = tree.where(tree.file)
    found.check_tiers(where, wanted)
    hint = CAMERA if wanted.video else OTHER if wanted.media else HINT
    found.check_recordings(where, listing.clips, hint)
    found.log_summary(wanted, recordings)
    return listing


def _nothing(listed: Listed, chosen: Chosen, wanted: TierOptions, glosses: int) -> str:
    """Why a file gives no clip."""
    names = ", ".join(tier.name for tier in chosen.glosses)
    if not names:
        return f"{listed.path} has no tier of glosses"
    if not glosses:
        return f"{listed.path} has no glosses in {names}; `sla transcribe` recognises them"
    if not chosen.utterances:
        return f"{listed.path} has no tier {wanted.utterance_tier}"
    return f"{listed.path}: none of its {counted(glosses, 'gloss')} is in an utterance"


def _clips(
    listed: Listed,
    file: AnnotationFile,
    utterances: list[Utterance],
    recordings: Recordings,
    found: Found,
    listing: Listing,
) -> Iterator[Clip]:
    """The utterances with glosses as clips; the others are added to the skipped ones."""
    persons = list(dict.fromkeys(utterance.person for utterance in utterances))
    signers = {person: _signer(listed, person, persons) for person in persons}
    if not listed.signers:
        participants = {"", *(in_one_form(tier.participant) for tier in file.tiers)}
        found.suffixed.update(person for person in persons if person not in participants)
    places = {person: recordings.of(listed.path, file, person) for person in persons}
    for utterance in utterances:
        place = places[utterance.person]
        start, end = utterance.start + place.origin, utterance.end + place.origin
        who = "-".join(utterance.person.replace("/", " ").split()) if len(persons) > 1 else ""
        name = "_".join(filter(None, (listed.name, who, f"{_seconds(start)}-{_seconds(end)}")))
        if reason := _unusable(utterance, start, end):
            listing.skipped[name] = reason
            if utterance.glosses:
                found.unusable[name] = reason
            continue
        if place.missing:
            found.missing[listed.path] = place.missing
            found.lost += 1
        yield Clip(
            id=name,
            signer=signers[utterance.person],
            glosses=utterance.glosses,
            source=Source(place.source.root, place.source.path, start / 1000, end / 1000),
            translation=utterance.translation,
            times=tuple((first / 1000, after / 1000) for first, after in utterance.times),
            where=f"{listed.path}, line {utterance.line}",
        )


def _unusable(utterance: Utterance, start: int, end: int) -> str:
    """Why there is no clip of an utterance, "" if there is one."""
    if start < 0:
        return f"it begins {_seconds(-start)} s before the recording"
    if end <= start:
        return f"it has no duration, at {_seconds(start)} s"
    if not utterance.glosses:
        return f"no glosses between {_seconds(start)} and {_seconds(end)} s; `sla transcribe` recognises them"
    return ""


def _signer(listed: Listed, person: str, persons: list[str]) -> str:
    """The signer according to the table, or else to the tiers."""
    if (key := signer_key(person)) in listed.signers:
        return listed.signers[key]
    if not listed.signers:
        return person
    if "" in listed.signers and len(persons) == 1:
        return listed.signers[""]
    people = " ".join(f"{one}=NAME" for one in persons) if len(persons) > 1 else "only the name"
    hint = f"Write {people} as signer."
    if len(persons) > 1 and any(len(one.split()) > 1 for one in persons):  # the cell is divided at spaces
        hint = "Name the participants without spaces, or leave the cell empty to use their names."
    raise FormatError(f"{listed.at}: no signer for {person or 'one'} of {listed.path}", hint)


def _seconds(milliseconds: int) -> str:
    """Rounded to milliseconds, without zeros at the end."""
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")


CORPORA = (
    Corpus(
        name="elan",
        title="Recordings that you annotated in ELAN (or Praat, or with subtitles): a clip for each utterance",
        layout="a folder with .eaf files at any depth (or .TextGrid, .srt, .vtt if there is no .eaf), one "
        "such file, or a table with a column eaf, and optionally id, split, signer. Videos are where the files "
        "link them, next to the files under the same name, or below --media",
        read=read,
        options=TierOptions,
        survey=survey_tiers,
        endings=(*READERS, *TABLES),
    ),
)
