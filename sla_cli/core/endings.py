"""Endings of the names of pictures and videos."""

from __future__ import annotations

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
# Each with its media type, as ELAN's files state it. A file with another ending is read if it is named.
VIDEOS = {
    ".3gp": "video/3gpp",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".gif": "image/gif",
    ".m2ts": "video/mp2t",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".mxf": "application/mxf",
    ".ogv": "video/ogg",
    ".ts": "video/mp2t",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}


def is_image(path: str) -> bool:
    """Whether a file's ending is that of a picture."""
    return path.lower().endswith(IMAGES)


def is_video(path: str) -> bool:
    """Whether a file's ending is that of a video."""
    return path.lower().endswith(tuple(VIDEOS))
