"""The state folder of `sla serve`: private, of one service, and not left behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from recordings import copy_run

from sla_cli.errors import SlaError
from sla_cli.serve.jobs import Jobs
from sla_cli.serve.limits import Limits
from sla_cli.serve.place import MARK, state_folder

LIMITS = Limits(queue=3, upload=1000, length=60, work=60, memory=1 << 30, keep=100)


def test_a_temporary_one_is_removed_and_so_is_what_a_killed_service_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "sla-serve-left" / "jobs" / "x"
    left.mkdir(parents=True)
    (left / "upload").write_bytes(b"a video of a person")
    (tmp_path / "sla-serve-left" / MARK).touch()
    (tmp_path / "sla-serve-link").symlink_to(tmp_path / "other")
    (tmp_path / "other").mkdir()
    with state_folder(None) as first, state_folder(None) as second:
        assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name, "sla-serve-link", "other"}
        assert first.stat().st_mode & 0o777 == 0o700 and (first / MARK).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"sla-serve-link", "other"}


def test_a_given_one_is_of_one_service_and_stays(tmp_path: Path) -> None:
    with state_folder(tmp_path / "a" / "state") as folder:
        (folder / "kept").touch()
        with pytest.raises(SlaError, match="another `sla serve` uses"), state_folder(folder):
            pass
    with state_folder(folder):
        assert (folder / "kept").exists() and folder.stat().st_mode & 0o777 == 0o700


def test_files_of_others_in_a_given_one_stay(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("mine")
    with state_folder(tmp_path):
        pass
    assert (tmp_path / MARK).read_text() == "mine"


def test_an_artifact_of_sla_is_no_place_for_it(tmp_path: Path) -> None:
    copy_run(tmp_path)
    run = tmp_path / "old" / "runs" / "adapter"
    for place in (run, run / "state"):
        with pytest.raises(SlaError, match="is an artifact of sla"), state_folder(place):
            pass
    assert not (run / "state").exists()


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("file", "cannot make the state folder .*jobs: it is not a folder"),
        ("link", "jobs is a link, which"),
        ("dangling", "cannot make the state folder .*jobs: it is not a folder"),
        ("not writable", "jobs cannot be read and written"),
    ],
)
def test_a_folder_of_jobs_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, sentence: str
) -> None:
    folder = tmp_path / "jobs"
    (tmp_path / "other").mkdir()
    match what:
        case "file":
            folder.touch()
        case "link" | "dangling":
            folder.symlink_to("other" if what == "link" else "nowhere")
        case _:
            folder.mkdir()
            monkeypatch.setattr(os, "access", lambda path, mode: path != folder)  # also for root
    with pytest.raises(SlaError, match=sentence):
        Jobs(folder, LIMITS, 1, lambda state, seconds: None)
    assert not list((tmp_path / "other").iterdir())


def test_a_given_one_that_is_named_as_a_temporary_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with state_folder(tmp_path / "sla-serve-state") as given:
        (given / "result").touch()
        (given / MARK).touch()
    left = tmp_path / "sla-serve-left"
    left.mkdir()
    (left / MARK).touch()
    monkeypatch.chdir(given)
    with state_folder(Path()):
        assert not left.exists()
    (left / "jobs").mkdir(parents=True)
    (left / MARK).touch()
    with state_folder(left / "jobs"), state_folder(None):  # within what a killed service left
        assert (left / "jobs").exists()
    (tmp_path / "sla-serve-notes").mkdir()
    with state_folder(None):
        pass
    assert (given / "result").exists() and (tmp_path / "sla-serve-notes").exists()
