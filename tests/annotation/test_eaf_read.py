"""ELAN files are read as ELAN shows them: compared with pympi, the format's rules, and our writer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pympi
import pytest
from annotation_cases import EXAMPLE, annotations
from elan_files import Eaf
from hypothesis import given

from sla_cli.annotation.eaf import eaf_text
from sla_cli.annotation.eaf_document import MOST_BYTES
from sla_cli.annotation.eaf_edit import add_to, check_can_add
from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.annotation.timed import in_milliseconds
from sla_cli.core.annotation import Annotation
from sla_cli.errors import FormatError

FILES = ("cont_annotation.eaf", "gloss-1.eaf", "sample_3.0.eaf")


def read(eaf: Eaf | str) -> AnnotationFile:
    return read_eaf((eaf if isinstance(eaf, str) else eaf.xml()).encode(), "a.eaf")


def tier_of(eaf: Eaf, name: str) -> Tier:
    return next(tier for tier in read(eaf).tiers if tier.name == name)


def times(eaf: Eaf, name: str) -> list[tuple[int, int, str]]:
    return [mark[:3] for mark in tier_of(eaf, name).marks]


@pytest.mark.parametrize("name", FILES)
def test_real_files_as_pympi_reads_them(shared: Path, name: str) -> None:
    path = shared / "data" / "elan" / name
    peer = pympi.Elan.Eaf(str(path), suppress_version_warning=True)
    tiers = {tier.name: tier for tier in read_eaf(path.read_bytes(), name).tiers}
    assert list(tiers) == list(peer.tiers)
    slots = peer.timeslots
    compared = 0
    for name, (aligned, referring, stated, _) in peer.tiers.items():
        tier = tiers[name]
        assert (tier.type, tier.parent) == (stated["LINGUISTIC_TYPE_REF"], stated.get("PARENT_REF", ""))
        constraint = peer.linguistic_types[tier.type].get("CONSTRAINTS", "")
        assert tier.constraint == constraint
        values = [value for *_, value, _ in aligned.values()] + [value for _, value, *_ in referring.values()]
        assert [mark.text for mark in tier.marks] == [" ".join(value.split()) for value in values]
        for mark, (start, end, *_) in zip(tier.marks, aligned.values(), strict=False):
            for own, slot in ((mark.start, slots[start]), (mark.end, slots[end])):
                compared += slot is not None
                assert slot is None or own == slot
        if constraint == "Symbolic_Association" and tier.parent:
            parents = dict(
                zip(peer.tiers[tier.parent][1] or peer.tiers[tier.parent][0], tiers[tier.parent].marks, strict=True)
            )
            for mark, (reference, *_) in zip(tier.marks, referring.values(), strict=True):
                assert mark[:2] == parents[reference][:2]
    assert compared == sum(
        slots[slot] is not None for aligned, *_ in peer.tiers.values() for one in aligned.values() for slot in one[:2]
    )
    assert compared > 50


def test_words_without_times_fill_their_sentence(shared: Path) -> None:
    """The sample of the format's makers: words in time and symbolic words below the same sentences."""
    data = (shared / "data" / "elan" / "sample_3.0.eaf").read_bytes()
    tiers = {tier.name: tier for tier in read_eaf(data, "sample").tiers}
    for kind in ("words-timesub", "words-symsub"):
        words = iter(tiers[kind].marks)
        for sentence in tiers["text"].marks:
            inside = [next(words) for _ in sentence.text.split()]
            assert (inside[0].start, inside[-1].end) == (sentence.start, sentence.end)
            assert all(one.end == two.start for one, two in pairwise(inside))
            if kind == "words-symsub":
                assert " ".join(word.text for word in inside) == sentence.text
                assert {word.end - word.start for word in inside} == {600}


@given(annotations())
def test_what_we_write_comes_back(annotation: Annotation) -> None:
    text = eaf_text(annotation, Layout(sentences=True, confidence=True), Path("/nowhere"))
    sign, confidence, sentence = read(text).tiers
    signs = [one for sentence in in_milliseconds(annotation) for one in sentence]
    assert [mark[:3] for mark in sign.marks] == [(one.start, one.end, one.gloss) for one in signs]
    assert [mark[:2] for mark in confidence.marks] == [mark[:2] for mark in sign.marks]
    assert (sign.annotator, confidence.parent, confidence.constraint) == ("sla", "SIGN", "Symbolic_Association")
    assert [mark.text for mark in sentence.marks] == [one.text for one in annotation.sentences]


