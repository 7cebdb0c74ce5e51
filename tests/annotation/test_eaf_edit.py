"""Adding to ELAN files: content from other programs is unchanged, in bytes, for an XML parser, and for pympi."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from annotation_cases import EXAMPLE, annotations
from eaf_rules import broken_rules
from hypothesis import given, settings
from hypothesis import strategies as st
from pympi.Elan import Eaf

from sla_cli.annotation.eaf_edit import add_to, check_can_add
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.errors import FormatError, SlaError

pytestmark = pytest.mark.long

ALL = Layout(sentences=True, confidence=True)
SMALL, LARGE = ["cont_annotation.eaf", "gloss-1.eaf"], "sample_3.0.eaf"  # up to 46 kB; 2.5 MB
OURS = ("sla-gloss", "sla-confidence", "sla-sentence")


def parse(path: Path) -> ET.Element:
    return ET.fromstring(path.read_bytes(), ET.XMLParser(target=ET.TreeBuilder(insert_comments=True, insert_pis=True)))


def copied(path: Path, copy: Path) -> Path:
    copy.write_bytes(path.read_bytes())
    return copy


def without_ours(path: Path, tiers: Sequence[str], types: Sequence[str] = OURS) -> list[tuple[object, ...]]:
    """What is not from sla, without the last used id and the constraint that confidence needs: of each element and
    comment, in order, the name, how many it holds, the attributes, and the text in and after it."""
    root = parse(path)
    slots: set[str] = set()
    for tier in [one for one in root.findall("TIER") if one.get("TIER_ID") in tiers]:
        slots |= {
            one.get(key) for one in tier.iter("ALIGNABLE_ANNOTATION") for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")
        }
        root.remove(tier)
    for parent, key, ours in (
        (root.find("TIME_ORDER"), "TIME_SLOT_ID", lambda text: text in slots),
        (root, "LINGUISTIC_TYPE_ID", lambda text: text in types),
        (root, "STEREOTYPE", lambda text: text == "Symbolic_Association"),
        (root.find("HEADER"), "NAME", lambda text: text.startswith("sla:") or text == "lastUsedAnnotationId"),
    ):
        parent[:] = [one for one in parent if not (key in one.attrib and ours(one.get(key)))]
    return [(one.tag, len(one), one.attrib, (one.text or "").strip(), (one.tail or "").strip()) for one in root.iter()]


def is_kept(old: Path, new: Path) -> bool:
    """Whether all lines of the old file but that with the last used id are in the new one, in order."""
    lines = iter(new.read_bytes().splitlines())
    return all(line in lines for line in old.read_bytes().splitlines() if b"lastUsedAnnotationId" not in line)


def facts(eaf: Eaf, tiers: list[str]) -> dict[str, Any]:
    """All that pympi reads, without tiers and types that sla added."""
    known = {name: eaf.tiers[name][:3] for name in eaf.get_tier_names() if name not in tiers}
    used = {slot for aligned, *_ in known.values() for start, end, *_ in aligned.values() for slot in (start, end)}
    return {
        "tiers": known,
        "times": {slot: eaf.timeslots[slot] for slot in used},
        "types": {name: one for name, one in eaf.linguistic_types.items() if name not in OURS},
        "properties": [one for one in eaf.properties if not one[0].startswith(("sla:", "lastUsedAnnotationId"))],
        **{
            name: getattr(eaf, name)
            for name in (
                "adocument", "licenses", "header", "media_descriptors", "linked_file_descriptors", "locales",
                "languages", "constraints", "controlled_vocabularies", "lexicon_refs", "external_refs",
            )
        },
    }  # fmt: skip


def read(path: Path) -> Eaf:
    return Eaf(path, suppress_version_warning=True)


@pytest.fixture(params=SMALL)
def real(shared: Path, request: pytest.FixtureRequest) -> Path:
    return shared / "data" / "elan" / request.param


def glosses(path: Path, tier: str) -> list[tuple[int, int, str]]:
    return sorted(read(path).get_annotation_data_for_tier(tier))


EXPECTED = [(120, 500, "HEUTE"), (500, 900, "<A&B>"), (2000, 3000, '"REGEN"')]


def test_all_that_others_wrote_stays(real: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.eaf"
    tiers = ["SIGN", "SIGN-confidence", "SENTENCE"]
    add_to(copied(real, out), EXAMPLE, ALL, replace=False)
    assert glosses(out, "SIGN") == EXPECTED
    assert facts(read(out), tiers) == facts(read(real), [])
    assert without_ours(out, tiers) == without_ours(real, [])
    assert is_kept(real, out)
    assert set(broken_rules(out)) <= set(broken_rules(real))


def test_adding_twice(real: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.eaf"
    add_to(copied(real, out), EXAMPLE, replace_tier("A"), replace=False)
    first = out.read_bytes()
    add_to(out, EXAMPLE, replace_tier("B"), replace=False)
    tiers = ["A", "A-confidence", "B", "B-confidence"]
    assert glosses(out, "A") == glosses(out, "B") == EXPECTED
    assert without_ours(out, tiers) == without_ours(real, [])
    assert is_kept(real, out)
    assert set(broken_rules(out)) <= set(broken_rules(real))
    assert [one for one in read(out).linguistic_types if one.startswith("sla")] == ["sla-gloss", "sla-confidence"]
    (tmp_path / "first.eaf").write_bytes(first)
    assert is_kept(tmp_path / "first.eaf", out)


def replace_tier(name: str) -> Layout:
    return Layout(tier=name, confidence=True)


def test_tiers_that_are_added_at_the_same_time_are_all_there(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.eaf"
    out.write_bytes((shared / "data" / "elan" / LARGE).read_bytes())
    added = [
        get_context("fork").Process(target=add_to, args=(out, EXAMPLE, Layout(tier=name)), kwargs={"replace": False})
        for name in ("AA", "BB", "CC")
    ]
    for one in added:
        one.start()
    for one in added:
        one.join()
    assert [one.exitcode for one in added] == [0, 0, 0]
    assert {"AA", "BB", "CC"} < set(read(out).get_tier_names())


def test_replacing_leaves_what_adding_at_once_would(real: Path, tmp_path: Path) -> None:
    """But for the ids, which are not used again."""
    once, twice = tmp_path / "once.eaf", tmp_path / "twice.eaf"
    short = replace(EXAMPLE, sentences=EXAMPLE.sentences[:1], made={"run": "runs/b"})
    add_to(copied(real, once), short, Layout(), replace=False)
    add_to(copied(real, twice), EXAMPLE, Layout(confidence=True), replace=False)
    add_to(twice, short, Layout(), replace=True)
    assert glosses(twice, "SIGN") == EXPECTED[:2]
    assert list(read(twice).get_tier_names()) == list(read(once).get_tier_names())
    assert len(read(twice).timeslots) == len(read(once).timeslots)
    made = dict(one for one in read(twice).properties if one[0].startswith("sla"))
    assert made.keys() == {"sla:run:SIGN", "sla:digest:SIGN"}
    assert made["sla:run:SIGN"] == "runs/b"
    assert without_ours(twice, ["SIGN"]) == without_ours(real, [])
    assert is_kept(real, twice)
    assert set(broken_rules(twice)) <= set(broken_rules(real))


def test_sentences_of_an_earlier_recognition_are_not_left_silently(
    real: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out.eaf"
    add_to(copied(real, out), EXAMPLE, ALL, replace=False)
    add_to(out, EXAMPLE, ALL, replace=True)
    assert "SENTENCE" not in caplog.text
    add_to(out, EXAMPLE, Layout(), replace=True)
    assert "tier SENTENCE stays as it is; --sentences replaces it too" in caplog.text
    caplog.clear()
    out.write_text(out.read_text(encoding="utf-8").replace(">HEUTE &lt;A&amp;B&gt;<", ">corrected<"), encoding="utf-8")
    add_to(out, EXAMPLE, Layout(), replace=True)
    assert not caplog.text, "--sentences would be refused"


def test_many_signs_among_many(shared: Path, tmp_path: Path) -> None:
    """The largest real file, with a third of its signs again, added and replaced."""
    real, out = shared / "data" / "elan" / LARGE, tmp_path / "out.eaf"
    tiers = ["SIGN", "SIGN-confidence", "SENTENCE"]
    signs = [Sign(f"G{number}", number * 0.3, number * 0.3 + 0.25, 0.5) for number in range(1500)]
    many = Annotation("a", None, 450.0, tuple(Sentence(tuple(signs[at : at + 5])) for at in range(0, 1500, 5)))
    add_to(copied(real, out), many, ALL, replace=False)
    add_to(out, many, ALL, replace=True)
    assert broken_rules(out) == []
    found = read(out)
    assert len(found.get_annotation_data_for_tier("SIGN")) == 1500
    assert facts(found, tiers) == facts(read(real), [])
    assert without_ours(out, tiers) == without_ours(real, [])
    assert is_kept(real, out)


HAND_MADE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- before -->
<ANNOTATION_DOCUMENT AUTHOR="x" DATE="2014-10-28T10:14:04+01:00" FORMAT="3.0" VERSION="3.0"
  xmlns:own="urn:own" own:a="1">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
    <MEDIA_DESCRIPTOR MEDIA_URL="file:///a/clip.mp4" MIME_TYPE="video/mp4"/>
    <PROPERTY NAME="lastUsedAnnotationId">40</PROPERTY><!-- kept -->
    <own:thing>a &amp; b<![CDATA[<c>]]></own:thing>
  </HEADER>
  <TIME_ORDER>
    <!-- slots -->
    <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/>
    <TIME_SLOT TIME_SLOT_ID="ts2"/>
    <TIME_SLOT TIME_SLOT_ID="ts7" TIME_VALUE="1000"/>
    <TIME_SLOT TIME_SLOT_ID="ts3"/>
    <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="5000"/>
  </TIME_ORDER>
  <TIER TIER_ID="hand" LINGUISTIC_TYPE_REF="sla-gloss" ANNOTATOR="Mia" PARTICIPANT="A">
    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts4">
      <ANNOTATION_VALUE> two
 lines </ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
  </TIER>
  <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="sla-gloss" TIME_ALIGNABLE="true" CONTROLLED_VOCABULARY_REF="v"/>
  <CONTROLLED_VOCABULARY CV_ID="v"/>
</ANNOTATION_DOCUMENT>
<!-- after --><?pi after?>
"""


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    path = tmp_path / "hand.eaf"
    path.write_text(HAND_MADE, encoding="utf-8", newline="")
    return path


