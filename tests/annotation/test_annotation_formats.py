"""Kinds of annotation files by name and extension, files that appear complete, and content that no file can hold."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
from annotation_cases import EXAMPLE, annotations
from annotation_files import write_annotation
from elan_files import undated
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.annotation.formats import FORMATS, KINDS, annotation_text, kind_of, suffix_of
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.timed import in_milliseconds
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.errors import SlaError


def annotation_of(*signs: Sign) -> Annotation:
    return Annotation("clip", None, 10.0, tuple(Sentence((sign,)) for sign in signs))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_recognised_by_its_ending(kind: str) -> None:
    for suffix in (suffix_of(kind), suffix_of(kind).upper(), suffix_of(kind).lower()):
        assert kind_of(Path(f"a.b{suffix}")) == kind


def test_endings() -> None:
    assert {kind: suffix_of(kind) for kind in KINDS} == {
        "eaf": ".eaf", "vtt": ".vtt", "srt": ".srt", "json": ".json", "csv": ".csv", "ctm": ".ctm",
        "textgrid": ".TextGrid",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["clip", "clip.txt", ".eaf", "clip.eaf.bak"])
def test_an_unknown_ending_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(SlaError, match=r"\.eaf, \.vtt, \.srt, \.json, \.csv, \.ctm, \.TextGrid"):
        kind_of(Path(name))


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="Did you mean 'textgrid'"):
        write_annotation(tmp_path / "a", "textgird", EXAMPLE)
    with pytest.raises(SlaError, match="no format 'ass'"):
        suffix_of("ass")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_holds_the_text_and_replaces_the_old_one_complete(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "new" / f"clip{suffix_of(kind)}"
    for annotation in (EXAMPLE, dataclasses.replace(EXAMPLE, sentences=EXAMPLE.sentences[:1])):
        write_annotation(path, kind, annotation)
        written = path.read_bytes().decode("utf-8")
        text = annotation_text(kind, annotation, Layout(), path.parent)
        assert undated(written).split("\n") == undated(text).split("\n")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gloss", ["", "A B", " A", "A\n", "A\tB", "A\x00", "\x1b", "\ud800", "\ufffe", "A\u2028B"])
def test_what_is_no_word_is_refused(tmp_path: Path, kind: str, gloss: str) -> None:
    with pytest.raises(SlaError, match="gloss "):
        write_annotation(tmp_path / "a", kind, annotation_of(Sign(gloss, 0.0, 1.0, 1.0)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", [field.name for field in dataclasses.fields(Layout)])
def test_a_format_names_the_options_that_change_it(kind: str, option: str) -> None:
    other = {"tier": "B", "cue": "gloss", "sentences": True, "confidence": True}[option]
    texts = [
        undated(annotation_text(kind, EXAMPLE, layout, Path()))
        for layout in (Layout(), Layout(**{option: other}))  # type: ignore[arg-type]
    ]
    assert (texts[0] != texts[1]) == (option in FORMATS[kind].options)


@pytest.mark.parametrize("tier", ["", " ", "A\nB", "\x00"])
def test_a_tier_needs_a_name(tier: str) -> None:
    with pytest.raises(SlaError, match="is not a name for a tier"):
        Layout(tier=tier)


@pytest.mark.parametrize("tier", ["SENTENCE", "SENTENCE ", "  SENTENCE"])
def test_two_tiers_have_two_names(tier: str) -> None:
    with pytest.raises(SlaError, match="two tiers would be named SENTENCE"):
        Layout(tier=tier, sentences=True)


@given(annotation=annotations(0.002, st.just("A")))
def test_times_are_rounded_to_the_nearest_millisecond(annotation: Annotation) -> None:
    found = [(sign.start, sign.end) for sentence in in_milliseconds(annotation) for sign in sentence]
    assert found == [(round(sign.start * 1000), round(sign.end * 1000)) for sign in annotation.signs]


@given(annotation=annotations(1e-6, st.just("A")))
def test_no_sign_is_empty_or_over_the_next_however_short(annotation: Annotation) -> None:
    found = [sign for sentence in in_milliseconds(annotation) for sign in sentence]
    assert all(sign.start < sign.end for sign in found)
    assert all(one.end <= two.start for one, two in itertools.pairwise(found))
    moved = [abs(one.start - two.start * 1000) for one, two in zip(found, annotation.signs, strict=True)]
    assert max(moved, default=0) <= len(found) + 0.51  # each sign pushes the next by 1 ms at most
