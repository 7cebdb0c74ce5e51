"""Removes what an earlier export recorded that it wrote, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import digest_file
from sla_cli.core.clip import SPLITS
from sla_cli.errors import SlaError
from sla_cli.prep.export.layout import OFFICIAL, Layout
from sla_cli.prep.export.pictures import PARTIAL, digest_pictures, features_name
from sla_cli.system.atomic import is_temporary, keep_copy, remove_folder

COPY = re.compile(r"(.+)\.~\d+~")  # of a table that somebody edited
ELSEWHERE = "Move it, or name another folder with -o."


def remove_export(root: Path, layout: Layout, facts: Mapping[str, Any], *, again: bool) -> None:
    """Remove an earlier export; a table that was edited since is kept as NAME.~1~.

    Args:
        root: top folder of the layout.
        facts: what it recorded: `size` and `image` of its pictures; for each split, the number of pictures of each clip
            (`lengths`), and their digest if it was finished (`pictures`); digests of the `tables` that it wrote, by
            path in `root`. A table without a digest may have been edited.
        again: whether the same layout is written again, whose folder may keep such copies.

    Raises:
        SlaError: it holds a link, or files that this export has not written, or pictures that are not as it wrote them;
            nothing is removed then.
    """
    if root.is_symlink():
        raise SlaError(f"{root} is a link", ELSEWHERE)
    digests, clips = facts.get("tables", {}), _clips(root, layout, facts)
    tables = {form.format(split=split) for form in (layout.table, layout.references) for split in SPLITS}
    own, edited, every, pictures = list[Path](), list[Path](), list[Path](), list[Path]()
    for folder, folders, files in os.walk(root):
        every.append(Path(folder))
        for path in (Path(folder, name) for name in list(folders)):
            if path in clips:
                _check_clip(path, layout.inner, *clips[path])
                pictures.append(path)
                folders.remove(path.name)
            elif path.is_symlink():
                if path.name != OFFICIAL:
                    raise SlaError(f"{path} is a link", ELSEWHERE)
                own.append(path)
        for name in files:
            path = Path(folder, name)
            inside = path.relative_to(root).as_posix()
            left = any(is_temporary(path, Path(table).name) for table in tables)  # by a process that was killed
            if left or (inside in tables and digests.get(inside) == digest_file(path)):
                own.append(path)
            elif inside in tables and again:
                edited.append(path)
            elif inside in tables:
                raise SlaError(f"{path} was edited since it was exported", ELSEWHERE)
            elif not (again and (copy := COPY.fullmatch(inside)) and copy[1] in tables):
                raise SlaError(f"{path} is not of this export, whose folder would be replaced", ELSEWHERE)
    for path in edited:
        keep_copy(path)
    for path in (*own, *edited):
        path.unlink()
    for path in pictures:
        _remove_clip(path, root.parent / PARTIAL / "removed")
    for path in reversed(every):
        if not any(path.iterdir()):
            path.rmdir()


def _clips(root: Path, layout: Layout, facts: Mapping[str, Any]) -> dict[Path, tuple[frozenset[str], str]]:
    """By the folder of each clip that was exported: names of its pictures, and their digest, "" if unknown."""
    features = root / "features" / features_name(facts.get("size", 0))
    return {
        features / split / clip: (
            frozenset(layout.pictures(clip, length, facts.get("image", "png"))),
            facts.get("pictures", {}).get(split, {}).get(clip, ""),
        )
        for split, lengths in facts.get("lengths", {}).items()
        for clip, length in lengths.items()
    }


def _check_clip(folder: Path, inner: str, names: frozenset[str], digest: str) -> None:
    """Raise SlaError for a clip's folder with anything but the pictures that were exported."""
    beside = [path for path in folder.iterdir() if path.name != inner] if inner else []
    place = folder / inner
    if not folder.is_symlink() and not beside and place.is_dir() and not place.is_symlink():
        found = digest_pictures(place)
        known = found == digest if digest else names.issuperset(path.name for path in place.iterdir())
        if found and known:  # found is "" if a folder or a link is there
            return
    raise SlaError(f"{folder} holds other pictures than were exported", ELSEWHERE)


def _remove_clip(folder: Path, removed: Path) -> None:
    """Remove a clip's folder. After a kill it is either as it was or no longer under its name."""
    shutil.rmtree(removed, ignore_errors=True)
    removed.parent.mkdir(exist_ok=True)
    folder.rename(removed)
    remove_folder(removed)
