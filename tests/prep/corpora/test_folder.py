"""Users' own recordings: usual forms of tables are accepted, and errors are reported with their line."""

from __future__ import annotations

import codecs
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.clip import Clip, Source
from sla_cli.errors import SlaError
from sla_cli.prep.corpus import Listing

Lay = Callable[..., Path]
Read = Callable[..., Listing]
VIDEOS = {"one.mp4": b"", "two.mp4": b"", "three.mp4": b""}
DOCS = Path(__file__).parents[3] / "docs" / "corpora.md"


@pytest.fixture
def mine(tmp_path: Path, lay: Lay) -> Path:
    """Three recordings without a table."""
    return lay(tmp_path / "mine", {f"videos/{name}": data for name, data in VIDEOS.items()})


def clips_of(read: Read, mine: Path, table: str | bytes, name: str = "clips.tsv") -> list[Clip]:
    (mine / name).write_bytes(table.encode() if isinstance(table, str) else table)
    return read("folder", mine).clips


def refusal(read: Read, mine: Path, table: str | bytes, name: str = "clips.tsv") -> SlaError:
    with pytest.raises(SlaError) as caught:
        clips_of(read, mine, table, name)
    return caught.value


def test_the_documented_table_becomes_clips(tmp_path: Path, lay: Lay, read: Read) -> None:
    """The example of the documentation, as a linguist would type it from there."""
    table = DOCS.read_text(encoding="utf-8").split("```tsv\n")[1].split("```")[0]
    lay(tmp_path, {"clips.tsv": table} | {f"videos/{name}.mp4": b"" for name in ("monday", "tuesday", "interview")})
    listing = read("folder", tmp_path)
    assert [(clip.id, clip.glosses) for clip in listing.clips] == [
        ("monday", ("MORGEN", "REGEN", "NORD")),
        ("tuesday", ("HEUTE", "SONNE", "NULL", "GRAD")),
        ("interview_12.5-17", ()),
    ]
    assert listing.divisions == {}, "the table has no column split"
    assert (listing.clips[2].source.start, listing.clips[2].source.end) == (12.5, 17.0)


def test_every_column_is_read(mine: Path, read: Read) -> None:
    (mine / "photos").mkdir()
    table = (
        "ID\tFrames\tGlosses\tSplit\tSpeaker\tStart\tEnd\tText\tnotes\n"
        "a\tphotos/*.png\tHEUTE  NULL nan\tvalidation\tAnna\t\t\t  heute null  grad\twindy\n"
        "b\tvideos/one.mp4\tHEUTE\tTRAIN\tBert\t0:01,5\t1:00:02.5\t\t\n"
    )
    one, two = clips_of(read, mine, table)
    assert (one.id, one.signer, one.glosses) == ("a", "Anna", ("HEUTE", "NULL", "nan"))
    assert (one.translation, one.where) == ("heute null grad", "clips.tsv, line 2")
    assert (one.source.path, one.source.start, one.source.end) == ("photos", None, None)
    assert (two.source.root, two.source.path) == (mine, "videos/one.mp4")
    assert (two.source.start, two.source.end) == (1.5, 3602.5)
    assert read("folder", mine).divisions == {"corpus": {"a": "dev", "b": "train"}}


@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("final", [True, False])
def test_tables_as_programs_save_them(
    mine: Path, read: Read, bom: bytes, end: str, separator: str, final: bool
) -> None:
    lines = ["video;gloss;text", "videos/one.mp4;GRÜN NULL;ja", ";;", 'videos/two.mp4;"""INDEX""";"so: ""a, b;\tc|"""']
    text = (
        end.join(line.replace(";", separator) for line in lines[:3])
        + end
        + lines[3].replace("mp4;", f"mp4{separator}").replace('""";"', f'"""{separator}"')
        + (end if final else "")
    )
    one, two = clips_of(read, mine, bom + text.encode(), "clips.csv")
    assert (one.id, one.glosses, one.translation, one.where) == ("one", ("GRÜN", "NULL"), "ja", "clips.csv, line 2")
    assert (two.glosses, two.translation, two.where) == (('"INDEX"',), 'so: "a, b; c|"', "clips.csv, line 4")


def test_excel_s_own_forms(mine: Path, read: Read) -> None:
    one, two = clips_of(read, mine, "sep=;\r\nvideo;gloss;;\r\nvideos/one.mp4;A;;\r\nvideos\\two.mp4;B;;\r\n;;;\r\n")
    assert (one.where, two.source.path) == ("clips.tsv, line 3", "videos/two.mp4")
    (clip,) = clips_of(read, mine, "video\tgloss\nvideos/one.mp4\tGRÜN\n".encode("utf-16"))
    assert clip.glosses == ("GRÜN",)