def test_slots_without_a_time_lie_evenly_in_their_chain() -> None:
    """Not evenly in the file's order of slots, where those of other tiers lie between."""
    eaf = Eaf()
    eaf.tier("words")
    eaf.tier("other")
    first, one = eaf.slot(1000), eaf.slot(None)
    eaf.mark("other", 1100, 1200, "x")
    two, last = eaf.slot(None), eaf.slot(2500)
    for start, end, value in ((first, one, "A"), (one, two, "B"), (two, last, "C")):
        eaf.mark("words", start, end, value)
    assert times(eaf, "words") == [(1000, 1500, "A"), (1500, 2000, "B"), (2000, 2500, "C")]


def test_a_child_s_chain_hangs_between_times_that_its_parent_s_chain_gives() -> None:
    eaf = Eaf(types={"gloss": ("", ""), "words": ("Time_Subdivision", "")})
    eaf.tier("words", "words", PARENT_REF="text")
    eaf.tier("text")
    start, middle, end, word = eaf.slot(0), eaf.slot(None), eaf.slot(400), eaf.slot(None)
    eaf.mark("text", start, middle, "a b")
    eaf.mark("text", middle, end, "c")
    eaf.mark("words", start, word, "a")
    eaf.mark("words", word, middle, "b")
    assert times(eaf, "words") == [(0, 100, "a"), (100, 200, "b")]


def test_a_slot_that_no_chain_holds_lies_between_its_neighbours() -> None:
    eaf = Eaf()
    eaf.tier("words")
    eaf.slot(100)
    eaf.mark("words", eaf.slot(None), eaf.slot(None), "A")
    eaf.slot(400)
    assert times(eaf, "words") == [(200, 300, "A")]


def test_symbolic_children_divide_their_parent_in_their_own_order() -> None:
    eaf = Eaf(types={"gloss": ("", ""), "words": ("Symbolic_Subdivision", ""), "note": ("Symbolic_Association", "")})
    eaf.tier("notes", "note", PARENT_REF="words")
    eaf.tier("words", "words", PARENT_REF="text")
    eaf.tier("text")
    text = eaf.mark("text", 1000, 2000, "x y z")
    # in the file: third, first, second
    eaf.child("words", text, "z", previous="a4")
    eaf.child("words", text, "x")
    y = eaf.child("words", text, "y", previous="a3")
    eaf.child("notes", y, "of y")
    assert sorted(times(eaf, "words")) == [(1000, 1333, "x"), (1333, 1666, "y"), (1666, 2000, "z")]
    assert times(eaf, "notes") == [(1333, 1666, "of y")]


def test_values_of_a_controlled_vocabulary() -> None:
    eaf = Eaf(types={"gloss": ("", "CV"), "free": ("", "")}, vocabulary={"c1": {"eng": "HOUSE", "nld": "HUIS"}})
    eaf.tier("en", LANG_REF="eng")
    eaf.tier("nl", LANG_REF="nld")
    eaf.tier("other", LANG_REF="deu")
    eaf.tier("unbound", "free")
    for name in eaf.tiers:
        eaf.mark(name, 0, 10, "", "c1")
        eaf.mark(name, 10, 20, "OWN", "c1")
        eaf.mark(name, 20, 30, "", "of-an-external-one")
    texts = {tier.name: [mark.text for mark in tier.marks] for tier in read(eaf).tiers}
    assert texts == {
        "en": ["HOUSE", "OWN", ""],
        "nl": ["HUIS", "OWN", ""],
        "other": ["HOUSE", "OWN", ""],
        "unbound": ["", "OWN", ""],
    }
    old = eaf.xml().replace(
        '<CV_ENTRY_ML CVE_ID="c1">', '<CV_ENTRY DESCRIPTION="a house">OLD</CV_ENTRY><CV_ENTRY_ML CVE_ID="c2">'
    )
    assert read(old.replace('"c1"', '"cveid0"')).tiers[0].marks[0].text == "OLD"


