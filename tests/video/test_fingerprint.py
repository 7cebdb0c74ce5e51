"""A fingerprint tells another recording from a copy of the same, on disk and in archives."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.video.fingerprint import fingerprint, fingerprints
from sla_cli.video.source import open_tree

KINDS = ("folder", "zip", "tar", "gztar")


def lay(root: Path, files: dict[str, bytes]) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def corpus(vary: bool = True) -> dict[str, bytes]:
    rng = random.Random(0)
    frames = {f"clip/{number}.png": rng.randbytes(3000 + 7 * number * vary) for number in range(9)}
    return frames | {"video.mp4": rng.randbytes(1_000_000), "short.mp4": rng.randbytes(5000)}


RECORDINGS = ("clip", "video.mp4", "short.mp4")


def prints(folder: Path, kind: str, files: dict[str, bytes], recordings: Sequence[str] = RECORDINGS) -> dict[str, str]:
    root = lay(folder / "corpus", files)
    if kind != "folder":
        root = Path(shutil.make_archive(str(folder / "packed"), kind, root))
    tree = open_tree(root)
    return {path: fingerprint(tree, path) for path in recordings}


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_has_the_same_wherever_and_whenever_it_was_made(tmp_path: Path, kind: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    before = prints(tmp_path / "one", kind, corpus())
    assert len(set(before.values())) == 3
    more = corpus() | {"clip/Thumbs.db": b"x", "clip/._0.png": b"note", "a/later/clip/0.png": b"another clip"}
    assert prints(tmp_path / "other", kind, more) == before
    if kind == "folder":
        for path in (tmp_path / "other").rglob("*"):
            os.utime(path, (1, 1))
        (tmp_path / "other" / "corpus" / "clip" / "notes").symlink_to("gone")
        tree = open_tree(tmp_path / "other" / "corpus")
        assert {path: fingerprint(tree, path) for path in before} == before


def test_a_video_is_the_same_on_disk_and_wherever_an_archive_stores_it(tmp_path: Path) -> None:
    found = [prints(tmp_path, kind, corpus()) for kind in ("folder", "tar")]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "packed.zip", "w", method) as archive:
            archive.write(tmp_path / "corpus" / "video.mp4", "elsewhere/copy.mp4")
        tree = open_tree(tmp_path / "packed.zip")
        found.append({"video.mp4": fingerprint(tree, "elsewhere/copy.mp4")})
    folder, tar, stored, deflated = (one["video.mp4"] for one in found)
    assert folder == tar == stored != deflated


@pytest.mark.parametrize("kind", KINDS)
def test_recordings_of_equal_sizes_are_not_one(tmp_path: Path, kind: str) -> None:
    """A tar.gz states neither content nor checksums."""
    rng, names = random.Random(0), ["one", "two", "one.avi", "two.avi"]
    files = {f"{folder}/{number}.bmp": rng.randbytes(3000) for folder in names[:2] for number in range(9)}
    files |= {video: rng.randbytes(5000) for video in names[2:]}
    assert len(set(prints(tmp_path, kind, files, names).values())) == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["longer", "renamed", "removed", "added"])
def test_other_pictures_are_seen(tmp_path: Path, kind: str, how: str) -> None:
    before, files = prints(tmp_path, kind, corpus()), corpus()
    if how == "longer":
        files["clip/4.png"] += b"x"
    elif how == "added":
        files["clip/9.png"] = b"x"
    else:
        data = files.pop("clip/4.png")
        files |= {"clip/04.png": data} if how == "renamed" else {}
    after = prints(tmp_path, kind, files)
    assert after["clip"] != before["clip"]
    assert after["video.mp4"] == before["video.mp4"]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_content_is_looked_at_where_all_pictures_are_of_one_size(tmp_path: Path, kind: str) -> None:
    before, files = prints(tmp_path, kind, corpus(vary=False)), corpus(vary=False)
    files |= {name: bytes(len(data)) for name, data in files.items() if name.startswith("clip/")}
    assert prints(tmp_path, kind, files)["clip"] != before["clip"]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
@pytest.mark.parametrize("name", ["video.mp4", "short.mp4"])
def test_another_video_of_the_same_size_is_seen(tmp_path: Path, kind: str, name: str) -> None:
    before, files = prints(tmp_path, kind, corpus()), corpus()
    files[name] = files[name][:2000] + random.Random(1).randbytes(len(files[name]) - 2000)
    after = prints(tmp_path, kind, files)
    assert {path for path in after if after[path] != before[path]} == {name}


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_of_another_size_is_seen(tmp_path: Path, kind: str) -> None:
    before = prints(tmp_path, kind, corpus())
    assert prints(tmp_path, kind, corpus() | {"video.mp4": b"x" * 999_999})["video.mp4"] != before["video.mp4"]


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once_are_as_one_by_one_and_an_error_costs_its_own(tmp_path: Path, kind: str) -> None:
    alone = prints(tmp_path, kind, corpus())
    packed = {"zip": "packed.zip", "tar": "packed.tar", "gztar": "packed.tar.gz"}
    tree = open_tree(tmp_path / packed.get(kind, "corpus"))
    found = fingerprints((tree, path) for path in [*alone, "gone", *alone, "../x"] * 20)
    assert {path: found[tree.root, path] for path in alone} == alone
    assert found[tree.root, "gone"] == found[tree.root, "../x"] == ""
    assert len(found) == 5
    with pytest.raises(SlaError, match=r"no such frame folder or video: .*gone"):
        fingerprint(tree, "gone")


def test_a_large_video_is_not_read_whole(tmp_path: Path) -> None:
    """Sparse: reading all of it would take minutes, and its end counts."""
    path = tmp_path / "v.mp4"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    before = fingerprint(open_tree(tmp_path), "v.mp4")
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    assert fingerprint(open_tree(tmp_path), "v.mp4") != before
