"""Isharah (Alyami et al., 2025): Saudi sign language, recorded with smartphones, in three sizes.

The clips of a signer are an archive, 00.zip, which is read in place, or unpacked: videos or folders of frames.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from sla_cli.artifact.table import Row
from sla_cli.config.checks import OptionValues
from sla_cli.core.clip import SPLITS, Clip
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log
from sla_cli.prep.corpus import Corpus, Listing
from sla_cli.prep.tables.annotation import read_rows
from sla_cli.prep.tables.locate import ClipLocation, contents, find_clips, find_folders, find_in_archives, join, sample
from sla_cli.video.tree import Tree, parent_of

UNSEEN = {"SI": "signers", "US": "sentences"}  # by division
ENDS = (".txt", ".csv")
ID = re.compile(r"(\d+)_\d+")  # signer, sentence
SIZE = re.compile(r"isharah[-_ ]?(500|1000|2000)(?!\d)", re.IGNORECASE)


def read(size: int, tree: Tree, options: OptionValues) -> Listing:
    """The clips of both divisions, each once.

    Args:
        size: of the corpus, in sentences; used if several sizes are under one folder.

    Raises:
        SlaError: tables or videos are missing, a table is broken, or two tables give one clip different glosses.
    """
    listing, divisions = Listing(), _find_divisions(size, tree)
    rows = [
        (division, split, *found)
        for division, folder in divisions.items()
        for split in SPLITS
        for found in _rows(tree, folder, split, listing)
    ]
    nearest = os.path.commonpath(map(parent_of, divisions.values()))
    places = _places(size, tree, nearest, list(dict.fromkeys(clip for _, _, clip, *_ in rows)))
    for division, split, clip, row, where in rows:
        signer, glosses = _signer(clip), tuple(row.fields.get("gloss", "").split())
        translation = " ".join(row.fields.get("text", "").split())
        listing.add(Clip(clip, signer, glosses, places[signer].source(clip), translation, where), division, split)
    return listing


def _find_divisions(size: int, tree: Tree) -> dict[str, str]:
    """The folder of each division of the requested size. Raises SlaError if there is none."""
    found = {division: folder for division in UNSEEN if (folder := _find_tables(size, tree, division))}
    if not found:
        tables = " or ".join(f"{division}/train{end}" for division in UNSEEN for end in ENDS)
        message = f"looked for {tables} of Isharah-{size} in {tree.where('')} and below; {contents(tree, '')}"
        raise SlaError(message, "Give the folder that holds SI/ and US/ with the tables, and videos.")
    for division in UNSEEN.keys() - found.keys():
        log.warning("no folder %s with tables: the store gets no division %s", division, division)
    return found


def _find_tables(size: int, tree: Tree, division: str) -> str | None:
    """The folder SI or US of the requested size, None if there is none. Raises SlaError if it is not clear which."""
    parents = find_folders(tree, lambda folder: _table(tree, join(folder, division), "train") is not None)
    found = [join(folder, division) for folder in parents]
    named = {folder: _named_size(tree.where(folder)) for folder in found}
    of_size = [folder for folder in found if named[folder] == str(size)]
    fitting = of_size or [folder for folder in found if not named[folder]]
    if found and len(fitting) != 1:
        message = f"looked for {division}/ of Isharah-{size} in {tree.where('')}; found {some(map(tree.where, found))}"
        raise SlaError(message, f"Give the folder of Isharah-{size}.")
    return fitting[0] if fitting else None


def _named_size(place: str) -> str:
    """The size that a path names last, "" if it names none."""
    return next(reversed(SIZE.findall(place)), "")


def _table(tree: Tree, folder: str, split: str) -> str | None:
    """File name of a split's table, or None."""
    return next((name for end in ENDS if tree.is_file(join(folder, name := split + end))), None)


def _rows(tree: Tree, folder: str, split: str, listing: Listing) -> Iterator[tuple[str, Row, str]]:
    """Id, row and place (for messages) of each clip of a split."""
    table = _table(tree, folder, split)
    if not table:
        log.warning("no %s.txt or %s.csv in %s: the store gets no %s split", split, split, tree.where(folder), split)
        return
    if other := [name for name in (split + end for end in ENDS) if name != table and tree.is_file(join(folder, name))]:
        log.warning("%s has %s and %s: the first is read", tree.where(folder), table, some(other))
    path, name = join(folder, table), f"{PurePosixPath(folder).name}/{table}"
    for row in read_rows(tree, path, ("id",), listing, name):
        clip = row["id"].strip()
        if not ID.fullmatch(clip):
            raise FormatError(f"{tree.where(path)}, line {row.line}: id {clip!r} is not signer_sentence, as 00_0001")
        yield clip, row, f"{name}, line {row.line}"