def test_a_file_by_hand_keeps_every_byte(hand_made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.eaf"
    add_to(copied(hand_made, out), EXAMPLE, ALL, replace=False)
    assert is_kept(hand_made, out)
    root = parse(out)
    ids = [slot.get("TIME_SLOT_ID") for slot in root.iter("TIME_SLOT")]
    times = [slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")]
    assert [one for one in ids if one in {"ts1", "ts2", "ts7", "ts3", "ts4"}] == ["ts1", "ts2", "ts7", "ts3", "ts4"]
    assert ids[5:] != []
    assert len(set(ids)) == len(ids)
    assert [time for time in times if time] == sorted((time for time in times if time), key=int)
    assert min(int(one[2:]) for one in ids if one not in {"ts1", "ts2", "ts7", "ts3", "ts4"}) == 8
    assert root.find(".//*[@NAME='lastUsedAnnotationId']").text == "48"
    kinds = {tier.get("TIER_ID"): tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")}
    assert kinds == {
        "hand": "sla-gloss", "SIGN": "sla-gloss-2", "SIGN-confidence": "sla-confidence", "SENTENCE": "sla-sentence",
    }  # fmt: skip
    assert [one.get("STEREOTYPE") for one in root.iter("CONSTRAINT")] == ["Symbolic_Association"]
    plain = tmp_path / "plain.eaf"  # pympi and the rules know no foreign names
    plain.write_text(out.read_text(encoding="utf-8").replace("own:", "").replace('a="1"', ""), encoding="utf-8")
    assert broken_rules(plain) == ["HEADER holds {'thing'}"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.split("\n", 2)[2].replace("\n", " ").replace("> ", ">"),
        lambda text: text.replace("encoding", "version='1.0' encoding").replace('version="1.0" ', ""),
        lambda text: text.replace("UTF-8", "US-ASCII"),
        lambda text: text.replace(' encoding="UTF-8"', ""),
        lambda text: text.replace('<PROPERTY NAME="lastUsedAnnotationId">40</PROPERTY>', ""),
        lambda text: text.replace(">40<", "><"),
    ],
    ids=["crlf", "bom", "one line", "quotes", "ascii", "no encoding", "no last id", "empty last id"],
)
def test_ways_to_write_xml(change: Any, tmp_path: Path) -> None:
    path, text = tmp_path / "a.eaf", change(HAND_MADE)
    path.write_bytes(text.encode("utf-8"))
    before = without_ours(path, [], [])
    umlaut = Annotation("a", None, 9.0, (Sentence((Sign("SÜD雨", 0.5, 6.0, 1.0),)),), {"run": "ü"})
    add_to(path, umlaut, replace_tier("Gebärde"), replace=False)
    tiers, types = ["Gebärde", "Gebärde-confidence"], ["sla-gloss-2", "sla-confidence"]
    assert without_ours(path, tiers, types) == before
    add_to(path, umlaut, replace_tier("Gebärde"), replace=True)
    assert without_ours(path, tiers, types) == before
    assert glosses_of_root(parse(path), "Gebärde") == ["SÜD雨"]
    assert parse(path).find(".//*[@NAME='sla:run:Gebärde']").text == "ü"
    last = int(parse(path).find(".//*[@NAME='lastUsedAnnotationId']").text)
    assert last == max(int(one.get("ANNOTATION_ID")[1:]) for one in parse(path).iter() if "ANNOTATION_ID" in one.attrib)


def glosses_of_root(root: ET.Element, tier: str) -> list[str]:
    return [one.text for one in root.findall(f"TIER[@TIER_ID='{tier}']/ANNOTATION/*/ANNOTATION_VALUE")]


@pytest.mark.parametrize(
    ("header", "order", "tail"),
    [
        ("<HEADER/>", "<TIME_ORDER/>", ""),
        ("<HEADER TIME_UNITS='milliseconds' />", "<TIME_ORDER></TIME_ORDER>", ""),
        ("<HEADER><!-- a --></HEADER>", "<TIME_ORDER><!-- />--></TIME_ORDER>", "<LOCALE LANGUAGE_CODE='en'/>"),
        ("<HEADER>/></HEADER>", "<TIME_ORDER>\n</TIME_ORDER>", "<TIER TIER_ID='x' LINGUISTIC_TYPE_REF='t'/>"),
        ("<HEADER/>", "<TIME_ORDER><TIME_SLOT TIME_SLOT_ID='ts9'/></TIME_ORDER>",
         "<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID='t'/>"),
        ("<HEADER/>", "<TIME_ORDER><TIME_SLOT TIME_SLOT_ID='ts9' TIME_VALUE='9000'/></TIME_ORDER>", ""),
    ],
)  # fmt: skip
def test_empty_elements(tmp_path: Path, header: str, order: str, tail: str) -> None:
    path = tmp_path / "a.eaf"
    start = '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2014-10-28T10:14:04+01:00" VERSION="3.0">'
    path.write_text(f"{start}{header}{order}{tail}</ANNOTATION_DOCUMENT>", encoding="utf-8")
    before = set(broken_rules(path))
    add_to(path, EXAMPLE, ALL, replace=False)
    assert set(broken_rules(path)) <= before
    assert glosses_of_root(parse(path), "SIGN") == ["HEUTE", "<A&B>", '"REGEN"']
    add_to(path, EXAMPLE, ALL, replace=True)
    assert set(broken_rules(path)) <= before
    assert glosses_of_root(parse(path), "SENTENCE") == ["HEUTE <A&B>", '"REGEN"']


@settings(max_examples=25)
@given(first=annotations(), second=annotations(shortest=1e-6), sentences=st.booleans())
def test_any_signs_can_be_added_and_replaced(first: Annotation, second: Annotation, sentences: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "hand.eaf", Path(folder) / "out.eaf"
        path.write_text(HAND_MADE, encoding="utf-8")
        add_to(copied(path, out), first, Layout(sentences=sentences, confidence=True), replace=False)
        assert glosses_of_root(parse(out), "SIGN") == [sign.gloss for sign in first.signs]
        add_to(out, second, Layout(confidence=True), replace=True)
        assert glosses_of_root(parse(out), "SIGN") == [sign.gloss for sign in second.signs]
        times = [int(one.get("TIME_VALUE")) for one in parse(out).iter("TIME_SLOT") if "TIME_VALUE" in one.attrib]
        assert times == sorted(times)
        assert is_kept(path, out)


def refused(path: Path, layout: Layout, replace: bool, message: str) -> None:
    before = path.read_bytes()
    with pytest.raises(SlaError, match=message) as caught:
        add_to(path, EXAMPLE, layout, replace=replace)
    with pytest.raises(SlaError, match=message):
        check_can_add(path, layout, replace=replace)
    assert str(path) in caught.value.message
    assert "--tier" in caught.value.hint
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*"))


def test_a_tier_that_is_there_is_not_replaced_unasked(hand_made: Path) -> None:
    refused(hand_made, Layout(tier="hand"), False, "has a tier hand")
    add_to(hand_made, EXAMPLE, Layout(), replace=False)
    refused(hand_made, Layout(), False, "has a tier SIGN")
    add_to(hand_made, replace(EXAMPLE, made={"run": "r"}), Layout(tier="\u00e4"), replace=False)
    refused(hand_made, Layout(tier="a\u0308"), False, "has a tier \u00e4")
    add_to(hand_made, EXAMPLE, Layout(tier="a\u0308"), replace=True)
    assert "\u00e4" not in hand_made.read_text(encoding="utf-8")


@pytest.mark.parametrize("note", ["<!-- really? -->", "<?note really?>"])
def test_a_tier_with_a_comment_is_not_replaced(hand_made: Path, note: str) -> None:
    add_to(hand_made, EXAMPLE, Layout(), replace=False)
    text = hand_made.read_text(encoding="utf-8")
    begin = text.index(">", text.index("<TIER", text.index("</TIER>", text.index('TIER_ID="hand"')))) + 1
    hand_made.write_text(text[:begin] + note + text[begin:], encoding="utf-8")
    refused(hand_made, Layout(), True, "tier SIGN has a comment, which is not from sla")


def test_a_read_only_file_is_refused_before_anything_is_computed(hand_made: Path) -> None:
    hand_made.chmod(0o444)
    with pytest.raises(SlaError, match="it is read-only"):
        check_can_add(hand_made, Layout(), replace=False)


def test_a_tier_of_somebody_else_is_never_replaced(hand_made: Path) -> None:
    refused(hand_made, Layout(tier="hand"), True, "line 18: tier hand is not from sla")


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ('<TIER TIER_ID="translation" LINGUISTIC_TYPE_REF="t" PARENT_REF="SIGN"/>', "translation, which depends on it"),
        ('<TIER TIER_ID="t2" LINGUISTIC_TYPE_REF="t" PARENT_REF="SIGN-confidence"/>', "t2, which depends on it"),
        ('<REF_LINK_SET LINK_SET_ID="r"><CROSS_REF_LINK REF_LINK_ID="l" REF1="a3" REF2="a41"/></REF_LINK_SET>',
         "refers to an annotation of tier SIGN"),
        ('<REF_LINK_SET LINK_SET_ID="r"><GROUP_REF_LINK REF_LINK_ID="l" REFS="a3 a42"/></REF_LINK_SET>',
         "refers to an annotation of tier SIGN"),
        ('<REF_LINK_SET LINK_SET_ID="r"><GROUP_REF_LINK REF_LINK_ID="l" REFS="a3 a44"/></REF_LINK_SET>',
         "refers to an annotation of tier SIGN-confidence"),
    ],
)  # fmt: skip
def test_what_others_refer_to_is_not_replaced(hand_made: Path, element: str, message: str) -> None:
    add_to(hand_made, EXAMPLE, replace_tier("SIGN"), replace=False)
    text = hand_made.read_text(encoding="utf-8")
    hand_made.write_text(text.replace("</ANNOTATION_DOCUMENT>", f"{element}</ANNOTATION_DOCUMENT>"), encoding="utf-8")
    refused(hand_made, Layout(), True, message)


def test_a_time_slot_that_others_use_stays(hand_made: Path) -> None:
    add_to(hand_made, EXAMPLE, Layout(), replace=False)
    text = hand_made.read_text(encoding="utf-8")
    hand_made.write_text(text.replace('TIME_SLOT_REF2="ts4"', 'TIME_SLOT_REF2="ts13"'), encoding="utf-8")
    add_to(hand_made, replace(EXAMPLE, sentences=()), Layout(), replace=True)
    ids = [slot.get("TIME_SLOT_ID") for slot in parse(hand_made).iter("TIME_SLOT")]
    assert ids == ["ts1", "ts2", "ts7", "ts13", "ts3", "ts4"]
    assert glosses_of_root(parse(hand_made), "SIGN") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('TIME_SLOT_REF2="ts4"', 'TIME_SLOT_REF2="ts2"'), "would move two lines from 0-500 to"),
        (('"a3"', '"a&#52;1"'), "annotation a41 of tier SIGN has the id 'a41' of another annotation"),
    ],
)
def test_a_file_that_would_not_be_as_before_is_not_written(
    hand_made: Path, change: tuple[str, str], message: str
) -> None:
    before = HAND_MADE.replace(*change)
    hand_made.write_text(before, encoding="utf-8")
    with pytest.raises(SlaError, match=message):
        add_to(hand_made, EXAMPLE, Layout(), replace=False)
    assert hand_made.read_text(encoding="utf-8") == before


