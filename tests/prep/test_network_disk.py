"""Prep on network disks: no file locks, and temporary errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from prep_work import TRAIN_CLIP, digests
from shim import NetworkDisk

from sla_cli.store.store import Store

PREP = ("--size", "32", "--quality", "90")


def test_without_locks_a_store_is_made_checked_and_made_again(
    made: Path, root: Path, tmp_path: Path, network_disk: NetworkDisk
) -> None:
    """Of an archive first: its list of members is a database, which workers open too."""
    archive = shutil.make_archive(str(tmp_path / "corpus"), "tar", root)
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    for options in (
        (archive, "-j2"),
        (str(root), "-j1", "--force", "--labels", "phoenix2014"),
        (str(root), "-j1", "--force"),
    ):
        answer = network_disk.sla("prep", "phoenix2014", *options, *PREP, cwd=tmp_path, ENOLCK=1)
        assert answer.returncode == 0, answer.stderr
        assert answer.stderr.count("has no file locks") == 1, answer.stderr
        assert "damaged" not in answer.stderr
    assert digests(out) == digests(made)
    checked = network_disk.sla("check", str(out), "--deep", "-j1", cwd=tmp_path, ENOLCK=1)
    assert "damaged" not in checked.stdout + checked.stderr and "Traceback" not in checked.stderr
    assert checked.returncode in (0, 3), checked.stderr  # 3: a corpus so small has findings


@pytest.mark.parametrize("every", [3, 5, 7])
def test_a_store_that_cannot_be_read_just_now_is_not_called_damaged(
    made: Path, network_disk: NetworkDisk, every: int
) -> None:
    """Errors at opening, in the header and in the columns: the file system's words, and not the advice to make it
    again."""
    code = (
        "import sys; from pathlib import Path; from sla_cli.errors import FormatError, SlaError\n"
        "from sla_cli.store.file import StoreFile\n"
        "try: StoreFile(Path(sys.argv[1]))\n"
        "except SlaError as error: print(type(error).__name__, error)"
    )
    answer = network_disk.python(code, str(made / "clips.h5"), ESTALE=every, PATH="clips.h5")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("SlaError cannot read ") and "clips.h5: Stale file handle" in answer.stdout


def test_a_clip_that_the_disk_does_not_give_costs_itself_only(
    root: Path, tmp_path: Path, network_disk: NetworkDisk
) -> None:
    out, skip = tmp_path / "sla-work" / "stores" / "phoenix2014", ("--on-error", "skip", "--json")
    prep = ("prep", "phoenix2014", str(root), "-j2", *PREP, *skip)
    answer = network_disk.sla(*prep, cwd=tmp_path, ESTALE=1, PATH=f"{TRAIN_CLIP}/1")
    assert answer.returncode == 0, answer.stderr
    printed = json.loads(answer.stdout)
    assert printed["failed"].keys() == {TRAIN_CLIP} and "Stale file handle" in printed["failed"][TRAIN_CLIP]
    assert f"{TRAIN_CLIP}/1" in printed["failed"][TRAIN_CLIP]
    assert {split: len(Store(out)[split]) for split in Store(out).splits} == {"train": 2, "dev": 1, "test": 1}


def test_a_clip_that_the_disk_gives_the_second_time_is_in_the_store(
    made: Path, root: Path, tmp_path: Path, network_disk: NetworkDisk
) -> None:
    """One error in some two hundred looks at the frames: at the end the clips that met it are tried once more."""
    prep = ("prep", "phoenix2014", str(root), "-j1", *PREP, "--on-error", "skip")
    answer = network_disk.sla(*prep, cwd=tmp_path, ESTALE=223, PATH="features")
    assert answer.returncode == 0, answer.stderr
    assert "that could not be read" in answer.stderr
    assert "broken" not in answer.stdout
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    assert {clip.id: clip.raw().frames.data.tobytes() for clip in Store(out).clips} == {
        clip.id: clip.raw().frames.data.tobytes() for clip in Store(made).clips
    }
    again = network_disk.sla(*prep, cwd=tmp_path)
    assert again.returncode == 0 and "is up to date" in again.stderr


def test_a_cache_that_cannot_be_read_just_now_is_not_removed(
    made: Path, root: Path, tmp_path: Path, network_disk: NetworkDisk
) -> None:
    prep = ("prep", "phoenix2014", str(root), "-j1", *PREP)
    assert network_disk.sla(*prep, "--part", "1/1", cwd=tmp_path).returncode == 0
    kept = sorted(tmp_path.rglob("*.npz"))
    answer = network_disk.sla(*prep, cwd=tmp_path, ESTALE=3, PATH=".npz")
    assert "Traceback" not in answer.stderr
    if answer.returncode:
        assert answer.returncode == 2, answer.stderr
        assert sorted(tmp_path.rglob("*.npz")) == kept
        assert network_disk.sla(*prep, cwd=tmp_path).returncode == 0
    assert digests(tmp_path / "sla-work" / "stores" / "phoenix2014") == digests(made)
