"""Removes what an earlier export wrote, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from sla_cli.artifact.receipt import digest_file
from sla_cli.core.clip import SPLITS
from sla_cli.errors import SlaError
from sla_cli.prep.export.layout import OFFICIAL, Layout
from sla_cli.prep.export.pictures import features_name
from sla_cli.system.atomic import keep_copy

COPY = re.compile(r"(.+)\.~\d+~")  # of a table that somebody edited
ELSEWHERE = "Move it, or name another folder with -o."


def remove_export(root: Path, layout: Layout, size: int, digests: Mapping[str, str], *, again: bool) -> None:
    """Remove an earlier export; a table that was edited since is kept as NAME.~1~.

    Args:
        root: top folder of the layout.
        size: side of its pictures, 0 if unknown.
        digests: of the tables that it wrote, by path in `root`; one without a digest may have been edited.
        again: whether the same layout is written again, whose folder may keep such copies.

    Raises:
        SlaError: it holds a link or files that no export writes; nothing is removed then.
    """
    if root.is_symlink():
        raise SlaError(f"{root} is a link", ELSEWHERE)
    tables = {form.format(split=split) for form in (layout.table, layout.references) for split in SPLITS}
    own, edited, every = list[Path](), list[Path](), list[Path]()
    for folder, folders, files in os.walk(root):
        every.append(Path(folder))
        for name in folders:
            if Path(folder, name).is_symlink():
                if name != OFFICIAL:
                    raise SlaError(f"{Path(folder, name)} is a link", ELSEWHERE)
                own.append(Path(folder, name))
        for name in files:
            path = Path(folder, name)
            inside = path.relative_to(root).as_posix()
            unchanged = inside in tables and digests.get(inside) == digest_file(path)
            if unchanged or _is_picture(root, path, layout, size):
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
    for path in reversed(every):
        if not any(path.iterdir()):
            path.rmdir()


def _is_picture(root: Path, path: Path, layout: Layout, size: int) -> bool:
    """Whether a file has the place and name of a picture that an export writes; other programs add theirs elsewhere."""
    parts = path.relative_to(root).parts
    inner = (layout.inner,) if layout.inner else ()
    return (
        len(parts) == 5 + len(inner)
        and parts[:2] == ("features", features_name(size))
        and parts[2] in SPLITS
        and parts[4:-1] == inner
        and layout.is_picture(parts[3], parts[-1])
    )
