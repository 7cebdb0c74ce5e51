"""Data read from a file of a store is as it was written, or is refused with a sentence that names the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from clip_store import HEADER, clip, write_file

from sla_cli.errors import FormatError
from sla_cli.store.content import NUMBERS, TEXTS, times_of
from sla_cli.store.file import StoreFile

CLIPS = [clip(name, "HEUTE HEUTE", frames, signer="S1", stamp=name) for name, frames in (("a", 5), ("b", 1), ("c", 9))]
Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_file(tmp_path_factory.mktemp("store") / "clips.h5", CLIPS)


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    copy = tmp_path / "clips.h5"
    copy.write_bytes(whole.read_bytes())
    return copy


def flip_last_byte(path: Path, number: int) -> None:
    """Change the last byte of a clip's frames in place."""
    file = StoreFile(path)
    start = file.file["bytes"].id.get_offset()
    last = start + int(file.frame_offsets[file.clip_offsets[number + 1]]) - 1
    with path.open("r+b") as opened:
        opened.seek(last)
        byte = opened.read(1)[0]
        opened.seek(last)
        opened.write(bytes([byte ^ 1]))


def edited(name: str, place: int, value: object) -> Spoil:
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file[name][place] = value

    return edit


def attribute(name: str, value: object) -> Spoil:
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file.attrs[name] = value

    return edit


def replaced(name: str, change: Callable[[np.ndarray], object]) -> Spoil:
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            old = file[name][:]
            del file[name]
            if (new := change(old)) is not None:
                file[name] = new

    return edit


