"""Data read from a store is as it was written, or is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from sla_cli.errors import FormatError
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.digest import TEXTS
from sla_cli.store.file import StoreFile
from sla_cli.store.store import Split, StoredClip
from sla_cli.store.write import write_split

CLIPS = {"plain": 5, "one frame": 1, "long": 9}
HEADER = SplitHeader("phoenix2014", "train", 24, 25.0, 95, ("HEUTE", "NULL"), labels="phoenix2014.v1", recipe="0123")


def encoded(name: str) -> Encoded:
    rng = np.random.default_rng(len(name))
    images = (cv2.GaussianBlur(rng.integers(0, 255, (24, 24, 3), np.uint8), (0, 0), 3) for _ in range(CLIPS[name]))
    parts = [cv2.imencode(".jpg", image)[1].ravel() for image in images]
    sizes = np.array([len(part) for part in parts], np.int64)
    return Encoded(name, "Signer01", ("HEUTE", "HEUTE"), np.concatenate(parts), sizes, stamp="of " + name)


def write(path: Path, clips: list[Encoded]) -> Split:
    write_split(path, HEADER, clips, sum(len(clip.data) for clip in clips))
    return Split(path)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return write(tmp_path_factory.mktemp("store") / "train.h5", list(map(encoded, CLIPS)))


def _flipped(split: Split, clip: int, path: Path) -> Split:
    """The same file, the last byte of a clip's frames changed."""
    file = split.files[0]
    with h5py.File(file.path, locking=False) as opened:
        start = opened["bytes"].id.get_offset()
    last = file.frame_offsets[file.clip_offsets[clip + 1]] - 1
    data = bytearray(file.path.read_bytes())
    data[start + int(last) - 3] ^= 1
    path.write_bytes(data)
    return Split(path)


def test_raw_detects_damage_and_names_the_clip(split: Split, tmp_path: Path) -> None:
    damaged = _flipped(split, 0, tmp_path / "dev.h5")
    with pytest.raises(FormatError, match=r"dev\.h5: clip plain is damaged"):
        damaged["plain"].raw()
    assert np.array_equal(damaged[1].raw().data, split[1].raw().data)


@pytest.mark.parametrize("wanted", [slice(None), slice(0, 2), slice(4, 5)])
def test_frames_that_are_not_what_was_written_are_refused(split: Split, tmp_path: Path, wanted: slice) -> None:
    """Also frames of the clip that are whole, when the first of them is asked for: the byte is one of the last."""
    damaged = _flipped(split, 0, tmp_path / "dev.h5")
    assert np.array_equal(damaged[2].frames(), split[2].frames())
    for read in (StoredClip.frames, StoredClip.encoded):
        with pytest.raises(FormatError, match=r"dev\.h5: clip plain is damaged") as caught:
            read(damaged["plain"], wanted)
        assert "sla prep" in caught.value.hint and "--force" in caught.value.hint and "--deep" in caught.value.hint


def test_a_whole_clip_is_verified_each_time(split: Split, tmp_path: Path) -> None:
    """Not only until it was good once: training reads it again and again, for days."""
    path = tmp_path / "dev.h5"
    path.write_bytes(split.path.read_bytes())
    clip = Split(path)["plain"]
    assert np.array_equal(clip.frames(), split["plain"].frames())
    _flipped(split, 0, tmp_path / "other.h5")
    path.write_bytes((tmp_path / "other.h5").read_bytes())  # in place: the open file sees it
    with pytest.raises(FormatError, match="clip plain is damaged"):
        clip.frames()


def test_frames_that_lie_elsewhere_are_verified_there(split: Split, tmp_path: Path) -> None:
    nothing = np.empty(0, np.uint8)
    lender, file = tmp_path / "dev.h5", split.files[0]
    lender.write_bytes(split.path.read_bytes())
    borrowed = [
        replace(file.raw(number), data=nothing, place=(lender, number), checksum=int(file.checksums[number]))
        for number in (0, 2)
    ]
    write(tmp_path / "train.h5", borrowed)
    _flipped(split, 0, lender)
    taking = Split(tmp_path / "train.h5")
    with pytest.raises(FormatError, match=r"dev\.h5: clip plain is damaged"):
        taking["plain"].frames()
    assert np.array_equal(taking[1].frames(), split[2].frames())


COLUMNS: list[Callable[[StoredClip], object]] = [
    *(lambda clip, name=name: getattr(clip, name) for name in ("glosses", "raw_glosses", "signer", "translation")),
    lambda clip: clip.fps,
    lambda clip: clip.frames(),
]


def _other_letter(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"HEUTE HEUTE", b"LEUTE HEUTE"))


def _edit(name: str, place: int | slice, value: object) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file[name][place] = value

    return edit


def _attribute(name: str, value: object) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file.attrs[name] = value

    return edit


@pytest.mark.parametrize("read", COLUMNS)
@pytest.mark.parametrize(
    "spoil",
    [
        _other_letter,
        _edit("ids", 0, "plane"),
        _edit("clip_fps", 1, 24.0),
        _edit("checksums", 1, 7),
        _edit("vocabulary", 0, "GESTERN"),
        _edit("clip_offsets", 1, 6),
        _edit("frame_offsets", 2, 100),
        _edit("squared_errors", 1, 5.0),
        _edit("stamps", 0, "another"),
        _edit("notes", 0, "another"),
        _attribute("profile", "phoenix2014"),
        _attribute("labels", "raw"),
        _attribute("recipe", "another"),
        _attribute("digest", "0123456789abcdef"),
        _attribute("rest_digest", "0123456789abcdef"),
        _attribute("frames_from", '["elsewhere.h5"]'),
    ],
)
def test_tables_that_are_not_what_was_written_are_refused(
    split: Split, tmp_path: Path, spoil: Callable[[Path], None], read: Callable[[StoredClip], object]
) -> None:
    path = tmp_path / "dev.h5"
    path.write_bytes(split.path.read_bytes())
    spoil(path)
    with pytest.raises(FormatError, match=r"dev\.h5 is damaged: .* not as they were written|do not divide") as caught:
        read(Split(path)[0])
    assert "sla prep" in caught.value.hint and "--force" in caught.value.hint


def test_a_file_of_before_the_second_digest_is_read(split: Split, tmp_path: Path) -> None:
    one, other = tmp_path / "dev.h5", tmp_path / "test.h5"
    one.write_bytes(split.path.read_bytes())
    with h5py.File(one, "r+") as file:
        del file.attrs["rest_digest"], file["stamps"], file["notes"]
    other.write_bytes(one.read_bytes())
    assert Split(one).references() == split.references()
    assert np.array_equal(Split(one)[0].frames(), split[0].frames())
    _other_letter(other)
    with pytest.raises(FormatError, match="damaged: ids, references or other facts"):
        Split(other).references()


def test_what_is_verified_is_not_read_once_more(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a store of thousands of clips takes the time of reading its texts: reading them twice would double it."""
    read: Counter[str] = Counter()
    plain = h5py.Dataset.__getitem__

    def counted(dataset: h5py.Dataset, *arguments: object) -> object:
        read[dataset.name.strip("/")] += 1
        return plain(dataset, *arguments)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    file = StoreFile(split.path)
    columns = [file.ids, file.signers, file.glosses, file.raw_glosses, file.translations, file.sources, file.stamps]
    assert {len(column) for column in columns} == {len(CLIPS)}
    assert file.signers == ["Signer01"] * 3
    assert {name: read[name] for name in TEXTS} == dict.fromkeys(TEXTS, 1)
