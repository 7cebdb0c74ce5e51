"""What a folder has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.errors import SlaError, file_errors
from sla_cli.system.listing import listed
from sla_cli.work.folder import Work


def test_what_matches_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.tsv").write_text("")
    (tmp_path / "c").write_text("")
    assert sorted(listed(tmp_path, "*")) == [tmp_path / "a", tmp_path / "c"]
    assert listed(tmp_path, "*/*.tsv") == [tmp_path / "a" / "b.tsv"]
    assert listed(tmp_path / "d", "*") == listed(tmp_path / "c", "*") == []


def test_a_folder_that_cannot_be_read_is_not_empty(tmp_path: Path, close_folder: Callable[[Path], None]) -> None:
    """`glob` yields nothing then."""
    runs = tmp_path / "runs"
    runs.mkdir()
    close_folder(runs)
    with pytest.raises(PermissionError):
        listed(runs, "*")
    with pytest.raises(SlaError, match=r"cannot read or write .*runs: Permission denied"), file_errors():
        Work(tmp_path).newest_run()
