"""Changing single annotations: tiers that were not given stay byte for byte, and the reverse edits restore the file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from annotation_cases import glosses
from eaf_rules import broken_rules
from elan_files import Eaf as Plain
from hypothesis import given, settings
from hypothesis import strategies as st
from pympi.Elan import Eaf

from sla_cli.annotation.eaf import TierPlan
from sla_cli.annotation.eaf_change import TierChange, change_edits, new_ids, reversed_edits
from sla_cli.annotation.eaf_document import Document, parse_document
from sla_cli.annotation.eaf_read import tiers_of
from sla_cli.annotation.timed import Interval
from sla_cli.errors import FormatError, SlaError

pytestmark = pytest.mark.long

GLOSS = TierPlan("GLOSS", "sla-gloss", (), annotator="Mia")
NOTE = TierPlan("GLOSS-decision", "sla-decision", (), parent="GLOSS", annotator="Mia")
SCHEMA = b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="x"'  # pympi needs it


def read(path: Path) -> Eaf:
    return Eaf(path, suppress_version_warning=True)


def put(marks: Mapping[str, tuple[int, int, str]], gone: set[str] = frozenset(), plan: TierPlan = GLOSS) -> TierChange:
    return TierChange(plan, {name: Interval(*mark) for name, mark in marks.items()}, {}, frozenset(gone))


def notes(texts: Mapping[str, tuple[str, str]], gone: set[str] = frozenset()) -> TierChange:
    """By id: the annotation that the note is about, and its text."""
    wanted = {name: Interval(0, 0, text) for name, (_, text) in texts.items()}
    return TierChange(NOTE, wanted, {name: about for name, (about, _) in texts.items()}, frozenset(gone))


def parsed(data: bytes | str) -> Document:
    return parse_document(data.encode() if isinstance(data, str) else data, "a.eaf")


def changed(document: Document, *changes: TierChange, properties: Mapping[str, str] | None = None) -> Document:
    """The document after the changes, which can be taken back."""
    edits = change_edits(document, tiers_of(document), changes, properties)
    after = parsed(document.edited(edits))
    assert after.edited(reversed_edits(document, edits)) == document.data
    return after


def marks(document: Document, tier: str) -> list[tuple[int, int, str]]:
    found = {one.name: one for one in tiers_of(document)}
    return sorted((mark.start, mark.end, mark.text) for mark in found[tier].marks) if tier in found else []


def two_tiers() -> Plain:
    """GLOSS has a1 and a2, which share the slot at 500; OTHER's a3 shares that at 900 with a2."""
    eaf = Plain(types={"gloss": ("", ""), "inner": ("Included_In", ""), "note": ("Symbolic_Association", "")})
    for name in ("GLOSS", "OTHER"):
        eaf.tier(name)
    begin, middle, end = eaf.slot(100), eaf.slot(500), eaf.slot(900)
    eaf.mark("GLOSS", begin, middle, "A")
    eaf.mark("GLOSS", middle, end, "B")
    eaf.mark("OTHER", end, 1200, "C")
    return eaf


def test_a_text_is_replaced_and_nothing_else() -> None:
    before = two_tiers().xml()
    after = changed(parsed(before), put({"a1": (100, 500, "<ÄRGER>")}))
    assert after.data.decode() == before.replace(">A<", ">&lt;ÄRGER&gt;<")


def test_a_slot_of_its_own_is_moved_and_one_that_others_use_stays() -> None:
    before = two_tiers().xml()
    own = changed(parsed(before), put({"a1": (40, 500, "A")}))
    assert own.data.decode() == before.replace('TIME_VALUE="100"', 'TIME_VALUE="40" ').replace(
        '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1"', '<TIME_ORDER>\n<TIME_SLOT TIME_SLOT_ID="ts1"'
    )
    shared = changed(parsed(before), put({"a2": (600, 900, "B")}))
    assert marks(shared, "GLOSS") == [(100, 500, "A"), (600, 900, "B")]
    assert (b'TIME_SLOT_ID="ts2" TIME_VALUE="500"' in shared.data) and (b'"ts5" TIME_VALUE="600"' in shared.data)
    across = changed(shared, put({"a2": (600, 1000, "B")}))
    assert (marks(across, "GLOSS")[1], marks(across, "OTHER")) == ((600, 1000, "B"), [(900, 1200, "C")])