def test_a_cell_of_several_lines_counts_them(mine: Path, read: Read) -> None:
    table = 'video,text\nvideos/one.mp4,"two\nlines"\nvideos/two.mp4,x\n'
    one, two = clips_of(read, mine, table, "clips.csv")
    assert (one.translation, one.where, two.where) == ("two lines", "clips.csv, line 2", "clips.csv, line 4")


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1), min_size=1))
def test_any_gloss_comes_back(tmp_path_factory: pytest.TempPathFactory, read: Read, glosses: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp() / "glosses"
    (folder / "v.mp4").parent.mkdir(exist_ok=True)
    (folder / "v.mp4").touch()
    quoted = " ".join(glosses).replace('"', '""')
    (clip,) = clips_of(read, folder, f'video\tgloss\nv.mp4\t"{quoted}"\n')
    assert clip.glosses == tuple(glosses)


def test_without_a_gloss_column_clips_are_to_be_recognised(mine: Path, read: Read) -> None:
    (mine / "clips.csv").write_text("file\nvideos/one.mp4\nvideos/two.mp4\n")
    listing = read("folder", mine)
    assert [(clip.id, clip.glosses) for clip in listing.clips] == [("one", ()), ("two", ())]
    assert not listing.divisions


def test_what_may_be_given_as_source(tmp_path: Path, mine: Path, read: Read) -> None:
    table = "video\tgloss\nvideos/one.mp4\tA\n"
    (by_folder,) = clips_of(read, mine, table)
    (mine / ".clips.tsv.swp.csv").touch()
    (mine / "~$clips.csv").touch()
    assert read("folder", mine).clips == read("folder", mine / "clips.tsv").clips == [by_folder]
    for kind in ("zip", "tar"):
        packed = Path(shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path, "mine"))
        (clip,) = read("folder", packed).clips
        assert (clip.source.root, clip.source.path) == (packed, "mine/videos/one.mp4")
    (mine / "more.csv").write_text(table)
    with pytest.raises(SlaError, match=r"contains several tables: clips\.tsv, more\.csv"):
        read("folder", mine)
    assert read("folder", mine / "clips.tsv").clips == [by_folder]


def test_without_a_table_each_video_is_to_be_recognised(
    tmp_path: Path, mine: Path, read: Read, warnings: Callable[[], str]
) -> None:
    """In a folder, in the one folder inside it, in an archive, or given itself; hidden files are not videos."""
    for name in (".hidden.mp4", "._one.mp4", "notes.md"):
        (mine / "videos" / name).touch()
    (mine / "videos" / "Four.MOV").touch()
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", mine))
    for source, root, folder in (
        (mine / "videos", mine / "videos", ""),
        (mine, mine, "videos/"),
        (packed, packed, "videos/"),
    ):
        listing = read("folder", source)
        assert [(clip.id, clip.glosses, clip.signer) for clip in listing.clips] == [
            (name, (), "") for name in ("Four", "one", "three", "two")
        ]
        assert listing.clips[1].source == Source(root, f"{folder}one.mp4")
        assert not listing.divisions
        assert len(listing.tables) == 1, "other videos are another store"
    assert "no table: each video is a clip without glosses: Four.MOV, one.mp4, three.mp4" in warnings()
    assert "of another folder" not in warnings()
    (mine / "videos" / "more").mkdir()
    (mine / "videos" / "more" / "five.mp4").touch()
    assert len(read("folder", mine / "videos").clips) == 4
    assert "1 recording of another folder is not among them: more/five.mp4" in warnings()
    (alone,) = read("folder", mine / "videos" / "one.mp4").clips
    assert (alone.id, alone.source) == ("one", Source(mine / "videos", "one.mp4"))
    assert read("folder", mine / "videos" / "two.mp4").tables != read("folder", mine / "videos" / "one.mp4").tables
    (mine / "videos" / "clips.tsv").write_text("video\tgloss\none.mp4\tA\n")
    (listed,) = read("folder", mine / "videos").clips
    assert (listed.id, listed.glosses) == ("one", ("A",)), "where there is a table, it decides"


def test_a_video_that_cannot_be_read_is_a_clip_that_fails(mine: Path, read: Read, warnings: Callable[[], str]) -> None:
    """It is not left out in silence."""
    (mine / "videos" / "gone.mp4").symlink_to("nowhere")
    os.mkfifo(mine / "videos" / "pipe.mp4")
    assert [clip.id for clip in read("folder", mine / "videos").clips] == ["gone", "one", "pipe", "three", "two"]
    assert "not among them" not in warnings()


