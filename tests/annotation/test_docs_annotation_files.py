"""The examples in docs/annotation-files.md are what is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sla_cli.annotation.formats import FORMATS, KINDS, annotation_text, suffix_of
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation, Sign, split_at_pauses

DOCS = (Path(__file__).parents[2] / "docs" / "annotation-files.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```(\w+)\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE))
SIGNS = [Sign("HEUTE", 0.12, 0.5, 0.98), Sign("REGEN", 0.5, 0.9, 0.71), Sign("MORGEN", 2.0, 2.62, 0.94)]
VIDEO = Annotation("video", None, 4.2, split_at_pauses(SIGNS, 0.5), {"run": "sla-work/runs/1"})


@pytest.mark.parametrize("kind", ["vtt", "json", "csv", "ctm"])
def test_an_example_is_what_is_written(kind: str) -> None:
    assert EXAMPLES[kind] in annotation_text(kind, VIDEO, Layout(), Path())


def test_each_kind_is_in_the_table_with_its_options() -> None:
    table = DOCS.partition("| extension |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\.\w+)` .*\|([^|]*)\|$", table, re.MULTILINE)
    options = {suffix: tuple(re.findall(r"`--(\w+)`", cell)) for suffix, cell in rows}
    assert options == {suffix_of(kind): FORMATS[kind].options for kind in KINDS}
