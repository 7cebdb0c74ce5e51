"""Folders and archives are one to their readers, and no path leaves them."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Folder, Tree

FILES = {
    "table.csv": b"id|gloss\r\n",
    "train/a/1/0.png": b"0" * 100,
    "train/a/1/10.png": b"",
    "train/b/2 ü.png": bytes(range(256)) * 9000,  # more than a piece of a stream
}


def write(root: Path) -> Path:
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture(params=["folder", ".zip", "stored.zip", ".tar", "dotted.tar", ".tar.gz", ".TGZ"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    root, kind = write(tmp_path / "corpus"), request.param
    if kind == "folder":
        return open_tree(root)
    path = tmp_path / f"corpus{kind}"
    if kind.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if "stored" in kind else zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(root.rglob("*")):
                archive.write(file, file.relative_to(root))
    else:
        with tarfile.open(path, "w" if kind.endswith("tar") else "w:gz") as archive:
            archive.add(root, "." if "dotted" in kind else "")
    return open_tree(path)


def test_names_are_sorted_and_of_one_folder(tree: Tree) -> None:
    assert tree.names() == ["table.csv", "train"]
    assert tree.names("train") == tree.names("train/") == tree.names("./train") == ["a", "b"]
    assert tree.names("train/a/1") == ["0.png", "10.png"]
    with pytest.raises(SlaError, match=r"cannot read .*train/c"):
        tree.names("train/c")
    with pytest.raises(SlaError, match=r"cannot read .*table\.csv"):
        tree.names("table.csv")


def test_files_and_folders_are_distinguished(tree: Tree) -> None:
    assert tree.is_dir("") and tree.is_dir("train/a") and not tree.is_dir("table.csv") and not tree.is_dir("trai")
    assert tree.is_file("table.csv") and not tree.is_file("train") and not tree.is_file("train/a/1/1.png")


def test_content_is_read(tree: Tree) -> None:
    for name, data in FILES.items():
        assert tree.read(name) == data
        with tree.open(name) as file:
            assert (file.seek(1), file.read(), file.seek(0), file.read(1)) == (1, data[1:], 0, data[:1])
    names = ["train/b/2 ü.png", "table.csv", "train/a/1/0.png", "table.csv"]
    assert list(tree.read_all(names)) == [FILES[name] for name in names]
    with pytest.raises(SlaError, match=r"cannot read .*train/a/1/1\.png"):
        tree.read("train/a/1/1.png")
    with pytest.raises(SlaError, match=r"cannot read .*train/a/1/1\.png"):
        list(tree.read_all(["table.csv", "train/a/1/1.png"]))


@pytest.mark.parametrize("path", ["../corpus/table.csv", "/etc/passwd", "train/../../x"])
def test_no_path_leaves_the_tree(tree: Tree, path: str) -> None:
    for attempt in (tree.read, tree.names, tree.is_dir, tree.is_file):
        with pytest.raises(SlaError, match="leads outside of the corpus"):
            attempt(path)
    with pytest.raises(SlaError, match="leads outside of the corpus"), tree.open(path):
        pass


@pytest.mark.parametrize("path", ["a\ud800", "a\0b"])
def test_a_name_that_no_file_can_have(tree: Tree, path: str) -> None:
    for attempt in (tree.read, tree.names, tree.is_dir, tree.is_file):
        with pytest.raises(SlaError, match="is no name of a file"):
            attempt(path)
    assert not tree.is_file("a\udcff"), "as Python reads a name whose bytes are not UTF-8"


def test_messages_name_root_and_path(tree: Tree) -> None:
    assert tree.where("train/a") == f"{tree.root}/train/a"
    assert tree.where("") == str(tree.root)


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="no such folder or archive"):
        open_tree(tmp_path / "gone.zip")
    (tmp_path / "corpus.7z").write_bytes(b"x")
    with pytest.raises(SlaError, match="neither a folder nor an archive") as caught:
        open_tree(tmp_path / "corpus.7z")
    assert "*.tar.gz" in caught.value.hint


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("kind", "reported"), [("pipe", "it is a pipe"), ("zero", "it is a device")])
def test_a_frame_that_is_no_regular_file_is_neither_waited_for_nor_read_without_end(
    tmp_path: Path, kind: str, reported: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    tree = open_tree(tmp_path)
    with pytest.raises(SlaError, match=rf"cannot read .*{kind}: {reported}, not a regular file"):
        tree.read(kind)
    with pytest.raises(SlaError, match=rf"cannot read .*{kind}"):
        tree.sample(kind)


def test_a_picture_of_more_bytes_than_any_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    with (tmp_path / "pictures" / "1.png").open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no room on the disk
    with pytest.raises(SlaError, match=r"1\.png: it has more than 256 MiB"):
        Folder(tmp_path).read("pictures/1.png")


def test_an_archive_of_thousands_of_folders_in_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/" * 20_000 + "x.mp4", b"x")
    with pytest.raises(SlaError, match=r"a\.zip: a member lies in more than 100 folders"):
        open_tree(path)