def _signer(clip: str) -> str:
    return clip.partition("_")[0]


def _places(size: int, tree: Tree, nearest: str, clips: Sequence[str]) -> dict[str, ClipLocation]:
    """Each signer to the place of the clips: every signer is searched, since each has a separate archive or folder.

    If one is missing, its place is guessed from that of another: its clips fail, and the others are stored.

    Args:
        nearest: folder below which all are searched; if none is there, below those above it: clips of other sizes have
            the same ids, and may be there.
    """
    by_signer: dict[str, list[str]] = {}
    for clip in clips:
        by_signer.setdefault(_signer(clip), []).append(clip)
    top = nearest
    while not (there := _found_below(size, tree, top, by_signer)) and top:
        top = parent_of(top)
    if other := [str(place) for place in there.values() if _named_size(str(place)) not in ("", str(size))]:
        log.warning("clips are taken from %s, which is named as another size than %d", some(other, 1), size)
    if clips and not there:
        raise SlaError(
            f"no clips: looked for {some(clips, 2)}, each as a video, a folder of frames, or in an archive as 00.zip; "
            f"{contents(tree, '')}",
            "The folders or archives of the signers must be next to the tables.",
        )
    if missing := sorted(by_signer.keys() - there.keys()):
        known, place = next(iter(there.items()))
        number = counted(len(missing), "signer")
        log.warning("no clips of %s: %s; those of the others are in %s", number, some(missing, 20), place)
        there |= {signer: _alike(known, place, signer) for signer in missing}
    return there


def _found_below(size: int, tree: Tree, top: str, by_signer: Mapping[str, Sequence[str]]) -> dict[str, ClipLocation]:
    """The places of the signers of whom a clip is found."""
    found = {signer: _place(size, tree, top, signer, sample(names, 3)) for signer, names in by_signer.items()}
    return {signer: place for signer, place in found.items() if place is not None}


def _place(size: int, tree: Tree, top: str, signer: str, names: Sequence[str]) -> ClipLocation | None:
    """The place of a signer's clips; one that is named as another size counts last."""

    def rank(place: str) -> int:
        return [str(size), "", _named_size(place)].index(_named_size(place))

    def rank_archive(path: str) -> int:
        return 2 * rank(path) + (PurePosixPath(path).name.split(".")[0] != signer)

    places = find_clips(tree, names, top) or find_in_archives(tree, names, top, rank_archive)
    return min(places, key=lambda place: rank(str(place)), default=None)


def _alike(known: str, place: ClipLocation, signer: str) -> ClipLocation:
    """Where a signer's clips would be, analogous to those of a known signer."""
    part = re.compile(rf"(?<!\d){known}(?!\d)")
    in_archive = place.root.is_file()
    root = place.root.with_name(part.sub(signer, place.root.name)) if in_archive else place.root
    return ClipLocation(root, part.sub(signer, place.folder), place.suffix)


CORPORA = tuple(
    Corpus(
        name=f"isharah{size}",
        title=f"Isharah-{size}: Saudi sign language, {clips} smartphone videos, {glosses} glosses",
        layout="SI/ and US/ with train, dev and test as .txt or .csv, and next to them the clips: videos <id>.mp4, "
        "folders <id>/frame0000.jpg, or the archives 00.zip ... as they are",
        read=partial(read, size),
        counts=counts,
        unseen=UNSEEN,
        preset="isharah",
    )
    for size, clips, glosses, counts in (
        (500, "7,500", "388", {}),
        (1000, "15,000", "685", {"SI": {"train": 10000, "dev": 949}, "US": {"train": 9900, "dev": 550}}),
        (
            2000,
            "30,000",
            "1,132",
            {"SI": {"train": 19500, "dev": 1950, "test": 7800}, "US": {"train": 20899, "dev": 550, "test": 550}},
        ),
    )
)
