"""Why a file cannot be decoded, in one sentence, and what to do."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath

from sla_cli.errors import FrameError
from sla_cli.video.container import Container

CODECS = {"av01": "AV1", "av1": "AV1", "vvc1": "H.266", "vvi1": "H.266", "mpegi/iso/vvc": "H.266"}
CODECS |= {"avc1": "H.264", "h264": "H.264", "hvc1": "H.265", "hev1": "H.265", "hevc": "H.265", "vp09": "VP9"}
CODECS |= {"vp90": "VP9", "vp80": "VP8", "fmp4": "MPEG-4", "mp4v": "MPEG-4"}
ENCRYPTED = ("encv", "drmi")


def refuse_no_video(path: Path, where: str, container: Container) -> None:
    """Raises FrameError for a file that is recognised as not a video before decoding."""
    if not path.stat().st_size:
        raise FrameError(f"{where} is empty (0 bytes)", "Copy it again.")
    if container.text:
        reason = f"does not open as a video ({path.stat().st_size} bytes): it is text"
        raise FrameError(f"{where} {reason}", "Give the video itself, not a text file about it.")
    if container.tracks and not container.tracks.codecs:
        raise FrameError(f"{where} holds sound, but no video stream", "Give the file that holds the pictures.")


def not_opened(path: Path, where: str, container: Container) -> FrameError:
    """The error for a file that OpenCV's FFmpeg cannot open."""
    problem = f"{where} does not open as a video ({path.stat().st_size} bytes)"
    if container.missing:
        return FrameError(f"{problem}: {container.missing} bytes are missing at its end", "Copy it again.")
    if container.tracks is None:
        lost = f"the list of tracks of the {container.kind} file is missing"
        reason = lost if container.kind else "no video stream was found"
        hint = f"Is it complete? If a player can play it, convert it: {conversion(where)}"
        return FrameError(f"{problem}: {reason}", hint)
    codec = container.tracks.codecs[0]
    if codec in ENCRYPTED:
        return FrameError(f"{problem}: it is encrypted", "Give a copy without copy protection.")
    return FrameError(f"{problem}: its codec is {codec_name(codec)}", f"Convert it: {conversion(where)}")


def codec_name(code: str) -> str:
    """The usual name of a codec; a code that is not listed is returned unchanged."""
    return CODECS.get(code.lower().removeprefix("v_"), code)


def conversion(where: str, *options: str) -> str:
    """The command that converts a video to a codec that every decoder has."""
    name = PurePosixPath(where).name
    new = f"{PurePosixPath(name).stem}-h264.mp4"
    return f"`{shlex.join(['ffmpeg', '-i', name, *options, '-c:v', 'libx264', new])}`"
