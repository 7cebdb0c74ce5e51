"""Phoenix2014 is found in every layout that people have, and what is missing or odd is named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.prep.corpora import phoenix2014

CLIP = "01April_2010_Thursday_heute_default-0"
Tree = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, phoenix_tree: Tree) -> Path:
    """The multisigner folder inside a release folder inside tmp_path."""
    return phoenix_tree(tmp_path / "phoenix2014-release", size=16)


def table(root: Path, split: str = "train") -> Path:
    return root / "annotations" / "manual" / f"{split}.corpus.csv"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("layout", ["multisigner", "release", "above", "moved"])
def test_every_layout_gives_the_same_clips(tmp_path: Path, root: Path, layout: str) -> None:
    given = {"multisigner": root, "release": root.parent, "above": tmp_path, "moved": tmp_path / "elsewhere"}[layout]
    if layout == "moved":  # the folder under a name of one's own
        root = root.rename(given)
    assert phoenix2014.find_root(given) == root
    assert phoenix2014.tables(given) == {split: table(root, split) for split in ("train", "dev", "test")}
    clips = list(phoenix2014.clips(given, "train"))
    assert [(clip.id, clip.signer, clip.glosses, clip.length) for clip in clips] == [
        (CLIP, "Signer01", ("HEUTE", "REGEN", "NORD"), 16),
        (CLIP[:-1] + "2", "Signer02", ("MORGEN", "SONNE", "SUED"), 20),
        ("02May_2010_Sunday_tagesschau_default-1", "Signer03", ("NULL", "GRAD", "REGEN", "REGEN"), 24),
    ]
    assert clips[0].split == "train"
    assert clips[0].source == root / "features" / "fullFrame-210x260px" / "train" / CLIP / "1"


def test_a_miss_says_what_was_looked_for_and_what_lies_there(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"no such folder: .*nowhere"):
        phoenix2014.find_root(tmp_path / "nowhere")
    with pytest.raises(SlaError, match="holds nothing"):
        phoenix2014.find_root(tmp_path)
    for name in ("PHOENIX-2014-T-release-v3", "a", "b", "c", "d", "e"):
        (tmp_path / name).mkdir()
    (tmp_path / "README").touch()
    with pytest.raises(SlaError) as caught:
        phoenix2014.find_root(tmp_path)
    message = caught.value.message
    assert "looked for annotations/manual in" in message
    for tried in (tmp_path, tmp_path / "phoenix-2014-multisigner", tmp_path / "phoenix2014-release"):
        assert str(tried) in message
    assert message.endswith("holds PHOENIX-2014-T-release-v3/, README, a/, b/, c/ and 2 more")
    assert "phoenix2014-release" in caught.value.hint


def test_a_file_is_no_corpus(root: Path) -> None:
    with pytest.raises(SlaError, match="no such folder"):
        phoenix2014.find_root(table(root))


def test_train_is_needed_the_other_splits_are_not(root: Path) -> None:
    table(root, "test").unlink()
    assert list(phoenix2014.tables(root)) == ["train", "dev"]
    table(root).rename(table(root, "train.SI5"))
    with pytest.raises(SlaError, match=r"no train\.corpus\.csv in .*it holds dev\.corpus\.csv, train\.SI5"):
        phoenix2014.tables(root)


def test_frames_of_a_split_that_are_not_there(root: Path) -> None:
    features = root / "features" / "fullFrame-210x260px" / "dev"
    shutil.rmtree(features)
    with pytest.raises(SlaError, match=re.escape(f"no folder {features}")):
        list(phoenix2014.clips(root, "dev"))


@pytest.mark.parametrize("state", ["is missing", "holds no images"])
def test_a_clip_without_frames_is_named_with_its_line(root: Path, state: str) -> None:
    folder = root / "features" / "fullFrame-210x260px" / "train" / (CLIP[:-1] + "2") / "1"
    shutil.rmtree(folder)
    if state != "is missing":
        folder.mkdir()
        (folder / "list.txt").touch()
    with pytest.raises(SlaError) as caught:
        list(phoenix2014.clips(root, "train"))
    assert f"{table(root)}, line 3" in caught.value.message
    assert f"{folder} of clip {CLIP[:-1]}2 {state}" in caught.value.message


@pytest.mark.parametrize("folder", ["../../../../etc/*.png", "/etc/*.png", f"{CLIP}/../../x/*.png", "*.png", ""])
def test_a_folder_outside_the_corpus_is_refused(root: Path, folder: str) -> None:
    edit(table(root), f"{CLIP}/1/*.png", folder)
    with pytest.raises(SlaError, match=r"line 2: folder .* does not stay inside"):
        list(phoenix2014.clips(root, "train"))


def test_stray_files_are_no_frames(root: Path) -> None:
    folder = root / "features" / "fullFrame-210x260px" / "train" / CLIP / "1"
    for name in ("createDnnTrainingLabels-profile.py.lprof", "Thumbs.db", f"._{CLIP}.avi_pid0_fn000000-0.png"):
        (folder / name).touch()
    assert next(phoenix2014.clips(root, "train")).length == 16


def test_tables_as_spreadsheets_save_them(root: Path) -> None:
    expected = list(phoenix2014.clips(root, "train"))
    lines = table(root).read_text(encoding="utf-8").splitlines()
    table(root).write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert list(phoenix2014.clips(root, "train")) == expected


def test_a_table_of_another_corpus_is_named(root: Path) -> None:
    edit(table(root), "id|folder|signer|annotation", "name|video|start|end|speaker|orth|translation")
    with pytest.raises(SlaError, match="line 1: no column id, folder, signer, annotation"):
        list(phoenix2014.clips(root, "train"))