@pytest.mark.parametrize(
    "files",
    [
        {"README.txt": "Two people who sign.\n"},
        {"one.csv": "start,end,gloss,confidence\n0,1,A,1\n", "two.csv": "start,end,gloss,confidence\n"},
        {"notes.xlsx": b"PK\x03\x04"},
        {"notes.csv": b"PK\x03\x04\xff", "empty.tsv": ""},
    ],
)
def test_a_file_that_names_no_recordings_is_no_table(
    mine: Path, lay: Lay, read: Read, warnings: Callable[[], str], files: dict[str, str | bytes]
) -> None:
    """Such as what `sla transcribe --format csv` writes beside the videos; it is a table if it is given."""
    folder = lay(mine / "videos", files)
    assert len(read("folder", folder).clips) == 3
    for name in files:
        assert name in warnings()
        with pytest.raises(SlaError, match=r"no column video|is a workbook"):
            read("folder", folder / name)
    (folder / "clips.txt").write_text("\nvideo\tgloss\none.mp4\tA\n", encoding="utf-16")
    assert [clip.glosses for clip in read("folder", folder).clips] == [("A",)]


def test_a_text_beside_the_folder_with_the_videos_is_no_table(
    mine: Path, read: Read, warnings: Callable[[], str]
) -> None:
    (mine / "README.txt").write_text("Two people who sign.\n")
    assert len(read("folder", mine).clips) == 3
    assert "not used as table, without a column video or frames: README.txt" in warnings()


def test_a_preview_beside_frames_is_no_video(tmp_path: Path, lay: Lay, read: Read) -> None:
    with pytest.raises(SlaError, match="no table"):
        read("folder", lay(tmp_path / "f", {"1.png": b"", "preview.gif": b""}))


