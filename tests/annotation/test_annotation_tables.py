"""CSV, JSON and CTM: read back by the standard library and by what `sla score` reads hypotheses with."""

from __future__ import annotations

import csv
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_cases import EXAMPLE, annotations
from annotation_files import write_annotation
from hypothesis import given, settings

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.errors import SlaError
from sla_cli.exchange.gloss_files import read_gloss_file


@settings(max_examples=60, deadline=None)
@given(annotation=annotations())
def test_csv_reads_back(annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        write_annotation(path, "csv", annotation)
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
    assert header == ["start", "end", "gloss", "confidence"]
    for row, sign in zip(rows, annotation.signs, strict=True):
        assert row[2] == re.sub(r"(^|[;,|])([=+\-@\uff1d\uff0b\uff0d\uff20])", r"\1'\2", sign.gloss)
        assert [len(cell.partition(".")[2]) for cell in row[:2]] == [3, 3]
        assert float(row[0]) == pytest.approx(sign.start, abs=0.00051)
        assert float(row[1]) == pytest.approx(sign.end, abs=0.00051)
        assert float(row[3]) == pytest.approx(sign.confidence, abs=0.000051)


@pytest.mark.parametrize(
    ("gloss", "cell"),
    [*((text, f"'{text}") for text in ("=HYPERLINK(1)", "@SUM(1)", "+1", "-x", "\uff1d1")), ("X;=1|@2", "X;'=1|'@2")],
)
def test_no_cell_of_a_csv_is_a_formula(gloss: str, cell: str) -> None:
    signs = (Sign(gloss, 0, 1, 0.5), Sign("A=B", 1, 2, 0.5))
    text = annotation_text("csv", Annotation("a", None, 2.0, (Sentence(signs),)), Layout(), Path())
    assert [row[2] for row in csv.reader(text.splitlines()[1:])] == [cell, "A=B"]


@settings(max_examples=60, deadline=None)
@given(annotation=annotations())
def test_json_reads_back(annotation: Annotation) -> None:
    facts = json.loads(annotation_text("json", annotation, Layout(tier="RH-IDgloss"), Path()))
    assert [(one["label"], one["tier"]) for one in facts] == [(sign.gloss, "RH-IDgloss") for sign in annotation.signs]
    for one, sign in zip(facts, annotation.signs, strict=True):
        assert list(one) == ["start", "end", "label", "tier", "confidence"]
        assert (one["start"], one["end"]) == pytest.approx((sign.start, sign.end), abs=0.00051)
        assert one["confidence"] == pytest.approx(sign.confidence, abs=0.000051)


def test_json_holds_sentences_where_they_are_wanted() -> None:
    facts = json.loads(annotation_text("json", EXAMPLE, Layout(sentences=True), Path()))
    assert [(one["tier"], one["label"]) for one in facts] == [
        ("SENTENCE", "HEUTE <A&B>"), ("SIGN", "HEUTE"), ("SIGN", "<A&B>"), ("SENTENCE", '"REGEN"'), ("SIGN", '"REGEN"'),
    ]  # fmt: skip
    assert (facts[0]["start"], facts[0]["end"]) == (0.12, 0.9)
    assert [("confidence" in one) for one in facts] == [False, True, True, False, True]


def test_json_shows_letters_of_all_scripts() -> None:
    sign = replace(EXAMPLE.sentences[0].signs[0], gloss="مطر")
    text = annotation_text("json", replace(EXAMPLE, sentences=(replace(EXAMPLE.sentences[0], signs=(sign,)),)),
                           Layout(), Path())  # fmt: skip
    assert "مطر" in text


@settings(max_examples=60, deadline=None)
@given(annotation=annotations().filter(lambda one: one.signs))
def test_ctm_is_read_as_hypotheses(annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ctm"
        write_annotation(path, "ctm", annotation)
        lines = [line.split(" ") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
        assert [(one.id, one.glosses) for one in read_gloss_file(path).best] == [
            ("clip", tuple(sign.gloss for sign in annotation.signs))
        ]
    assert [line[2] for line in lines] == sorted(line[2] for line in lines)
    for line, sign in zip(lines, annotation.signs, strict=True):
        assert float(line[2]) == pytest.approx(sign.start, abs=0.00051)
        assert float(line[2]) + float(line[3]) == pytest.approx(sign.end, abs=0.00051)


@pytest.mark.parametrize("name", ["my video", "a(1)", 'a"', "a;b", "a\u00a0b"])
def test_a_name_that_a_ctm_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SlaError, match="does not fit in a CTM") as caught:
        write_annotation(tmp_path / "a.ctm", "ctm", replace(EXAMPLE, name=name))
    assert "csv, json or eaf" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_tables_of_a_recording_without_signs() -> None:
    silent = Annotation("a", None, 3.0, ())
    assert annotation_text("csv", silent, Layout(), Path()) == "start,end,gloss,confidence\n"
    assert json.loads(annotation_text("json", silent, Layout(), Path())) == []
    assert annotation_text("ctm", silent, Layout(), Path()) == ""
