"""What to do with a file that cannot be decoded."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath


def conversion(where: str, *options: str) -> str:
    """The command that converts a video to a codec that every decoder has."""
    name = PurePosixPath(where).name
    new = f"{PurePosixPath(name).stem}-h264.mp4"
    return f"`{shlex.join(['ffmpeg', '-i', name, *options, '-c:v', 'libx264', new])}`"
