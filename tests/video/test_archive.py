"""Archives: listed once, read by many, and hostile or damaged ones refused."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import random
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from movies import SIDE, movie, numbers, pictures

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError, SlaError
from sla_cli.log import log
from sla_cli.prep.encoding.encode import EncodedFrames, encode_clip
from sla_cli.video.source import list_archives, open_tree
from sla_cli.video.tree import Tree

RAW = PrepConfig(SIDE, codec="raw")
CLIPS, FRAMES = 6, 12
FORK = multiprocessing.get_context("fork")


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of the kind that its name says, with these members in this order."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
        for name, data in files.items():
            add(archive, name, data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = len(data), kind, link
    archive.addfile(entry, io.BytesIO(data))


@pytest.fixture(params=["a.zip", "a.tar", "a.tar.gz"])
def frames(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Clips of PNGs; clip c begins with picture c. Members lie in disorder, as folders list them."""
    images = pictures(CLIPS + FRAMES)
    members = [(clip, frame) for clip in range(CLIPS) for frame in range(FRAMES)]
    random.Random(0).shuffle(members)
    return pack(
        tmp_path / request.param,
        {f"train/{c}/frame{f}.png": cv2.imencode(".png", images[c + f])[1].tobytes() for c, f in members},
    )


def first(path: Path, clip: int, cache: Path | None) -> list[int]:
    return shown(encode_clip(Source(path, f"train/{clip}"), RAW, None, cache))


def shown(encoded: EncodedFrames) -> list[int]:
    return numbers(encoded.data.reshape(-1, SIDE, SIDE, 3))


def test_processes_read_one_archive_at_once(frames: Path, tmp_path: Path) -> None:
    cache = tmp_path / "store"
    open_tree(frames, cache).read("train/0/frame0.png")  # open in the parent, as while planning
    jobs = [clip % CLIPS for clip in range(24)]
    with ProcessPoolExecutor(2, FORK) as pool:
        answers = list(pool.map(first, [frames] * len(jobs), jobs, [cache] * len(jobs)))
    assert answers == [list(range(clip, clip + FRAMES)) for clip in jobs]
    assert sorted(path.name for path in tmp_path.iterdir()) == [frames.name, "store"]
    assert len(list(cache.iterdir())) == 1  # the list, nothing unpacked


def listed(path: Path, cache: Path) -> list[str]:
    """Open an archive, in any process. Returns the messages about listing it."""
    printed = _Kept()
    log.addHandler(printed)
    log.setLevel("INFO")
    try:
        assert open_tree(path, cache).names() == ["train"]
    finally:
        log.removeHandler(printed)
    return [text for text in printed.texts if "listing" in text]


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def test_a_copy_of_an_archive_is_not_listed_again(frames: Path, tmp_path: Path) -> None:
    """As in the $TMPDIR of another job."""
    cache = tmp_path / "store"
    assert listed(frames, cache) == [f"listing {frames}, once"]
    for number in range(2):
        copy = tmp_path / f"job{number}" / frames.name
        copy.parent.mkdir()
        shutil.copy(frames, copy)
        os.utime(copy, ns=(number, number))
        assert listed(copy, cache) == []
        assert shown(encode_clip(Source(copy, "train/3"), RAW, None, cache)) == list(range(3, 3 + FRAMES))
    assert len(list(cache.iterdir())) == 1


