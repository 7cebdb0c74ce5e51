"""The files of a recording in its folder, and those that a client can fetch."""

from __future__ import annotations

from pathlib import Path

from sla_cli.annotation.formats import KINDS, annotation_text
from sla_cli.annotation.layout import DEFAULT
from sla_cli.artifact.json_file import decode_json
from sla_cli.config.settings import TranscribeConfig
from sla_cli.core.annotation import Annotation, split_at_pauses
from sla_cli.errors import FormatError
from sla_cli.serve.messages import Recognised
from sla_cli.system.regular_file import read_regular
from sla_cli.transcribe.transcript import PAGE, UNNAMED, ending_of

UPLOAD, RESULT = "upload", "result.json"
PAGE_FILE = f"{UNNAMED}{ending_of(PAGE)}"
FORMATS = (*KINDS, PAGE)


class NoResultError(Exception):
    """A recording that was done has no result any more: it just now became too old, or its file is damaged."""


def read_result(folder: Path) -> Recognised:
    """What was recognised, of a recording that is done. Raises NoResultError."""
    try:
        return decode_json(_read(folder / RESULT), Recognised, RESULT)
    except FormatError as error:
        raise NoResultError from error


def content(folder: Path, kind: str) -> bytes:
    """The file of one of `FORMATS` that `sla transcribe` would write without the video.

    Raises:
        NoResultError: there is no result any more.
        SlaError: the format cannot hold a gloss.
    """
    if kind == PAGE:
        return _read(folder / PAGE_FILE)
    found = read_result(folder)
    sentences = split_at_pauses(found.signs, TranscribeConfig.pause)
    return annotation_text(
        kind, Annotation(UNNAMED, None, found.duration, sentences, found.made), DEFAULT, folder
    ).encode()


def _read(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise NoResultError from error
