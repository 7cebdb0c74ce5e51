"""Finds the recordings that a user names: videos, folders of pictures, and both within folders and archives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from sla_cli.core.clip import Source
from sla_cli.core.clip_name import recording_name
from sla_cli.errors import SlaError, some
from sla_cli.transcribe.inputs import as_source
from sla_cli.video.source import ENDINGS, open_tree
from sla_cli.video.tree import parent_of
from sla_cli.video.walk import recordings_in


@dataclass(frozen=True)
class FoundRecording:
    """A recording that was found.

    Attributes:
        name: name without folder and extension.
        folder: next to which its output files are written by default.
        is_video: whether it is a video file, not a folder of pictures.
    """

    source: Source
    name: str
    folder: Path
    is_video: bool

    @property
    def place(self) -> Path:
        """Where it lies, with its ELAN file beside it; what is in an archive is taken to lie where the archive does."""
        if not self.source.path:
            return self.folder / self.name
        is_in_folder = self.source.root.is_dir()
        return self.source.root / self.source.path if is_in_folder else self.folder / PurePath(self.source.path).name

    def __str__(self) -> str:
        return str(self.source.root / self.source.path)


def find_recordings(path: Path) -> list[FoundRecording]:
    """The recordings of one path: a video; a folder of pictures; a folder or archive of videos or of such folders.

    Raises:
        SlaError: the path does not exist, or contains no recording.
    """
    if path.is_dir() or (path.is_file() and path.name.lower().endswith(tuple(ENDINGS))):
        tree = open_tree(path)
        if found := [_found(path, one, is_video=not tree.is_dir(one)) for one in recordings_in(tree)]:
            return found
        raise SlaError(f"{path} contains neither videos nor pictures: {some(tree.names()) or 'it is empty'}")
    if not path.exists():
        raise SlaError(f"no such video: {path}", "Give a video, a folder of pictures, or a folder or archive of these.")
    source = as_source(path)
    return [FoundRecording(source, name_of(source), path.parent, is_video=True)]


def each_once(recordings: Iterable[FoundRecording]) -> list[FoundRecording]:
    """Without those that were given before, as with their folder, or by another path; a link is another recording."""
    found: dict[Path, FoundRecording] = {}
    for one in recordings:
        whole = one.source.root / one.source.path
        found.setdefault(whole.parent.resolve() / whole.name, one)
    return list(found.values())


def name_of(source: Source) -> str:
    """The name of a recording: of a link its own, not that of its target."""
    if source.path:
        return recording_name(source.path)
    name = _named(source.root).name
    if source.root.is_dir():
        return recording_name(name)
    ending = next((one for one in ENDINGS if name.lower().endswith(one)), "")
    return name[: len(name) - len(ending)]


def _found(path: Path, recording: str, *, is_video: bool) -> FoundRecording:
    """A recording in a folder or archive; its outputs go next to a video, but not into an archive or among pictures."""
    source = Source(path, recording)
    beside = path.parent
    if path.is_dir():
        beside = path / (parent_of(recording) if is_video else "") if recording else _named(path).parent
    return FoundRecording(source, name_of(source), beside, is_video)


def _named(path: Path) -> Path:
    """The path with a name, also of `.` and `..`."""
    return path.resolve() if path.name in ("", "..") else path
