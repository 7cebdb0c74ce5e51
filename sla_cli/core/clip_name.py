"""The names of recordings, and of clips that have no id: their recording, and the part of it."""

from __future__ import annotations

from pathlib import PurePosixPath

from sla_cli.core.alike import in_one_form
from sla_cli.core.endings import IMAGES, is_video

ALL_PICTURES = ("*", *(f"*{ending}" for ending in IMAGES))


def recording_name(path: str) -> str:
    """`tea` of the file `videos/tea.mp4`, also if its name has a star or a backslash."""
    name = PurePosixPath(path).name
    return PurePosixPath(path).stem if is_video(name) else name


def without_pattern(cell: str) -> str:
    """A path with `/` between parts; of all pictures in a folder, `frames/*` or `frames/*.png`, the folder. Any other
    star is one in a name: patterns are not expanded."""
    path = cell.replace("\\", "/").rstrip("/")
    folder, _, name = path.rpartition("/")
    return folder if folder and name.lower() in ALL_PICTURES else path


def clip_name(cell: str, start: float | None = None, end: float | None = None) -> str:
    """`tea` of `videos/tea.mp4`, `tea_1.5-4` of its part from 1.5 to 4 seconds, `tea` of the pictures `tea/*.png`.

    Only endings of videos are left out: another name with a point in it may be a folder's. Names are in normal
    form C of Unicode: systems of files and tables write one name in different forms.
    """
    name = in_one_form(recording_name(without_pattern(cell)))
    if start is None and end is None:
        return name
    return f"{name}_{start or 0:.10g}-{'' if end is None else f'{end:.10g}'}"
