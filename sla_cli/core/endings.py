"""Endings of the names of files, and what they promise."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
ARPA = (".arpa", ".arpa.gz")  # language models of a model folder, as work/hub.py downloads them
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
# Those that promise a kind of content; others, such as the `.14` of `dev.14`, are a part of the name.
KNOWN = frozenset(
    {
        *(*IMAGES, *VIDEOS, ".svg"),
        *(".txt", ".md", ".tex", ".htm", ".html", ".pdf", ".doc", ".docx", ".odt"),
        *(".csv", ".tsv", ".xls", ".xlsx", ".ods", ".json", ".jsonl", ".toml", ".xml", ".yaml"),
        *(".ctm", ".stm", ".trn", ".arpa", ".eaf", ".srt", ".textgrid", ".vtt"),
        *(".h5", ".hdf5", ".npy", ".npz", ".onnx", ".pt", ".safetensors"),
        *(".7z", ".bz2", ".gz", ".tar", ".tgz", ".xz", ".zip", ".zst"),
    }
)


def other_ending(path: PurePath, own: Collection[str]) -> str:
    """The ending of a name if it promises another content than these endings do; else ""."""
    ending = path.suffix.lower()
    return ending if ending in KNOWN and ending not in map(str.lower, own) else ""


def is_image(path: str) -> bool:
    """Whether a file's ending is that of a picture."""
    return path.lower().endswith(IMAGES)


def is_video(path: str) -> bool:
    """Whether a file's ending is that of a video."""
    return path.lower().endswith(tuple(VIDEOS))
