"""Prep on network disks: no file locks, and temporary errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shim
from prep_work import TRAIN_CLIP, digests

from sla_cli.store.store import Store

SLA = [sys.executable, "-m", "sla_cli"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.built(tmp_path_factory.mktemp("shim"))


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_without_locks_a_store_is_made_checked_and_made_again(
    made: Path, root: Path, tmp_path: Path, library: Path, kind: str
) -> None:
    source = root
    if kind != "folder":
        source = Path(shutil.make_archive(str(tmp_path / "corpus"), kind, root))
    out, environment = tmp_path / "sla-work" / "stores" / "phoenix2014", shim.environment(library, ENOLCK=1)

    def sla(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*SLA, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    prep = ("prep", "phoenix2014", str(source), "-j2", "--size", "32", "--quality", "90")
    for again in ((), ("--force", "--labels", "phoenix2014"), ("--force",)):
        answer = sla(*prep, *again)
        assert answer.returncode == 0, answer.stderr
        assert answer.stderr.count("has no file locks") == 1, answer.stderr
        assert "damaged" not in answer.stderr
        checked = sla("check", str(out), "--deep", "-j2")
        assert "damaged" not in checked.stdout + checked.stderr and "Traceback" not in checked.stderr
        assert checked.returncode in (0, 3), checked.stderr  # 3: a corpus so small has findings
    assert digests(out) == digests(made)


@pytest.mark.parametrize("every", [3, 5, 7])
def test_a_store_that_cannot_be_read_just_now_is_not_called_damaged(made: Path, library: Path, every: int) -> None:
    """Errors at opening, in the header and in the columns: the file system's words, and not the advice to make it
    again."""
    code = (
        "import sys; from pathlib import Path; from sla_cli.errors import FormatError, SlaError\n"
        "from sla_cli.store.file import StoreFile\n"
        "try: StoreFile(Path(sys.argv[1]))\n"
        "except SlaError as error: print(type(error).__name__, error)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(made / "clips.h5")],
        env=shim.environment(library, ESTALE=every, PATH="clips.h5"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith("SlaError cannot read ") and "clips.h5: Stale file handle" in answer.stdout


def test_a_clip_that_the_disk_does_not_give_costs_itself_only(own: Path, tmp_path: Path, library: Path) -> None:
    out, skip = tmp_path / "sla-work" / "stores" / "phoenix2014", ("--on-error", "skip", "--json")
    answer = subprocess.run(
        [*SLA, "prep", "phoenix2014", str(own), "-j2", "--size", "32", "--quality", "90", *skip],
        cwd=tmp_path,
        env=shim.environment(library, ESTALE=1, PATH=f"{TRAIN_CLIP}/1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    printed = json.loads(answer.stdout)
    assert printed["failed"].keys() == {TRAIN_CLIP} and "Stale file handle" in printed["failed"][TRAIN_CLIP]
    assert f"{TRAIN_CLIP}/1" in printed["failed"][TRAIN_CLIP]
    assert {split: len(Store(out)[split]) for split in Store(out).splits} == {"train": 2, "dev": 1, "test": 1}


def test_a_clip_that_the_disk_gives_the_second_time_is_in_the_store(
    made: Path, own: Path, tmp_path: Path, library: Path
) -> None:
    """One error in some two hundred looks at the frames: at the end the clips that met it are tried once more."""
    sla = [*SLA, "prep", "phoenix2014", str(own), "-j1", "--size", "32", "--quality", "90", "--on-error", "skip"]
    environment = shim.environment(library, ESTALE=223, PATH="features")
    answer = subprocess.run(sla, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "that could not be read" in answer.stderr
    assert "broken" not in answer.stdout
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    assert {clip.id: clip.raw().frames.data.tobytes() for clip in Store(out).clips} == {
        clip.id: clip.raw().frames.data.tobytes() for clip in Store(made).clips
    }
    again = subprocess.run(sla, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "is up to date" in again.stderr


def test_a_cache_that_cannot_be_read_just_now_is_not_removed(
    made: Path, own: Path, tmp_path: Path, library: Path
) -> None:
    sla = [*SLA, "prep", "phoenix2014", str(own), "-j1", "--size", "32", "--quality", "90"]
    subprocess.run([*sla, "--part", "1/1"], cwd=tmp_path, capture_output=True, check=True)
    kept = sorted(tmp_path.rglob("*.npz"))
    environment = shim.environment(library, ESTALE=3, PATH=".npz")
    answer = subprocess.run(sla, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in answer.stderr
    if answer.returncode:
        assert answer.returncode == 2, answer.stderr
        assert sorted(tmp_path.rglob("*.npz")) == kept
        subprocess.run(sla, cwd=tmp_path, capture_output=True, check=True)
    assert digests(tmp_path / "sla-work" / "stores" / "phoenix2014") == digests(made)
