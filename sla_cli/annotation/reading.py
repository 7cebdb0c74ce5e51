"""All formats from which annotations are read, by file extension."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sla_cli.annotation.eaf_document import MOST_BYTES
from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.subtitles_read import read_subtitles
from sla_cli.annotation.textgrid_read import read_textgrid
from sla_cli.annotation.tier import AnnotationFile
from sla_cli.errors import FormatError

READERS: Mapping[str, Callable[[bytes, str], AnnotationFile]] = {
    ".eaf": read_eaf,
    ".textgrid": read_textgrid,
    ".srt": read_subtitles,
    ".vtt": read_subtitles,
}


def can_read(name: str) -> bool:
    """Whether the extension, in upper or lower case, is that of an annotation file."""
    return name.lower().endswith(tuple(READERS))


def parse_annotation(data: bytes, name: str) -> AnnotationFile:
    """The content of an annotation file, in the format of its extension.

    Raises:
        FormatError: its format does not match its extension, or it is too large; names file and line.
    """
    check_size(len(data), name)
    reader = next(reader for ending, reader in READERS.items() if name.lower().endswith(ending))
    return reader(data, name)


def check_size(size: int, name: str) -> None:
    """Raise FormatError if a file is too large for annotations."""
    if size > MOST_BYTES:
        most = f"at most {MOST_BYTES / 1e6:.0f} MB are read"
        raise FormatError(f"{name} has {size / 1e6:.0f} MB; for annotation files {most}", "Is it an annotation file?")