def test_two_archives_of_one_name_keep_a_list_each(tmp_path: Path) -> None:
    cache, paths = tmp_path / "store", [tmp_path / place / "frames.zip" for place in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        pack(path, {f"train/{path.parent.name}.png": b"x"})
    assert [len(listed(path, cache)) for path in [*paths, *paths]] == [1, 1, 0, 0]
    assert [open_tree(path, cache).names("train") for path in paths] == [["a.png"], ["b.png"]]


def test_processes_that_list_at_once_are_all_right_and_later_ones_list_no_more(frames: Path, tmp_path: Path) -> None:
    """Processes that have nothing open: this one has not opened it."""
    cache = tmp_path / "store"
    with ProcessPoolExecutor(4, FORK) as pool:
        answers = list(pool.map(first, [frames] * 4, range(4), [cache] * 4))
    assert answers == [list(range(clip, clip + FRAMES)) for clip in range(4)]
    [kept] = cache.iterdir()
    made = kept.stat().st_mtime_ns
    with ProcessPoolExecutor(1, FORK) as pool:
        assert pool.submit(first, frames, 3, cache).result() == list(range(3, 3 + FRAMES))
    assert kept.stat().st_mtime_ns == made


def test_archives_are_listed_beforehand_and_those_that_cannot_be_are_named(frames: Path, tmp_path: Path) -> None:
    cache, bad, gone = tmp_path / "store", tmp_path / "bad.zip", tmp_path / "gone.zip"
    bad.write_bytes(b"not a zip")
    failed = list_archives([frames, tmp_path, bad, gone, frames], cache)
    assert failed.keys() == {bad, gone} and "not a zip" in failed[bad].message
    assert listed(frames, cache) == []


def test_a_disk_that_is_full_names_the_list(frames: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes((2 << 20) - 4096))
    with pytest.raises(SlaError, match=r"cannot write the list of .* is full"):
        open_tree(frames, small_disk)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_another_archive_of_the_same_name_is_listed_again(frames: Path, tmp_path: Path) -> None:
    cache = tmp_path / "store"
    assert open_tree(frames, cache).names() == ["train"]
    pack(frames, {"other/0.png": b"x"})
    os.utime(frames, ns=(1, 1))
    assert open_tree(frames, cache).names() == ["other"]
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_list_is_made_again(frames: Path, tmp_path: Path) -> None:
    cache = tmp_path / "store"
    open_tree(frames, cache)
    [kept] = cache.iterdir()
    kept.write_bytes(b"no database" * 100)
    os.utime(frames, ns=(1, 1))
    assert open_tree(frames, cache).names() == ["train"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_video_in_an_archive_is_copied_for_its_clip_only(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = movie(tmp_path / "v.mp4", pictures(30), "-c:v", "libx264", "-pix_fmt", "yuv420p")
    path = pack(tmp_path / name, {"videos/v.mp4": video.read_bytes(), "videos/bad.mp4": b"no video"})
    copies = tmp_path / "tmp"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    assert shown(encode_clip(Source(path, "videos/v.mp4", 0.4, 0.8), RAW, None)) == list(range(10, 20))
    with pytest.raises(FrameError, match=rf"{name}/videos/bad\.mp4 does not open as a video"):
        encode_clip(Source(path, "videos/bad.mp4"), RAW, None)
    assert list(copies.iterdir()) == []


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("member", ["../evil.png", "train/../../evil.png", "/evil.png", "train/..\\..\\evil.png"])
def test_a_name_that_leaves_the_archive_is_refused(tmp_path: Path, name: str, member: str) -> None:
    if "\\" in member and name != "a.zip":
        pytest.skip("a backslash is a letter in tar")
    inner = tmp_path / "inner"
    inner.mkdir()
    path = pack(inner / name, {"train/a/0.png": b"x", member: b"x"})
    with pytest.raises(SlaError, match="would leave the archive") as caught:
        open_tree(path, inner / "store")
    assert str(path) in caught.value.message
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [name]


def special_tar(path: Path) -> Tree:
    with tarfile.open(path, "w") as archive:
        add(archive, "file.png", b"data")
        add(archive, "link.png", kind=tarfile.SYMTYPE, link="/etc/passwd")
        add(archive, "device.png", kind=tarfile.CHRTYPE)
        add(archive, "pipe.png", kind=tarfile.FIFOTYPE)
        add(archive, "same.png", kind=tarfile.LNKTYPE, link="./file.png")
        add(archive, "outside.png", kind=tarfile.LNKTYPE, link="../../etc/passwd")
    return open_tree(path)


def special_zip(path: Path) -> Tree:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("file.png", b"data")
        archive.writestr("same.png", b"data")
        for name, kind in (("link.png", stat.S_IFLNK), ("device.png", stat.S_IFCHR), ("pipe.png", stat.S_IFIFO)):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, (kind | 0o644) << 16
            archive.writestr(entry, b"/etc/passwd")
        entry = zipfile.ZipInfo("outside.png")
        entry.compress_type = zipfile.ZIP_LZMA
        archive.writestr(entry, b"x")
    return open_tree(path)


@pytest.mark.parametrize("make", [special_tar, special_zip])
def test_links_and_devices_are_not_followed(tmp_path: Path, make: Callable[[Path], Tree]) -> None:
    tree = make(tmp_path / ("a.tar" if make is special_tar else "a.zip"))
    assert tree.read("file.png") == tree.read("same.png") == b"data"
    for name, reason in {
        "link.png": "is a symbolic link",
        "device.png": "is neither a file nor a folder",
        "pipe.png": "is neither a file nor a folder",
        "outside.png": "hard link|compressed with a method",
    }.items():
        with pytest.raises(SlaError, match=reason) as caught:
            tree.read(name)
        assert name in caught.value.message


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": b"data"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(SlaError, match=r"a\.zip/a\.png is encrypted"):
        open_tree(path).read("a.png")


def test_a_member_that_claims_another_size_is_refused(tmp_path: Path) -> None:
    """Not more is unpacked than the stated size: a zip bomb is harmless."""
    path = pack(tmp_path / "a.zip", {"a.png": bytes(50 << 20)})
    data = bytearray(path.read_bytes())
    for claimed, message in ((10, "damaged"), (60 << 20, "damaged"), (3 << 30, r"from [\d,]+ to")):
        struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, claimed)
        path.write_bytes(data)
        os.utime(path, ns=(claimed, claimed))
        with pytest.raises(SlaError, match=message):
            open_tree(path).read("a.png")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_video_is_not_unpacked_to_many_times_its_size(tmp_path: Path, name: str) -> None:
    """A small archive would fill the disk."""
    real = movie(tmp_path / "a.mp4", pictures(3), "-c:v", "libx264").read_bytes()
    path = pack(tmp_path / name, {"long.mp4": real + bytes(100 << 20), "short.mp4": real})
    tree = open_tree(path)
    unpacked = r"long\.mp4 would be unpacked from [\d,]+ to [\d,]+ bytes(.|\n)*unpack the archive"
    with pytest.raises(SlaError, match=unpacked), tree.open("long.mp4"):
        pass
    with tree.open("short.mp4") as file:
        assert file.read() == real


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "stored.zip"])
def test_flipped_bits_and_truncation_are_errors_and_never_other_content(tmp_path: Path, name: str) -> None:
    """Whatever a single wrong byte or a missing end does: the right content, or an error that names the archive."""
    rng = random.Random(0)
    files = {f"train/{n}.png": rng.randbytes(700) + bytes(300) for n in range(4)}
    if name == "stored.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, data in files.items():
                archive.writestr(member, data)
    else:
        pack(tmp_path / name, files)
    path = tmp_path / name
    good = path.read_bytes()
    plain_tar = name == "a.tar"  # has no checksum of contents: pictures find out for themselves
    for trial in range(120):
        place = rng.randrange(len(good))
        spoilt = good[:place] if trial % 3 == 0 else good[:place] + bytes([good[place] ^ 0x5A]) + good[place + 1 :]
        path.write_bytes(spoilt)
        os.utime(path, ns=(trial, trial))
        try:
            tree = open_tree(path)
            found = {f"train/{inner}": tree.read(f"train/{inner}") for inner in tree.names("train")}
        except SlaError as error:
            assert name in error.message
            continue
        assert plain_tar or all(files.get(member, data) == data for member, data in found.items())


