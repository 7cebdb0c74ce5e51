"""The name of a clip that has no id: its recording, and the part of it."""

from __future__ import annotations

from pathlib import PurePosixPath

from sla_cli.core.endings import is_video


def clip_name(cell: str, start: float | None = None, end: float | None = None) -> str:
    """`tea` of `videos/tea.mp4`, `tea_1.5-4` of its part from 1.5 to 4 seconds, `tea` of the pictures `tea/*.png`.

    Only endings of videos are left out: another name with a point in it may be a folder's.
    """
    path = PurePosixPath(cell.replace("\\", "/"))
    path = path.parent if "*" in path.name else path
    name = path.stem if is_video(path.name) else path.name
    if start is None and end is None:
        return name
    return f"{name}_{start or 0:g}-{'' if end is None else f'{end:g}'}"
