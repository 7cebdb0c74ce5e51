"""All formats in which glosses with times are written, for annotation tools, players and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sla_cli.annotation import eaf, subtitles, tables, textgrid
from sla_cli.annotation.layout import DEFAULT, Layout
from sla_cli.core.annotation import Annotation
from sla_cli.errors import SlaError, suggestion
from sla_cli.system.atomic import write_text


@dataclass(frozen=True)
class AnnotationFormat:
    """The file extension of a format, and the function that makes the text; its folder is for relative paths."""

    suffix: str
    text: Callable[[Annotation, Layout, Path], str]


FORMATS: Mapping[str, AnnotationFormat] = {
    "eaf": AnnotationFormat(".eaf", eaf.eaf_text),
    "vtt": AnnotationFormat(".vtt", subtitles.vtt_text),
    "srt": AnnotationFormat(".srt", subtitles.srt_text),
    "json": AnnotationFormat(".json", tables.json_text),
    "csv": AnnotationFormat(".csv", tables.csv_text),
    "ctm": AnnotationFormat(".ctm", tables.ctm_text),
    "textgrid": AnnotationFormat(".TextGrid", textgrid.textgrid_text),
}
KINDS = tuple(FORMATS)


def suffix_of(kind: str) -> str:
    """The file extension of a kind, with the dot. Raises SlaError for an unknown kind."""
    return _format(kind).suffix


def kind_of(path: Path) -> str:
    """The kind of file for an extension, in upper or lower case. Raises SlaError if there is none."""
    for kind, one in FORMATS.items():
        if path.suffix.lower() == one.suffix.lower():
            return kind
    known = ", ".join(one.suffix for one in FORMATS.values())
    raise SlaError(f"{path}: no annotation format has the extension {path.suffix!r}", f"Known: {known}.")


def write_annotation(path: Path, kind: str, annotation: Annotation, layout: Layout = DEFAULT) -> None:
    """Write a file; it appears only when it is complete.

    Args:
        kind: one of `KINDS`.

    Raises:
        SlaError: an unknown kind, what the format cannot hold, or a file that cannot be written.
    """
    write_text(path, annotation_text(kind, annotation, layout, path.parent))


def annotation_text(kind: str, annotation: Annotation, layout: Layout, folder: Path) -> str:
    """The content of the file that `write_annotation` would write into `folder`. Raises SlaError as it does."""
    return _format(kind).text(annotation, layout, folder)


def _format(kind: str) -> AnnotationFormat:
    if kind not in FORMATS:
        raise SlaError(f"no format {kind!r} for annotations", suggestion(kind, KINDS))
    return FORMATS[kind]
