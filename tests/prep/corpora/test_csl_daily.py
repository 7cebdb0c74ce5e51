"""CSL-Daily: frames under any of their names, tables or pickle, and the two clips that do not fit."""

from __future__ import annotations

import os
import pickle
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deep_pickle import DEEP

from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Listing

Lay = Callable[..., Path]
Read = Callable[..., Listing]
NO_DATA, NO_SPLIT = "S000005_P0004_T00", "S000007_P0003_T00"
CLIPS = {
    "S000001_P0000_T00": "train",
    "S000002_P0004_T00": "train",
    "S000003_P0008_T00": "dev",
    "S000004_P0009_T00": "test",
}
FRAMES = "sentence/frames_512x512"
MAP, SPLIT = "sentence_label/video_map.txt", "sentence_label/split_1.txt"


def tables() -> dict[str, str]:
    """As released, the two odd clips included."""
    labels = [f"{n:06}|{name}|52|你们 好 好|你 们 好 。|你们 好 。|r a w" for n, name in enumerate([*CLIPS, NO_SPLIT])]
    splits = [f"{name}|{split}" for name, split in {**CLIPS, NO_DATA: "train"}.items()]
    return {
        MAP: "\ufeff" + "\r\n".join(["index|name|length|gloss|char|word|postag", *labels]),
        SPLIT: "\r\n".join(["name|split", *splits]),
    }


def frames(folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}/000000.jpg": b"" for name in CLIPS}


def content() -> dict[str, Any]:
    """As in the pickle of the release."""
    keys = ("label_gloss", "label_char", "label_word", "label_postag")
    words = (["你们", "好", "好"], ["你", "们", "好", "。"], ["你们", "好", "。"], ["r", "a", "w"])
    names = [*CLIPS, NO_SPLIT]
    info = [
        {"name": name, "length": 52, **dict(zip(keys, words, strict=True)), "signer": 3, "time": 0} for name in names
    ]
    return {"info": info, "gloss_map": ["<pad>", "你们", "好"]}


@pytest.mark.parametrize(
    "folder",
    [
        "sentence_frames-512x512",
        "sentence/frames_512x512",
        "sentence/sentence_frames-512x512",
        "sentence_frames-512x512/frames_512x512",
        "my frames",
    ],
)
@pytest.mark.parametrize("given", [".", "CSL-Daily"])
def test_frames_are_found_under_any_name(tmp_path: Path, lay: Lay, read: Read, folder: str, given: str) -> None:
    lay(tmp_path / "CSL-Daily", tables() | frames(folder))
    listing = read("csl-daily", tmp_path / given)
    assert listing.divisions == {"corpus": CLIPS}
    assert all((clip.source.root / clip.source.path / "000000.jpg").is_file() for clip in listing.clips)
    clip = listing.clips[1]
    assert (clip.signer, clip.glosses, clip.translation) == ("P0004", ("你们", "好", "好"), "你们好。")
    assert clip.where == "video_map.txt, line 3"
    assert listing.tables.keys() == {"video_map.txt", "split_1.txt"}


def test_the_clip_without_data_and_the_one_without_split_are_skipped(tmp_path: Path, lay: Lay, read: Read) -> None:
    listing = read("csl-daily", lay(tmp_path, tables() | frames(FRAMES)))
    assert listing.skipped == {
        NO_DATA: "it is in split_1.txt, but was never released",
        NO_SPLIT: "video_map.txt, line 6: split_1.txt has it in no split",
    }


def test_full_frames_come_before_resized_ones(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, tables() | frames("sentence/frames_256x256") | frames(FRAMES))
    assert read("csl-daily", tmp_path).clips[0].source.path == f"{FRAMES}/S000001_P0000_T00"


def test_videos_and_archives_of_frames(tmp_path: Path, lay: Lay, read: Read) -> None:
    videos = {f"sentence-crop/{name}.mp4": b"" for name in CLIPS}
    clip = read("csl-daily", lay(tmp_path / "videos", tables() | videos)).clips[0]
    assert clip.source.path == "sentence-crop/S000001_P0000_T00.mp4"
    root = lay(tmp_path / "zipped", tables())
    lay(tmp_path / "inner", frames("frames_512x512"))
    archive = shutil.make_archive(str(root / "sentence_frames-512x512"), "zip", tmp_path / "inner")
    clip = read("csl-daily", root).clips[0]
    assert (str(clip.source.root), clip.source.path) == (archive, "frames_512x512/S000001_P0000_T00")


