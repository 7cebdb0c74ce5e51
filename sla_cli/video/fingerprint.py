"""Detects whether a recording has changed, without reading all of it, and in general independent of its path.

The fingerprint uses names and sizes of a folder of pictures, with checksums in a zip, and size and pieces of a video:
the same on disk, in a tar, and in a zip that stores it. In a tar.gz, and where a zip has deflated it, pieces cost
as much as all of it, so it uses what the archive states: such a video is not recognised as one on disk. A tar.gz states
sizes only, which different recordings may share, so there the path counts too.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sla_cli.core.digest import digest_bytes, digest_json
from sla_cli.errors import SlaError
from sla_cli.log import log, progress
from sla_cli.video.image_folder import pictures_among
from sla_cli.video.tree import Tree, nothing_at

FEW = 4  # number of pictures whose content is read if sizes are not distinctive
THREADS = 16  # threads that wait for a network disk


def fingerprint(tree: Tree, path: str) -> str:
    """A short digest of a video or a folder of pictures.

    Raises:
        SlaError: it does not exist, cannot be read, or holds no picture.
    """
    if tree.is_dir(path):
        return digest_json(_of_pictures(tree, path))
    if tree.is_file(path):
        size, pieces = tree.stamp(path)
        return digest_json([size, digest_bytes(pieces)])
    raise SlaError(nothing_at(tree.where(path)))


def fingerprints(recordings: Iterable[tuple[Tree, str]]) -> dict[tuple[Path, str], str]:
    """Fingerprints of many recordings, by the root of the tree and the path; "" for one that cannot be examined."""
    wanted = {(tree.root, path): tree for tree, path in recordings}
    found = {}
    with ThreadPoolExecutor(THREADS) as pool, progress("checking recordings", len(wanted), "recordings") as advance:
        answers = pool.map(_try, wanted.values(), (path for _, path in wanted))
        for recording, answer in zip(wanted, answers, strict=True):
            found[recording] = answer
            advance()
    return found


def _try(tree: Tree, path: str) -> str:
    try:
        return fingerprint(tree, path)
    except SlaError as error:  # it is reported when its clips are encoded
        log.debug("not examined: %s", error.message)
        return ""


def _of_pictures(tree: Tree, folder: str) -> list[list[str]]:
    """Name and stamp of each, and pieces of a few if most have the same size, like uncompressed pictures."""
    stamps = tree.stamps(folder)
    names = pictures_among(stamps)
    if not names:
        raise SlaError(f"{tree.where(folder)} holds no images")
    found = [[name, stamps[name]] for name in names]
    if len({stamps[name] for name in names}) <= len(names) // 2 or len(names) == 1:
        few = [names[number * (len(names) - 1) // (FEW - 1)] for number in range(FEW)]
        found += [[digest_bytes(tree.sample(f"{folder}/{name}" if folder else name))] for name in dict.fromkeys(few)]
    return found