def without_attribute(name: str) -> Spoil:
    def edit(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            del file.attrs[name]

    return edit


def written(change: Callable[[bytes], bytes]) -> Spoil:
    def write(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return write


def other_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = 1


@pytest.mark.parametrize("wanted", [slice(None), slice(0, 2), slice(4, 5)])
def test_damaged_frames_are_refused(whole: Path, path: Path, wanted: slice) -> None:
    """Also undamaged frames of the clip, when they are read first: the changed byte is one of the last frame."""
    flip_last_byte(path, 0)
    damaged = StoreFile(path)
    assert [part.tobytes() for part in damaged.encoded(2)] == [part.tobytes() for part in StoreFile(whole).encoded(2)]
    with pytest.raises(FormatError, match=r"clips\.h5: clip a is damaged") as caught:
        damaged.encoded(0, wanted)
    assert "sla prep" in caught.value.hint and "--force" in caught.value.hint and "--deep" in caught.value.hint
    with pytest.raises(FormatError, match=r"clips\.h5: clip a is damaged"):
        damaged.raw(0)


def test_a_whole_clip_is_verified_each_time(path: Path) -> None:
    """Not only until it was good once: training reads it again and again, for days."""
    file = StoreFile(path)
    assert file.raw(0).frames.data.tobytes() == CLIPS[0].frames.data.tobytes()
    flip_last_byte(path, 0)  # in place: the open file sees it
    with pytest.raises(FormatError, match="clip a is damaged"):
        file.encoded(0)


COLUMNS = (*TEXTS[1:], "clip_fps", "checksums")


@pytest.mark.parametrize(
    "spoil",
    [
        written(lambda data: data.replace(b"HEUTE HEUTE", b"LEUTE HEUTE")),
        edited("ids", 0, "z"),
        edited("clip_fps", 1, 24.0),
        edited("checksums", 1, 7),
        edited("clip_offsets", 1, 6),
        edited("frame_offsets", 2, 100),
        edited("squared_errors", 1, 5.0),
        edited("stamps", 0, "another"),
        edited("notes", 0, "another"),
        edited("times", 0, "0-1 1-2"),
        attribute("profile", "phoenix2014"),
        attribute("labels", "phoenix2014.v1"),
        attribute("recipe", "another"),
        attribute("shards", 2),
        attribute("digest", "0123456789abcdef"),
    ],
)
def test_changed_facts_are_refused_by_every_column(path: Path, spoil: Spoil) -> None:
    spoil(path)
    for column in COLUMNS:
        with pytest.raises(FormatError, match=r"clips\.h5 is damaged: .* not as they were written|do not divide") as it:
            getattr(StoreFile(path), column)
        assert "sla prep" in it.value.hint
    with pytest.raises(FormatError):
        StoreFile(path).raw(0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (written(lambda data: b"no HDF5 at all"), "not an HDF5 file"),
        (written(lambda data: b""), "not an HDF5 file"),
        (written(lambda data: data[:-3000]), "not an HDF5 file, or a damaged one"),
        (attribute("format", "sla-emissions"), "holds sla-emissions, expected sla-store"),
        (other_hdf5, "holds something else, expected sla-store"),
        (attribute("version", 0), "sla-store version 0, this sla reads version 1"),
        (without_attribute("fit"), "damaged or incomplete"),
        (attribute("size", "large"), "size"),
        (attribute("size", 0), "size: Expected `int` >= 1"),
        (attribute("fit", "zoom"), "fit: a text that is not allowed"),
        *((attribute(name, "a\nb"), f"{name}: a text") for name in ("corpus", "labels", "profile", "preset")),
        (replaced("ids", lambda old: [1, 2, 3]), "damaged or incomplete"),
        *((replaced(name, lambda old: None), f"no {name}") for name in ("bytes", *TEXTS, *NUMBERS)),
        (replaced("clip_offsets", lambda old: old[[0, 2, 1, 3]]), "clip_offsets"),
        (replaced("clip_offsets", lambda old: old.astype(float) + np.nan), "clip_offsets"),
        (replaced("clip_offsets", lambda old: old[:-1]), "clip_offsets"),
        (replaced("clip_offsets", lambda old: old.reshape(2, 2)), "clip_offsets"),
        (replaced("clip_offsets", lambda old: old - 1), "clip_offsets"),
        (replaced("clip_offsets", lambda old: old[:0]), "clip_offsets"),
        (replaced("clip_offsets", lambda old: np.where(old == old[-1], 2**62, old)), "clip_offsets"),
        (replaced("frame_offsets", lambda old: old[::-1]), "frame_offsets"),
        (replaced("frame_offsets", lambda old: old + (old > 0) * 10**9), "frame_offsets"),
        (replaced("frame_offsets", lambda old: old.astype(float) * np.nan), "frame_offsets"),
        (replaced("frame_offsets", lambda old: old.astype(np.uint64)[::-1]), "frame_offsets"),
    ],
)
def test_files_that_cannot_be_opened(path: Path, spoil: Spoil, message: str) -> None:
    spoil(path)
    with pytest.raises(FormatError, match=message) as caught:
        StoreFile(path)
    assert str(path) in caught.value.message
    assert "sla prep" in caught.value.hint


@pytest.mark.parametrize("text", ["1", "0-1-2", "a-b", "nan-1", "-1-0", "1e9-2", f"0-{'9' * 400}", "0.0001-1"])
def test_what_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="times"):
        times_of(f"0-1 {text}")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_numbers_that_are_no_frame_rates(path: Path, value: float) -> None:
    edited("clip_fps", 0, value)(path)
    with pytest.raises(FormatError, match=r"clip_fps|is damaged: .* not as they were written"):
        _ = StoreFile(path).clip_fps


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_numbers_that_are_no_squared_errors(path: Path, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    edited("squared_errors", 0, value)(path)
    monkeypatch.setattr(StoreFile, "check", lambda file: None)  # a forged file has the right digest
    with pytest.raises(FormatError, match="squared_errors are not mean squared errors"):
        _ = StoreFile(path).squared_errors


def test_verified_columns_are_not_read_once_more(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a store of thousands of clips takes the time of reading its texts: reading them twice would double it."""
    read: Counter[str] = Counter()
    plain = h5py.Dataset.__getitem__

    def counted(dataset: h5py.Dataset, *arguments: object) -> object:
        read[dataset.name.strip("/")] += 1
        return plain(dataset, *arguments)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    file = StoreFile(whole)
    for name in TEXTS:
        assert len(getattr(file, name)) == len(CLIPS)
    assert {name: read[name] for name in TEXTS} == dict.fromkeys(TEXTS, 1)
    assert file.header == HEADER
