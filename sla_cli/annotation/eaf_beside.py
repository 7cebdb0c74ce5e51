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
from sla_cli.core.alike import Alike, plain_name
from sla_cli.core.clip_name import recording_name
from sla_cli.core.endings import is_video
from sla_cli.errors import some
from sla_cli.log import ONCE, log
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
        by_name: videos beside it that have the name of a link which leads nowhere, or to one with another ending that
            nobody asks for.
        names: those of the videos that its links lead to.
    """

    by_path: list[Path] = field(default_factory=list)
    by_name: list[Path] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class ElanFiles:
    """The ELAN files of some videos.

    Attributes:
        of: each video, with its ELAN file, or the place of one that is to be made.
        further: videos that an ELAN file links beside the one of these that it is of, such as those of other cameras.
        namesakes: videos without ELAN file, with the one in another folder that has their name and is of another video.
    """

    of: dict[Path, Path]
    further: dict[Path, Path]
    namesakes: dict[Path, Path]


def elan_files(
    videos: Iterable[Path], files: Iterable[Path], homes: Mapping[Path, Path] = MappingProxyType({})
) -> ElanFiles:
    """Find the ELAN files of videos, without hidden ones.

    That of a video is the one of its name beside it; in another folder only if it does not link another video of this
    name. Else it is one that links the video, as its recording or as a further video: the nearest one with a link that
    leads to it, in any folder; else one beside it with a link of its name that leads to no other video.

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
    elan = {place_of(path): path for path in paths if path.suffix.lower() == SUFFIX and not path.is_dir()}
    usual = {one: homes.get(one.parent, one.parent) / (recording_name(one.name) + SUFFIX) for one in here}
    near = {one: [os.path.realpath(usual[one].parent), os.path.realpath(one.parent)] for one in here}
    own, links = _read(usual, sorted(elan.values()))
    namesakes = {
        video: own.pop(video)
        for video, eaf in [*own.items()]
        if len({*near[video]}) > 1 and video not in links[eaf].by_path and plain_name(video.name) in links[eaf].names
    }
    linking = _linking(links, near)
    _warn_of_several({one: linking[one] for one in here if one in wanted and one not in own and one in linking}, links)
    found = ElanFiles(own, {}, {})
    _share_out(found, links, linking)
    found.namesakes.update((one, eaf) for one, eaf in namesakes.items() if one not in found.of | found.further)
    return _of_wanted(found, [one for one in here if one in wanted], usual)


def elan_below(folder: Path) -> list[Path]:
    """The ELAN files in a folder, at any depth."""
    return [folder / path for path in walk(Folder(folder)) if path.lower().endswith(SUFFIX)]


def _read(usual: Mapping[Path, Path], elan: Iterable[Path]) -> tuple[dict[Path, Path], dict[Path, _Linked]]:
    """By video, the ELAN file of its name beside it, if there is one; and by ELAN file, what it links.

    Args:
        usual: by video, the place where its ELAN file is looked for.
    """
    beside = defaultdict[str, tuple[list[Path], list[Path]]](lambda: ([], []))
    for video, place in usual.items():
        beside[os.path.realpath(place.parent)][0].append(video)
    for eaf in elan:
        beside[os.path.realpath(eaf.parent)][1].append(eaf)
    there = {key(video): video for key in (os.path.realpath, place_of) for video in usual}
    own, links = dict[Path, Path](), dict[Path, _Linked]()
    for ones, among in beside.values():
        own |= _of_own_name({video: usual[video].name for video in ones}, among)
        names = _Names(ones)
        links |= {eaf: _linked(eaf, names, there) for eaf in among}
    return own, links


def _share_out(found: ElanFiles, links: Mapping[Path, _Linked], linking: Mapping[Path, Sequence[Path]]) -> None:
    """Give each video that has none the first ELAN file that links it; an ELAN file is of one video, the first."""
    taken = {*found.of.values()}
    for eaf in sorted(links):
        for video in (*links[eaf].by_path, *links[eaf].by_name):
            if video in found.of or linking[video][0] != eaf:
                continue
            if eaf in taken:
                found.further[video] = eaf
            else:
                found.of[video] = eaf
                taken.add(eaf)


def _of_wanted(found: ElanFiles, wanted: Sequence[Path], usual: Mapping[Path, Path]) -> ElanFiles:
    """Those of some videos. If the one that a file is of is not wanted, it is of the first of the further ones."""
    without = found.further | found.namesakes
    of = {one: found.of.get(one, usual[one]) for one in wanted if one not in without}
    further = {one: found.further[one] for one in wanted if one in found.further}
    for video in sorted(further):
        if further[video] not in of.values():
            of[video] = further.pop(video)
    return ElanFiles(of, further, {one: found.namesakes[one] for one in wanted if one in found.namesakes})


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


def _linking(links: Mapping[Path, _Linked], near: Mapping[Path, Sequence[str]]) -> dict[Path, list[Path]]:
    """By video, the ELAN files that link it: by path before by name, then those in its folders, then the less deep.

    Then the first by name without its ending: a copy is called `session - Copy.eaf`.

    Args:
        near: by video, its folder and that of its ELAN file.
    """
    found = defaultdict[Path, list[tuple[bool, bool, int, str, Path]]](list)
    for eaf, linked in links.items():
        place = place_of(eaf)
        for by_name, videos in ((False, linked.by_path), (True, linked.by_name)):
            for video in videos:
                far = os.path.dirname(place) not in near[video]  # noqa: PTH120
                found[video].append((by_name, far, place.count(os.sep), eaf.stem, eaf))
    return {video: [eaf for *_, eaf in sorted(ranked)] for video, ranked in found.items()}


def _warn_of_several(linking: Mapping[Path, Sequence[Path]], links: Mapping[Path, _Linked]) -> None:
    """Such as a file and its backup copies."""
    several = [
        f"{first} and not {some(map(str, more), 1)} ({video.name})"
        for video, (first, *others) in linking.items()
        if (more := [eaf for eaf in others if eaf != first and video in links[eaf].by_path])
    ]
    if several:
        log.warning("several ELAN files link one video, and the nearest to it counts: %s", some(several), extra=ONCE)


def _linked(eaf: Path, beside: _Names, there: Mapping[str, Path]) -> _Linked:
    """What an ELAN file links; what has its name comes first.

    Args:
        beside: the videos beside it.
        there: all videos, by their places and those of their files.
    """
    found = _Linked()
    for link in _links(eaf):
        led = [] if (target := link.video(eaf.parent)) is None else [place_of(target), os.path.realpath(target)]
        known, same = [there[key] for key in led if key in there][:1], ""
        if target is not None:
            found.names.add(same := plain_name(target.name))
        found.by_path += known
        named = None if known else beside.find(link.names)
        if named is not None and plain_name(named.name) != same:
            found.by_name.append(named)
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
