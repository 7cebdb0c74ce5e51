"""Calls as ELAN makes them, and its tier files, as plain text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from click.testing import Result
from typer.testing import CliRunner

from sla_cli.cli.main import app

Spans = list[tuple[int, int, str]]


def call(recognizer: str, **values: object) -> Result:
    """What `sla elan RECOGNIZER` answers to a call with these parameters."""
    return CliRunner().invoke(app, ["elan", recognizer], input=call_text(**values))


def call_text(**values: object) -> str:
    """The XML that ELAN writes to a recogniser's standard input."""
    context = {"InvocationContext": "sla 2026-11-29 10:00:00+0100"}
    rows = [f'<param name="{name}">{escape(str(value))}</param>' for name, value in (context | values).items()]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<PARAM>", *rows, "</PARAM>", ""])


def write_tier(path: Path, spans: Iterable[tuple[float, float, str]]) -> Path:
    """A tier as ELAN gives it to a recogniser, times in seconds."""
    rows = [f'<span start="{start:.3f}" end="{end:.3f}"><v>{escape(text)}</v></span>' for start, end, text in spans]
    path.write_text("\n".join(['<TIER columns="given">', *rows, "</TIER>"]), encoding="utf-8")
    return path


def read_tiers(path: Path) -> dict[str, Spans]:
    """Tiers by name as ELAN reads them from a recogniser, times in milliseconds."""
    return {
        tier.attrib["columns"]: [
            (int(span.attrib["start"]), int(span.attrib["end"]), span.findtext("v") or "") for span in tier
        ]
        for tier in ET.parse(path).getroot()
    }
