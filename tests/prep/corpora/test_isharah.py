"""Isharah: two protocols, three sizes; videos, folders of frames, or archives as they were downloaded."""

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


def tables(end: str = "txt", protocol: str = "SI") -> dict[str, str]:
    return {
        f"{protocol}/train.{end}": "\n".join(["id|gloss|text", *(f"{clip}|{ARABIC}|من  هو" for clip in TRAIN)]),
        f"{protocol}/dev.{end}": "\r\n".join(["\ufeffid|gloss", *(f"{clip}|NULL {ARABIC}" for clip in DEV)]),
        f"{protocol}/test.{end}": "\n".join(["id", *TEST]) + "\n",
    }


def clip_files(layout: str) -> dict[str, bytes]:
    """Of all clips; NAME and SIGNER stand in the layout for their own."""
    return {layout.replace("NAME", clip).replace("SIGNER", clip[:2]): b"" for clip in IDS}


@pytest.mark.parametrize(
    "layout",
    ["NAME.mp4", "videos/NAME.mp4", "SIGNER/NAME.MP4", "data/videos/SIGNER/NAME.mov", "frames/NAME/frame0000.jpg"],
)
@pytest.mark.parametrize(("end", "protocol"), [("txt", "SI"), ("csv", "US")])
def test_videos_and_frames_are_found(
    tmp_path: Path, lay: Lay, read: Read, layout: str, end: str, protocol: str
) -> None:
    lay(tmp_path, tables(end, protocol) | clip_files(layout))
    listing = read("isharah1000", tmp_path, protocol)
    assert [(clip.id, clip.split, clip.signer) for clip in listing.clips] == [
        *((clip, "train", clip[:2]) for clip in TRAIN),
        *((clip, "dev", "02") for clip in DEV),
        *((clip, "test", "08") for clip in TEST),
    ]
    for clip in listing.clips:
        path = clip.source.root / clip.source.path
        assert path.is_file() if "mp4" in layout.lower() or "mov" in layout else (path / "frame0000.jpg").is_file()
    assert listing.clips[0].glosses == ("هو", "معلم_لغه", "اشاره")
    assert listing.clips[0].translation == "من هو"
    assert listing.clips[3].glosses[0] == "NULL"
    assert (listing.clips[5].glosses, listing.clips[5].where) == ((), f"{protocol}/test.{end}, line 3")
    assert listing.annotated == {"train", "dev"}
    assert listing.tables.keys() == {f"{protocol}/{split}.{end}" for split in ("train", "dev", "test")}


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
    clips = {clip.id: clip.source for clip in read("isharah1000", root, "SI").clips}
    inside = layout.removesuffix("/frame0000.jpg")
    for name, source in clips.items():
        assert source.root == root / beside / f"{name[:2]}.zip"
        assert source.path == inside.replace("NAME", name).replace("SIGNER", name[:2])
    assert "no clips of signers 08" in warnings(), "its clips fail one by one, the others are made"


@pytest.mark.parametrize("name", ["isharah500", "isharah1000", "isharah2000"])
def test_the_size_that_is_meant_is_taken(tmp_path: Path, lay: Lay, read: Read, name: str) -> None:
    for folder in ("isharah500", "Isharah-1000", "isharah_2000"):
        lay(tmp_path / folder, tables() | {"SI/dev.txt": f"id|gloss\n02_0001|{folder}"})
    lay(tmp_path, clip_files("videos/NAME.mp4"))
    dev = next(clip for clip in read(name, tmp_path, "SI").clips if clip.split == "dev")
    assert dev.glosses[0].lower().replace("-", "").replace("_", "") == name
    with pytest.raises(SlaError, match=r"Isharah-2000 .*; found .*isharah500/SI"):
        read("isharah2000", tmp_path / "isharah500", "SI")


def test_a_miss_says_what_was_looked_for_and_what_lies_there(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, tables())
    with pytest.raises(SlaError, match=r"looked for US/train\.txt or US/train\.csv of Isharah-500 .* contains SI/"):
        read("isharah500", tmp_path, "US")
    with pytest.raises(SlaError, match=r"no clips: looked for 00_0001, 00_0002 and 4 more, .* contains SI/"):
        read("isharah500", tmp_path, "SI")


@pytest.mark.parametrize(
    ("row", "message"), [("../x|A", "'../x' is not signer_s"), ("00_1", "1 fields, but"), ("|A", "''")]
)
def test_broken_rows_are_named(tmp_path: Path, lay: Lay, read: Read, row: str, message: str) -> None:
    lay(tmp_path, tables() | {"SI/dev.txt": f"id|gloss\n02_0001|A\n{row}\n"} | clip_files("NAME.mp4"))
    with pytest.raises(SlaError, match=rf"SI/dev\.txt, line 3: .*{message}"):
        read("isharah500", tmp_path, "SI")


@pytest.mark.parametrize("protocol", ["SI", "US"])
@pytest.mark.parametrize("name", ["isharah1000", "isharah2000"])
def test_the_real_tables_give_the_published_clips(
    shared: Path, tmp_path: Path, lay: Lay, read: Read, name: str, protocol: str
) -> None:
    real = shared / "data" / name
    tables = {f"{protocol}/{path.name}": path.read_bytes() for path in (real / protocol).iterdir()}
    train = next(data.decode() for path, data in tables.items() if "train" in path).splitlines()
    ids = [line.split("|")[0] for data in tables.values() for line in data.decode().splitlines()[1:]]
    lay(tmp_path, tables | {f"videos/{clip}.mp4": b"" for clip in ids if clip.endswith(("0001", "0401", "0451"))})
    listing = read(name, tmp_path, protocol)
    counts = Counter(clip.split for clip in listing.clips)
    corpus = find_corpus(name)
    assert counts == corpus.counts[protocol]
    assert corpus.protocols == ("SI", "US")
    assert [" ".join(clip.glosses) for clip in listing.clips if clip.split == "train"] == [
        " ".join(line.split("|")[1].split()) for line in train[1:]
    ]
    assert listing.annotated == {"train", "dev"}