def test_a_tar_that_is_cut_or_overwritten_is_no_shorter_corpus(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", {f"{n}.png": bytes(600) for n in range(5)})
    good = path.read_bytes()
    block = 512 + 1024
    spoilt = {"cut in a content": good[: 3 * block + 700], "cut in a header": good[: 3 * block + 100]}
    spoilt["cut between members"] = good[: 3 * block]
    spoilt["overwritten"] = good[: 2 * block] + b"x" * 512 + good[2 * block + 512 :]
    for number, data in enumerate(spoilt.values()):
        path.write_bytes(data)
        os.utime(path, ns=(number, number))
        with pytest.raises(SlaError, match=r"a\.tar is damaged"):
            open_tree(path)


def zipped(name: str = "a.png") -> bytes:
    """A zip of one file that is longer than a header."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"a file of some length" * 10)
    return buffer.getvalue()


def tarred(name: str = "a.png") -> bytes:
    """A tar of one file, with the end that fills its last record."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.png")
        member.pax_headers = {"path": name}
        archive.addfile(member)
    return buffer.getvalue()


def odd_tar(**headers: str) -> bytes:
    """A tar whose header states such facts of its member."""
    buffer, member = io.BytesIO(), tarfile.TarInfo("a.png")
    member.pax_headers = headers
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.zip", b"text", "a.zip is damaged, or not a zip"),
        ("a.zip", zipped("ü.png").replace("ü".encode(), b"\xff\xff"), "a.zip is damaged, or not a zip"),
        ("a.zip", zipped().replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\x63"), "a.zip needs a newer reader of zip"),
        ("a.zip", zipped()[100:], "a.zip is damaged: 'a.png' cannot have 210 bytes at byte -100"),
        (
            "a.tar",
            tarred() * 2,
            "a.tar is several archives one after the other, of which a tar program reads the first",
        ),
        ("a.tar", tarred("a\0.png"), r"a.tar: the member 'a\x00.png' has a name that no file can have"),
        ("a.tar", odd_tar(**{"GNU.sparse.map": "1,x"}), "a.tar is damaged, or not a tar: a header cannot be read"),
        ("a.tar", odd_tar(size=str(10**14)), f"a.tar is damaged: 'a.png' cannot have {10**14} bytes at byte 1536"),
        ("a.tar.gz", b"text", "a.tar.gz is damaged, or not a gzip, or memory is short"),
    ],
)
def test_why_an_archive_cannot_be_listed_is_said_in_words_of_sla(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SlaError) as caught:
        open_tree(tmp_path / name)
    assert caught.value.message == f"{tmp_path}/{message}" and caught.value.hint


