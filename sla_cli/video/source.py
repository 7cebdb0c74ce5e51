"""Opens the folder or archive that the user names, with one interface for both."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sla_cli.core.digest import digest_bytes, digest_json
from sla_cli.errors import SlaError, reading
from sla_cli.video.archive import Archive
from sla_cli.video.archive_index import open_index
from sla_cli.video.archive_member import ArchiveReader
from sla_cli.video.archive_tar import GzipTar, PlainTar
from sla_cli.video.archive_zip import Zip
from sla_cli.video.pieces import pieces_of_file
from sla_cli.video.tree import Folder, Tree

ENDINGS: dict[str, type[ArchiveReader]] = {".zip": Zip, ".tar": PlainTar, ".tar.gz": GzipTar, ".tgz": GzipTar}
OPEN_AT_ONCE = 64  # archives that a process keeps open; Isharah has one per signer


def open_tree(root: Path, cache: Path | None = None) -> Tree:
    """The tree of a folder or an archive; a process opens each only once.

    Args:
        cache: the folder for the list of an archive's members, which is made when the archive is first opened. Other
            processes and later runs then need not read the archive again, also if it has moved. None keeps the list
            in memory.

    Raises:
        SlaError: it does not exist, cannot be read, or the archive is of an unknown kind, damaged, or has names that
            lead outside of it.
    """
    with reading(root):
        facts = root.stat() if root.exists() else None
    if facts is not None and stat.S_ISDIR(facts.st_mode):
        return Folder(root, cache)
    if facts is None or not stat.S_ISREG(facts.st_mode):
        hint = "Give the corpus's folder as released, or a zip or tar of it."
        raise SlaError(f"no such folder or archive: {root}", hint)
    return _open_archive(root, cache, f"{facts.st_size}-{facts.st_mtime_ns}", os.getpid())


def list_archives(roots: Iterable[Path], cache: Path) -> dict[Path, SlaError]:
    """List each of these archives once; call it before several processes open them.

    Returns:
        By root, the error of each that cannot be opened; it is then not tried again for every clip.
    """
    failed: dict[Path, SlaError] = {}
    for root in dict.fromkeys(roots):
        try:
            open_tree(root, cache)
        except SlaError as error:
            failed[root] = error
    return failed


@lru_cache(maxsize=OPEN_AT_ONCE)
def _open_archive(root: Path, cache: Path | None, version: str, process: int) -> Archive:
    """The cache key contains the process, since a forked child would share the position of an open file."""
    kind = next((kind for ending, kind in ENDINGS.items() if root.name.lower().endswith(ending)), None)
    if kind is None:
        hint = f"Give a folder, or an archive named *{', *'.join(ENDINGS)}."
        raise SlaError(f"{root} is neither a folder nor an archive that can be read in place", hint)
    with reading(root):
        content, size = kind(root), root.stat().st_size
        stamp = digest_json([size, digest_bytes(pieces_of_file(root))])
    return Archive(root, cache, open_index(content, root, cache, stamp), content, size)
