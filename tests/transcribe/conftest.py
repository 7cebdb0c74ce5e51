from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from player import Write
from transcripts import FILES, transcript, write_transcript_page

from sla_cli.transcribe.transcript import Transcript


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a page and returns its path."""

    def page(recording: Transcript | None = None, **kwargs: Any) -> Path:
        out = tmp_path / "page.html"
        write_transcript_page(out, recording or transcript(), FILES, **kwargs)
        return out

    return page
