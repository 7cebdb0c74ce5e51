"""Corpora are found in the folder that is given, whatever else lies there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sla_cli.prep.tables.locate import find_clips, find_root
from sla_cli.video.source import open_tree


def test_a_folder_that_only_another_user_may_look_into_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As lost+found at the root of a disk. Root may see all, so that the refusal is put there by hand."""
    for folder in ("corpus/clip", "lost+found"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "corpus" / "table.csv").touch()
    seen = Path.stat

    def refuse(path: Path, **how: bool) -> os.stat_result:
        if path.parent.name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return seen(path, **how)

    monkeypatch.setattr(Path, "stat", refuse)
    tree = open_tree(tmp_path)
    assert find_root(tree, "table.csv", "") == "corpus"
    assert [str(place) for place in find_clips(tree, ["clip"])] == [str(tmp_path / "corpus" / "<id>")]
    assert "not searched: cannot read" in caplog.text and "lost+found" in caplog.text
