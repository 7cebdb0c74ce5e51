"""Open what the user names, a folder or an archive, as one kind of tree."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.video.archive import Archive
from sla_cli.video.archive_index import open_index
from sla_cli.video.archive_member import ArchiveReader
from sla_cli.video.archive_tar import GzipTar, PlainTar
from sla_cli.video.archive_zip import Zip
from sla_cli.video.tree import Folder, Tree

ENDINGS: dict[str, type[ArchiveReader]] = {".zip": Zip, ".tar": PlainTar, ".tar.gz": GzipTar, ".tgz": GzipTar}
OPEN_AT_ONCE = 64  # archives that a process keeps open; Isharah comes as one per signer


def open_tree(root: Path, cache: Path | None = None) -> Tree:
    """The tree of a folder or an archive; a process opens each once.

    Args:
        cache: the folder that keeps the list of an archive's members, made when it is first opened, so that other
            processes and later runs need not look through the archive again. None keeps it in memory.

    Raises:
        SlaError: there is neither, or the archive is of an unknown kind, damaged, or holds names that leave it.
    """
    if root.is_dir():
        return Folder(root)
    if not root.is_file():
        hint = "Give the corpus's folder as released, or a zip or tar of it."
        raise SlaError(f"no such folder or archive: {root}", hint)
    facts = root.stat()
    return _open_archive(root, cache, f"{facts.st_size}-{facts.st_mtime_ns}", os.getpid())


@lru_cache(maxsize=OPEN_AT_ONCE)
def _open_archive(root: Path, cache: Path | None, stamp: str, process: int) -> Archive:
    """By process too, since a forked child would share the position of an open file."""
    kind = next((kind for ending, kind in ENDINGS.items() if root.name.lower().endswith(ending)), None)
    if kind is None:
        hint = f"Give a folder, or an archive named *{', *'.join(ENDINGS)}."
        raise SlaError(f"{root} is neither a folder nor an archive that can be read in place", hint)
    try:
        content = kind(root)
    except OSError as error:
        raise SlaError(f"cannot read {root}: {error.strerror or error}") from error
    return Archive(root, open_index(content, root, cache, stamp), content)
