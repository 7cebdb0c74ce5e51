"""What each operation of the page does to an ELAN file, as another program reads it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from annotating import SCOPE, SIGNS, Annotated, annotated, foreign_file, read
from eaf_rules import broken_rules
from elan_files import Eaf
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.annotate.decision import Decision, now, parse_decision
from sla_cli.annotate.operations import (
    Accept,
    Add,
    Delete,
    Done,
    Join,
    Operation,
    Reject,
    SetText,
    SetTimes,
    Signer,
    Split,
    Undo,
)  # fmt: skip
from sla_cli.annotate.recording import ChangedError, Recording
from sla_cli.annotate.scope import Scope
from sla_cli.annotation.eaf_document import read_document
from sla_cli.annotation.eaf_edit import check_can_add
from sla_cli.annotation.eaf_read import tiers_of
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.timed import Interval
from sla_cli.errors import FormatError, SlaError


@pytest.fixture
def file(tmp_path: Path) -> Annotated:
    return annotated(tmp_path)


def accept(file: Annotated, gloss: str, tier: str = "GLOSS", **other: object) -> None:
    name = file.id("SIGN", gloss)
    entry = file.entries("SIGN")[name]
    wanted = {"text": entry.text, "start": entry.start, "end": entry.end, **other}
    file.do(Accept(name, tier, **wanted))


def test_suggestions_are_accepted_changed_and_rejected(file: Annotated) -> None:
    suggested = file.marks("SIGN")
    accept(file, "REGEN")
    accept(file, "NORD", text="  SUED  2 ")
    file.do(Reject(file.id("SIGN", "SONNE")))
    assert file.marks("GLOSS") == [(400, 800, "REGEN"), (1000, 1400, "SUED 2")]
    assert file.decisions("GLOSS") == {"REGEN": "accepted", "SUED 2": "changed from NORD 1000-1400"}
    assert file.decisions("SIGN") == {"REGEN": "accepted", "NORD": "changed", "SONNE": "rejected"}
    assert file.marks("SIGN") == suggested
    assert [entry.confidence for entry in file.entries("SIGN").values()] == [sign.confidence for sign in SIGNS]
    assert broken_rules(file.path) == []
    other = read(file.path)
    assert sorted(other.get_annotation_data_for_tier("GLOSS")) == file.marks("GLOSS")
    decision = other.get_ref_annotation_data_for_tier("GLOSS-decision")[0][2]
    assert decision.startswith("accepted Mia Maier 20")
    assert other.tiers["GLOSS"][2]["ANNOTATOR"] == "Mia Maier"


def test_decisions_are_never_destroyed_by_new_suggestions(file: Annotated) -> None:
    file.do(Reject(file.id("SIGN", "SONNE")))
    with pytest.raises(SlaError, match="tier SIGN is not replaced: SIGN-decision, which depends on it, has decisions"):
        check_can_add(file.path, Layout(confidence=True), replace=True)


def test_an_accepted_gloss_that_is_corrected_or_deleted_decides_about_its_suggestion(file: Annotated) -> None:
    accept(file, "REGEN")
    file.do(SetText("GLOSS", file.id("GLOSS", "REGEN"), "SCHNEE"))
    assert file.decisions("SIGN")["REGEN"] == "changed"
    file.do(SetTimes("GLOSS", file.id("GLOSS", "SCHNEE"), 360, 840))
    assert file.decisions("GLOSS") == {"SCHNEE": "changed from REGEN 400-800"}
    file.do(Delete("GLOSS", file.id("GLOSS", "SCHNEE")))
    assert (file.decisions("SIGN")["REGEN"], file.marks("GLOSS")) == ("rejected", [])
    accept(file, "REGEN")
    assert (file.decisions("SIGN")["REGEN"], file.marks("GLOSS")) == ("accepted", [(400, 800, "REGEN")])
    file.do(Add("GLOSS-LH", 400, 800, "REGEN"))
    text = file.path.read_text(encoding="utf-8")  # then without its decision, as if it was typed in ELAN
    file.path.write_text(re.sub(r'<TIER [^>]*"GLOSS-LH-decision".*?</TIER>', "", text, flags=re.DOTALL), "utf-8")
    [typed] = file.entries("GLOSS-LH")
    name = "GLOSS-LH", typed
    for operation in (SetText(*name, "NORD"), SetTimes(*name, 400, 760), Delete(*name)):
        file.do(operation)
        assert file.decisions("SIGN")["REGEN"] == "accepted", "it became another gloss, which stays"
    file.do(Undo())
    file.do(Delete("GLOSS", file.id("GLOSS", "REGEN")))
    assert file.decisions("SIGN")["REGEN"] == "rejected", "although the other gloss was as it says"


def test_glosses_are_added_split_joined_and_copied_to_the_other_hand(file: Annotated) -> None:
    file.do(Add("GLOSS", 5000, 6000, "ICH"))
    file.do(Split("GLOSS", file.id("GLOSS", "ICH"), 5400))
    assert file.marks("GLOSS") == [(5000, 5400, "ICH"), (5400, 6000, "ICH")]
    first = min(file.entries("GLOSS"), key=lambda name: file.entries("GLOSS")[name].start)
    file.do(Join("GLOSS", first))
    assert file.marks("GLOSS") == [(5000, 6000, "ICH")]
    file.do(Add("GLOSS-LH", 5000, 6000, "ICH"))
    file.do(Add("Translation", 0, 6000, "Ich bin da."))
    assert file.decisions("GLOSS") == file.decisions("GLOSS-LH") == {"ICH": "new"}
    assert file.decisions("Translation") == {"Ich bin da.": "new"}
    accept(file, "NORD", tier="GLOSS-LH")
    assert file.marks("GLOSS-LH") == [(1000, 1400, "NORD"), (5000, 6000, "ICH")]
    assert broken_rules(file.path) == []


def test_what_somebody_else_annotated_keeps_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.eaf"
    path.write_text(foreign_file(), encoding="utf-8")
    file = Annotated(Recording("a", tmp_path / "a.mp4", path, SCOPE))
    file.do(SetTimes("GLOSS", file.id("GLOSS", "HAUS"), 60, 500))
    file.do(SetText("GLOSS", file.id("GLOSS", "WEG"), "STRASSE"))
    assert file.decisions("GLOSS") == {
        "HAUS": "changed from HAUS 100-500", "BAUM": "", "STRASSE": "changed from WEG 900-1300",
    }  # fmt: skip
    with pytest.raises(SlaError, match=r"line \d+: something else refers to an annotation of tier GLOSS"):
        file.do(Delete("GLOSS", file.id("GLOSS", "STRASSE")))


def test_a_recording_is_done_and_open_again(file: Annotated) -> None:
    assert file.do(Done(True)).done.startswith("done Mia Maier 20")
    assert file.recording.counts().done
    assert file.do(Done(False)).done.startswith("open Mia Maier 20")
    assert not file.recording.counts().done


def test_who_signs_is_the_participant_of_the_tiers_that_may_be_edited(file: Annotated, tmp_path: Path) -> None:
    assert file.do(Signer(" Anna  B ")).signer == "Anna B"  # before there is any gloss
    accept(file, "REGEN")
    accept(file, "NORD", "GLOSS-LH")
    for tier, person in (("GLOSS", "Anna B"), ("GLOSS-LH", "Anna B"), ("SIGN", None)):
        assert read(file.path).get_parameters_for_tier(tier).get("PARTICIPANT") == person
    assert broken_rules(file.path) == []
    before = file.path.read_bytes()
    assert file.do(Signer("Sängerin & <Co>")).signer == "Sängerin & <Co>"
    assert file.path.read_bytes() == before.replace(b"Anna B", "Sängerin &amp; &lt;Co&gt;".encode())
    assert file.do(Undo()).signer == "Anna B"
    assert file.path.read_bytes() == before
    other = tmp_path / "other.eaf"
    other.write_text(foreign_file().replace('TIER_ID="Mouth"', 'TIER_ID="Mouth" PARTICIPANT="Cem"'), encoding="utf-8")
    foreign = Annotated(Recording("other", tmp_path / "other.mp4", other, SCOPE))
    assert foreign.recording.content().signer == ""  # of the glosses
    foreign.do(Signer("Cem"))
    parameters = read(other).get_parameters_for_tier
    assert [parameters(tier).get("PARTICIPANT") for tier in ("GLOSS", "Mouth", "Note")] == ["Cem", "Cem", None]
    other.write_text(other.read_text(encoding="utf-8").replace('"GLOSS"', '"Old"'), encoding="utf-8")
    assert foreign.recording.content().signer == "Cem"  # there is one person, and no tier of glosses yet


def test_undo_restores_every_byte(file: Annotated) -> None:
    versions = [file.path.read_bytes()]
    accept(file, "REGEN")
    versions.append(file.path.read_bytes())
    file.do(Done(True))
    assert file.do(Undo()).said == "undone: recording is done"
    assert file.path.read_bytes() == versions.pop()
    answer = file.do(Undo())
    assert file.path.read_bytes() == versions.pop()
    assert (answer.said, list(answer.changes["GLOSS"].gone)) == ("undone: accepted REGEN", ["a7"])
    with pytest.raises(SlaError, match="nothing to undo"):
        file.do(Undo())


def test_undo_is_refused_after_another_program_has_changed_the_file(file: Annotated) -> None:
    accept(file, "REGEN")
    file.path.write_bytes(file.path.read_bytes() + b"\n")
    with pytest.raises(SlaError, match="another program has changed the file"):
        file.do(Undo())
    assert file.marks("GLOSS") == [(400, 800, "REGEN")]


def test_a_tier_is_the_one_whose_name_looks_the_same(tmp_path: Path) -> None:
    """In either Unicode form of accents, with spaces around it; its decisions refer to it as the file names it."""
    file = annotated(tmp_path, Scope("SIGN", (" Geb\u00e4rde",), "", "Mia Maier"))
    eaf = Eaf(types={"gloss": ("", "")})
    eaf.tier("Geba\u0308rde")
    eaf.mark("Geba\u0308rde", 100, 500, "HAUS")
    file.path.write_text(eaf.xml(), encoding="utf-8")
    [tier] = file.recording.scope.glosses
    file.do(Add(tier, 600, 900, "BAUM"))
    file.do(SetText(tier, file.id(tier, "HAUS"), "MAUS"))
    file.do(Delete(tier, file.id(tier, "BAUM")))
    assert file.marks(tier) == [(100, 500, "MAUS")]
    assert set(file.decisions(tier).values()) == {"changed from HAUS 100-500"}
    assert [(one.name, one.parent) for one in tiers_of(read_document(file.path))] == [
        ("Geba\u0308rde", ""), ("Geb\u00e4rde-decision", "Geba\u0308rde"),
    ]  # fmt: skip


@pytest.mark.parametrize("other", ["GLOSS ", "GLOSS\u00a0", "SIGN ", " GLOSS-LH"])
def test_two_tiers_that_look_the_same_are_not_edited(tmp_path: Path, other: str) -> None:
    file = annotated(tmp_path)
    eaf = Eaf(types={"gloss": ("", "")})
    for number, name in enumerate((other.strip(), other, "Notes", "Notes ")):  # the last two are not of the page
        eaf.tier(name)
        eaf.mark(name, 1000 * number, 1000 * number + 500, "HAUS")
    file.path.write_text(eaf.xml(), encoding="utf-8")
    before = file.path.read_bytes()
    with pytest.raises(FormatError, match=r"video\.eaf: the tiers .* and .* look the same"):
        file.recording.content()
    assert file.path.read_bytes() == before
    file.path.write_text(eaf.xml().replace(f'TIER_ID="{other}"', 'TIER_ID="Other"'), encoding="utf-8")
    file.do(Add("GLOSS", 5000, 6000, "BAUM"))


def test_an_operation_on_another_version_is_refused(file: Annotated) -> None:
    seen = file.recording.content().digest
    file.do(Done(True))
    before = file.path.read_bytes()
    with pytest.raises(ChangedError, match=r"video\.eaf was changed by another program"):
        file.recording.edit(seen, Done(False))
    assert file.path.read_bytes() == before


def test_a_file_that_is_not_there_is_made_with_the_first_annotation(file: Annotated) -> None:
    file.path.unlink()
    assert file.recording.counts().digest == ""
    for refused in (Add("GLOSS", 40, 40, "ICH"), Delete("GLOSS", "a1"), Undo()):
        with pytest.raises(SlaError):
            file.recording.edit("", refused)
        assert not file.path.exists()
    file.recording.edit("", Add("GLOSS", 0, 40, "ICH"))
    assert file.marks("GLOSS") == [(0, 40, "ICH")]
    assert broken_rules(file.path) == []
    assert 'RELATIVE_MEDIA_URL="./video.mp4"' in file.path.read_text(encoding="utf-8")
    with pytest.raises(ChangedError):
        file.recording.edit("", Add("GLOSS", 100, 140, "ICH"))


REFUSED = {
    "a suggestion's text": (SetText("SIGN", "a1", "X"), "tier SIGN is not one that may be edited"),
    "another tier": (Add("Note", 0, 9, "X"), "tier Note is not one that may be edited"),
    "a decision": (Delete("SIGN-decision", "a1"), "tier SIGN-decision is not one"),
    "no such annotation": (Delete("GLOSS", "a99"), "tier GLOSS has no annotation a99"),
    "no text": (Add("GLOSS", 0, 9, " \n "), "an annotation needs a text"),
    "accepted on the translation": (Accept("a2", "Translation", "X", 0, 9), "not accepted on tier Translation"),
    "overlap": (Accept("a2", "GLOSS", "NORD", 700, 1400), "NORD would overlap REGEN from 400 to 800 ms on tier GLOSS"),
    "accepted twice": (Accept("a1", "GLOSS", "REGEN", 5, 9), "REGEN is decided: accepted Mia Maier"),
    "split outside": (Split("GLOSS", "a7", 900), "900 ms is not within REGEN"),
    "join of the last": (Join("GLOSS", "a7"), "REGEN is the last annotation of tier GLOSS"),
    "nobody": (Signer(" "), "a person needs a name"),
    "a control character": (Signer("a\x01"), "holds the control character"),
    "no length": (SetTimes("GLOSS", "a7", 500, 500), "would last from 500 to 500 ms"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(file: Annotated, name: str) -> None:
    accept(file, "REGEN")
    operation, message = REFUSED[name]
    before = file.path.read_bytes()
    with pytest.raises(SlaError, match=message):
        file.do(operation)
    assert file.path.read_bytes() == before
    assert file.do(Undo()).said == "undone: accepted REGEN"


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    (folder := tmp_path / "share").mkdir()
    file = annotated(folder)
    digest = file.recording.content().digest
    away = folder.rename(tmp_path / "away")
    with pytest.raises(SlaError, match=r"video\.mp4 is not there any more"):
        file.recording.content()
    for seen in (digest, ""):
        with pytest.raises(SlaError):
            file.recording.edit(seen, Add("GLOSS", 0, 40, "ICH"))
    assert not folder.exists() and (away / file.path.name).is_file()


def test_a_damaged_file_is_named(file: Annotated) -> None:
    file.path.write_text("<ANNOTATION_DOCUMENT>")
    with pytest.raises(FormatError, match=r"video\.eaf, line 1: not XML"):
        file.recording.content()


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (("SIGN", ("SIGN",), "", "Mia"), "tier SIGN was given twice"),
        (("SIGN", ("A", "A"), "", "Mia"), "tier A was given twice"),
        (("SIGN", ("\u00e4 ", "a\u0308"), "", "Mia"), "tier \u00e4 was given twice"),
        (("SIGN", ("GLOSS-decision",), "", "Mia"), "is not a name"),
        (("SIGN", ("GLOSS",), "", " "), "is not a name"),
        (("SIGN", ("GLOSS",), "", "sla"), "annotator sla: tiers with this annotator"),
    ],
)
def test_names_that_would_confuse_are_refused(scope: tuple[str, tuple[str, ...], str, str], message: str) -> None:
    with pytest.raises(SlaError, match=message):
        Scope(*scope)


@given(
    st.sampled_from(["accepted", "changed", "new", "rejected"]),
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8),
    st.none() | st.builds(Interval, st.integers(0, 9999), st.integers(0, 9999), st.text("AB 1-", max_size=8)),
)
def test_a_decision_is_read_as_it_was_written(kind: str, name: str, before: Interval | None) -> None:
    decision = Decision(kind, name, now(), before)
    assert parse_decision(str(decision)) == decision


def test_another_text_is_no_decision() -> None:
    long = f"changed Mia 2026-11-29T10:22:31+00:00 from A 1-{'9' * 5000}"  # int() refuses it
    for text in (
        "",
        "accepted",
        "accepted Mia",
        "accepted Mia 2026-11-29",
        "maybe Mia 2026-11-29T10:22:31+00:00",
        long,
    ):
        assert parse_decision(text) is None


def operations(file: Annotated) -> st.SearchStrategy[Operation]:
    """Operations on the annotations that are there, valid or not."""
    tier = st.sampled_from(["GLOSS", "GLOSS-LH"])
    times = st.integers(0, 60).map(lambda tick: 50 * tick)
    text = st.sampled_from(["A", "B & <C>", "مطر"])
    there = [(one, name) for one in ("GLOSS", "GLOSS-LH") for name in file.entries(one)]
    suggestion = st.sampled_from(sorted(file.entries("SIGN")))
    kinds = [
        st.builds(Add, tier, times, times, text), st.builds(Reject, suggestion), st.builds(Done, st.booleans()),
        st.builds(Signer, text),
        st.builds(Accept, suggestion, tier, text, times, times),
    ]  # fmt: skip
    if there:
        kinds += [
            st.sampled_from(there).flatmap(
                lambda at: st.one_of(
                    st.builds(SetText, *map(st.just, at), text), st.builds(SetTimes, *map(st.just, at), times, times),
                    st.just(Delete(*at)), st.builds(Split, *map(st.just, at), times), st.just(Join(*at)),
                )
            )
        ]  # fmt: skip
    return st.one_of(kinds)


@given(st.data())
@settings(max_examples=25)
def test_any_operations_leave_a_valid_file_and_can_all_be_undone(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = annotated(Path(folder))
        versions, suggested = [file.path.read_bytes()], file.marks("SIGN")
        for _ in range(data.draw(st.integers(1, 8))):
            operation = data.draw(operations(file))
            try:
                file.do(operation)
            except SlaError:
                assert file.path.read_bytes() == versions[-1]
            else:
                versions.append(file.path.read_bytes())
        assert broken_rules(file.path) == []
        assert file.marks("SIGN") == suggested
        for tier in ("GLOSS", "GLOSS-LH"):
            assert all(entry.decision for entry in file.entries(tier).values())
        while len(versions) > 1:
            versions.pop()
            file.do(Undo())
            assert file.path.read_bytes() == versions[-1]
