"""Lists the files in a tree, at any depth, and the recordings among them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from sla_cli.core.counted import counted
from sla_cli.core.endings import is_image, is_video
from sla_cli.errors import SlaError, some
from sla_cli.log import ONCE, log
from sla_cli.video.tree import Folder, Tree, join, parent_of

HIDDEN = (".", "~$", "__MACOSX")
ARTIFACT = {"receipt.json", "run.toml"}  # in a folder of sla, whose pictures are plots


def walk(tree: Tree) -> Iterator[str]:
    """Path of each file; those of a folder follow each other, before those of its subfolders; names are sorted.

    Hidden names are left out, and so are folders that a link reaches a second time. A warning names folders that cannot
    be read.
    """
    waiting, seen = [""], set()
    while waiting:
        folder = waiting.pop()
        if isinstance(tree, Folder):
            place = os.path.realpath(tree.root / folder)
            if place in seen:
                continue
            seen.add(place)
        try:
            names = [name for name in tree.names(folder) if not name.startswith(HIDDEN)]
        except SlaError as error:
            log.warning("not searched: %s", error.message, extra=ONCE)
            continue
        below = []
        for path in (join(folder, name) for name in names):
            if not is_image(path) and tree.is_dir(path):
                below.append(path)
            else:
                yield path
        waiting += reversed(below)


def recordings_in(tree: Tree) -> list[str]:
    """Path of each recording in a tree, as `recordings_among`; a warning names the pictures that are left out."""
    files = list(walk(tree))
    found = list(recordings_among(files))
    folders = {*found, *(parent_of(path) for path in files if _is_of_artifact(path))}
    if beside := [path for path in files if is_image(path) and parent_of(path) not in folders]:
        log.warning("left out %s beside videos: %s", counted(len(beside), "picture"), some(beside))
    return found


def recordings_among(files: Iterable[str]) -> Iterator[str]:
    """Path of each video, and of each folder of pictures, "" for the tree itself.

    Pictures beside videos, such as a title page, are not frames; nor are those of an artifact, as the curves of a run.

    Args:
        files: in the order of `walk`.
    """
    for folder, paths in groupby(files, parent_of):
        found = list(paths)
        videos = videos_among(found)
        yield from videos
        if not videos and any(map(is_image, found)) and not any(map(_is_of_artifact, found)):
            yield folder


def _is_of_artifact(path: str) -> bool:
    return path.rpartition("/")[2] in ARTIFACT


def videos_among(paths: Sequence[str]) -> list[str]:
    """The videos in a folder; a GIF beside pictures is none, such as a preview of the frames."""
    videos = [path for path in paths if is_video(path)]
    if videos and all(path.lower().endswith(".gif") for path in videos) and any(map(is_image, paths)):
        log.warning("left out %s: the pictures beside it are the recording", some(videos), extra=ONCE)
        return []
    return videos
