"""Which ELAN file of a folder is that of a video: the one with its name, or the one that links it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from sla_cli.annotation.eaf_read import SUFFIX
from sla_cli.annotation.tier import file_names, plain
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

    Names may differ in the Unicode form of accented letters, which macOS and some archives change, and in capitals
    where only one file can be meant. A video with an ELAN file of its own name belongs to that one only; of two such
    files, the one with the usual ending is taken. Else it belongs to a file that links it: as its recording, or, if
    there is one before it, as a further video.
    """
    elan = {_usual(path): path for path in sorted(files) if path.suffix.lower() == SUFFIX}
    named = {_plain(video): video for video in videos}
    alike, capitals = _one_each(elan), _one_each(named)
    of = {
        video: elan.get(_usual(video))
        or (alike.get(_folded(_usual(video))) if _folded(_plain(video)) in capitals else None)
        or video.with_suffix(SUFFIX)
        for video in named.values()
    }
    taken = set(elan.values())
    own = {eaf for eaf in of.values() if eaf in taken}
    further: dict[Path, Path] = {}
    for eaf in elan.values():
        places = [_plain(eaf.with_name(name)) for name in _linked(eaf)]
        linked = [named.get(place) or capitals.get(_folded(place)) for place in places]
        free = [one for one in dict.fromkeys(linked) if one in of and of[one] not in taken]
        if free and eaf not in own:
            of[free.pop(0)] = eaf
        for one in free:
            further[one] = eaf
            del of[one]
    return ElanFiles(of, further)


def _one_each(named: Mapping[Path, Path]) -> dict[Path, Path]:
    """The files by their names in small letters, without those of which names differ in capitals only."""
    count = Counter(map(_folded, named))
    return {_folded(name): path for name, path in named.items() if count[_folded(name)] == 1}


def _folded(path: Path) -> Path:
    return path.with_name(path.name.casefold())


def _usual(path: Path) -> Path:
    return _plain(path.with_suffix(SUFFIX))


def _plain(path: Path) -> Path:
    return path.with_name(plain(path.name))


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