def test_of_several_archives_that_of_the_released_size_is_read(tmp_path: Path, lay: Lay, read: Read) -> None:
    root = lay(tmp_path / "zipped", tables())
    lay(tmp_path / "inner", frames("frames"))
    for side in (256, 512):
        archive = shutil.make_archive(str(root / f"frames_{side}x{side}"), "zip", tmp_path / "inner")
    assert str(read("csl-daily", root).clips[0].source.root) == archive


def test_no_frames_says_what_was_looked_for(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, tables() | {"sentence/": ""})
    with pytest.raises(
        SlaError, match=r"folder or archive that contains S000001_P0000_T00, .*contains sentence/, sentence_l"
    ):
        read("csl-daily", tmp_path)


def test_no_labels_says_what_lies_there(tmp_path: Path, lay: Lay, read: Read) -> None:
    lay(tmp_path, {SPLIT: tables()[SPLIT]})
    with pytest.raises(SlaError, match=r"looked for video_map\.txt, csl2020ct_v2\.pkl, .*_label contains split_1\.txt"):
        read("csl-daily", tmp_path)
    with pytest.raises(SlaError, match=r"looked for split_1\.txt"):
        read("csl-daily", lay(tmp_path / "other", {"a": ""}))


@pytest.mark.parametrize(("version", "protocol"), [("v2", 2), ("v2", 4), ("v1", 5)])
def test_the_pickle_says_the_same(
    tmp_path: Path, lay: Lay, read: Read, warnings: Callable[[], str], version: str, protocol: int
) -> None:
    expected = read("csl-daily", lay(tmp_path, tables() | frames(FRAMES)))
    name = f"csl2020ct_{version}.pkl"
    (tmp_path / "sentence_label" / name).write_bytes(pickle.dumps(content(), protocol))
    assert read("csl-daily", tmp_path).tables == expected.tables, "the table is enough"
    (tmp_path / MAP).unlink()
    listing = read("csl-daily", tmp_path)
    assert f"taken from {name}" in warnings()
    assert listing.clips[1].where == f"{name}, info 1"
    facts = [[(c.id, c.signer, c.glosses, c.translation) for c in one.clips] for one in (listing, expected)]
    assert (facts[0], listing.divisions) == (facts[1], expected.divisions)
    assert listing.skipped.keys() == {NO_DATA, NO_SPLIT}
    assert listing.tables.keys() == {name, "split_1.txt"}
    (tmp_path / "sentence_label" / name).write_bytes(pickle.dumps({"info": content()["info"][:1]}, protocol))
    with pytest.raises(FormatError, match="without annotation") as caught:
        read("csl-daily", tmp_path)
    assert caught.value.hint == f"Is {name} complete?"


