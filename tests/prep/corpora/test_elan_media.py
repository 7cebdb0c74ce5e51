"""The recording of an annotation file: by its links, beside it, or below --media, in this order."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from elan_files import Eaf

from sla_cli.core.clip import Clip, Source
from sla_cli.errors import SlaError
from sla_cli.prep.corpus import Listing
from sla_cli.prep.tiers.choose import TierOptions

Lay = Callable[..., Path]
Read = Callable[..., Listing]
Warnings = Callable[[], str]


def annotated(*links: dict[str, str], tiers: tuple[str, ...] = ("SIGN",)) -> str:
    eaf = Eaf(links=[{"MEDIA_URL": "", "MIME_TYPE": "unknown", **link} for link in links])
    for tier in tiers:
        eaf.tier(tier)
        eaf.mark(tier, 0, 1000, "A")
    return eaf.xml()


def link(relative: str = "", absolute: str = "", **more: str) -> dict[str, str]:
    return {"MEDIA_URL": absolute, **({"RELATIVE_MEDIA_URL": relative} if relative else {}), **more}


def place(clip: Clip) -> Path:
    return clip.source.root / clip.source.path


def test_the_order_of_places(tmp_path: Path, lay: Lay, read: Read) -> None:
    """Each is taken when the one before it is gone; what lies inside the corpus is named from its root."""
    places = ["c/v/rel.mp4", "elsewhere/abs.mp4", "c/e/rel.mp4", "c/e/rec.mpg", "m/deep/v/rel.mp4", "m/deep/rec.avi"]
    lay(tmp_path, dict.fromkeys(places, b""))
    url = f"file://{tmp_path}/elsewhere/abs.mp4"
    lay(tmp_path / "c", {"e/rec.eaf": annotated(link("../v/rel.mp4", url))})
    lay(tmp_path / "m", {"rec.eaf": annotated()})  # where a copy of the annotations is prepared
    for path in places:
        (clip,) = read("elan", tmp_path / "c", media=str(tmp_path / "m")).clips
        assert place(clip) == tmp_path / path
        inside = path.startswith("c/")
        root = tmp_path / "c" if inside else tmp_path / "m" if path.startswith("m/") else tmp_path / "elsewhere"
        assert clip.source.root == root
        (tmp_path / path).unlink()
    with pytest.raises(SlaError, match="no recording") as caught:
        read("elan", tmp_path / "c", media=str(tmp_path / "m"))
    assert caught.value.message == (
        f"e/rec.eaf: no recording; looked for ../v/rel.mp4, {url}, rec.* and below {tmp_path / 'm'}"
    )
    assert "another --media" in caught.value.hint
    with pytest.raises(SlaError, match="no recording") as caught:
        read("elan", tmp_path / "c")
    assert "--media DIR" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "on_disk"),
    [
        (link("./my video (1).mp4"), "my video (1).mp4"),
        (link("./my%20video.mp4"), "my video.mp4"),
        (link("./100%25.mp4"), "100%.mp4"),
        (link("100%.mp4"), "100%.mp4"),
        (link("..\\v\\a.mp4"), "../v/a.mp4"),
        (link("", "v/a.mp4"), "v/a.mp4"),
        (link("", "file:///C:/Users/anna/a.mp4"), "a.mp4"),
        (link("", "http://example.org/corpus/a.mp4"), "a.mp4"),
        (link("../../../../../../../../../gone/a.mp4"), "A.MP4"),
        (link(unicodedata.normalize("NFD", "./Grüße.mp4")), unicodedata.normalize("NFC", "Grüße.mp4")),
        (link("./frames/a"), "frames/a/0.png"),
        (link("./sound.wav", "file:///v/sound.wav"), "rec.webm"),
        (link("./x.bin", MIME_TYPE="audio/mpeg"), "rec.m4v"),
        (link("./" + "x" * 5000 + ".mp4"), "rec.mp4"),
        (link("/"), "rec.mp4"),
        (link(".."), "rec.mp4"),
        (link("%00"), "rec.mp4"),
        (link("file:"), "rec.mp4"),
        (link("./rec.wmv"), "rec/1.jpg"),
    ],
)
def test_ways_to_write_a_link(tmp_path: Path, lay: Lay, read: Read, given: dict[str, str], on_disk: str) -> None:
    lay(tmp_path, {"e/rec.eaf": annotated(given), f"e/{on_disk}": b""})
    (clip,) = read("elan", tmp_path).clips
    found = (tmp_path / "e" / on_disk).resolve()
    assert place(clip).resolve() == (found.parent if found.suffix in (".png", ".jpg") else found)


@pytest.mark.parametrize("url", ["file:///", "file:///etc/passwd", "file:///etc", "./notes.txt", "./rec.eaf", "."])
def test_a_link_to_something_that_is_no_recording(tmp_path: Path, lay: Lay, read: Read, url: str) -> None:
    lay(tmp_path, {"rec.eaf": annotated(link("", url)), "notes.txt": "x", "rec.mp4": b""})
    (clip,) = read("elan", tmp_path).clips
    assert place(clip) == tmp_path / "rec.mp4"


def test_a_link_to_a_file_with_another_ending(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"rec.eaf": annotated(link("./cam.vob")), "cam.vob": b""})
    assert place(read("elan", tmp_path).clips[0]) == tmp_path / "cam.vob"


def test_a_converted_recording_is_found_by_the_name_in_the_link(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"field-notes.eaf": annotated(link("./rec.avi", "file:///gone/rec.avi")), "rec.mp4": b""})
    (clip,) = read("elan", tmp_path).clips
    assert place(clip) == tmp_path / "rec.mp4"


def test_no_link_leaves_an_archive(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"c/rec.eaf": annotated(link("../out.mp4", f"file://{tmp_path}/out.mp4")), "out.mp4": b""})
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "c"))
    with pytest.raises(SlaError, match=r"rec\.eaf: no recording; looked for \.\./out\.mp4"):
        read("elan", packed)
    assert place(read("elan", tmp_path / "c").clips[0]) == tmp_path / "out.mp4"
    (clip,) = read("elan", packed, media=str(tmp_path)).clips
    assert clip.source == Source(tmp_path, "out.mp4", 0.0, 1.0)


def test_a_recording_that_is_missing_costs_its_clips(tmp_path: Path, lay: Lay, read: Read, warnings: Warnings) -> None:
    lay(tmp_path, {f"{name}.eaf": annotated(link(f"./{name}.mp4")) for name in "abcdefgh"} | {"a.mp4": b""})
    assert [clip.source.path for clip in read("elan", tmp_path).clips] == [f"{name}.mp4" for name in "abcdefgh"]
    assert "b.eaf: no recording; looked for ./b.mp4, b.*" in warnings()
    assert "and 2 more" in warnings()


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_names_that_differ_in_capitals_or_in_their_form(tmp_path: Path, lay: Lay, read: Read, ending: str) -> None:
    """Each ELAN file has the recording of its own name; of one that is gone, none that another one has."""
    pairs = (
        ("A.mp4", f"a.{ending}"),
        ("caf\u00e9.mp4", f"cafe\u0301.{ending}"),
        ("Stra\u00dfe.mp4", f"STRASSE.{ending}"),
    )
    for first, second in pairs:
        folder = tmp_path / first
        videos = {first: b"", second: b""}
        lay(folder, videos | {str(Path(name).with_suffix(".eaf")): annotated(link("./gone.mp4")) for name in videos})
        assert {clip.id.rpartition("_")[0]: clip.source.path for clip in read("elan", folder).clips} == {
            str(Path(name).stem): name for name in videos
        }
    lay(tmp_path / "one", {"a.eaf": annotated(), "A.mp4": b""})
    assert [clip.source.path for clip in read("elan", tmp_path / "one").clips] == ["A.mp4"]
    lay(tmp_path / "two", {"a.eaf": annotated(), "A.eaf": annotated(), "A.mp4": b""})
    assert [clip.source.path for clip in read("elan", tmp_path / "two").clips] == ["A.mp4", "a.mp4"], "one is missing"


def test_a_link_to_another_video_than_that_of_the_same_name_is_said(
    tmp_path: Path, lay: Lay, read: Read, warnings: Warnings
) -> None:
    lay(
        tmp_path, {"a.eaf": annotated(link("./b.mp4")), "b.eaf": annotated(link("./b.mp4")), "a.mp4": b"", "b.mp4": b""}
    )
    assert {clip.source.path for clip in read("elan", tmp_path).clips} == {"b.mp4"}
    assert "1 file links another video than the one of the same name: a.eaf is of b.mp4, not of a.mp4" in warnings()


def test_of_several_videos_the_first_is_taken(tmp_path: Path, lay: Lay, read: Read, warnings: Warnings) -> None:
    """Or that of the person, by a part of its name; or the one that --video names."""
    names = ("sound.wav", "total.mp4", "rec_B.mp4", "rec_a.mp4")
    text = annotated(*(link(f"./{name}") for name in names), tiers=("gloss_A", "gloss_B"))
    lay(tmp_path, {"rec.eaf": text} | dict.fromkeys(names, b""))
    clips = read("elan", tmp_path).clips
    assert [(clip.signer, clip.source.path) for clip in clips] == [("A", "rec_a.mp4"), ("B", "rec_B.mp4")]
    assert "1 file links several videos, of which one is used: for rec.eaf A rec_a.mp4, not total.mp4" in warnings()
    assert [clip.source.path for clip in read("elan", tmp_path, video="tot*").clips] == ["total.mp4"] * 2
    halves = annotated(link("./rec_B.mp4"), link("./rec_a.mp4"), tiers=("gloss_A", "gloss_B"))
    lay(tmp_path, {"rec.eaf": halves})
    warned = len(warnings())
    assert [clip.source.path for clip in read("elan", tmp_path).clips] == ["rec_a.mp4", "rec_B.mp4"]
    assert "several videos" not in warnings()[warned:]
    lay(tmp_path, {"rec.eaf": annotated(link("./total.mp4"), link("./rec_B.mp4"))})
    assert [clip.source.path for clip in read("elan", tmp_path).clips] == ["total.mp4"]
    (tmp_path / "total.mp4").unlink()
    with pytest.raises(SlaError, match="no recording"):
        read("elan", tmp_path)


@pytest.mark.parametrize(
    ("person", "own"),
    [("P_02", "rec_P_02.mp4"), ("S-02", "rec_S-02_top.mp4"), ("Ren\u00e9", "rec_Rene\u0301.mp4")],
)
def test_the_video_of_a_person_whose_name_has_several_parts(
    tmp_path: Path, lay: Lay, read: Read, person: str, own: str
) -> None:
    text = annotated(link("./rec_S-01.mp4"), link(f"./{own}")).replace("TIER_ID=", f'PARTICIPANT="{person}" TIER_ID=')
    lay(tmp_path, {"rec.eaf": text, "rec_S-01.mp4": b"", own: b""})
    assert [clip.source.path for clip in read("elan", tmp_path).clips] == [own]


@pytest.mark.parametrize("wanted", ["cam[2].mp4", "CAM[?].mp4", "*m[2]*"])
def test_the_name_of_a_wanted_video_may_have_brackets_and_capitals(
    tmp_path: Path, lay: Lay, read: Read, wanted: str
) -> None:
    lay(tmp_path, {"rec.eaf": annotated(link("./top.mp4"), link("./cam[2].mp4")), "top.mp4": b"", "cam[2].mp4": b""})
    assert [clip.source.path for clip in read("elan", tmp_path, video=wanted).clips] == ["cam[2].mp4"]


@pytest.mark.parametrize(("wanted", "taken"), [("cam.mp4", "cam.mp4"), ("c*", "cam.mp4"), ("CAM.MP4", "CAM.mp4")])
def test_a_wanted_video_is_first_the_one_with_the_same_capitals(
    tmp_path: Path, lay: Lay, read: Read, wanted: str, taken: str
) -> None:
    lay(tmp_path, {"rec.eaf": annotated(link("./CAM.mp4"), link("./cam.mp4")), "CAM.mp4": b"", "cam.mp4": b""})
    assert [clip.source.path for clip in read("elan", tmp_path, video=wanted).clips] == [taken]


def test_a_video_of_the_files_own_name_is_not_used_if_another_is_wanted(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"rec.eaf": annotated(), "rec.mp4": b"", "rec_top.mp4": b""})
    assert [clip.source.path for clip in read("elan", tmp_path).clips] == ["rec.mp4"]
    with pytest.raises(SlaError, match=r"none matches --video '\*top\*'"):
        read("elan", tmp_path, video="*top*")
    lay(tmp_path, {"rec.eaf": annotated(link("./rec.mp4"), link("./rec_top.mp4"))})
    assert [clip.source.path for clip in read("elan", tmp_path, video="*top*").clips] == ["rec_top.mp4"]
    lay(tmp_path, {"rec.eaf": annotated(link("./rec.mp4"), link("./old.mp4", "file:///v/rec_top.mp4"))})
    assert [clip.source.path for clip in read("elan", tmp_path, video="*top*").clips] == ["rec_top.mp4"]
    with pytest.raises(SlaError, match=r"none matches --video '\*left\*'"):
        read("elan", tmp_path, video="*left*", media=str(tmp_path))
    with pytest.raises(SlaError, match=r"looked for rec\.mp4, old\.mp4, rec\.\*, of which none") as caught:
        read("elan", tmp_path, video="*left*")
    assert caught.value.hint.startswith("Give as --video the name of one of these")


def test_a_pause_beside_a_tier_of_utterances_is_refused() -> None:
    with pytest.raises(SlaError, match="--pause has no effect"):
        TierOptions.checked(utterance_tier="Sentence", pause=2.0)
    assert TierOptions.checked(utterance_tier="Sentence", pause=1.0).pause == 1.0


def test_below_media_the_nearest_of_a_name(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"c/x.eaf": annotated(link("../day2/cam.MP4"))})
    lay(tmp_path / "m", {f"{day}/cam.mp4": b"" for day in ("day1", "day2", "day3")})
    assert read("elan", tmp_path / "c", media=str(tmp_path / "m")).clips[0].source.path == "day2/cam.mp4"
    for rest in (link("./cam.mp4", "file:///D:/day3/cam.mp4"), link("../day3/cam.avi")):
        lay(tmp_path, {"c/x.eaf": annotated(rest)})
        assert read("elan", tmp_path / "c", media=str(tmp_path / "m")).clips[0].source.path == "day3/cam.mp4"
    lay(tmp_path, {"d/day2/cam.eaf": annotated(link("./cam.mp4", "file:///D:/cam.mp4"))})
    assert read("elan", tmp_path / "d", media=str(tmp_path / "m")).clips[0].source.path == "day2/cam.mp4"
    lay(tmp_path / "m", {"day2/x.mp4": b""})
    lay(tmp_path, {"c/x.eaf": annotated(link("./cam.avi"))})
    several = r"\./cam\.avi: --media has several with this name: day1/cam\.mp4, day2/cam\.mp4"
    with pytest.raises(SlaError, match=several):
        read("elan", tmp_path / "c", media=str(tmp_path / "m"))
    with pytest.raises(SlaError, match="--media: no such folder or archive"):
        read("elan", tmp_path / "c", media=str(tmp_path / "none"))


def test_the_timeline_may_begin_within_the_recording(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"x.eaf": annotated(link("./x.mp4", TIME_ORIGIN="1234")), "x.mp4": b""})
    (clip,) = read("elan", tmp_path).clips
    assert (clip.id, clip.source) == ("x_1.234-2.234", Source(tmp_path, "x.mp4", 1.234, 2.234))
    gone = link("./gone.mp4", TIME_ORIGIN="5000")
    lay(tmp_path, {"x.eaf": annotated(gone, link("./x.mp4", TIME_ORIGIN="1234"))})
    assert read("elan", tmp_path).clips[0].source.start == 1.234, "the offset of the video that is there"
    first, second = link("", f"file://{tmp_path}/1/x.mp4"), link("./2/x.mp4", TIME_ORIGIN="1234")
    lay(tmp_path, {"x.eaf": annotated(first, second), "1/x.mp4": b"", "2/x.mp4": b""})
    assert read("elan", tmp_path).clips[0].source == Source(tmp_path, "1/x.mp4", 0, 1), "known by its path"
