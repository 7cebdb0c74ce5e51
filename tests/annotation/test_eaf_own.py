"""What is as sla wrote it: corrections are never replaced; a tier that ELAN only saved is not one, a file may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_cases import EXAMPLE
from annotation_files import write_annotation
from pympi.Elan import Eaf

from sla_cli.annotation.eaf_edit import add_to
from sla_cli.annotation.eaf_own import is_uncorrected
from sla_cli.annotation.formats import annotation_like
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Sentence, Sign
from sla_cli.errors import SlaError
from sla_cli.work.output import check_output

ALL = Layout(sentences=True, confidence=True)
Correction = Callable[[Eaf], None]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "a.eaf"
    write_annotation(path, "eaf", EXAMPLE, ALL)
    return path


def saved(path: Path, correct: Correction = lambda eaf: None) -> None:
    """As another program saves it: with other ids, spaces and order of attributes."""
    eaf = Eaf(str(path))
    correct(eaf)
    eaf.to_file(str(path))


def test_a_file_may_be_replaced_only_as_sla_wrote_it(written: Path) -> None:
    assert is_uncorrected(written)
    content = written.read_bytes()
    for changed in (
        content.replace(b"<HEADER ", b"<!-- ask anna --><HEADER "),
        content.replace(b"</HEADER>", b'<PROPERTY NAME="note">checked</PROPERTY></HEADER>'),
        content.replace(b"</ANNOTATION_DOCUMENT>", b'<LICENSE LICENSE_URL="x"/></ANNOTATION_DOCUMENT>'),
    ):
        assert changed != content
        written.write_bytes(changed)
        with pytest.raises(SlaError, match="was changed since sla wrote it, and is not replaced"):
            is_uncorrected(written)


def test_a_gloss_that_looks_like_a_digest_stays(tmp_path: Path) -> None:
    gloss = f"A{'0' * 16}"
    named = replace(EXAMPLE, sentences=(Sentence((Sign(gloss, 0.0, 1.0, 1.0),)),))
    write_annotation(tmp_path / "a.eaf", "eaf", named, Layout())
    assert [text for *_, text in Eaf(str(tmp_path / "a.eaf")).get_annotation_data_for_tier("SIGN")] == [gloss]
    assert is_uncorrected(tmp_path / "a.eaf")


def test_its_tiers_may_be_replaced_also_if_another_program_has_saved_them(written: Path) -> None:
    before = written.read_bytes()
    saved(written)
    assert written.read_bytes() != before
    with pytest.raises(SlaError, match="was changed"):
        is_uncorrected(written)
    add_to(written, EXAMPLE, ALL, replace=True)


def another_gloss(eaf: Eaf) -> None:
    name, (start, end, _, svg) = next(iter(eaf.tiers["SIGN"][0].items()))
    eaf.tiers["SIGN"][0][name] = (start, end, "CORRECTED", svg)


def another_time(eaf: Eaf) -> None:
    start = next(iter(eaf.tiers["SIGN"][0].values()))[0]
    eaf.timeslots[start] += 1


def one_more(eaf: Eaf) -> None:
    eaf.add_annotation("SENTENCE", 90_000, 91_000, "ADDED")


def one_less(eaf: Eaf) -> None:
    del eaf.tiers["SENTENCE"][0][next(iter(eaf.tiers["SENTENCE"][0]))]


def no_digests(eaf: Eaf) -> None:
    eaf.properties = [one for one in eaf.properties if not one[0].startswith("sla:digest:")]


def a_tier(eaf: Eaf) -> None:
    eaf.add_tier("MINE")
    eaf.add_annotation("MINE", 0, 1000, "a note")


def my_name(eaf: Eaf) -> None:
    eaf.tiers["SIGN"][2]["ANNOTATOR"] = "me"


def another_language(eaf: Eaf) -> None:
    eaf.tiers["SIGN"][2]["LANG_REF"] = "gsg"


def who_signs(eaf: Eaf) -> None:
    eaf.tiers["SIGN"][2]["PARTICIPANT"] = "anna"


def another_camera(eaf: Eaf) -> None:
    for name in ("front", "side"):
        eaf.add_linked_file(f"file:///corpus/{name}.mp4", mimetype="video/mp4")


def data_beside_it(eaf: Eaf) -> None:
    eaf.add_secondary_linked_file("file:///corpus/hands.tsv", mimetype="unknown")


CORRECTIONS: list[tuple[Correction, str]] = [
    (another_gloss, "tier SIGN was corrected"),
    (another_time, "tier SIGN"),
    (one_more, "tier SENTENCE was corrected"),
    (one_less, "tier SENTENCE was corrected"),
    (no_digests, "tier SIGN was corrected"),
    (a_tier, "tier MINE is not from sla"),
    (my_name, "tier SIGN is not from sla"),
    (another_language, "tier SIGN has LANG_REF"),
    (who_signs, "tier SIGN has a participant, anna"),
    (another_camera, "links files that sla did not link"),
    (data_beside_it, "links files that sla did not link"),
]


OF_THE_FILE = (a_tier, another_camera, data_beside_it)


@pytest.mark.parametrize(("correct", "message"), CORRECTIONS)
def test_a_file_with_corrections_is_never_replaced(written: Path, correct: Correction, message: str) -> None:
    saved(written, correct)
    before = written.read_bytes()
    with pytest.raises(SlaError, match=message):
        check_output(written, annotation_like("eaf"), replace=True)
    assert written.read_bytes() == before


@pytest.mark.parametrize(("correct", "message"), [one for one in CORRECTIONS if one[0] not in OF_THE_FILE])
def test_a_corrected_tier_is_never_replaced(written: Path, correct: Correction, message: str) -> None:
    saved(written, correct)
    before = written.read_bytes()
    with pytest.raises(SlaError, match=message) as caught:
        add_to(written, EXAMPLE, ALL, replace=True)
    assert caught.value.hint == "Leave out --sentences and name another tier with --tier."
    assert written.read_bytes() == before


def test_a_template_without_tiers_is_never_replaced(written: Path) -> None:
    saved(written, lambda eaf: [eaf.remove_tier(name) for name in list(eaf.get_tier_names())])
    with pytest.raises(SlaError, match="is not a file of sla"):
        check_output(written, annotation_like("eaf"), replace=True)


def test_a_note_on_another_tier_does_not_prevent_replacing_those_of_sla(written: Path) -> None:
    saved(written, a_tier)
    add_to(written, EXAMPLE, ALL, replace=True)
    assert "MINE" in Eaf(str(written)).get_tier_names()
