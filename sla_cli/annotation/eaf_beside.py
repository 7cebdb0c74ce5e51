"""Which ELAN file is that of a video: the one with its name, or one that links it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from xml.parsers import expat

from sla_cli.annotation.eaf_read import SUFFIX
from sla_cli.annotation.tier import MediaLink, place_of
from sla_cli.core.alike import Alike
from sla_cli.core.clip_name import recording_name
from sla_cli.core.endings import is_video
from sla_cli.system.regular_file import open_regular
from sla_cli.video.tree import Folder
from sla_cli.video.walk import HIDDEN, walk

PART = 1 << 16  # bytes of a file that are read at once: mostly all of the header


class _Read(Exception):
    """The header is read."""


@dataclass
class _Linked:
    """What an ELAN file links.

    Attributes:
        by_path: videos that its links lead to.
        by_name: videos beside it that have the name of a link which leads nowhere.
        leads: whether a link leads to any video.
    """

    by_path: list[Path] = field(default_factory=list)
    by_name: list[Path] = field(default_factory=list)
    leads: bool = False


@dataclass(frozen=True)
class ElanFiles:
    """The ELAN files of some videos.

    Attributes:
        of: each video, with its ELAN file, or the place of one that is to be made.
        further: videos that an ELAN file links beside the one of these that it is of, such as those of other cameras.
    """

    of: dict[Path, Path]
    further: dict[Path, Path]


def elan_files(
    videos: Iterable[Path], files: Iterable[Path], homes: Mapping[Path, Path] = MappingProxyType({})
) -> ElanFiles:
    """Find the ELAN files of videos, without hidden ones.

    A video with an ELAN file of its own name beside it belongs to that one only, unless it links another video and
    another file this one; of two such files, the one with the usual ending is taken. Else the video belongs to a file
    that links it: as its recording, or, if there is one before it, as a further video. A link to a video that is there
    means that one only, in any folder; of other links the name counts, for videos beside the ELAN file.

    Names may differ as `Alike` allows, also from those of other videos among the files.

    Args:
        videos: their places; those of folders of pictures, too.
        files: those of their folders, and ELAN files elsewhere.
        homes: by folder of videos, the one in which their ELAN files are, if it is another: it is beside them.
    """
    wanted, paths = set(videos), sorted(path for path in files if not path.name.startswith(HIDDEN))
    folders = {video.parent for video in wanted}
    others = [path for path in paths if is_video(path.name) and path.parent in folders]
    here = sorted({place_of(video): video for video in (*others, *wanted)}.values())
    elan = sorted(
        {place_of(path): path for path in paths if path.suffix.lower() == SUFFIX and not path.is_dir()}.values()
    )
    usual = {one: homes.get(one.parent, one.parent) / (recording_name(one.name) + SUFFIX) for one in here}
    beside = defaultdict[str, tuple[list[Path], list[Path]]](lambda: ([], []))
    for video in here:
        beside[os.path.realpath(usual[video].parent)][0].append(video)
    for eaf in elan:
        beside[os.path.realpath(eaf.parent)][1].append(eaf)
    there = {key(video): video for key in (os.path.realpath, place_of) for video in here}
    of, further, links = dict[Path, Path](), dict[Path, Path](), dict[Path, _Linked]()
    for some, among in beside.values():
        of |= _of_own_name({video: usual[video].name for video in some}, among)
        names = _Names(some)
        links |= {eaf: _linked(eaf, names, there) for eaf in among}
    by_path = {video for linked in links.values() for video in linked.by_path}
    for video, eaf in [*of.items()]:
        if links[eaf].leads and video in by_path and video not in links[eaf].by_path:
            del of[video]
    taken = {*of.values()}
    for eaf, linked in [*((eaf, links[eaf].by_path) for eaf in elan), *((eaf, links[eaf].by_name) for eaf in elan)]:
        free = [video for video in linked if video not in of and video not in further]
        if free and eaf not in taken:
            of[free.pop(0)] = eaf
            taken.add(eaf)
        further |= dict.fromkeys(free, eaf)
    of = {video: of.get(video, usual[video]) for video in here if video in wanted and video not in further}
    further = {video: eaf for video, eaf in further.items() if video in wanted}
    for video in sorted(further):  # the first of a file, if the one that it is of is not wanted
        if further[video] not in of.values():
            of[video] = further.pop(video)
    return ElanFiles(of, further)


def elan_below(folder: Path) -> list[Path]:
    """The ELAN files in a folder, at any depth."""
    return [folder / path for path in walk(Folder(folder)) if path.lower().endswith(SUFFIX)]


def _of_own_name(usual: Mapping[Path, str], files: Sequence[Path]) -> dict[Path, Path]:
    """Of the videos that have one, the ELAN file of their name beside them.

    Args:
        usual: by video, the name that its ELAN file has.
        files: beside them.
    """
    elan = {path.with_suffix(SUFFIX).name: path for path in files}
    among, stems = Alike(elan), Alike(usual.values())
    found = ((video, name, among.find(name)) for video, name in usual.items())
    # else it is that of a video with a nearer name
    return {video: elan[own] for video, name, own in found if own is not None and stems.find(own) == name}


def _linked(eaf: Path, beside: _Names, there: Mapping[str, Path]) -> _Linked:
    """What an ELAN file links; what has its name comes first.

    Args:
        beside: the videos beside it.
        there: all videos, by their places and those of their files.
    """
    found = _Linked()
    for link in _links(eaf):
        if (target := link.video(eaf.parent)) is None:
            found.by_name += filter(None, [beside.find(link.names)])
        else:
            found.leads = True
            found.by_path += [there[key] for key in (place_of(target), os.path.realpath(target)) if key in there][:1]
    for videos in (found.by_path, found.by_name):
        videos[:] = sorted(dict.fromkeys(videos), key=lambda video: recording_name(video.name) != eaf.stem)
    return found


class _Names:
    """Videos by their names, or stems, that no other one has."""

    def __init__(self, videos: Sequence[Path]) -> None:
        names, stems = ([key(video.name) for video in videos] for key in (str, recording_name))
        self._names, self._stems = (
            {name: video for name, video in zip(keys, videos, strict=True) if count[name] == 1}
            for keys, count in ((names, Counter(names)), (stems, Counter(stems)))
        )
        self._alike, self._alike_stems = Alike(self._names), Alike(self._stems)

    def find(self, names: Sequence[str]) -> Path | None:
        """The video that a link with these names means: the one with its name, else the only one of its stem."""
        if exact := next(filter(None, map(self._alike.find, names)), None):
            return self._names[exact]
        stems = filter(None, (self._alike_stems.find(recording_name(name)) for name in names))
        return next((self._stems[stem] for stem in stems), None)


def _links(eaf: Path) -> list[MediaLink]:
    """The links of an ELAN file; none if it cannot be read."""
    links: list[MediaLink] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "MEDIA_DESCRIPTOR":
            links.append(MediaLink(attributes.get("RELATIVE_MEDIA_URL", ""), attributes.get("MEDIA_URL", "")))

    def end(tag: str) -> None:
        if tag == "HEADER":
            raise _Read

    def refuse(*_: object) -> None:
        raise expat.ExpatError  # entities, as when it is read as a whole

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, end, refuse
    with suppress(_Read):
        try:
            with open_regular(eaf) as file:
                while part := file.read(PART):
                    parser.Parse(part)
            parser.Parse(b"", True)  # newer versions of Expat put off what was not whole in one part
        except (OSError, expat.ExpatError):  # it is read again, with an error
            return []
    return links
