"""Finds files in a tree: users unpack corpora in many ways, so folders are searched, from the top down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sla_cli.core.clip import Source
from sla_cli.core.endings import is_video
from sla_cli.errors import ReadError, SlaError, some
from sla_cli.log import log
from sla_cli.video.source import ENDINGS, open_tree
from sla_cli.video.tree import Tree, join, parent_of
from sla_cli.video.walk import HIDDEN

DEPTH = 3  # levels below SOURCE
CROWD = 200  # entries; a larger folder contains clips or frames, and is not searched further


@dataclass(frozen=True)
class ClipLocation:
    """Where clips are: each is `folder/NAME` with a suffix (none for folders of images) in a folder or archive."""

    root: Path
    folder: str
    suffix: str

    def source(self, name: str) -> Source:
        return Source(self.root, join(self.folder, name + self.suffix))

    def __str__(self) -> str:
        return str(self.root / join(self.folder, f"<id>{self.suffix}"))


def find_folders(tree: Tree, holds: Callable[[str], bool], top: str = "") -> list[str]:
    """The folders for which `holds` is true, on the level nearest to the folder `top` that has any."""
    level = [top]
    for _ in range(DEPTH):
        if found := [folder for folder in level if _holds(holds, folder)]:
            return found
        level = [below for folder in level for below in _folders_in(tree, folder)]
    return [folder for folder in level if _holds(holds, folder)]


def _holds(holds: Callable[[str], bool], folder: str) -> bool:
    try:
        return holds(folder)
    except ReadError as error:  # only another user may read it, such as lost+found at the root of a disk
        log.warning("not searched: %s", error.message)
        return False


def folders_with(tree: Tree, marker: str) -> list[str]:
    """The folders that contain the file `marker`, on the level nearest to the top that has any."""
    return find_folders(tree, lambda folder: tree.is_file(join(folder, marker)))


def find_root(tree: Tree, marker: str, hint: str) -> str:
    """The only folder that contains the file `marker`.

    Raises:
        SlaError: there is none (names what was searched and what exists there), or there are several.
    """
    found = folders_with(tree, marker)
    if len(found) > 1:
        several = some(tree.where(folder) for folder in found)
        raise SlaError(f"{marker} exists in several folders: {several}", "Give one of them as SOURCE.")
    if found:
        return found[0]
    inner = parent_of(marker)
    near = find_folders(tree, lambda folder: tree.is_dir(join(folder, inner))) if inner else []
    contained = " and ".join(contents(tree, join(folder, inner)) for folder in near) or contents(tree, "")
    raise SlaError(f"looked for {marker} in {tree.where('')} and up to {DEPTH} folders below it; {contained}", hint)


def contents(tree: Tree, path: str) -> str:
    """`FOLDER contains a/, b and 4 more`, for a folder or for the nearest existing one above it."""
    while path and not is_folder(tree, path):
        path = parent_of(path)
    names = tree.names(path)
    shown = [name + "/" * is_folder(tree, join(path, name)) for name in names[:5]]
    return f"{tree.where(path)} contains {some(shown + names[5:]) or 'nothing'}"


def find_clips(tree: Tree, names: Sequence[str], top: str = "") -> list[ClipLocation]:
    """Where one of these clips is, as a folder or a video, on the level nearest to `top` that has any."""
    folders = find_folders(tree, lambda folder: _suffix(tree, folder, names) is not None, top)
    return [ClipLocation(tree.root, folder, _suffix(tree, folder, names) or "") for folder in folders]


def find_in_archives(
    tree: Tree, names: Sequence[str], top: str = "", rank: Callable[[str], int] = lambda path: 0
) -> list[ClipLocation]:
    """Like `find_clips`, but in zip and tar files in a folder's tree; those whose path has the lowest rank come first.

    An archive that cannot be opened is skipped with a warning: only its clips are lost.
    """
    for path in sorted(_archives(tree, top), key=lambda path: (rank(path), path)):
        try:
            archive = open_tree(tree.root / path, tree.cache)
        except SlaError as error:
            log.warning("%s", error.message)
            continue
        if places := find_clips(archive, names):
            return places[:1]
    return []


def sample(names: Sequence[str], count: int = 20) -> Sequence[str]:
    """A few names spread over a table: they are enough to find the layout without checking every clip."""
    return names[:: max(1, len(names) // count)]


def _suffix(tree: Tree, folder: str, names: Sequence[str]) -> str | None:
    """The suffix with which one of the clips is in a folder, "" for a folder of images; None if there is none.

    Raises ReadError if none is found and one cannot be read.
    """
    unseen: ReadError | None = None
    for path in (join(folder, name) for name in names):
        try:
            if tree.is_dir(path):
                return ""
            if suffix := _videos_beside(tree, path).get(PurePosixPath(path).name):
                return suffix
        except ReadError as error:  # one broken clip must not hide the others
            unseen = error
    if unseen:
        raise unseen
    return None


def _videos_beside(tree: Tree, path: str) -> dict[str, str]:
    """Suffixes of the videos in the folder of a path, by name without it."""
    if not tree.is_dir(folder := parent_of(path)):
        return {}
    names = [PurePosixPath(name) for name in tree.names(folder) if is_video(name)]
    return {name.stem: name.suffix for name in names if tree.is_file(join(folder, str(name)))}


def _folders_in(tree: Tree, folder: str) -> list[str]:
    paths = [join(folder, name) for name in _names(tree, folder)]
    return [path for path in paths if is_folder(tree, path)] if len(paths) <= CROWD else []


def is_folder(tree: Tree, path: str) -> bool:
    """Whether it is a readable folder."""
    try:
        return tree.is_dir(path)
    except ReadError as error:
        log.debug("not searched: %s", error.message)
        return False


def _archives(tree: Tree, top: str) -> Iterator[str]:
    """Archives in the upper levels below a folder on disk. None in an archive: they could not be read in place."""
    if not tree.root.is_dir():
        return
    below = _folders_in(tree, top)
    for folder in (top, *below, *(deeper for one in below for deeper in _folders_in(tree, one))):
        yield from (join(folder, name) for name in _names(tree, folder) if name.lower().endswith(tuple(ENDINGS)))


def _names(tree: Tree, folder: str) -> list[str]:
    """Names that are not hidden; empty if only another user may read the folder, such as lost+found."""
    try:
        names = tree.names(folder)
    except SlaError as error:
        log.debug("not searched: %s", error.message)
        return []
    return [name for name in names if not name.startswith(HIDDEN)]