def test_slots_that_nothing_uses_any_more_go_and_ids_are_never_used_again() -> None:
    after = changed(parsed(two_tiers().xml()), put({}, gone={"a1"}))
    assert b'"ts1"' not in after.data and b'"ts2"' in after.data
    first = next(new_ids(after))
    again = changed(after, put({first: (0, 90, "NEU")}))
    assert (first, next(new_ids(again))) == ("a4", "a5")
    assert next(new_ids(changed(again, put({}, gone={"a4"})))) == "a5"
    escaped = two_tiers().xml().replace('"a3"', '"a&#51;"')
    assert escaped.count("&#51;") == 1 and next(new_ids(parsed(escaped))) == "a4"


def test_tiers_with_their_types_are_made() -> None:
    document = parsed(Plain().xml())
    after = changed(document, put({"a1": (5, 10, "A")}), notes({"a2": ("a1", "new")}), properties={"sla:done": "Mia"})
    assert marks(after, "GLOSS-decision") == [(5, 10, "new")]
    assert b'<PROPERTY NAME="sla:done">Mia</PROPERTY>' in after.data
    tiers = {tier.name: tier for tier in tiers_of(after)}
    assert (tiers["GLOSS"].annotator, tiers["GLOSS-decision"].constraint) == ("Mia", "Symbolic_Association")


def test_a_word_of_a_vocabulary_that_is_changed_names_no_entry_any_more() -> None:
    eaf = Plain(types={"gloss": ("", "CV")}, vocabulary={"e1": {"deu": "HAUS"}})
    eaf.tier("GLOSS")
    eaf.mark("GLOSS", 0, 10, "HAUS", entry="e1")
    after = changed(parsed(eaf.xml()), put({"a1": (0, 10, "HUT")}))
    assert (marks(after, "GLOSS"), b"CVE_REF" in after.data) == ([(0, 10, "HUT")], False)


def with_inner() -> Plain:
    eaf = two_tiers()
    eaf.tier("INNER", "inner", PARENT_REF="GLOSS")
    eaf.mark("INNER", 200, 300, "x")
    eaf.tier("NOTE", "note", PARENT_REF="GLOSS")
    eaf.child("NOTE", "a2", "y")
    return eaf


REFUSED = {
    "overlap": (put({"a1": (100, 501, "A")}), "A would overlap B from 500 to 900 ms on tier GLOSS"),
    "new overlap": (put({"a9": (899, 950, "N")}), "N would overlap B"),
    "overlap of one without text": (put({"a1": (100, 501, "")}), "^it would overlap B"),
    "no length": (put({"a1": (500, 500, "A")}), "would last from 500 to 500 ms"),
    "before the beginning": (put({"a1": (-1, 500, "A")}), "would last from -1 to"),
    "control": (put({"a1": (100, 500, "A\x01")}), "control character"),
    "inner": (put({"a1": (100, 400, "A")}), r"line \d+: an annotation of tier INNER lies within A"),
    "inner of a deleted one": (put({}, gone={"a1"}), "tier INNER lies within A"),
    "note": (put({}, gone={"a2"}), r"line \d+: something else refers to an annotation of tier GLOSS"),
    "kind": (put({"a9": (5, 6, "A")}, plan=TierPlan("NOTE", "sla-gloss", ())), "tier NOTE depends on tier GLOSS"),
    "parent": (
        TierChange(TierPlan("OTHER", "sla-decision", (), parent="GLOSS"), {}, {}),
        "tier OTHER has not an annotation for each one of tier GLOSS",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_harm_others_is_refused(name: str) -> None:
    change, message = REFUSED[name]
    with pytest.raises(SlaError, match=message):
        changed(parsed(with_inner().xml()), change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put({"a1": (0, 400, "A")}), "would move B from 500-1000 to 700-1000 ms"),
        (put({"a2": (500, 800, "B")}), "would move A from 0-500 to 0-400 ms"),
        (put({}, gone={"a1"}), "the new file could not be read .* has no time, and no slots around it"),
    ],
)
def test_what_moves_others_by_a_slot_without_a_value_is_refused(change: TierChange, message: str) -> None:
    eaf = Plain()
    begin, middle, end = eaf.slot(0), eaf.slot(None), eaf.slot(1000)
    eaf.tier("GLOSS")
    eaf.mark("GLOSS", begin, middle, "A")
    eaf.mark("GLOSS", middle, end, "B")
    with pytest.raises(SlaError, match=message) as caught:
        changed(parsed(eaf.xml()), change)
    assert "Give the annotations around it times" in caught.value.hint
    assert marks(changed(parsed(eaf.xml()), put({"a1": (0, 500, "N")})), "GLOSS") == [(0, 500, "N"), (500, 1000, "B")]


