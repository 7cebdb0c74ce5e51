"""Finds the recordings that a user names: videos, folders of pictures, and both within folders and archives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sla_cli.core.clip import Source
from sla_cli.errors import SlaError, some
from sla_cli.prep.tables.locate import VIDEOS, join
from sla_cli.video.image_folder import IMAGES
from sla_cli.video.source import ENDINGS, open_tree
from sla_cli.video.tree import Tree


@dataclass(frozen=True)
class FoundRecording:
    """A recording that was found.

    Attributes:
        name: name without folder and extension.
        folder: next to which its output files are written by default.
    """

    source: Source
    name: str
    folder: Path

    def __str__(self) -> str:
        return str(self.source.root / self.source.path)


def find_recordings(path: Path) -> list[FoundRecording]:
    """The recordings of one path: a video; a folder of pictures; a folder or archive of videos or of such folders.

    Raises:
        SlaError: the path does not exist, or contains no recording.
    """
    if path.is_dir() or (path.is_file() and path.name.lower().endswith(tuple(ENDINGS))):
        tree = open_tree(path)
        home = path if path.is_dir() else path.parent
        if found := list(_in_tree(tree, "", path, home)):
            return found
        raise SlaError(f"{path} contains neither videos nor pictures: {some(tree.names()) or 'it is empty'}")
    if not path.exists():
        raise SlaError(f"no such video: {path}", "Give a video, a folder of videos or pictures, or an archive of them.")
    return [FoundRecording(Source(path.parent, path.name), path.stem, path.parent)]


def _in_tree(tree: Tree, folder: str, path: Path, home: Path) -> Iterator[FoundRecording]:
    """Videos of a folder, or the folder itself if it contains pictures; else those of its subfolders."""
    names = [name for name in tree.names(folder) if not name.startswith(".") and name != "__MACOSX"]
    if any(name.lower().endswith(IMAGES) for name in names):
        whole = path.resolve()  # also for "."
        name = PurePosixPath(folder).name or (whole.name if path.is_dir() else whole.name.split(".")[0])
        beside = whole.parent if path.is_dir() and not folder else home
        yield FoundRecording(Source(tree.root, folder), name, beside)
        return
    videos = [name for name in names if name.lower().endswith(VIDEOS) and tree.is_file(join(folder, name))]
    for name in videos:
        beside = home / folder if path.is_dir() else home
        yield FoundRecording(Source(tree.root, join(folder, name)), PurePosixPath(name).stem, beside)
    for name in names:
        if name not in videos and tree.is_dir(join(folder, name)):
            yield from _in_tree(tree, join(folder, name), path, home)
