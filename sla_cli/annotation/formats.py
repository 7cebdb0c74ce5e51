"""All formats of glosses with times: those of annotation programs, of players, and tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sla_cli.annotation import eaf, subtitles, tables, textgrid
from sla_cli.annotation.eaf_document import MOST_BYTES
from sla_cli.annotation.eaf_own import is_uncorrected
from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import AnnotationFile
from sla_cli.core.annotation import Annotation
from sla_cli.errors import FormatError, SlaError, suggestion
from sla_cli.exchange.gloss_files import export_like
from sla_cli.work.like import Like, begins

Reader = Callable[[bytes, str], AnnotationFile]


@dataclass(frozen=True)
class AnnotationFormat:
    """A format.

    Attributes:
        suffix: its file extension, with the dot.
        text: makes the content of a file; the folder of the file is for relative paths.
        read: from the content of a file and its name (for messages) to its tiers; None if sla only writes the format.
        fits: whether an existing file is one that a new one may replace, as for `Like`.
        options: the fields of Layout that change the content.
    """

    suffix: str
    text: Callable[[Annotation, Layout, Path], str]
    fits: Callable[[Path], bool]
    read: Reader | None = None
    options: tuple[str, ...] = ()


def _begins(pattern: str) -> Callable[[Path], bool]:
    """Whether a file's text begins with the expression."""
    return lambda path: re.match(pattern, begins(path, 1024).decode(errors="replace")) is not None


IS_VTT = _begins(subtitles.OWN_VTT)
IS_SRT = _begins(r"1\n\d+:\d\d:\d\d,\d{3} --> ")
IS_JSON = _begins(r"\[\]\n$|\[\n  \{\n    \"start\": ")
IS_CSV = _begins("start,end,gloss,confidence\n")
IS_TEXTGRID = _begins('File type = "ooTextFile"\n')
TIERS = ("tier", "sentences", "confidence")
FORMATS: Mapping[str, AnnotationFormat] = {
    "eaf": AnnotationFormat(".eaf", eaf.eaf_text, is_uncorrected, read_eaf, TIERS),
    "vtt": AnnotationFormat(".vtt", subtitles.vtt_text, IS_VTT, subtitles.read_subtitles, ("cue",)),
    "srt": AnnotationFormat(".srt", subtitles.srt_text, IS_SRT, subtitles.read_subtitles, ("cue",)),
    "json": AnnotationFormat(".json", tables.json_text, IS_JSON, options=("tier", "sentences")),
    "csv": AnnotationFormat(".csv", tables.csv_text, IS_CSV),
    "ctm": AnnotationFormat(".ctm", tables.ctm_text, export_like("ctm").fits),
    "textgrid": AnnotationFormat(".TextGrid", textgrid.textgrid_text, IS_TEXTGRID, textgrid.read_textgrid, TIERS),
}
KINDS = tuple(FORMATS)
# By extension; if a folder has several kinds of files, the first of these kinds is read.
READERS: Mapping[str, Reader] = {
    FORMATS[kind].suffix.lower(): read
    for kind in ("eaf", "textgrid", "srt", "vtt")
    if (read := FORMATS[kind].read) is not None
}


def suffix_of(kind: str) -> str:
    """The file extension of a kind, with the dot. Raises SlaError for an unknown kind."""
    return _format(kind).suffix


def annotation_like(kind: str) -> Like:
    """Files of a kind that a new one may replace. Raises SlaError for an unknown kind."""
    found = _format(kind)
    return Like(f"a file of sla with the format {kind}", found.fits, (found.suffix,))


def kind_of(path: Path, others: tuple[str, ...] = ()) -> str:
    """The kind of file for an extension, in upper or lower case. Raises SlaError if there is none.

    Args:
        others: further extensions that the message names.
    """
    for kind, one in FORMATS.items():
        if path.suffix.lower() == one.suffix.lower():
            return kind
    known = ", ".join((*(one.suffix for one in FORMATS.values()), *others))
    raise SlaError(f"{path}: no annotation format has the extension {path.suffix!r}", f"Known: {known}.")


def annotation_text(kind: str, annotation: Annotation, layout: Layout, folder: Path) -> str:
    """The content of a file in `folder`.

    Args:
        kind: one of `KINDS`.

    Raises:
        SlaError: an unknown kind, or what the format cannot hold.
    """
    return _format(kind).text(annotation, layout, folder)


def can_read(name: str) -> bool:
    """Whether the extension, in upper or lower case, is that of a format that sla reads."""
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


def _format(kind: str) -> AnnotationFormat:
    if kind not in FORMATS:
        raise SlaError(f"no format {kind!r} for annotations", suggestion(kind, KINDS))
    return FORMATS[kind]
