"""The names of recordings, and of clips that have no id: their recording, and the part of it."""

from __future__ import annotations

from pathlib import PurePosixPath

from sla_cli.core.endings import is_video


def recording_name(path: str) -> str:
    """`tea` of the file `videos/tea.mp4`, also if its name has a star or a backslash."""
    name = PurePosixPath(path).name
    return PurePosixPath(path).stem if is_video(name) else name


def clip_name(cell: str, start: float | None = None, end: float | None = None) -> str:
    """`tea` of `videos/tea.mp4`, `tea_1.5-4` of its part from 1.5 to 4 seconds, `tea` of the pictures `tea/*.png`.

    Only endings of videos are left out: another name with a point in it may be a folder's.
    """
    path = PurePosixPath(cell.replace("\\", "/"))
    name = recording_name(str(path.parent if "*" in path.name else path))
    if start is None and end is None:
        return name
    return f"{name}_{start or 0:g}-{'' if end is None else f'{end:g}'}"
