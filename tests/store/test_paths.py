"""The files of a store are found by name, and in the order of their shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.store.paths import clips_files, division_names, split_name, stored_files


def test_shards_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("clips-0002.h5", "clips-10000.h5", "clips-0010.h5", "clips-x.h5", "clips-1.h5", "dev-0000.h5"):
        (tmp_path / name).touch()
    shards = ["clips-0002.h5", "clips-0010.h5", "clips-10000.h5"]
    assert [path.name for path in clips_files(tmp_path)] == shards
    (tmp_path / "clips.h5").touch()
    assert [path.name for path in clips_files(tmp_path)] == ["clips.h5"]
    assert [path.name for path in stored_files(tmp_path)] == ["clips.h5", *shards]


def test_divisions_are_the_tables_of_their_folder(tmp_path: Path) -> None:
    assert division_names(tmp_path) == []
    (tmp_path / "divisions").mkdir()
    for name in ("us.tsv", "SI.tsv", ".SI.tsv.tmp.tsv", "notes.txt"):
        (tmp_path / "divisions" / name).touch()
    assert division_names(tmp_path) == ["SI", "us"]


@pytest.mark.parametrize(
    ("given", "folder", "division"),
    [("s:SI", "s", "SI"), ("s", "s", ""), ("a:b/s:SI", "a:b/s", "SI"), ("there:1", "there:1", ""), (":SI", ":SI", "")],
)
def test_folder_and_division(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, folder: str, division: str
) -> None:
    """A folder whose name has a colon is a folder."""
    monkeypatch.chdir(tmp_path)
    Path("there:1").mkdir()
    assert split_name(Path(given)) == (Path(folder), division)