@pytest.mark.parametrize("plan", [GLOSS, TierPlan("GLOSS-decision", "sla-decision", (), parent="GLOSS")])
def test_of_two_tiers_that_look_the_same_none_is_changed(plan: TierPlan) -> None:
    alike = two_tiers().xml().replace('TIER_ID="OTHER"', 'TIER_ID=" GLOSS"')
    with pytest.raises(FormatError, match=r"a\.eaf: the tiers 'GLOSS' and ' GLOSS' look the same"):
        changed(parsed(alike), TierChange(plan, {}, {}))


def test_a_note_moves_with_its_annotation() -> None:
    after = changed(parsed(with_inner().xml()), put({"a2": (550, 900, "B")}))
    assert marks(after, "NOTE") == [(550, 900, "y")]


@pytest.mark.parametrize("name", ["cont_annotation.eaf", "gloss-1.eaf"])
def test_real_files_keep_all_that_was_not_given(shared: Path, tmp_path: Path, name: str) -> None:
    before = (shared / "data" / "elan" / name).read_bytes()
    document = parsed(before)
    one, two, note = (found for found, _ in zip(new_ids(document), range(3), strict=False))
    after = changed(document, put({one: (10**6, 10**6 + 9, "N"), two: (7, 8, "M")}), notes({note: (one, "new")}))
    lines = iter(after.data.splitlines())
    assert all(line in lines for line in before.splitlines() if b"lastUsedAnnotationId" not in line)
    (tmp_path / "a.eaf").write_bytes(after.data)
    old, new = (
        Eaf(path, suppress_version_warning=True) for path in (shared / "data" / "elan" / name, tmp_path / "a.eaf")
    )
    for tier in old.get_tier_names():
        assert sorted(old.get_annotation_data_for_tier(tier)) == sorted(new.get_annotation_data_for_tier(tier))
    assert sorted(new.get_annotation_data_for_tier("GLOSS")) == [(7, 8, "M"), (10**6, 10**6 + 9, "N")]
    again = changed(after, put({}, gone={one, two}), notes({}, gone={note}))
    assert [line for line in again.data.splitlines() if b"TIME_SLOT " in line] == [
        line for line in before.splitlines() if b"TIME_SLOT " in line
    ]


@st.composite
def files(draw: st.DrawFn) -> str:
    """Two tiers whose neighbours share slots or not, and slots that both tiers use."""
    eaf = Plain()
    times = sorted(draw(st.sets(st.integers(0, 400), min_size=4, max_size=10)))
    slots = {time: eaf.slot(time) for time in times}
    for tier in ("GLOSS", "OTHER"):
        eaf.tier(tier)
        for start, end in pairwise(times):
            if draw(st.booleans()):
                eaf.mark(tier, slots[start], slots[end], draw(glosses))
    return eaf.xml()


@given(files(), st.data())
@settings(max_examples=60)
def test_any_changes_leave_other_tiers_and_can_be_taken_back(xml: str, data: st.DataObject) -> None:
    document = parsed(xml)
    wanted = {mark.id: (mark.start, mark.end, mark.text) for tier in tiers_of(document)[:1] for mark in tier.marks}
    for _ in range(data.draw(st.integers(1, 5))):
        name = data.draw(st.sampled_from([*wanted, next(new_ids(document))]))
        if name in wanted and data.draw(st.booleans()):
            change, after = put({}, gone={name}), {key: mark for key, mark in wanted.items() if key != name}
        else:
            mark = (data.draw(st.integers(0, 420)), data.draw(st.integers(0, 420)), data.draw(glosses))
            change, after = put({name: mark}), wanted | {name: mark}
        spans = sorted(mark[:2] for mark in after.values())
        valid = all(start < end for start, end in spans) and all(a[1] <= b[0] for a, b in pairwise(spans))
        if not valid:
            with pytest.raises(SlaError):
                changed(document, change)
            continue
        other = marks(document, "OTHER")
        document, wanted = changed(document, change), after
        assert marks(document, "OTHER") == other
        assert marks(document, "GLOSS") == sorted((*mark[:2], " ".join(mark[2].split())) for mark in wanted.values())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.eaf"
        path.write_bytes(document.data.replace(b" AUTHOR", SCHEMA + b" AUTHOR", 1))
        assert broken_rules(path) == []
        found = read(path)
        assert sorted(found.get_annotation_data_for_tier("OTHER")) == marks(document, "OTHER")
