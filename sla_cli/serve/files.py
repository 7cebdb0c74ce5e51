"""The files of a recording, in its folder."""

from __future__ import annotations

from pathlib import Path

from sla_cli.annotation.formats import KINDS
from sla_cli.transcribe.transcript import PAGE, UNNAMED, ending_of

UPLOAD, RESULT = "upload", "result.json"
FORMATS = (*KINDS, PAGE)


def file_of(folder: Path, kind: str) -> Path:
    """The result in one of `FORMATS`."""
    return folder / f"{UNNAMED}{ending_of(kind)}"