class Calls:
    """Unpickled, it leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_a_function_is_refused(tmp_path: Path, lay: Lay, read: Read, protocol: int) -> None:
    hostile = content() | {"gloss_map": Calls(tmp_path / "called")}
    data = pickle.dumps(hostile, protocol)
    lay(tmp_path, {SPLIT: tables()[SPLIT], "sentence_label/csl2020ct_v2.pkl": data} | frames(FRAMES))
    with pytest.raises(SlaError, match=r"csl2020ct_v2\.pkl is refused: .* does not call (posix|os)\.mkdir"):
        read("csl-daily", tmp_path)
    assert not (tmp_path / "called").exists()


def doubled(times: int) -> list[object]:
    """A list whose text has 2^times parts, and whose pickle has a few bytes for each time."""
    found: list[object] = ["A"]
    for _ in range(times):
        found = [found, found]
    return found


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps(content())[:-20], "is not a complete pickle"),
        (b"", "is not a complete pickle"),
        (b"no pickle at all", "is not a complete pickle"),
        (
            b"\x80\x04]r" + (1 << 27).to_bytes(4, "little") + b".",
            "remembered under number 134217728",
        ),
        (DEEP, "nests more than"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is not a complete pickle"),
        (pickle.dumps(["info"]), "it has no dict with a list `info`"),
        (pickle.dumps({"info": [content()["info"][0], {"name": 3}]}), "info 1: no name, label_gloss and label_char"),
        (pickle.dumps({"info": [{**content()["info"][0], "label_gloss": [1, 2]}]}), "info 0: no name, label_gloss"),
        (pickle.dumps({"info": [{"label_gloss": doubled(40)}]}), "info 0: no name, label_gloss"),
        *(
            (pickle.dumps({"info": [{**content()["info"][0], "length": length}]}), "info 0: length .* is not a number")
            for length in (10**5000, -5, True, 2.5, "8")
        ),
        (
            pickle.dumps({"info": [content()["info"][0], {**content()["info"][0], "label_gloss": ["X"]}]}),
            "clip S000001_P0000_T00 is listed twice: csl2020ct_v2.pkl, info 0 and csl2020ct_v2.pkl, info 1",
        ),
    ],
)
def test_other_pickles_are_named(tmp_path: Path, lay: Lay, read: Read, data: bytes, message: str) -> None:
    lay(tmp_path, {SPLIT: tables()[SPLIT], "sentence_label/csl2020ct_v2.pkl": data} | frames(FRAMES))
    with pytest.raises(FormatError, match=message) as caught:
        read("csl-daily", tmp_path)
    assert str(tmp_path / "sentence_label" / "csl2020ct_v2.pkl") in caught.value.message


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (SPLIT, "S000003_P0008_T00|dev", "S000003_P0008_T00|eval", "split_1.txt, line 4: split 'eval' is not one of"),
        (SPLIT, "S000003_P0008_T00|dev", "../../etc|dev", "split_1.txt, line 4: '../../etc' leads outside"),
        (SPLIT, "S000003_P0008_T00|dev", "S000003_P0008_T00", "split_1.txt, line 4: 1 field, but the header has 2"),
        (SPLIT, "S000003_P0008_T00|dev", "S000001_P0000_T00|dev", "line 4: clip S000001_P0000_T00 is listed twice"),
        (
            MAP,
            "S000003_P0008_T00",
            "S000003_P0007_T00",
            "1 clip of .*split_1.txt without annotation: S000003_P0008_T00",
        ),
    ],
)
def test_broken_rows_are_named(
    tmp_path: Path, lay: Lay, read: Read, name: str, old: str, new: str, message: str
) -> None:
    files = tables()
    assert old in files[name]
    files[name] = files[name].replace(old, new)
    with pytest.raises(FormatError, match=message):
        read("csl-daily", lay(tmp_path, files | frames(FRAMES)))


def test_the_real_map_cut_inside_a_character_is_refused(shared: Path, tmp_path: Path, lay: Lay, read: Read) -> None:
    data = shared / "data" / "csl-daily"
    split, cut = (data / "split_1.txt").read_bytes(), (data / "video_map.truncated.txt").read_bytes()
    lay(tmp_path, {SPLIT: split, MAP: cut} | frames(FRAMES))
    with pytest.raises(FormatError) as caught:
        read("csl-daily", tmp_path)
    assert f"{tmp_path / MAP}, line 15101: not UTF-8 text" in caught.value.message

    (tmp_path / MAP).write_bytes(cut[: cut.rindex(b"\n")])  # cut at the end of a line, which no decoder notices
    with pytest.raises(FormatError, match=r"5,55\d clips of .*split_1\.txt without annotation.*") as caught:
        read("csl-daily", tmp_path)
    assert caught.value.hint == "Is video_map.txt complete?"


def test_the_real_tables_give_the_published_clips(shared: Path, tmp_path: Path, lay: Lay, read: Read) -> None:
    """Real rows as far as the shared map goes; the rest is made up."""
    data = shared / "data" / "csl-daily"
    split = (data / "split_1.txt").read_text(encoding="utf-8")
    real = (data / "video_map.truncated.txt").read_bytes().rpartition(b"\n")[0].decode().replace("\r\n", "\n")
    names = [line.split("|")[0] for line in split.splitlines()[1:]]
    there = {line.split("|")[1] for line in real.splitlines()} | {NO_DATA}
    made = [f"{n:06}|{name}|9|好|好 。|好 。|a w" for n, name in enumerate(names) if name not in there]
    files = {SPLIT: split, MAP: "\n".join([real.rstrip("\n"), *made])}
    listing = read("csl-daily", lay(tmp_path, files | {f"{FRAMES}/{name}/": "" for name in names[::50]}))
    assert listing.skipped.keys() == {NO_DATA, NO_SPLIT}
    published = find_corpus("csl-daily").counts["corpus"]
    assert Counter(listing.divisions["corpus"].values()) + Counter(train=1) == Counter(published)
    glosses = {clip.id: clip.glosses for clip in listing.clips}
    for line in real.splitlines()[1:]:
        _, name, _, text, *_ = line.split("|")
        assert name == NO_SPLIT or glosses[name] == tuple(text.split(" "))
    assert len({clip.signer for clip in listing.clips}) == 10
