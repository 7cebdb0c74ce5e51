"""A new ELAN file: read back by pympi, and held to the rules of EAF 3.0."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from annotation_cases import EXAMPLE, annotations
from annotation_files import write_annotation
from eaf_rules import broken_rules
from hypothesis import given, settings
from hypothesis import strategies as st
from pympi.Elan import Eaf

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation

ALL = Layout(sentences=True, confidence=True)
layouts = st.builds(
    Layout,
    tier=st.sampled_from(["SIGN", "RH-IDgloss", "Lexem_Gebärde_r_A", 'a "b" <c>']),
    sentences=st.booleans(),
    confidence=st.booleans(),
)


def milliseconds(annotation: Annotation) -> list[tuple[int, int]]:
    return [(round(sign.start * 1000), round(sign.end * 1000)) for sign in annotation.signs]


@settings(max_examples=80, deadline=None)
@given(annotation=annotations(), layout=layouts)
def test_reads_back(annotation: Annotation, layout: Layout) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.eaf"
        write_annotation(path, "eaf", annotation, layout)
        assert broken_rules(path) == []
        eaf = Eaf(path)
    extra = [layout.confidence_tier] * layout.confidence + ["SENTENCE"] * layout.sentences
    assert list(eaf.get_tier_names()) == [layout.tier, *extra]
    spans = milliseconds(annotation)
    assert sorted(eaf.get_annotation_data_for_tier(layout.tier)) == [
        (*span, sign.gloss) for span, sign in zip(spans, annotation.signs, strict=True)
    ]
    if layout.confidence:
        found = sorted(eaf.get_ref_annotation_data_for_tier(layout.confidence_tier))
        assert [(one[:2], one[3]) for one in found] == [
            (span, sign.gloss) for span, sign in zip(spans, annotation.signs, strict=True)
        ]
        assert [float(one[2]) for one in found] == pytest.approx([one.confidence for one in annotation.signs], abs=6e-5)
    if layout.sentences:
        assert sorted(eaf.get_annotation_data_for_tier("SENTENCE")) == [
            (round(one.start * 1000), round(one.end * 1000), one.text) for one in annotation.sentences
        ]


@settings(max_examples=40, deadline=None)
@given(annotation=annotations(shortest=1e-6))
def test_very_short_signs_keep_the_rules(annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_annotation(Path(folder) / "a.eaf", "eaf", annotation, ALL)
        assert broken_rules(Path(folder) / "a.eaf") == []


def root_of(annotation: Annotation, folder: Path, layout: Layout = ALL) -> ET.Element:
    return ET.fromstring(annotation_text("eaf", annotation, layout, folder))


def test_tiers_are_from_sla_and_how_they_were_made_is_kept(tmp_path: Path) -> None:
    root = root_of(EXAMPLE, tmp_path)
    assert {tier.get("ANNOTATOR") for tier in root.iter("TIER")} == {"sla"}
    properties = {str(one.get("NAME")): one.text for one in root.iter("PROPERTY")}
    assert {name: text for name, text in properties.items() if not name.startswith(("sla:digest:", "sla:file"))} == {
        "lastUsedAnnotationId": "8", "sla:run:SIGN": "runs/a", "sla:weights:SIGN": "best",
    }  # fmt: skip
    digested = [name.removeprefix("sla:digest:") for name in properties if name.startswith("sla:digest:")]
    assert digested == ["SIGN", "SIGN-confidence", "SENTENCE"]
    assert [one.get("STEREOTYPE") for one in root.iter("CONSTRAINT")] == [
        "Time_Subdivision", "Symbolic_Subdivision", "Symbolic_Association", "Included_In",
    ]  # fmt: skip


def test_what_no_xml_holds_is_replaced_in_how_it_was_made(tmp_path: Path) -> None:
    made = {"run": "caf\udce9/\x1b[0m\n--><"}  # a name that is no UTF-8, as Linux has them
    assert root_of(replace(EXAMPLE, made=made), tmp_path).find(".//*[@NAME='sla:run:SIGN']").text == (
        "caf\ufffd/\ufffd[0m --><"
    )


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("clip.mp4", "video/mp4"),
        ("mein Ä&%20 #1?.MOV", "video/quicktime"),
        ("u\u0308.mkv", "video/x-matroska"),
        ("a.xyz", "unknown"),
    ],
)
def test_a_video_beside_or_below_is_linked(tmp_path: Path, name: str, mime: str) -> None:
    video = tmp_path / "videos" / name
    video.parent.mkdir()
    video.write_bytes(b"")
    for folder, relative in ((video.parent, f"./{name}"), (tmp_path, f"./videos/{name}"), (tmp_path / "eaf", None)):
        link = root_of(replace(EXAMPLE, media=video), folder).find(".//MEDIA_DESCRIPTOR")
        assert Path(link.get("MEDIA_URL").removeprefix("file://")).samefile(video)  # as ELAN writes and reads it
        assert link.get("RELATIVE_MEDIA_URL") == relative
        assert link.get("MIME_TYPE") == mime


def test_a_link_to_a_video_is_linked_under_its_own_name(tmp_path: Path) -> None:
    """It may have been made so that the name of the person stays where it is."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "Anna Muster.mp4").write_bytes(b"")
    (tmp_path / "S01.mp4").symlink_to(tmp_path / "archive" / "Anna Muster.mp4")
    link = root_of(replace(EXAMPLE, media=tmp_path / "S01.mp4"), tmp_path).find(".//MEDIA_DESCRIPTOR")
    assert link.get("MEDIA_URL") == f"file://{tmp_path.resolve() / 'S01.mp4'}"
    assert link.get("RELATIVE_MEDIA_URL") == "./S01.mp4"


def test_a_relative_path_to_the_video_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    link = root_of(replace(EXAMPLE, media=Path("a.mp4")), Path()).find(".//MEDIA_DESCRIPTOR")
    assert link.get("MEDIA_URL") == f"file://{(tmp_path / 'a.mp4').resolve()}"
    assert link.get("RELATIVE_MEDIA_URL") == "./a.mp4"


def test_what_is_no_file_is_not_linked(tmp_path: Path) -> None:
    for media in (None, tmp_path / "absent.mp4", tmp_path):
        assert root_of(replace(EXAMPLE, media=media), tmp_path).find(".//MEDIA_DESCRIPTOR") is None


def test_a_recording_without_signs(tmp_path: Path) -> None:
    write_annotation(tmp_path / "a.eaf", "eaf", replace(EXAMPLE, sentences=()), ALL)
    assert broken_rules(tmp_path / "a.eaf") == []
    assert [Eaf(tmp_path / "a.eaf").get_annotation_data_for_tier(name) for name in ("SIGN", "SENTENCE")] == [[], []]
