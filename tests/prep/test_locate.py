"""Corpora are found in the folder that is given, whatever else lies there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.prep.tables.locate import contents, find_clips, find_root
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Tree

Refuse = Callable[[Callable[[Path], bool]], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Root may read everything, so the test itself causes the refusal; gives the refused paths."""

    def put(refused: Callable[[Path], bool]) -> None:
        seen = Path.stat

        def stat(path: Path, **how: bool) -> os.stat_result:
            if refused(path):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return seen(path, **how)

        monkeypatch.setattr(Path, "stat", stat)

    return put


def lay(root: Path, *folders: str) -> Tree:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return open_tree(root)


def test_a_folder_that_only_another_user_may_look_into_is_passed_over(
    tmp_path: Path, refuse: Refuse, caplog: pytest.LogCaptureFixture
) -> None:
    """As lost+found at the root of a disk."""
    tree = lay(tmp_path, "corpus/clip", "lost+found")
    (tmp_path / "corpus" / "table.csv").touch()
    refuse(lambda path: path.parent.name == "lost+found")
    assert find_root(tree, "table.csv", "") == "corpus"
    assert [str(place) for place in find_clips(tree, ["clip"])] == [str(tmp_path / "corpus" / "<id>")]
    assert "not searched: cannot read" in caplog.text and "lost+found" in caplog.text


def test_one_clip_that_cannot_be_looked_at_does_not_hide_the_others(tmp_path: Path, refuse: Refuse) -> None:
    tree = lay(tmp_path, "frames/a", "frames/b", "frames/c")
    refuse(lambda path: path.name in ("a", "a.mp4"))
    assert [str(place) for place in find_clips(tree, ["a", "b", "c"])] == [str(tmp_path / "frames" / "<id>")]


def test_contents_are_listed_except_what_cannot_be_examined(tmp_path: Path, refuse: Refuse) -> None:
    tree = lay(tmp_path, "a", "b")
    refuse(lambda path: path.name == "a")
    assert contents(tree, "") == f"{tmp_path} contains a, b/"
    assert contents(tree, "a") == f"{tmp_path} contains a, b/"
