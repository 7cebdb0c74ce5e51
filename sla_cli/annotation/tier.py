"""What annotation files of all kinds contain: tiers of text with times, and links to recordings; names of tiers."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import unquote

from sla_cli.core.alike import Alike, forms, in_one_form
from sla_cli.core.clip_name import recording_name
from sla_cli.core.endings import is_video
from sla_cli.errors import FormatError

# The person at the end of a tier's name: `Lexem_Gebärde_r_A`, `GlossR S1`. R and L are hands.
PERSON = re.compile(r"[ _.-](?P<person>[AB]|[SP]\d+)")
# Ends of the names of tiers that sla writes about those of another one: how sure it is, and who decided what.
CONFIDENCE, DECISION = "-confidence", "-decision"

SCHEME = re.compile(r"[A-Za-z][\w+.-]+:")  # scheme of a URL; a single letter is a drive
JOINT = "-"  # put between the words of a gloss, as in glossing conventions


class Mark(NamedTuple):
    """An annotation: its times in milliseconds on the file's timeline, end exclusive, and the line it begins on.

    Attributes:
        id: in the file, "" if the format has none.
        parent: id of the annotation whose time it has, "" if it has its own.
    """

    start: int
    end: int
    text: str
    line: int
    id: str = ""
    parent: str = ""

    @property
    def gloss(self) -> str:
        """Its text as one gloss: white space becomes a hyphen."""
        return JOINT.join(self.text.split())


@dataclass(frozen=True)
class Tier:
    """A tier.

    Attributes:
        type: its linguistic type, "" if the format has none.
        constraint: constraint of the type, such as `Symbolic_Association`; "" if it has its own times.
        parent: name of the tier that it depends on, "" if there is none.
        participant, annotator: as in the file, "" if not given.
        marks: its annotations in order of the file, also those without text.
    """

    name: str
    marks: Sequence[Mark]
    type: str = ""
    constraint: str = ""
    parent: str = ""
    participant: str = ""
    annotator: str = ""

    @property
    def filled(self) -> list[Mark]:
        """Its annotations that have text; empty ones are nothing, as the intervals between those of a TextGrid."""
        return [mark for mark in self.marks if mark.text.strip()]


@dataclass(frozen=True)
class MediaLink:
    """A recording that a file names.

    Attributes:
        relative: path relative to the file, "" if there is none.
        absolute: a URL or path, "" if there is none.
        sound: whether it has no pictures.
        origin: milliseconds of the recording at which the file's timeline begins.
    """

    relative: str
    absolute: str
    sound: bool = False
    origin: int = 0

    @property
    def names(self) -> list[str]:
        """Names of its file, as in the relative address, then in the absolute one."""
        return list(dict.fromkeys([*_file_names(self.relative), *_file_names(self.absolute)]))

    @property
    def paths(self) -> list[str]:
        """Paths of its file, those of the relative address first."""
        return list(dict.fromkeys([*_paths(self.relative), *_paths(self.absolute)]))

    def video(self, folder: Path) -> Path | None:
        """The video to which it leads from a file in this folder, None if it is not there."""
        places = (folder / path for path in self.paths if is_video(path))
        return next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113, Path.is_file raises for a name that is too long


@dataclass(frozen=True)
class AnnotationFile:
    """The content of an annotation file."""

    tiers: Sequence[Tier]
    links: Sequence[MediaLink] = ()


def link_to(links: Iterable[MediaLink], recording: Path, folder: Path | None = None) -> MediaLink | None:
    """The link to a recording, None if there is none: the one that leads to it, else the one of its name.

    Names may differ as `Alike` allows. One with another ending counts too: people convert videos, and their ELAN file
    stays as it is.

    Args:
        folder: of the file with the links; None if only the name of the recording is known.
    """
    videos = [link for link in links if not link.sound]
    led = [] if folder is None else [(link, video) for link in videos if (video := link.video(folder))]
    for same in (place_of, os.path.realpath):  # of two symbolic links to one file, the one that is named
        if one := next((link for link, video in led if same(video) == same(recording)), None):
            return one
    names, stems = dict[str, MediaLink](), dict[str, MediaLink]()
    addresses = [(link, link.relative) for link in videos] + [(link, link.absolute) for link in videos]
    for link, address in addresses:  # the absolute ones, which may be of another machine, after all relative ones
        for name in _file_names(address):
            names.setdefault(name, link)
            stems.setdefault(PurePath(name).stem, link)
    for known, wanted in ((names, recording.name), (stems, recording_name(recording.name))):
        if (found := Alike(known).find(wanted)) is not None:
            return known[found]
    return None


def origin_in(links: Sequence[MediaLink], recording: Path, folder: Path | None = None) -> int:
    """Milliseconds of a recording at which the timeline of a file with these links begins.

    ELAN plays an annotation at its time plus this offset. It is that of the link to the recording, else of the first
    video, which then has another name than the one that was linked; 0 without links to videos.

    Args:
        folder: as for `link_to`.
    """
    link = link_to(links, recording, folder) or next((one for one in links if not one.sound), None)
    return link.origin if link else 0


def place_of(path: Path) -> str:
    """Key for comparison of paths: one name for a folder, however it is written; a link is not the file it leads to."""
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118


def _paths(url: str) -> Iterator[str]:
    """A link as paths: unchanged, and with `%20` read as a space, in both Unicode forms of accented letters.

    `%FC` is a byte of a name that is not UTF-8, as sla writes it.
    """
    plain = re.sub(r"^file:(//)?", "", url.replace("\\", "/"))
    if not plain or SCHEME.match(plain):
        return
    for form in (plain, unquote(plain, errors="surrogateescape")):
        if "\0" not in form:
            yield from forms(form)


def _file_names(url: str) -> list[str]:
    """Names of the file that a URL or path leads to, as written and with `%20` as a space; none if it leads to none."""
    name = url.replace("\\", "/").rstrip("/").rpartition("/")[2]
    forms = dict.fromkeys((name, unquote(name, errors="surrogateescape")))
    return [form for form in forms if form not in ("", ".", "..") and "/" not in form and "\0" not in form]


def find_tiers(tiers: Iterable[Tier], wanted: str) -> list[Tier]:
    """The tiers that match a name or a pattern with `*` and `?`, in order of the file.

    The exact name is tried first, then the name as one sees it, then without case, then without the person at the end
    of the tier's name. A pattern finds no tiers that sla has written about another one.
    """
    pattern = plain(wanted).replace("[", "[[]")
    tiers = list(tiers)
    names = [(tier, plain(tier.name)) for tier in tiers]
    if "*" in pattern or "?" in pattern:
        about = {f"{name}{end}" for _, name in names for end in (CONFIDENCE, DECISION)}
        names = [(tier, name) for tier, name in names if name not in about]
    for found in (
        [tier for tier in tiers if tier.name == wanted],
        [tier for tier, name in names if fnmatchcase(name, pattern)],
        [tier for tier, name in names if fnmatchcase(name.casefold(), pattern.casefold())],
        [tier for tier, name in names if fnmatchcase(impersonal(name).casefold(), pattern.casefold())],
    ):
        if found:
            return found
    return []


def suffix_of(name: str) -> str:
    """The person at the end of a tier's name, "" if there is none."""
    name = name.strip()
    end = max(name.rfind(mark) for mark in " _.-")
    match = PERSON.fullmatch(name[end:]) if end > 0 else None
    return match["person"] if match else ""


def impersonal(name: str) -> str:
    """The name of a tier without the person at its end."""
    person = suffix_of(name)
    return name[: -len(person) - 1] if person else name


def plain(name: str) -> str:
    """The name as one sees it: accented letters in one of the two Unicode forms, no spaces around it."""
    return in_one_form(name.strip())


def by_look(names: Iterable[str], wanted: Collection[str], where: str) -> dict[str, str]:
    """Names of the tiers of a file by how they look.

    Args:
        wanted: as they look, those that are used.
        where: the file, for messages.

    Raises:
        FormatError: two tiers look like one that is used: nobody could tell which one is meant.
    """
    found: dict[str, str] = {}
    for name in names:
        if (first := found.setdefault(plain(name), name)) != name and plain(name) in wanted:
            fault = f"{where}: the tiers {first!r} and {name!r} look the same"
            raise FormatError(fault, "Rename one of them in ELAN (Tier > Change Tier Attributes).")
    return found