def test_a_gloss_that_xml_cannot_hold_changes_nothing(hand_made: Path) -> None:
    broken = Annotation("a", None, 1.0, (Sentence((Sign("A\x00", 0.0, 1.0, 1.0),)),))
    with pytest.raises(SlaError, match="control character"):
        add_to(hand_made, broken, Layout(), replace=False)
    assert hand_made.read_text(encoding="utf-8") == HAND_MADE


UNREADABLE = {  # test_eaf_read.py has more
    "cut": (HAND_MADE.encode()[:900], r"line \d\d: not XML"),
    "binary": (b"\x00\xff" * 50, "line 1: not XML"),
    "no header": (b"<ANNOTATION_DOCUMENT><TIME_ORDER/></ANNOTATION_DOCUMENT>", "0 elements HEADER"),
    "two times": (
        b"<ANNOTATION_DOCUMENT><HEADER/><TIME_ORDER/><TIME_ORDER/></ANNOTATION_DOCUMENT>", "2 elements TIME_ORDER",
    ),
    "latin": (HAND_MADE.replace("UTF-8", "ISO-8859-1").encode(), "line 1: encoded as ISO-8859-1"),
    "not utf-8": (HAND_MADE.replace("Mia", "M\xfca").encode("latin-1"), "line 18: not XML"),
    "utf-16": (HAND_MADE.replace("UTF-8", "UTF-16").encode("utf-16"), "line 1: not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_elan_file_is_refused(tmp_path: Path, name: str) -> None:
    data, message = UNREADABLE[name]
    path = tmp_path / "a.eaf"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        add_to(path, EXAMPLE, ALL, replace=True)
    assert caught.value.message.startswith(str(path))
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.iterdir()] == ["a.eaf"]


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.eaf"):
        with pytest.raises(SlaError, match="cannot read"):
            add_to(path, EXAMPLE, ALL, replace=False)


def test_permissions_and_links_stay(hand_made: Path, tmp_path: Path) -> None:
    hand_made.chmod(0o640)
    link = tmp_path / "link.eaf"
    link.symlink_to(hand_made)
    add_to(link, EXAMPLE, Layout(), replace=False)
    assert link.is_symlink()
    assert hand_made.stat().st_mode & 0o777 == 0o640
    assert glosses_of_root(parse(hand_made), "SIGN") != []


def test_a_full_disk_changes_nothing(small_disk: Path) -> None:
    path = small_disk / "a.eaf"
    path.write_text(HAND_MADE, encoding="utf-8")
    rest = os.statvfs(small_disk)
    (small_disk / "other").write_bytes(b"\0" * rest.f_bavail * rest.f_bsize)
    with pytest.raises(SlaError, match="cannot write"):
        add_to(path, EXAMPLE, Layout(), replace=False)
    assert path.read_text(encoding="utf-8") == HAND_MADE