def test_what_a_tier_and_a_link_say() -> None:
    eaf = Eaf(
        links=[
            {
                "MEDIA_URL": "file:///v/a%20b.mp4",
                "RELATIVE_MEDIA_URL": "./a b.mp4",
                "MIME_TYPE": "video/mp4",
                "TIME_ORIGIN": "-250",
            },
            {"MEDIA_URL": "file:///v/a.wav", "MIME_TYPE": "audio/x-wav"},
            {"MEDIA_URL": "b.MP3", "MIME_TYPE": "unknown"},
        ]
    )
    eaf.tier("A", PARTICIPANT=" Anna ", ANNOTATOR="ab")
    eaf.mark("A", 0, 10, " two\n words ")
    file = read(eaf)
    assert (file.tiers[0].participant, file.tiers[0].annotator) == ("Anna", "ab")
    mark = file.tiers[0].marks[0]
    assert mark == Mark(
        0, 10, "two words", next(n for n, line in enumerate(eaf.xml().splitlines(), 1) if "<ALIGN" in line), "a1"
    )
    assert [(link.relative, link.absolute, link.sound, link.origin) for link in file.links] == [
        ("./a b.mp4", "file:///v/a%20b.mp4", False, -250),
        ("", "file:///v/a.wav", True, 0),
        ("", "b.MP3", True, 0),
    ]


def sound() -> str:
    eaf = Eaf(types={"gloss": ("", ""), "words": ("Symbolic_Subdivision", "")})
    eaf.tier("text")
    eaf.tier("words", "words", PARENT_REF="text")
    text = eaf.mark("text", 100, 200, "x y")
    first = eaf.child("words", text, "x")
    eaf.child("words", text, "y", previous=first)
    return eaf.xml()


def changed(old: str, new: str) -> Callable[[], str]:
    def text() -> str:
        assert old in sound()
        return sound().replace(old, new)

    return text


