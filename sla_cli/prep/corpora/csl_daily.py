"""CSL-Daily (Zhou et al., 2021): Chinese sign language, sentences of daily life by 10 people.

Adjacent repeats of a gloss are signed twice, so they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sla_cli.artifact.table import Row
from sla_cli.artifact.text import is_whole
from sla_cli.config.checks import OptionValues
from sla_cli.core.clip import SPLITS, Clip
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, SlaError, shown, some
from sla_cli.log import log
from sla_cli.prep.corpus import OWN, Corpus, Listing
from sla_cli.prep.tables.annotation import inside, load_plain, read_rows
from sla_cli.prep.tables.locate import ClipLocation, contents, find_clips, find_in_archives, find_root, join, sample
from sla_cli.video.tree import Tree

SPLIT_TABLE, LABEL_TABLE = "split_1.txt", "video_map.txt"
PICKLES = ("csl2020ct_v2.pkl", "csl2020ct_v1.pkl")  # v1 has other texts
MOST_FRAMES = 10**6  # of a clip
NO_DATA = "S000005_P0004_T00"  # listed in train, never released
PERSON = re.compile(r"S\d+_(P\d+)_T\d+")  # sentence, person, take
HINT = "Give the folder that holds sentence_label/ (with split_1.txt and video_map.txt) and the folder of frames."


@dataclass(frozen=True)
class Label:
    """The annotation of a clip; `frames` is 0 if it is not given."""

    glosses: tuple[str, ...]
    translation: str
    where: str
    frames: int = 0


def read(tree: Tree, options: OptionValues) -> Listing:
    """The clips of all splits.

    Raises:
        SlaError: tables or frames are missing, a table is broken, or lists clips that have no annotation.
    """
    folder = find_root(tree, SPLIT_TABLE, HINT)
    listing = Listing()
    splits, labels = _splits(tree, folder, listing), _labels(tree, folder, listing)
    if holes := splits.keys() - labels.keys() - {NO_DATA}:
        table = tree.where(join(folder, SPLIT_TABLE))
        message = f"{counted(len(holes), 'clip')} of {table} without annotation: {some(sorted(holes))}"
        read_from = next((label.where for label in labels.values()), LABEL_TABLE)  # "FILE, line 2" or "FILE, info 2"
        raise FormatError(message, f"Is {read_from.rpartition(',')[0] or read_from} complete?")
    for name in splits.keys() - labels.keys():
        listing.skipped[name] = f"it is in {SPLIT_TABLE}, but was never released"
    for name, label in labels.items():
        if name not in splits:
            listing.skipped[name] = f"{label.where}: {SPLIT_TABLE} has it in no split"
    clips = [name for name in splits if name in labels]
    place = _frames(tree, clips)
    for name in clips:
        label, person = labels[name], PERSON.fullmatch(name)
        signer, source = person[1] if person else "", place.source(name)
        about = label.glosses, source, label.translation, label.where, label.frames
        listing.add(Clip(name, signer, *about), OWN, splits[name])
    return listing


def _splits(tree: Tree, folder: str, listing: Listing) -> dict[str, str]:
    """Name of a clip to its split."""
    path, splits = join(folder, SPLIT_TABLE), dict[str, str]()
    for row in read_rows(tree, path, ("name", "split"), listing):
        at, name, split = f"{tree.where(path)}, line {row.line}", row["name"].strip(), row["split"].strip()
        if split not in SPLITS:
            raise FormatError(f"{at}: split {split!r} is not one of {', '.join(SPLITS)}")
        if inside(name, at) in splits:
            raise FormatError(f"{at}: clip {name} is listed twice")
        splits[name] = split
    return splits


def _labels(tree: Tree, folder: str, listing: Listing) -> dict[str, Label]:
    """Name of a clip to its annotation, from the table, or else from a pickle."""
    if tree.is_file(join(folder, LABEL_TABLE)):
        where = tree.where(join(folder, LABEL_TABLE))
        rows = read_rows(tree, join(folder, LABEL_TABLE), ("name", "gloss", "char"), listing)
        return _each_once(((row["name"].strip(), _label(row, where)) for row in rows), where)
    for name in PICKLES:
        if tree.is_file(join(folder, name)):
            log.warning("no %s in %s: glosses and texts are taken from %s", LABEL_TABLE, tree.where(folder), name)
            data, where = tree.read(join(folder, name)), tree.where(join(folder, name))
            listing.tables[name] = digest_bytes(data)
            return _each_once(_pickled_labels(data, name, where), where)
    wanted = ", ".join((LABEL_TABLE, *PICKLES))
    raise SlaError(f"looked for {wanted}, one of which is needed; {contents(tree, folder)}", HINT)


def _each_once(found: Iterable[tuple[str, Label]], where: str) -> dict[str, Label]:
    """The annotations by clip. Raises FormatError for a clip that has two different ones."""
    labels: dict[str, Label] = {}
    for clip, label in found:
        other = labels.setdefault(clip, label)
        if (other.glosses, other.translation) != (label.glosses, label.translation):
            raise FormatError(f"{where}: clip {clip} is listed twice: {other.where} and {label.where}")
    return labels


def _label(row: Row, where: str) -> Label:
    length = row.fields.get("length", "").strip()
    if length and not (is_whole(length) and int(length) <= MOST_FRAMES):
        raise FormatError(f"{where}, line {row.line}: length {length!r} is not a number of frames")
    name = f"{LABEL_TABLE}, line {row.line}"
    return Label(tuple(row["gloss"].split()), "".join(row["char"].split()), name, int(length or 0))


def _pickled_labels(data: bytes, name: str, where: str) -> Iterator[tuple[str, Label]]:
    content = load_plain(data, where)
    if not isinstance(content, dict) or not isinstance(content.get("info"), list):
        raise FormatError(f"{where} is not CSL-Daily's pickle: it has no dict with a list `info`")
    for number, entry in enumerate(content["info"]):
        match entry:
            case {"name": str(clip), "label_gloss": [*glosses], "label_char": [*chars]} if all(
                isinstance(word, str) for word in (*glosses, *chars)
            ):
                length = entry.get("length", 0)
                if type(length) is not int or not 0 <= length <= MOST_FRAMES:
                    raise FormatError(f"{where}, info {number}: length {shown(length)} is not a number of frames")
                yield clip, Label(tuple(glosses), "".join(chars), f"{name}, info {number}", length)
            case _:
                keys = some(map(repr, entry)) if isinstance(entry, dict) else type(entry).__name__
                missing = f"no name, label_gloss and label_char as words; it has {keys}"
                raise FormatError(f"{where}, info {number}: {missing}")


def _frames(tree: Tree, names: Sequence[str]) -> ClipLocation:
    """Where the frames are; their folder has different names in different copies, so a few clips are searched."""
    few = sample(names)
    places = find_clips(tree, few) or find_in_archives(tree, few, rank=_rank)
    if not places:
        message = f"no frames: looked for a folder or archive that contains {some(few, 2)}; {contents(tree, '')}"
        hint = "They are in sentence_frames-512x512/ or sentence/frames_512x512/, next to sentence_label/."
        raise SlaError(message, hint)
    place = min(places, key=lambda place: (_rank(place.folder), place.suffix))
    log.info("frames: %s", place)
    return place


def _rank(path: str) -> int:
    """Frames of 512x512 come before those of other sizes."""
    return int("512x512" not in path)


CORPORA = (
    Corpus(
        name="csl-daily",
        title="CSL-Daily: Chinese sign language of daily life with translations, 10 signers",
        layout="sentence_label/ with split_1.txt and video_map.txt (or csl2020ct_v2.pkl), and next to it "
        "sentence_frames-512x512/<name>/*.jpg or sentence/frames_512x512/<name>/*.jpg",
        read=read,
        fps=30.0,
        first=0,
        counts={OWN: {"train": 18401, "dev": 1077, "test": 1176}},
    ),
)