def test_sources_that_are_none(mine: Path, read: Read) -> None:
    for video in (mine / "videos").iterdir():
        video.rename(video.with_suffix(".txt.bak"))
    no_table = r"no table: looked for a \.tsv or \.csv file.*; .*videos contains one\.txt\.bak"
    with pytest.raises(SlaError, match=no_table):
        read("folder", mine)
    (mine / "clips.xlsx").write_bytes(b"PK\x03\x04")
    for source in (mine, mine / "clips.xlsx"):
        with pytest.raises(SlaError, match=r"clips\.xlsx is a workbook") as caught:
            read("folder", source)
        assert "CSV" in caught.value.hint
    with pytest.raises(SlaError, match="no such"):
        read("folder", mine / "nowhere.tsv")


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ("", "line 1: no column video or frames or path or file", "name the columns"),
        ("video\tgloss\n", "lists no clip", ""),
        ("a\tb\nvideos/one.mp4\tA\n", "line 1: no column video or .* in the header; found a, b", "name the columns"),
        (
            "id\tvidoe\nx\tvideos/one.mp4\n",
            "no column video .*; found id, vidoe",
            "Rename the column 'vidoe' to 'video'?",
        ),
        ("video gloss\nvideos/one.mp4 A\n", "found video gloss", "not by spaces"),
        ("video\tpath\nvideos/one.mp4\tx\n", "line 1: the columns video and path mean the same", "Keep one"),
        ("video\tgloss\nvideos/one.mp4\n", "line 2: 1 cell, but the header has 2", "separated by tabs"),
        ("video,gloss\nvideos/one.mp4,A,B\n", "line 2: 3 cells, but the header has 2", "separated by commas"),
        ('video,gloss\nvideos/one.mp4,"A\nvideos/two.mp4,B\n', "line 2: unexpected end of data", "quote not closed"),
        (b"video\tgloss\nvideos/one.mp4\tGR\xdcN\n", "line 2: not UTF-8", "CSV UTF-8"),
        ("video\tgloss\n\tA\n", "line 2: '' names no file", ""),
        ("video\tgloss\n../one.mp4\tA\n", r"line 2: '\.\./one.mp4' leads outside", "relative"),
        ("video\tgloss\nvideos\\..\\..\\one.mp4\tA\n", r"line 2: .* leads outside", "relative"),
        ("video\tgloss\n/etc/passwd\tA\n", "line 2: '/etc/passwd' leads outside", "relative"),
        ("video\tgloss\nC:\\videos\\one.mp4\tA\n", "line 2: .* leads outside", "relative to"),
        ("video\tgloss\nfile:///videos/one.mp4\tA\n", "line 2: .* leads outside", "relative to"),
        ("video\tgloss\nvideos/o\0ne.mp4\tA\n", "line 2: .* is no name of a file", ""),
        ("video\tstart\nvideos/one.mp4\tsoon\n", "line 2: start 'soon' is not a time", "seconds"),
        ("video\tstart\nvideos/one.mp4\t1_0\n", "line 2: start '1_0' is not a time", "seconds"),
        ("video\tstart\nvideos/one.mp4\t1::2\n", "line 2: start '1::2' is not a time", "seconds"),
        ("video\tend\nvideos/one.mp4\t\u0663\n", "line 2: end '\u0663' is not a time", "seconds"),
        ("video\tstart\nvideos/one.mp4\t-1\n", "line 2: start '-1' is not a time", "seconds"),
        ("video\tend\nvideos/one.mp4\tinf\n", "line 2: end 'inf' is not a time", "seconds"),
        ("video\tstart\tend\nvideos/one.mp4\t3\t3\n", "line 2: the end, 3 s, is not after the start, 3 s", ""),
        ("video\tsplit\nvideos/one.mp4\ttrian\n", "line 2: no split 'trian'", "train, dev, test"),
        ("video\tgloss\tsplit\nvideos/one.mp4\t\ttrain\n", "line 2: clip one of train has no glosses", "gloss"),
        ("video\tsplit\nvideos/one.mp4\ttrain\n", "line 2: clip one of train has no glosses", "annotation"),
        (
            "video\tgloss\tsplit\nvideos/one.mp4\tA\ttest\nvideos/two.mp4\t\ttest\n",
            "line 3: clip two of test has no glosses, other clips of test have",
            "",
        ),
        (
            "video\tgloss\nvideos/one.mp4\tA\nvideos/one.mp4\tB\n",
            "lines 2 and 3: both clips would have the id one",
            "id",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    mine: Path, read: Read, table: str | bytes, message: str, hint: str
) -> None:
    error = refusal(read, mine, table)
    assert error.message.startswith(str(mine / "clips.tsv"))
    assert hint in error.hint
    with pytest.raises(SlaError, match=message):
        raise error


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("one.mp4", "is videos/one.mp4 meant?"),
        ("videos/tow.mp4", "is videos/two.mp4 meant?"),
        ("videos/interview.mp4", "videos contains one.mp4, three.mp4, two.mp4"),
        ("films/x.mp4", "mine contains clips.tsv, videos/"),
    ],
)
def test_a_recording_that_is_not_there(
    mine: Path, read: Read, warnings: Callable[[], str], path: str, advice: str
) -> None:
    error = refusal(read, mine, f"video\tgloss\n{path}\tA\n")
    assert error.message.startswith(f"clips.tsv, line 2: no {mine / path}; ")
    assert error.message.endswith(advice)
    clips = clips_of(read, mine, f"video\tgloss\nvideos/three.mp4\tA\n{path}\tA\n")
    assert [clip.source.path for clip in clips] == ["videos/three.mp4", path], "it costs its own clip only"
    assert f"clips.tsv, line 3: no {mine / path}; " in warnings()


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_both_ways_to_write_an_accent(mine: Path, lay: Lay, read: Read, on_disk: str, in_table: str) -> None:
    name = unicodedata.normalize(on_disk, "Grüße.mp4")
    lay(mine, {name: b""})
    (clip,) = clips_of(read, mine, f"video\tgloss\n{unicodedata.normalize(in_table, name)}\tA\n")
    assert clip.source.path == name
    (mine / "clips.tsv").unlink()
    assert [clip.id] == [other.id for other in read("folder", mine).clips] == [unicodedata.normalize("NFC", "Grüße")]


def test_a_table_in_a_folder_of_an_archive_names_paths_from_itself(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path / "a" / "mine", {"t.csv": "video,gloss\n./v/one.mp4,A\n", "v/one.mp4": b""})
    assert read("folder", tmp_path / "a").clips[0].source.path == "mine/v/one.mp4"


@pytest.mark.parametrize("path", ["/home/anna/day2/one.mp4", "../day2/one.mp4", "C:\\anna\\day2\\one.mp4"])
def test_a_path_outside_is_found_below_media(tmp_path: Path, lay: Lay, read: Read, path: str) -> None:
    lay(tmp_path / "media", {f"{day}/one.mp4": b"" for day in ("day1", "day2")})
    lay(tmp_path / "mine", {"t.tsv": f"video\tgloss\tstart\n{path}\tA\t1.5\n"})
    (clip,) = read("folder", tmp_path / "mine", media=str(tmp_path / "media")).clips
    assert (clip.id, clip.source) == ("one_1.5-", Source(tmp_path / "media", "day2/one.mp4", 1.5))


