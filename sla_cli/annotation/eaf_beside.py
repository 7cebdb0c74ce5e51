"""Which ELAN file of a folder is that of a video: the one with its name, or the one that links it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from sla_cli.annotation.eaf_read import SUFFIX
from sla_cli.annotation.tier import file_names
from sla_cli.core.alike import Alike
from sla_cli.system.regular_file import open_regular

PART = 1 << 16  # bytes of a file that are read at once: mostly all of the header


class _Read(Exception):
    """The header is read."""


@dataclass(frozen=True)
class ElanFiles:
    """The ELAN files of some videos.

    Attributes:
        of: each video, with its ELAN file, or the place of one that is to be made.
        further: videos that an ELAN file links beside the one that it is of, such as those of other cameras.
    """

    of: dict[Path, Path]
    further: dict[Path, Path]

    def any_of(self, video: Path) -> Path:
        """The ELAN file in which somebody has annotated a video, or would."""
        return self.of.get(video) or self.further[video]


def elan_files(videos: Iterable[Path], files: Iterable[Path]) -> ElanFiles:
    """Find the ELAN files of videos among the files of their folders.

    Names may differ as `Alike` allows. A video with an ELAN file of its own name belongs to that one only; of two such
    files, the one with the usual ending is taken. Else it belongs to a file that links it: as its recording, or, if
    there is one before it, as a further video.
    """
    elan = {str(path.with_suffix(SUFFIX)): path for path in sorted(files) if path.suffix.lower() == SUFFIX}
    named = {str(video): video for video in videos}
    among, there = Alike(elan), Alike(named)
    stems = Alike(str(video.with_suffix(SUFFIX)) for video in named.values())
    of: dict[Path, Path] = {}
    for video in named.values():
        own = str(video.with_suffix(SUFFIX))
        found = [one for one in among.find_all(own) if elan[one].parent == video.parent and stems.find(one) == own]
        of[video] = elan[found[0]] if found else video.with_suffix(SUFFIX)  # not that of a video with a nearer name
    taken = set(elan.values())
    own_files = {eaf for eaf in of.values() if eaf in taken}
    further: dict[Path, Path] = {}
    for eaf in elan.values():
        linked = [named[place] for name in _linked(eaf) if (place := there.find(str(eaf.with_name(name))))]
        beside = [one for one in dict.fromkeys(linked) if one.parent == eaf.parent]
        free = [one for one in beside if one in of and of[one] not in taken]
        if free and eaf not in own_files:
            of[free.pop(0)] = eaf
        for one in free:
            further[one] = eaf
            del of[one]
    return ElanFiles(of, further)


def _linked(eaf: Path) -> list[str]:
    """Names of the files that an ELAN file links, as written and with `%20` as a space; none if it cannot be read."""
    urls: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "MEDIA_DESCRIPTOR":
            urls.append(attributes.get("RELATIVE_MEDIA_URL") or attributes.get("MEDIA_URL", ""))

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
    return [name for url in urls for name in file_names(url)]
