"""Tables: CSV, the JSON that `sltk to-elan` reads, and CTM for sclite and `sla score`."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from sla_cli.annotation.layout import SENTENCE, Layout
from sla_cli.annotation.timed import Interval, in_milliseconds, seconds, sentence_interval
from sla_cli.core.annotation import Annotation
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import SlaError, visible
from sla_cli.exchange.gloss_files import export_text

# Beginnings of what spreadsheets run, also after what some of them take as the end of a cell, and as East Asian forms.
FORMULA = re.compile(r"(^|[;,|\t])(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
MILLISECONDS = 1000.0  # per second: spans in milliseconds


def csv_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """One line per gloss, times in seconds. A gloss that a spreadsheet would run as a formula gets an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("start", "end", "gloss", "confidence"))
    for sentence in in_milliseconds(annotation):
        writer.writerows(
            (seconds(one.start), seconds(one.end), _no_formula(one.gloss), one.confidence_text) for one in sentence
        )
    return buffer.getvalue()


def _no_formula(text: str) -> str:
    """https://owasp.org/www-community/attacks/CSV_Injection"""
    return FORMULA.sub(r"\1'", text)


def json_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """A list of objects, one per gloss; with `sentences` also one per sentence, before its glosses."""
    facts = []
    for sentence in in_milliseconds(annotation):
        if layout.sentences:
            facts.append(_facts(sentence_interval(sentence), SENTENCE))
        facts += [_facts(sign.interval, layout.tier) | {"confidence": round(sign.confidence, 4)} for sign in sentence]
    return json.dumps(facts, ensure_ascii=False, indent=2) + "\n"


def _facts(interval: Interval, tier: str) -> dict[str, Any]:
    return {"start": interval.start / 1000, "end": interval.end / 1000, "label": interval.text, "tier": tier}


def ctm_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """One line per gloss, with the name of the recording as clip id. Raises SlaError for a name CTM cannot hold."""
    signs = [sign for sentence in in_milliseconds(annotation) for sign in sentence]
    best = Hypothesis(
        visible(annotation.name),  # of a file, whose name need not be text
        tuple(sign.gloss for sign in signs),
        spans=tuple((sign.start, sign.end) for sign in signs),
        confidence=tuple(sign.confidence for sign in signs),
        fps=MILLISECONDS,
    )
    try:
        return export_text("ctm", [[best]])
    except SlaError as error:
        raise SlaError(error.message, "Rename the recording, or write csv, json or eaf.") from error
