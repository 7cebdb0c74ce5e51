"""Finds the recordings of the queue: videos, each with the ELAN file next to it, the videos of ELAN files, and the
recordings that a table of `sla next` names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from sla_cli.annotate.recording import Noted, Recording
from sla_cli.annotate.scope import Scope
from sla_cli.annotation.eaf_beside import elan_files
from sla_cli.annotation.eaf_read import SUFFIX, read_eaf
from sla_cli.artifact.table import Row, read_table
from sla_cli.artifact.text import is_number, read_bytes
from sla_cli.config.bounds import LARGE
from sla_cli.core.clip_name import recording_name
from sla_cli.core.endings import is_video
from sla_cli.errors import FormatError, SlaError, some, visible
from sla_cli.log import log
from sla_cli.prep.tiers.recordings import Recordings
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Folder
from sla_cli.video.walk import recordings_among, walk

TABLE = ".tsv"
QUEUE = ("recording", "start", "end", "reason")  # columns of a table of `sla next`
Pair = tuple[Path, Path]  # video and ELAN file


def find_annotated(paths: Sequence[Path], scope: Scope) -> list[Recording]:
    """The recordings in the given order, each once; those of a folder are in order of their names.

    Raises:
        SlaError: a path that does not exist or holds no video, an ELAN file whose video is not found, or two videos
            that would have one ELAN file.
    """
    pairs: dict[Path, Path] = {}
    for video, eaf in _pairs(paths):
        if eaf.is_symlink() and not eaf.exists():
            raise SlaError(f"{eaf} is a link that leads nowhere", "Remove it, or make the file that it names.")
        if pairs.setdefault(eaf.resolve(), video).resolve() != video.resolve():
            both = f"{pairs[eaf.resolve()]} and {video}"
            raise SlaError(f"{eaf} is the ELAN file of two videos, {both}", "Give one of them.")
    notes = _notes(path for path in paths if _is_table(path))
    return [
        Recording(visible(name), video, eaf, scope, notes.get(video.resolve(), ()))
        for name, (eaf, video) in zip(_names(pairs), pairs.items(), strict=True)
    ]


def _pairs(paths: Iterable[Path]) -> Iterator[Pair]:
    for path in paths:
        if path.is_dir():
            found = list(_in_folder(path))
            if not found:
                raise SlaError(f"{path} contains no video", "Give videos, a folder of videos, or ELAN files.")
            yield from found
        elif not path.is_file():
            fault = f"{path} is not a file" if path.exists() else f"no such video: {path}"
            raise SlaError(fault, "Give videos, a folder of videos, or ELAN files.")
        elif path.suffix.lower() == SUFFIX:
            yield _video_of(path), path
        elif _is_table(path):
            rows = read_table(path, QUEUE, "\t")
            named = dict.fromkeys((_recording(path, row), _elan_file(path, row)) for row in rows)
            if not named:
                raise SlaError(f"{path} lists nothing", "Let `sla next` choose again, with a larger --budget.")
            yield from ((video, eaf or _beside(video)) for video, eaf in named)
        elif is_video(path.name):
            yield path, _beside(path)
        else:
            hint = "Give videos, folders of videos, ELAN files, or a table of `sla next` that ends in .tsv."
            raise SlaError(f"{path} is not a video file", hint)


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == TABLE and path.is_file()


def _recording(table: Path, row: Row) -> Path:
    if not row["recording"] or not is_video(row["recording"]):
        raise FormatError(
            f"{table}, line {row.line}: {row['recording'] or 'nothing'} is no video", "Choose among videos in a folder."
        )
    return _named(table, row, "video", row["recording"])


def _elan_file(table: Path, row: Row) -> Path | None:
    """The ELAN file that `sla next` found elsewhere than beside the video, None if there is none."""
    name = row.fields.get("elan", "")
    return _named(table, row, "ELAN file", name) if name else None


def _named(table: Path, row: Row, what: str, name: str) -> Path:
    given = Path(name)  # as `sla next` was given it, or as somebody has moved it with the table
    for place in (given, table.parent / given):
        if place.is_file():
            return place
    hint = f"Copy the {what} there."
    if not given.is_absolute():
        hint = "Run this where `sla next` ran; choose again if it was moved, or if these are clips of a store."
    if archive := next((one for one in given.parents if one.is_file()), None):
        hint = f"It is in the archive {archive}: unpack that, and choose with `sla next` in its folder."
    raise FormatError(f"{table}, line {row.line}: no such {what}: {given}", hint)


def _beside(video: Path) -> Path:
    """Its ELAN file in its folder, or the place of one."""
    return elan_files([video], video.parent.iterdir()).of[video]


def _notes(tables: Iterable[Path]) -> dict[Path, list[Noted]]:
    """Which sentences of a recording are to be annotated, and why."""
    found: dict[Path, list[Noted]] = {}
    for table in tables:
        for row in read_table(table, QUEUE, "\t"):
            start, end = row["start"], row["end"]
            if not (is_number(start) and is_number(end)) or not 0 <= float(start) <= float(end) < LARGE:
                fault = f"{table}, line {row.line}: start and end are no times: {start!r}, {end!r}"
                raise FormatError(fault, "Let `sla next` make the table again.")
            noted = float(start), float(end), row["reason"]
            found.setdefault(_recording(table, row).resolve(), []).append(noted)
    return found


def _in_folder(folder: Path) -> Iterator[Pair]:
    """The videos, each with the ELAN file next to it, else one elsewhere in the folder that links it, else the place of
    one; and the ELAN files of other videos."""
    tree = Folder(folder)
    names = list(walk(tree))
    found = list(recordings_among(names))
    if pictures := [name or "." for name in found if not is_video(name)]:
        log.warning("left out %s: folders of pictures, and the page plays video files", some(pictures))
    videos = [name for name in found if is_video(name)]
    if others := [name for name in videos if not tree.is_file(name)]:
        log.warning("left out %s: not a regular file", some(others))
    files = [folder / name for name in names if name.lower().endswith(SUFFIX)]
    elan = elan_files([folder / name for name in videos if name not in others], files)
    if elan.further:
        log.info("left out %s: ELAN files link them beside another video", some(path.name for path in elan.further))
    pairs = {video: (video, eaf) for video, eaf in elan.of.items()}
    for eaf in sorted({*files} - {*elan.of.values()}):
        try:
            pairs[eaf] = (_video_of(eaf), eaf)
        except SlaError as error:
            log.warning("left out: %s", error.message)
    yield from (pairs[path] for path in sorted(pairs))


def _video_of(eaf: Path) -> Path:
    """The video that an ELAN file links, or that has its name; of several the one with its name, else the first. One
    that is not there counts only if none is, as in a folder.

    Raises SlaError if it is not found, or is no video.
    """
    place, file = eaf.absolute(), read_eaf(read_bytes(eaf), str(eaf))
    links = sorted(
        file.links,
        key=lambda link: (link.video(place.parent) is None, eaf.stem not in map(recording_name, link.names)),
    )
    found = Recordings(open_tree(place.parent)).of(place.name, replace(file, links=links))
    video = found.source.root / found.source.path
    if found.missing or not video.is_file():
        raise SlaError(f"{eaf}: its video is not found: {found.missing or video}", "Copy the video next to it.")
    if not is_video(video.name):  # any file that this user may read, and the page would get
        raise SlaError(f"{eaf}: {video} is not a video file", "Link the video in ELAN: Edit, Linked Files.")
    return video


def _names(elan: Mapping[Path, Path]) -> list[str]:
    """Of the videos, by their ELAN files: the file name. One with several ELAN files is named with each of them."""
    videos = [video.absolute() for video in elan.values()]
    short, short_elan, times = _short(videos), _short(elan), Counter(videos)
    each = zip(elan, videos, strict=True)
    return [short[video] + (f" ({short_elan[eaf]})" if times[video] > 1 else "") for eaf, video in each]


def _short(paths: Collection[Path]) -> dict[Path, str]:
    """File names, with as many folders before them as make them different."""
    for depth in count(1):
        names = {path: "/".join(path.parts[-depth:]) for path in paths}
        if len(set(names.values())) == len(names):
            break
    return names
