"""Which ELAN file of a folder is that of a video: the one with its name, or the one that links it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.parsers import expat

from sla_cli.annotation.eaf_read import SUFFIX
from sla_cli.annotation.tier import MediaLink
from sla_cli.core.alike import Alike
from sla_cli.core.clip_name import recording_name
from sla_cli.core.endings import is_video
from sla_cli.system.regular_file import open_regular
from sla_cli.video.walk import HIDDEN

PART = 1 << 16  # bytes of a file that are read at once: mostly all of the header


class _Read(Exception):
    """The header is read."""


@dataclass(frozen=True)
class ElanFiles:
    """The ELAN files of some videos.

    Attributes:
        of: each video, with its ELAN file, or the place of one that is to be made.
        further: videos that an ELAN file links beside the one of these that it is of, such as those of other cameras.
    """

    of: dict[Path, Path]
    further: dict[Path, Path]


def elan_files(videos: Iterable[Path], files: Iterable[Path]) -> ElanFiles:
    """Find the ELAN files of videos among the files of their folders, without hidden ones.

    Names may differ as `Alike` allows, also from those of other videos among the files. A video with an ELAN file of
    its own name belongs to that one only; of two such files, the one with the usual ending is taken. Else it belongs to
    a file that links it: as its recording, or, if there is one before it, as a further video.

    Args:
        videos: their places; those of folders of pictures, too.
    """
    found, wanted = ElanFiles({}, {}), set(videos)
    by_folder, others = defaultdict[Path, list[Path]](list), set[Path]()
    for path in sorted(path for path in files if not path.name.startswith(HIDDEN)):
        if path.suffix.lower() == SUFFIX and not path.is_dir():
            by_folder[path.parent].append(path)
        elif is_video(path.name):
            others.add(path)
    folders = {video.parent for video in wanted}
    all_here = wanted | {path for path in others if path.parent in folders}
    here = sorted(all_here, key=lambda video: (video.parent, video.name))
    for folder, among in groupby(here, key=lambda video: video.parent):
        _match(list(among), by_folder[folder], found)
    of = {video: eaf for video, eaf in found.of.items() if video in wanted}
    further = {video: eaf for video, eaf in found.further.items() if video in wanted}
    for video in sorted(further):  # the first of a file, if the one that it is of is not wanted
        if further[video] not in of.values():
            of[video] = further.pop(video)
    return ElanFiles(of, further)


def _match(videos: Sequence[Path], files: Sequence[Path], found: ElanFiles) -> None:
    """As `elan_files`, for the videos of one folder and its ELAN files."""
    elan = {path.with_suffix(SUFFIX).name: path for path in files}
    named = {video.name: video for video in videos}
    stems_of = Counter(recording_name(name) for name in named)
    by_stem = {stem: name for name in named if stems_of[stem := recording_name(name)] == 1}
    own_name = {video: video.with_name(recording_name(video.name) + SUFFIX) for video in videos}
    among, there, there_by_stem = Alike(elan), Alike(named), Alike(by_stem)

    def linked_video(names: Sequence[str]) -> str | None:
        """Of the names of a link, the video that it means: the one with its name, else the only one of its stem."""
        if exact := next(filter(None, map(there.find, names)), None):
            return exact
        return next((by_stem[stem] for name in names if (stem := there_by_stem.find(recording_name(name)))), None)

    stems = Alike(path.name for path in own_name.values())
    for video, usual in own_name.items():
        own = among.find(usual.name)
        is_own = own is not None and stems.find(own) == usual.name  # else it is that of a video with a nearer name
        found.of[video] = elan[own] if own is not None and is_own else usual
    taken = {found.of[video] for video in videos}
    for eaf in elan.values():
        linked = dict.fromkeys(named[name] for names in _linked(eaf) if (name := linked_video(names)))
        free = [video for video in linked if video in found.of and found.of[video] not in files]
        if free and eaf not in taken:
            found.of[free.pop(0)] = eaf
        for video in free:
            found.further[video] = eaf
            del found.of[video]


def _linked(eaf: Path) -> list[list[str]]:
    """Of each link of an ELAN file the names of its file; none if the ELAN file cannot be read."""
    links: list[list[str]] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "MEDIA_DESCRIPTOR":
            links.append(MediaLink(attributes.get("RELATIVE_MEDIA_URL", ""), attributes.get("MEDIA_URL", "")).names)

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
