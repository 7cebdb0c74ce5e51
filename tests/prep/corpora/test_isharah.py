"""Isharah: two divisions, three sizes; videos, folders of frames, or archives as they were downloaded."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Listing

Lay = Callable[..., Path]
Read = Callable[..., Listing]
ARABIC = "هو معلم_لغه  اشاره "
TRAIN, DEV, TEST = ("00_0001", "00_0002", "01_0001"), ("02_0001",), ("08_0001", "08_0002")
IDS = (*TRAIN, *DEV, *TEST)


def tables(end: str = "txt", division: str = "SI") -> dict[str, str]:
    return {
        f"{division}/train.{end}": "\n".join(["id|gloss|text", *(f"{clip}|{ARABIC}|من  هو" for clip in TRAIN)]),
        f"{division}/dev.{end}": "\r\n".join(["\ufeffid|gloss", *(f"{clip}|NULL {ARABIC}" for clip in DEV)]),
        f"{division}/test.{end}": "\n".join(["id", *TEST]) + "\n",
    }


def clip_files(layout: str) -> dict[str, bytes]:
    """Of all clips; NAME and SIGNER stand in the layout for their own."""
    return {layout.replace("NAME", clip).replace("SIGNER", clip[:2]): b"" for clip in IDS}


@pytest.mark.parametrize(
    "layout",
    ["NAME.mp4", "videos/NAME.mp4", "SIGNER/NAME.MP4", "data/videos/SIGNER/NAME.mov", "frames/NAME/frame0000.jpg"],
)
@pytest.mark.parametrize(("end", "division"), [("txt", "SI"), ("csv", "US")])
def test_videos_and_frames_are_found(
    tmp_path: Path, lay: Lay, read: Read, layout: str, end: str, division: str, caplog: pytest.LogCaptureFixture
) -> None:
    lay(tmp_path, tables(end, division) | clip_files(layout))
    if end == "txt":
        lay(tmp_path, {f"{division}/dev.csv": "id|gloss\n"})
    listing = read("isharah1000", tmp_path)
    assert [(clip.id, clip.signer) for clip in listing.clips] == [(clip, clip[:2]) for clip in IDS]
    splits = dict.fromkeys(TRAIN, "train") | dict.fromkeys(DEV, "dev") | dict.fromkeys(TEST, "test")
    assert listing.divisions == {division: splits}
    for clip in listing.clips:
        path = clip.source.root / clip.source.path
        assert path.is_file() if "mp4" in layout.lower() or "mov" in layout else (path / "frame0000.jpg").is_file()
    assert listing.clips[0].glosses == ("هو", "معلم_لغه", "اشاره")
    assert listing.clips[0].translation == "من هو"
    assert listing.clips[3].glosses[0] == "NULL"
    assert (listing.clips[5].glosses, listing.clips[5].where) == ((), f"{division}/test.{end}, line 3")
    assert listing.tables.keys() == {f"{division}/{split}.{end}" for split in ("train", "dev", "test")}
    assert ("has dev.txt and dev.csv: the first is read" in caplog.text) == (end == "txt")


def test_line_ends_and_encodings_of_other_systems(
    tmp_path: Path, lay: Lay, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    table = tables()
    lay(tmp_path / "one", table | clip_files("NAME.mp4"))
    changed = {name: text.replace("\r\n", "\n").replace("\n", "\r") for name, text in table.items()}
    lay(tmp_path / "two", changed | clip_files("NAME.mp4"))
    name = next(name for name in table if "train" in name)
    (tmp_path / "two" / name).write_bytes(table[name].encode("utf-16"))
    one, two = read("isharah1000", tmp_path / "one"), read("isharah1000", tmp_path / "two")
    assert two.divisions == one.divisions
    assert [clip.glosses for clip in two.clips] == [clip.glosses for clip in one.clips]
    assert "has a header" not in caplog.text
    (tmp_path / "two" / name.replace("train", "dev")).write_text("id|gloss\n")
    assert "dev" not in read("isharah1000", tmp_path / "two").divisions["SI"].values()
    assert f"{name.replace('train', 'dev')} has a header, and no rows" in caplog.text


@pytest.mark.parametrize("layout", ["NAME.mp4", "SIGNER/NAME.mp4", "NAME/frame0000.jpg", "SIGNER/NAME/frame0000.jpg"])
@pytest.mark.parametrize("beside", ["", "videos"])
def test_archives_of_the_signers_are_read_in_place(
    tmp_path: Path, lay: Lay, read: Read, layout: str, beside: str, warnings: Callable[[], str]
) -> None:
    root = lay(tmp_path / "corpus", tables() | {"videos/": ""})
    for signer in ("00", "01", "02"):
        files = {name: data for name, data in clip_files(layout).items() if f"{signer}_" in name}
        inner = lay(tmp_path / signer, files)
        shutil.make_archive(str(root / beside / signer), "zip", inner)
    clips = {clip.id: clip.source for clip in read("isharah1000", root).clips}
    inside = layout.removesuffix("/frame0000.jpg")
    for name, source in clips.items():
        assert source.root == root / beside / f"{name[:2]}.zip"
        assert source.path == inside.replace("NAME", name).replace("SIGNER", name[:2])
    assert "no clips of 1 signer: 08;" in warnings(), "its clips fail one by one, the others are made"


@pytest.mark.parametrize("name", ["isharah500", "isharah1000", "isharah2000"])
def test_the_size_that_is_meant_is_taken(tmp_path: Path, lay: Lay, read: Read, name: str) -> None:
    folders = {"isharah500": "isharah500", "isharah1000": "Isharah-1000", "isharah2000": "isharah_2000"}
    for folder in folders.values():
        lay(tmp_path / folder, tables() | {"SI/dev.txt": f"id|gloss\n02_0001|{folder}"})
    lay(tmp_path, clip_files("videos/NAME.mp4"))
    dev = next(clip for clip in read(name, tmp_path).clips if clip.id == "02_0001")
    assert dev.glosses[0] == folders[name]
    assert dev.source.path.startswith("videos/"), "of all sizes"
    for corpus, folder in folders.items():
        lay(tmp_path / folder, clip_files("data/videos/NAME.mp4" if corpus == name else "NAME.mp4"))
    assert {clip.source.path.split("/")[0] for clip in read(name, tmp_path).clips} == {folders[name]}
    with pytest.raises(SlaError, match=r"Isharah-2000 .*; found .*isharah500/SI"):
        read("isharah2000", tmp_path / "isharah500")


@pytest.mark.parametrize("deeper", ["", "tables/"])
def test_clips_of_another_size_do_not_take_the_place_of_missing_ones(
    tmp_path: Path, lay: Lay, read: Read, deeper: str, warnings: Callable[[], str]
) -> None:
    for size in (500, 1000):
        lay(tmp_path / f"isharah{size}", {f"{deeper}{name}": text for name, text in tables().items()})
    lay(tmp_path / "isharah1000", clip_files("v/SIGNER/NAME.mp4"))
    assert {clip.source.path.split("/")[0] for clip in read("isharah500", tmp_path).clips} == {"isharah1000"}
    assert "which is named as another size than 500" in warnings()
    lay(tmp_path / "isharah500", {name: b"" for name in clip_files("v/SIGNER/NAME.mp4") if "/08/" not in name})
    assert {clip.source.path.split("/")[0] for clip in read("isharah500", tmp_path).clips} == {"isharah500"}
    assert "no clips of 1 signer: 08;" in warnings()


@pytest.mark.parametrize("archived", [False, True])
def test_of_clips_equally_near_to_the_tables_those_of_the_size_are_taken(
    tmp_path: Path, lay: Lay, read: Read, archived: bool
) -> None:
    lay(tmp_path / "tables" / "isharah500", tables())
    for size in (1000, 500):
        lay(tmp_path / "videos" / f"isharah{size}", clip_files("SIGNER/NAME.mp4"))
        if archived:
            for folder in sorted((tmp_path / "videos" / f"isharah{size}").iterdir()):
                shutil.make_archive(str(folder), "zip", folder)
                shutil.rmtree(folder)
    sources = [str(clip.source.root / clip.source.path) for clip in read("isharah500", tmp_path).clips]
    assert sources and all("/videos/isharah500/" in source for source in sources)


def test_a_miss_says_what_was_looked_for_and_what_lies_there(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {"XX/": ""})
    with pytest.raises(SlaError, match=r"looked for SI/train\.txt or .* of Isharah-500 .* contains XX/"):
        read("isharah500", tmp_path)
    lay(tmp_path, tables())
    with pytest.raises(SlaError, match=r"no clips: looked for 00_0001, 00_0002 and 4 more, .* contains SI/"):
        read("isharah500", tmp_path)


@pytest.mark.parametrize(
    ("row", "message"), [("../x|A", "'../x' is not signer_s"), ("00_1", "1 field, but"), ("|A", "''")]
)
def test_broken_rows_are_named(tmp_path: Path, lay: Lay, read: Read, row: str, message: str) -> None:
    lay(tmp_path, tables() | {"SI/dev.txt": f"id|gloss\n02_0001|A\n{row}\n"} | clip_files("NAME.mp4"))
    with pytest.raises(SlaError, match=rf"SI/dev\.txt, line 3: .*{message}"):
        read("isharah500", tmp_path)


@pytest.mark.parametrize("name", ["isharah1000", "isharah2000"])
def test_one_listing_of_the_real_tables_has_both_divisions(
    shared: Path, tmp_path: Path, lay: Lay, read: Read, name: str
) -> None:
    """Each clip once, with the glosses of the table that has some."""
    rows: dict[str, dict[str, str]] = {}
    for path in sorted((shared / "data" / name).glob("*/*")):
        lay(tmp_path, {f"{path.parent.name}/{path.name}": path.read_bytes()})
        for line in path.read_text(encoding="utf-8-sig").splitlines()[1:]:
            clip, *cells = line.split("|")
            rows.setdefault(f"{path.parent.name}/{path.stem}", {})[clip] = " ".join(cells[0].split()) if cells else ""
    everything = {clip for part in rows.values() for clip in part}
    ends = ("0001", "0401", "0451")
    lay(tmp_path, {f"videos/{clip}.mp4": b"" for clip in everything if clip.endswith(ends)})
    listing = read(name, tmp_path)
    ids = [clip.id for clip in listing.clips]
    assert len(ids) == len(set(ids)) and set(ids) == everything
    glosses = {clip.id: " ".join(clip.glosses) for clip in listing.clips}
    for place, part in rows.items():
        division, split = place.split("/")
        assert {clip for clip, of in listing.divisions[division].items() if of == split} == part.keys()
        assert all(glosses[clip] == text for clip, text in part.items() if text)
    corpus = find_corpus(name)
    assert list(listing.divisions) == list(corpus.unseen) == ["SI", "US"]
    assert {division: Counter(splits.values()) for division, splits in listing.divisions.items()} == corpus.counts
    signers = {split: {clip[:2] for clip in rows[f"SI/{split}"]} for split in ("train", "dev")}
    assert not signers["train"] & signers["dev"]
    assert not set(rows["US/train"].values()) & set(rows["US/dev"].values())


def test_two_tables_with_other_glosses_of_one_clip(tmp_path: Path, lay: Lay, read: Read) -> None:
    """A test split without glosses may be train of the other division."""
    lay(tmp_path, tables() | tables(division="US") | clip_files("NAME.mp4"))
    lay(tmp_path, {"US/train.txt": f"id|gloss\n{TEST[0]}|A B\n", "US/test.txt": f"id\n{TRAIN[0]}\n"})
    listing = read("isharah1000", tmp_path)
    found = {clip.id: clip.glosses for clip in listing.clips}
    assert found[TEST[0]] == ("A", "B")
    assert found[TRAIN[0]] == tuple(ARABIC.split())
    lay(tmp_path, {"US/dev.txt": f"id|gloss\n{TRAIN[1]}|OTHER\n"})
    with pytest.raises(SlaError, match=r"US/dev\.txt, line 2: .* other glosses in SI/train\.txt, line 3"):
        read("isharah1000", tmp_path)
