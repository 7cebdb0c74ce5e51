"""Lists everything in a tree, at any depth."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.tables.locate import join
from sla_cli.video.tree import Folder, Tree

HIDDEN = (".", "~$", "__MACOSX")


def walk(tree: Tree) -> Iterator[tuple[str, bool]]:
    """Path of each file and folder, and whether it is a folder; a folder comes before its content, names are sorted.

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
        if folder:
            yield folder, True
        try:
            names = [name for name in tree.names(folder) if not name.startswith(HIDDEN)]
        except SlaError as error:
            log.warning("not searched: %s", error.message)
            continue
        below = []
        for path in (join(folder, name) for name in names):
            if not is_image(path) and tree.is_dir(path):
                below.append(path)
            else:
                yield path, False
        waiting += reversed(below)


def is_image(path: str) -> bool:
    """Whether a file's extension is that of a picture."""
    from sla_cli.video.image_folder import IMAGES  # imports OpenCV, which is not needed to explain the corpora

    return path.lower().endswith(IMAGES)
