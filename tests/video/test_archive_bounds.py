"""A small archive makes no large list, message or memory: what it states is bounded before it is read."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from peak_memory import peak_memory

from sla_cli.errors import FormatError, SlaError
from sla_cli.video.source import open_tree

END = bytes(1024)
DEEP = "/".join(["abcdefghij" * 8] * 90)
ZIP64 = 1 << 63


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header alone, which states any size."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


def stated(kind: bytes, text: bytes) -> bytes:
    return header("x", len(text), kind) + text + bytes(-len(text) % 512)


def pax(**records: str) -> bytes:
    return tarfile.TarInfo.create_pax_global_header(records)  # of the type g


def zip64(size: int, packed: int, offset: int, directory: int = 0) -> bytes:
    """A zip with one deflated member, or with a table of contents that is said to have so many bytes."""
    extra = struct.pack("<HHQQQ", 1, 24, size, packed, offset)
    unknown = 2**32 - 1
    facts = (45, 45, 0, 8, 0, 0, 0, unknown, unknown, 5, len(extra), 0, 0, 0, 0, unknown)
    entry = b"PK\1\2" + struct.pack("<6H3I5H2I", *facts)
    entry += b"v.mp4" + extra
    begin = bytes(directory)
    return begin + entry + b"PK\5\6" + struct.pack("<4HIIH", 0, 0, 1, 1, directory or len(entry), 0, 0)


def refused(path: Path, data: bytes) -> SlaError:
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    with pytest.raises(SlaError) as caught:
        open_tree(path)
    assert path.name in caught.value.message and len(caught.value.message) <= 4010
    return caught.value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (stated(b"L", b"a" * 70_000) + header("c/f.png", 0), "headers of more than 64 KB"),
        (stated(b"K", b"a" * 70_000) + header("c/f.png", 0, tarfile.LNKTYPE), "headers of more than 64 KB"),
        (stated(b"x", b"70000 path=" + b"a" * 69_988 + b"\n") + header("c/f.png", 0), "headers of more than 64 KB"),
        (stated(b"L", b"abc") * 1000 + header("c/f.png", 0), "headers of more than 64 KB"),
        (stated(b"x", b"6 a=b\n") * 1000 + header("c/f.png", 0), "headers of more than 64 KB"),
        (header("x", 20 << 30, b"x") + bytes(1 << 20), "headers of more than 64 KB"),
        (header("x", -(20 << 30), b"x") + bytes(1 << 20), "damaged"),
        (b"".join(pax(**{f"k{n}": "v"}) + header(f"{n}.png", 0) for n in range(102)), "too many global headers"),
        (b"".join(pax(**{f"k{n}": "v" * 9000}) + header(f"{n}.png", 0) for n in range(9)), "too many global headers"),
        (stated(b"L", b"a" * 9000) + header("c/f.png", 0), "more than 8192 characters"),
        (header("v.mp4", 1 << 63), "cannot have 9223372036854775808 bytes"),
        (header("v.mp4", 1 << 62), "cannot have"),
        (header("v.mp4", 1 << 70), "cannot have"),
    ],
)
@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_what_headers_of_a_tar_state(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    assert message in refused(tmp_path / name, data + END).message


@pytest.mark.parametrize("values", [(ZIP64, 4, 0), (4, ZIP64, 0), (4, 4, ZIP64), (2 * ZIP64 - 1, 4, 0)])
def test_sizes_that_no_zip_has(tmp_path: Path, values: tuple[int, int, int]) -> None:
    error = refused(tmp_path / "a.zip", zip64(*values))
    assert isinstance(error, FormatError) and "'v.mp4' cannot have" in error.message


def test_a_table_of_contents_that_memory_would_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.video.archive_zip.MOST_DIRECTORY", 1 << 20)
    assert "a table of contents of more than 1024 KB" in refused(tmp_path / "a.zip", zip64(4, 4, 0, 2 << 20)).message


def many_in_tar(path: Path, names: list[str]) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))


def many_in_zip(path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")


@pytest.mark.parametrize(("name", "make"), [("a.tar.gz", many_in_tar), ("a.zip", many_in_zip)])
def test_folders_in_folders_make_no_large_list(
    tmp_path: Path, name: str, make: Callable[[Path, list[str]], None]
) -> None:
    """100 members with 91 new folders each: the list had a hundred times the size of the archive."""
    make(tmp_path / name, [f"{number}/{DEEP}/f.png" for number in range(110)])
    with pytest.raises(SlaError, match="larger than the archive justifies"):
        open_tree(tmp_path / name, tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_a_hard_link_to_a_long_name_is_quoted_shortened(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("a.png")
        entry.type, entry.linkname = tarfile.LNKTYPE, "b" * 8000
        archive.addfile(entry)
    with pytest.raises(SlaError, match="a hard link to bbb") as caught:
        open_tree(tmp_path / "a.tar").read("a.png")
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("backwards", [False, True])
def test_not_all_members_of_a_clip_are_in_memory_at_once(
    tmp_path: Path, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sla_cli.video.archive.AHEAD", 4 << 20, raising=False)
    contents = {f"{number}.png": bytes([number]) * (4 << 20) for number in range(8)}
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", compresslevel=1) as archive:
        for name, data in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    tree = open_tree(tmp_path / "a.tar.gz")
    paths = sorted(contents, reverse=backwards)

    def read() -> None:
        for path, data in zip(paths, tree.read_all(paths), strict=True):
            assert data == contents[path]

    assert peak_memory(read) < 24 << 20, "of 32 MB"