@pytest.mark.parametrize("names", [("a.mp4", "a.mp4/b.mp4"), ("a.mp4/b.mp4", "a.mp4"), ("x/a/b", "x/a")])
def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path, names: Sequence[str]) -> None:
    """Neither can be told from the other: a listing would take one, and a reader the other."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(SlaError, match="is a file and a folder at once"):
        open_tree(tmp_path / "a.zip").names()


def test_a_name_that_comes_twice_is_the_newer_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "a.png", b"old")
        add(archive, "a.png", b"new")
    assert open_tree(path).read("a.png") == b"new"
    assert "a.tar has 1 file with the name of an earlier one; the last of each name is read" in caplog.text


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_that_are_not_utf8_stay_different(tmp_path: Path, form: int) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
        add(archive, "M\udcf6.png", b"1")  # ö and ü in Latin-1
        add(archive, "M\udcfc.png", b"2")
    tree = open_tree(tmp_path / "a.tar")
    assert list(tree.read_all(["M%F6.png", "M%FC.png"])) == [b"1", b"2"]


def test_a_name_of_thousands_of_digits_is_a_name(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in ("9" * 5000, "10", "0" * 5000 + "2", "1" + "0" * 4999, "3")]
    files = {f"clip/{n}": cv2.imencode(".png", image)[1].tobytes() for n, image in zip(names, pictures(5), strict=True)}
    path = pack(tmp_path / "a.tar", files)
    assert shown(encode_clip(Source(path, "clip"), RAW, None)) == [2, 4, 1, 3, 0]


def test_the_disk_of_temporary_files_may_be_full(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = np.random.default_rng(0).bytes(3 << 20)
    path = pack(tmp_path / "a.zip", {"v.mp4": video})
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    monkeypatch.setattr("sla_cli.video.archive.IN_MEMORY", 1 << 20)
    with pytest.raises(FrameError, match=r"cannot copy .*a\.zip/v\.mp4 to .*No space left"):
        encode_clip(Source(path, "v.mp4"), RAW, None)
    assert list(small_disk.iterdir()) == []


def test_a_large_video_in_a_tar_is_read_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = movie(tmp_path / "v.mp4", pictures(FRAMES))
    path = pack(tmp_path / "a.tar", {"clip.png": b"before", "v.mp4": video.read_bytes(), "w.png": b"after"})
    monkeypatch.setattr("sla_cli.video.archive.IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert shown(encode_clip(Source(path, "v.mp4"), RAW, None)) == list(range(FRAMES))