MOST_ELEMENTS = 20_000  # in these tests: deeper than Python can call itself, and quick to write
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
CHAIN = "".join(f'<TIER TIER_ID="{number}" PARENT_REF="{number + 1}"/>' for number in range(5000))
HOSTILE: dict[str, tuple[Callable[[], str], str]] = {
    "an entity bomb": (changed("<ANNOTATION_DOCUMENT", f"{BOMB}<ANNOTATION_DOCUMENT"), "line 2: declares the entity a"),
    "an external entity": (
        changed("<ANNOTATION_DOCUMENT", '<!DOCTYPE x [<!ENTITY a SYSTEM "/etc/passwd">]><ANNOTATION_DOCUMENT'),
        "line 2: declares the entity a",
    ),
    "a default of an attribute": (
        changed("<ANNOTATION_DOCUMENT", '<!DOCTYPE x [<!ATTLIST TIER PARTICIPANT CDATA "P">]><ANNOTATION_DOCUMENT'),
        "line 2: declares the attribute PARTICIPANT of TIER",
    ),
    "an entity that is not declared": (changed(">x y<", ">&x;<"), r"line \d+: not XML \(undefined entity\)"),
    "tiers in a circle": (
        changed('TIER_ID="text"', 'TIER_ID="text" PARENT_REF="words"'),
        "line 5: tier text is its own ancestor",
    ),
    "a tier below itself": (
        changed('PARENT_REF="text"', 'PARENT_REF="words"'),
        r"line \d+: tier words is its own ancestor",
    ),
    "a parent that is not there": (changed('PARENT_REF="text"', 'PARENT_REF="no"'), "the parent 'no' of tier words"),
    "two tiers of a name": (changed('TIER_ID="words"', 'TIER_ID="text"'), r"line \d+: a second tier 'text'"),
    "a tier without a name": (changed('TIER_ID="words"', 'TIER_ID=""'), r"line \d+: a tier without a name"),
    "references in a circle": (
        changed('"a2" ANNOTATION_REF="a1"', '"a2" ANNOTATION_REF="a3"'),
        r"line \d+: annotation a2 of tier words refers to 'a3'",
    ),
    "a reference to nothing": (
        changed('ANNOTATION_REF="a1"', 'ANNOTATION_REF="a9"'),
        r"line \d+: annotation a2 of tier words refers to 'a9', which is not an annotation of a tier above it",
    ),
    "predecessors in a circle": (
        changed('"a2" ANNOTATION_REF="a1"', '"a2" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="a3"'),
        r"line \d+: annotation a2 of tier words comes after 'a3'",
    ),
    "a predecessor that is not there": (
        changed('PREVIOUS_ANNOTATION="a2"', 'PREVIOUS_ANNOTATION="a7"'),
        r"line \d+: annotation a3 of tier words comes after 'a7', which does not exist",
    ),
    "slots out of order": (
        changed('TIME_VALUE="200"', 'TIME_VALUE="50"'),
        r"line \d+: annotation a1 of tier text ends at 50 ms, before its start at 100 ms",
    ),
    "a slot that is not there": (
        changed('TIME_SLOT_REF2="ts2"', 'TIME_SLOT_REF2="ts7"'),
        r"line \d+: annotation a1 of tier text refers to the time slot 'ts7', which does not exist",
    ),
    "no slot": (changed(' TIME_SLOT_REF2="ts2"', ""), r"line \d+: annotation a1 of tier text has no TIME_SLOT_REF2"),
    "two slots of a name": (changed('TIME_SLOT_ID="ts2"', 'TIME_SLOT_ID="ts1"'), r"line 4: a second time slot 'ts1'"),
    "no slot with a time": (
        changed(' TIME_VALUE="200"', ""),
        r"line \d+: annotation a1 of tier text has no time, and no slots around it",
    ),
    "a time that is none": (changed('"200"', '"2e2"'), "line 4: TIME_VALUE '2e2' is not a time in milliseconds"),
    "an endless time": (changed('"200"', f'"{"9" * 5000}"'), "line 4: TIME_VALUE '9+' is not a time in mill"),
    "two annotations of an id": (
        changed('ANNOTATION_ID="a3"', 'ANNOTATION_ID="a2"'),
        r"line \d+: annotation a2 of tier words has the id 'a2' of another|comes after 'a2'",
    ),
    "an annotation without an id": (
        changed('ANNOTATION_ID="a1"', ""),
        r"line \d+: annotation  of tier text has no id",
    ),
    "times in frames": (changed('"milliseconds"', '"PAL-frames"'), "line 3: times in PAL-frames, not in milliseconds"),
    "times in nothing": (changed('"milliseconds"', '""'), "line 3: times in no unit, not in milliseconds"),
    "no time order": (changed("TIME_ORDER>", "TIME_WARP>"), "line 2: 0 elements TIME_ORDER instead of 1"),
    "another document": (lambda: "<html><body/></html>", "line 1: html is not an annotation document of ELAN"),
    "no XML": (lambda: "%PDF-1.4", r"line 1: not XML"),
    "nothing": (lambda: "", r"not XML \(no element found\)"),
    "cut off": (lambda: sound()[:900], r"line \d+: not XML"),
    "deep elements": (changed("</HEADER>", "<x>" * (MOST_ELEMENTS - 100)), "not XML"),
    "too many elements": (changed("</HEADER>", "<x/>" * MOST_ELEMENTS + "</HEADER>"), "more than 20000 elements"),
    "too many tiers": (changed("<LINGUISTIC", CHAIN + "<LINGUISTIC"), r"line \d+: more than 5000 tiers"),
    "100 MB": (lambda: sound() + " " * 100_000_000, "a.eaf has 100 MB; an ELAN file has at most 50"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_sound_is_refused_in_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.annotation.eaf_document.MOST_ELEMENTS", MOST_ELEMENTS)
    content, message = HOSTILE[name]
    with pytest.raises(FormatError, match=message) as caught:
        read(content())
    assert caught.value.message.startswith("a.eaf")
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 600
    in_elan = name not in ("an endless time", "no slot with a time", "too many elements", "too many tiers", "100 MB")
    assert ("Open it in ELAN and save it" in caught.value.hint) == in_elan and caught.value.hint


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"100 MB"}))
def test_nothing_is_added_to_what_is_not_sound(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.annotation.eaf_document.MOST_ELEMENTS", MOST_ELEMENTS)
    path, (content, message) = tmp_path / "a.eaf", HOSTILE[name]
    path.write_text(content(), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(FormatError, match=message):
        check_can_add(path, Layout("NEW"), replace=False)
    with pytest.raises(FormatError, match=message):
        add_to(path, EXAMPLE, Layout("NEW"), replace=False)
    assert path.read_bytes() == before


def test_a_file_of_the_largest_size_is_read() -> None:
    eaf = Eaf()
    eaf.tier("SIGN")
    for number in range(1000):
        eaf.mark("SIGN", number * 100, number * 100 + 50, "A" * (MOST_BYTES // 1000 - 400))
    text = eaf.xml()
    assert 0.9 * MOST_BYTES < len(text) <= MOST_BYTES
    assert len(read(text).tiers[0].marks) == 1000