def test_of_a_recording_that_is_nowhere_both_places_are_named(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path / "media", {"two.mp4": b""})
    lay(tmp_path / "mine", {"t.tsv": "video\tgloss\none.mp4\tA\n"})
    with pytest.raises(SlaError, match=r"no .*mine/one\.mp4 and nothing of its name below .*media; "):
        read("folder", tmp_path / "mine", media=str(tmp_path / "media"))


def test_a_path_that_means_two_recordings_below_media_is_refused(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path / "media", {f"{day}/one.mp4": b"" for day in ("day1", "day2")})
    lay(tmp_path / "mine", {"t.tsv": "video\tgloss\none.mp4\tA\n"})
    with pytest.raises(SlaError, match=r"one\.mp4: --media has several with this name: day1/one\.mp4, day2/one\.mp4"):
        read("folder", tmp_path / "mine", media=str(tmp_path / "media"))


def test_a_row_without_a_recording_does_not_ask_for_media(mine: Path, read: Read) -> None:
    error = refusal(read, mine, "video\tgloss\n\tA\n")
    assert ("line 2: '' names no file or folder" in error.message, error.hint) == (True, "")


@pytest.mark.parametrize("source", ["videos", "videos/one.mp4"])
def test_media_without_a_table_is_refused(tmp_path: Path, mine: Path, read: Read, source: str) -> None:
    with pytest.raises(
        SlaError, match=r"--media finds the recordings that a table names, but .* has no table"
    ) as caught:
        read("folder", mine / source, media=str(tmp_path / "gone"))
    assert "leave --media out" in caught.value.hint


def test_what_lies_in_the_corpus_comes_before_media(tmp_path: Path, mine: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path / "media", {"videos/one.mp4": b"", "photos/0.png": b""})
    lay(mine, {"t.tsv": "video\tgloss\tfps\nvideos/one.mp4\tA\t25\n../photos/*.png\tB\t25\n"})
    one, photos = read("folder", mine, media=str(tmp_path / "media")).clips
    assert one.source == Source(mine, "videos/one.mp4"), "a video knows its rate"
    assert photos.source == Source(tmp_path / "media", "photos", fps=25.0)
    lay(mine, {"t.tsv": "video\tgloss\n../gone.mp4\tA\n"})
    with pytest.raises(SlaError, match=r"line 2: '\.\./gone\.mp4' leads outside .*, and --media has no recording"):
        read("folder", mine, media=str(tmp_path / "media"))
    with pytest.raises(SlaError, match=r"line 2: '\.\./gone\.mp4' leads outside of the corpus") as caught:
        read("folder", mine)
    assert "--media" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "cell", "fps"), [("fps", "29,97", 29.97), ("Rate", "25", 25.0), ("frame_rate", "", None)]
)
def test_the_rate_of_images(mine: Path, read: Read, name: str, cell: str, fps: float | None) -> None:
    (mine / "photos").mkdir()
    (clip,) = clips_of(read, mine, f"video\tgloss\tstart\t{name}\nphotos\tA\t2\t{cell}\n")
    assert clip.source == Source(mine, "photos", 2.0, None, fps)


@pytest.mark.parametrize("cell", ["0", "-25", "inf", "1e9", "1e-7", "0.5", "25 Hz", "2_5", "\u0662\u0665"])
def test_what_is_no_rate(mine: Path, read: Read, cell: str) -> None:
    assert refusal(read, mine, f"video\tfps\nvideos/one.mp4\t{cell}\n").message.endswith(
        f"line 2: fps {cell!r} is not a frame rate"
    )


@pytest.mark.parametrize("cell", ["videos/*.mp4", "*.mp4", "videos/?ne.mp4", "v*/one.mp4", "photos/f*.png", "*"])
def test_a_pattern_is_not_expanded_and_said_to_be_none(mine: Path, read: Read, lay: Lay, cell: str) -> None:
    lay(mine, {"photos/f1.png": b""})
    fault = refusal(read, mine, f"video\tgloss\n{cell}\tA\n")
    assert f"clips.tsv, line 2: no {mine / cell}; patterns are not expanded" in fault.message


def test_a_star_or_question_mark_in_the_name_of_a_file_is_no_pattern(mine: Path, read: Read, lay: Lay) -> None:
    lay(mine, {"videos/what?.mp4": b"", "videos/x*.mp4": b""})
    found = clips_of(read, mine, "video\tgloss\nvideos/what?.mp4\tA\nvideos/x*.mp4\tA\n")
    assert [(clip.id, clip.source.path) for clip in found] == [
        ("what?", "videos/what?.mp4"),
        ("x*", "videos/x*.mp4"),
    ]
