"""Annotation files become clips: exactly those that a corpus was made of, in the tier schemes of three corpora."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from elan_corpus import SCHEMES, Expected, make_corpus
from elan_files import Eaf

from sla_cli.annotation.subtitles import OWN_VTT
from sla_cli.core.clip import Clip, Source
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import SlaError
from sla_cli.prep.corpus import Listing

Lay = Callable[..., Path]
Read = Callable[..., Listing]
Warnings = Callable[[], str]
FILES = 67  # of each of three schemes


def eaf_of(*signs: tuple[int, int, str], tier: str = "SIGN", **attributes: str) -> str:
    eaf = Eaf(links=[{"MEDIA_URL": "", "RELATIVE_MEDIA_URL": "./a.mp4", "MIME_TYPE": "video/mp4", **attributes}])
    eaf.tier(tier)
    for sign in signs:
        eaf.mark(tier, *sign)
    return eaf.xml()


def facts(clips: list[Clip]) -> list[tuple[object, ...]]:
    return [(one.signer, one.source.start, one.source.end, one.glosses, one.translation) for one in clips]


def second(milliseconds: int) -> str:
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_generated_corpus_gives_the_clips_that_it_was_made_of(
    tmp_path: Path, read: Read, warnings: Warnings, scheme: str
) -> None:
    expected = make_corpus(tmp_path, scheme, FILES)
    listing = read("elan", tmp_path, utterance_tier="utterances*")
    assert facts(listing.clips) == [
        (one.signer, one.start / 1000, one.end / 1000, one.glosses, one.translation) for one in expected
    ]
    assert [clip.id for clip in listing.clips] == [id_of(one) for one in expected]
    for clip in listing.clips:
        assert clip.source.start is not None and clip.source.end is not None
        length = round(clip.source.end - clip.source.start, 3)
        assert len(clip.times) == len(clip.glosses)
        assert all(0 <= start < end <= length for start, end in clip.times)
    assert [clip.source.path for clip in listing.clips] == [f"videos/{one.file}.mp4" for one in expected]
    assert {clip.source.root for clip in listing.clips} == {tmp_path}
    assert not listing.skipped and not listing.divisions
    assert len(listing.tables) == FILES
    assert "as in " in warnings()
    assert ("2 signers are named only at the ends of tier names" in warnings()) == (scheme == "DGS")
    by_pauses = read("elan", tmp_path, pause=1.0)
    assert facts(by_pauses.clips) == [
        (one.signer, one.first / 1000, one.last / 1000, one.glosses, one.translation) for one in expected
    ]
    named = SCHEMES[scheme]
    tiers = tuple(name.format("*") for name in (named.right, named.left))
    assert read("elan", tmp_path, tier=tiers, translation_tier=named.translation.format("*")).clips == by_pauses.clips


def id_of(one: Expected) -> str:
    person = f"_{one.signer}" if one.several else ""
    return f"{one.file}{person}_{second(one.start)}-{second(one.end)}"


def test_tiers_by_linguistic_type(tmp_path: Path, read: Read) -> None:
    """The left hand comes first here, as in the file; types and names are joined in this order."""
    expected = make_corpus(tmp_path, "BSL", 3)
    clips = read("elan", tmp_path, tier_type=("GLOSS",), utterance_tier="utterances").clips
    assert [sorted(clip.glosses) for clip in clips] == [sorted(one.glosses) for one in expected]
    assert {clip.translation for clip in clips} == {""}, "no convention is taken where tiers are named"
    with pytest.raises(SlaError, match="no file has a tier of type 'glos'; tiers with their annotations: ") as caught:
        read("elan", tmp_path, tier_type=("glos",))
    assert "Did you mean 'gloss'?" in caught.value.hint
    assert "--list-tiers" in caught.value.hint
    with pytest.raises(SlaError, match="no file has a tier 'glos';") as caught:
        read("elan", tmp_path, tier=("glos",))
    assert "'gloss'" not in caught.value.hint, "a type is no name of a tier"


def test_annotations_without_text_are_not_counted(tmp_path: Path, lay: Lay, read: Read) -> None:
    source = lay(tmp_path, {"a.mp4": b"", "a.eaf": eaf_of((0, 500, "A"), (500, 900, " "), (900, 990, ""))})
    with pytest.raises(SlaError, match=r"tiers with their annotations: SIGN \(1\)"):
        read("elan", source, tier=("sing",))


def test_real_files(shared: Path, read: Read, warnings: Warnings) -> None:
    """The video of one of the real files is there, though its link leads elsewhere."""
    folder = shared / "data" / "elan"
    listing = read("elan", folder, tier=("RIGHT_LOCATION_SETTING", "words-pos"), pause=0.2)
    assert {clip.source.path for clip in listing.clips} == {"v4.mp4", "OTOBÜS_1.mp4", "sample_3.0.mp4"}
    assert "gloss-1.eaf: no recording; looked for data/corpus/OTOBÜS_1.mp4, gloss-1.*" in warnings()
    with pytest.raises(
        SlaError, match=r"elan: which tiers contain glosses\? No known convention fits; tiers with"
    ) as caught:
        read("elan", folder)
    assert caught.value.hint == "Print the tiers with --list-tiers, then name some with --tier or --tier-type."
    sample = read("elan", shared / "data" / "elan" / "cont_annotation.eaf", tier=("RIGHT_LOCATION_SETTING",))
    assert sample.clips
    assert {clip.source for clip in sample.clips} == {
        Source(folder, "v4.mp4", clip.source.start, clip.source.end) for clip in sample.clips
    }


def test_what_may_be_given_as_source(tmp_path: Path, lay: Lay, read: Read, warnings: Warnings) -> None:
    text = eaf_of((0, 500, "A"))
    mine = lay(tmp_path / "mine", {"a/b/c/one.EAF": text, "a/a.mp4": b"", "a/b/c/a.mp4": b"", ".git/x.eaf": b"broken"})
    lay(mine, {"__MACOSX/a/._one.eaf": b"broken", "a/b/._one.eaf": b"broken", "one.eaf.001": b"", "x.srt": b"broken"})
    (clip,) = read("elan", mine).clips
    assert (clip.id, clip.source) == ("one_0-0.5", Source(mine, "a/b/c/a.mp4", 0.0, 0.5))
    assert clip.where == "a/b/c/one.EAF, line 6"
    assert "leaving out 1 other annotation file, since one.EAF exists" in warnings()
    assert read("elan", mine / "a/b/c/one.EAF").clips[0].source.path == "a.mp4"
    for kind in ("zip", "tar"):
        packed = Path(shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path, "mine"))
        listing = read("elan", packed)
        assert listing.clips[0].source == Source(packed, "mine/a/b/c/a.mp4", 0.0, 0.5)
        assert listing.tables == {"mine/a/b/c/one.EAF": digest_bytes(text.encode())}
    (mine / "loop").symlink_to(mine)
    assert len(read("elan", mine).clips) == 1
    with pytest.raises(
        SlaError, match=r"no annotation files: looked for \.eaf, \.textgrid, \.srt, \.vtt; .* contains a\.mp4"
    ):
        read("elan", lay(tmp_path / "none", {"a.mp4": b""}))


def test_a_file_that_changes_is_noticed(tmp_path: Path, lay: Lay, read: Read) -> None:
    mine = lay(tmp_path, {"one.eaf": eaf_of((0, 500, "A")), "a.mp4": b""})
    before = read("elan", mine).tables
    lay(mine, {"one.eaf": eaf_of((0, 501, "A"))})
    assert read("elan", mine).tables.keys() == before.keys() == {"one.eaf"}
    assert read("elan", mine).tables != before


def test_a_table_of_files(tmp_path: Path, lay: Lay, read: Read) -> None:
    two = Eaf()
    for person in "AB":
        two.tier(f"gloss_{person}")
        two.mark(f"gloss_{person}", 0, 500, person)
    lay(tmp_path, {"x/one.eaf": eaf_of((0, 500, "A")), "x/two.eaf": two.xml(), "x/a.mp4": b"", "x/two.mp4": b""})
    lay(tmp_path, {"t.csv": "id;EAF;signer;split;note\nfirst;x/one.eaf;anna;test;\n;x\\two.eaf;a=bert B=anna;val;\n"})
    listing = read("elan", tmp_path / "t.csv")
    assert [(clip.id, clip.signer) for clip in listing.clips] == [
        ("first_0-0.5", "anna"),
        ("two_A_0-0.5", "bert"),
        ("two_B_0-0.5", "anna"),
    ]
    assert listing.divisions == {"corpus": {"first_0-0.5": "test", "two_A_0-0.5": "dev", "two_B_0-0.5": "dev"}}
    assert listing.tables.keys() == {"t.csv", "x/one.eaf", "x/two.eaf"}


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ("a,b\nx/one.eaf,\n", "line 1: no column eaf or elan or file", ""),
        ("eaf,split\n", "lists no annotation file", "column eaf"),
        (
            "eaf\nx/two.eaf\n",
            r"line 2: no .*x/two\.eaf; is x/one\.eaf meant\?|line 2: no .*x/two\.eaf; .* contains",
            "relative",
        ),
        ("eaf\ndone.eaf\n", r"line 2: no .*done\.eaf; what has this name is no file, or a link", "relative"),
        ("eaf\nx/a.mp4\n", "line 2: x/a.mp4 is not an annotation file", ".eaf"),
        ("eaf\n../one.eaf\n", r"line 2: '\.\./one\.eaf' leads outside of the corpus", "relative"),
        ("eaf\tsigner\nx/one.eaf\tA=S1 a=S2\n", "line 2: 'A=S1 a=S2' names a person twice", "A=anna"),
        ("eaf\tsigner\nx/one.eaf\tA=Anna Maria\n", "line 2: 'A=Anna Maria' lacks a person or a name", "without spaces"),
        ("eaf\nx/one.eaf\n./x/one.eaf\n", "lines 2 and 3: both list x/one.eaf", "Keep one"),
        ("eaf,split\nx/one.eaf,trian\n", "line 2: no split 'trian'", "train, dev, test"),
        ("eaf,signer\nx/one.eaf,A=anna\n", "line 2: no signer for one of x/one.eaf", "Write only the name as signer"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, lay: Lay, read: Read, table: str, message: str, hint: str) -> None:
    lay(tmp_path, {"x/one.eaf": eaf_of((0, 500, "A")), "x/a.mp4": b"", "done.eaf/notes.txt": "", "t.csv": table})
    with pytest.raises(SlaError, match=message) as caught:
        read("elan", tmp_path / "t.csv")
    assert hint in caught.value.hint


def test_participants_with_spaces_cannot_be_named_in_a_table(tmp_path: Path, lay: Lay, read: Read) -> None:
    file = Eaf()
    for person in ("Signer A", "Signer B"):
        file.tier(person, PARTICIPANT=person)
        file.mark(person, 0, 500, "A")
    lay(tmp_path, {"one.eaf": file.xml(), "one.mp4": b"", "t.csv": "eaf,signer\none.eaf,anna\n"})
    with pytest.raises(SlaError, match=r"no signer for Signer A of one\.eaf") as caught:
        read("elan", tmp_path / "t.csv", tier=("*",))
    assert "without spaces, or leave the cell empty" in caught.value.hint
    lay(tmp_path, {"t.csv": "eaf,signer\none.eaf,\n"})
    assert {clip.signer for clip in read("elan", tmp_path / "t.csv", tier=("*",)).clips} == {"Signer A", "Signer B"}


def test_files_of_the_same_name_have_ids_of_their_own(tmp_path: Path, lay: Lay, read: Read) -> None:
    text = eaf_of((0, 500, "A"))
    lay(tmp_path, {f"{day}/rec.eaf": text for day in ("mon", "tue")} | {f"{day}/a.mp4": b"" for day in ("mon", "tue")})
    assert [clip.id for clip in read("elan", tmp_path).clips] == ["mon-rec_0-0.5", "tue-rec_0-0.5"]


def test_the_form_of_an_accent_does_not_matter_to_an_id(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"cafe\u0301.eaf": eaf_of((0, 500, "A")), "cafe\u0301.mp4": b""})
    assert [clip.id for clip in read("elan", tmp_path).clips] == ["caf\u00e9_0-0.5"]


def test_what_becomes_no_clip_is_reported(tmp_path: Path, lay: Lay, read: Read, warnings: Warnings) -> None:
    full = Eaf(links=[{"MEDIA_URL": "a.mp4", "TIME_ORIGIN": "-1000"}])
    full.tier("SIGN")
    full.tier("TEXT")
    full.tier("SIGN_B")
    full.mark("SIGN_B", 2000, 2500, "B")
    for sign in ((0, 400, "too early"), (2000, 2500, "B"), (2600, 2600, "C"), (9000, 9100, "lost")):
        full.mark("SIGN", *sign)
    for text in ((0, 500, ""), (1500, 3000, "good"), (4000, 5000, "nothing"), (6000, 6000, "")):
        full.mark("TEXT", *text)
    lay(tmp_path, {"a.mp4": b"", "full.eaf": full.xml(), "other.eaf": eaf_of(tier="Gloss"), "bare.eaf": eaf_of()})
    lay(tmp_path, {"foreign.eaf": eaf_of((0, 10, "x"), tier="Mouth"), "no-text.eaf": eaf_of((0, 10, "x"))})
    lay(tmp_path, {"full_0.5-2.eaf": eaf_of()})  # with the name of a clip, which stays
    listing = read("elan", tmp_path, utterance_tier="TEXT")
    assert [(clip.id, clip.glosses) for clip in listing.clips] == [("full_0.5-2", ("B", "C"))]
    assert listing.skipped == {
        "full_-1--0.5": "it begins 1 s before the recording",
        "full_3-4": "no glosses between 3 and 4 s; `sla transcribe` recognises them",
        "full_5-5": "it has no duration, at 5 s",
        "other": "other.eaf has no glosses in Gloss; `sla transcribe` recognises them",
        "bare": "bare.eaf has no glosses in SIGN; `sla transcribe` recognises them",
        "foreign": "foreign.eaf has no tier of glosses",
        "no-text": "no-text.eaf has no tier TEXT",
    }
    log = warnings()
    assert "5 of 6 files have no tier 'TEXT'" in log
    assert "2 of 5 glosses are outside all utterances, so in no clip" in log
    assert "joining 1 gloss of several words with hyphens: too-early" in log
    assert "the files follow several conventions" in log
    assert "not read: tiers SIGN_B; end the name" in log


def test_where_nothing_is_left(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"a.mp4": b"", "one.eaf": eaf_of()})
    with pytest.raises(SlaError, match=r"no utterance has glosses; tiers with their annotations: SIGN \(0\)"):
        read("elan", tmp_path)
    lay(tmp_path, {"one.eaf": eaf_of((0, 10, "A"))})
    for settings in ({"tier": ("SIGN", "SING")}, {"utterance_tier": "SING"}, {"translation_tier": "SING"}):
        with pytest.raises(SlaError, match=r"no file has a tier 'SING'; tiers with .*: SIGN \(1\)") as caught:
            read("elan", tmp_path, **settings)
        assert "Did you mean 'SIGN'?" in caught.value.hint
    lay(tmp_path, {"one.eaf": eaf_of((-400, 400, "A"), (500, 500, "B"))})
    with pytest.raises(SlaError, match=r"no utterance can be a clip: one_-0.4-0.5: it begins 0.4 s before") as caught:
        read("elan", tmp_path)
    assert "Correct the times" in caught.value.hint
    lay(tmp_path, {"one.eaf": eaf_of((500, 500, "B"))})
    with pytest.raises(SlaError, match=r"no utterance can be a clip: one_0\.5-0\.5: it has no duration, at 0\.5 s"):
        read("elan", tmp_path)
    with pytest.raises(SlaError, match="none of 1 gloss is in an utterance that has a duration"):
        read("elan", tmp_path, tier=("SIGN",), utterance_tier="SIGN")


def test_other_formats(tmp_path: Path, lay: Lay, read: Read) -> None:
    """Where there is no EAF: TextGrid, or else subtitles, whose cues are utterances."""
    grid = '"ooTextFile" "TextGrid" 0 9 <exists> 1 "IntervalTier" "SIGN" 0 9 2 0 1 "A" 1 1.5 "B"'
    lay(
        tmp_path, {"x.srt": "1\n00:00:01,000 --> 00:00:02,000\nHEUTE REGEN\n\n2\n00:00:02,100 --> 00:00:03,000\nNORD\n"}
    )
    lay(tmp_path, {"x.mkv": b""})
    assert [(clip.id, clip.glosses) for clip in read("elan", tmp_path).clips] == [
        ("x_1-2", ("HEUTE", "REGEN")),
        ("x_2.1-3", ("NORD",)),
    ]
    lay(tmp_path, {"x.TextGrid": grid})
    (clip,) = read("elan", tmp_path).clips
    assert (clip.id, clip.glosses, clip.source.path) == ("x_0-1.5", ("A", "B"), "x.mkv")
    note = '"IntervalTier" "note" 0 9 0'
    lay(tmp_path, {"x.TextGrid": f"{grid.replace('1', '3', 1)} {note} {note}"})
    assert [clip.glosses for clip in read("elan", tmp_path).clips] == [("A", "B")], "nobody asked for the equal ones"
    with pytest.raises(SlaError, match=r"x\.TextGrid: several tiers are named 'note'"):
        read("elan", tmp_path, tier=("SIGN", "note"))


def test_a_file_of_any_size_is_refused_unread(tmp_path: Path, read: Read) -> None:
    """It is not on this disk either: only its end is written."""
    with (tmp_path / "a.eaf").open("wb") as file:
        file.truncate(500_000_000_000)
    with pytest.raises(SlaError, match=r"a\.eaf has 500000 MB; for annotation files at most 50 MB are read"):
        read("elan", tmp_path)
    entry = tarfile.TarInfo("a.eaf")
    entry.size = 400 << 20
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(entry.tobuf())
        file.truncate(512 + entry.size + 1024)
    with pytest.raises(SlaError, match=r"a\.tar/a\.eaf has 419 MB; for annotation files at most 50 MB are read"):
        read("elan", tmp_path / "a.tar")


def test_of_tiers_that_name_nobody_beside_others_it_is_said(
    tmp_path: Path, lay: Lay, read: Read, warnings: Warnings
) -> None:
    eaf = Eaf()
    for number, tier in enumerate(("Glos_A", "Glos_C")):
        eaf.mark(eaf.tier(tier), number * 100, number * 100 + 100, "X")
    lay(tmp_path, {"a.eaf": eaf.xml(), "a.mp4": b""})
    assert [clip.signer for clip in read("elan", tmp_path, tier=("Glos*",)).clips] == ["A"]
    assert "1 tier names no person, while other tiers of the same file do: Glos_C;" in warnings()


def test_two_hands_are_reported(tmp_path: Path, lay: Lay, read: Read, warnings: Warnings) -> None:
    eaf = Eaf()
    eaf.tier("gloss-lh")
    eaf.tier("gloss-rh")
    for tier, sign in (("gloss-rh", (0, 100, "A")), ("gloss-lh", (10, 90, "A")), ("gloss-lh", (95, 200, "B"))):
        eaf.mark(tier, *sign)
    lay(tmp_path, {"a.eaf": eaf.xml(), "a.mp4": b""})
    (clip,) = read("elan", tmp_path).clips
    assert clip.glosses == ("A", "B")
    assert "1 sign has the same gloss on both, which counts once; 1 other begins before" in warnings()
    assert "glosses of 1 of 1 file: tiers gloss-rh, gloss-lh, as in signlangtk" in warnings()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.eaf", b"", r"a\.eaf, line 1: not XML"),
        ("a.eaf", b"PK\x03\x04", r"a\.eaf, line 1: not XML"),
        ("a.eaf", eaf_of((9, 5, "A")).encode(), r"a\.eaf, line 6: annotation a1 of tier SIGN ends at 5 ms, before"),
        ("a.eaf", b"<a>" + b" " * 100_000_000, r"a\.eaf has 100 MB; for annotation files at most 50 MB are read"),
        ("a.TextGrid", b"ooBinaryFile\x08TextGrid", r"a\.TextGrid, line 1: text in quotes is missing"),
        ("a.srt", b"\xff\xfe\x00", r"a\.srt"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_sound_is_named(
    tmp_path: Path, lay: Lay, read: Read, name: str, content: bytes, message: str
) -> None:
    lay(tmp_path, {name: content, "a.mp4": b""})
    with pytest.raises(SlaError, match=message) as caught:
        read("elan", tmp_path)
    assert caught.value.message.startswith(str(tmp_path / name))
    assert "\n" not in caught.value.message


def test_what_sla_recognised_is_not_learnt_without_a_warning(
    tmp_path: Path, lay: Lay, read: Read, warnings: Warnings
) -> None:
    """Uncorrected transcripts beside annotations are an easy mistake."""
    for name, annotator in (("anna", "anna"), ("machine", "sla")):
        eaf = Eaf(links=[{"MEDIA_URL": "", "RELATIVE_MEDIA_URL": f"./{name}.mp4"}])
        eaf.tier("SIGN", ANNOTATOR=annotator)
        for number in range(3):
            eaf.mark("SIGN", 100 * number, 100 * number + 50, "A")
        lay(tmp_path, {f"{name}.eaf": eaf.xml(), f"{name}.mp4": b""})
    assert len(read("elan", tmp_path).clips) == 2
    lay(tmp_path / "cues", {"a.vtt": f"{OWN_VTT}\n00:00.000 --> 00:00.100\nA\n", "a.mp4": b""})
    assert len(read("elan", tmp_path / "cues").clips) == 1
    assert "3 annotations are from tiers whose annotator is sla" in warnings()
    assert "1 annotation is from tiers whose annotator is sla" in warnings(), "a cue of WebVTT"
