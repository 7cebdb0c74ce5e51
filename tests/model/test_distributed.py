"""Processes that work together without training: what each knows of the others, and that they wait."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from forked import Forked, in_two

from sla_cli.errors import SlaError
from sla_cli.model.distributed import ProcessGroup, join


def share(folder: Path) -> None:
    with join("cpu", timeout=timedelta(days=7)) as group:
        found = {"ranks": group.gather([str(group.rank)]), "main": group.is_main, "world_size": group.world_size}
        found["device"] = group.device
        found["first"] = group.first(lambda: f"rank {group.rank}")
        found["sum"] = group.sum(torch.tensor([1.0 + group.rank])).item()
        found["any"] = group.any(group.rank == 1)
        if group.is_main:
            time.sleep(1)
            (folder / "ready").touch()
        group.wait()
        found["ready"] = (folder / "ready").exists()
        (folder / f"{group.rank}.json").write_text(json.dumps(found))


def test_two_processes_share_what_they_find_and_wait_for_each_other(tmp_path: Path) -> None:
    process = Forked(in_two, share, tmp_path, printed=tmp_path)
    _, reported = process.communicate(timeout=200)
    assert process.returncode == 0, reported
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == {
            "ranks": ["0", "1"],
            "main": rank == 0,
            "world_size": 2,
            "device": "cpu",
            "first": "rank 0",
            "sum": 3.0,
            "any": True,
            "ready": True,
        }


def wait_for_main(folder: Path) -> None:
    with join("cpu", timeout=timedelta(seconds=10)) as group:
        for number in range(2):
            if group.is_main:
                time.sleep(13 - 12 * number)
                (folder / f"ready{number}").touch()
            group.wait_for_main(f"moment {number}")
            assert (folder / f"ready{number}").exists()
        assert group.gather([str(group.rank)]) == ["0", "1"]


def test_what_the_main_process_computes_alone_may_last_longer_than_the_timeout(tmp_path: Path) -> None:
    process = Forked(in_two, wait_for_main, tmp_path, printed=tmp_path)
    _, reported = process.communicate(timeout=200)
    assert process.returncode == 0, reported


def test_one_process_is_a_group_of_its_own() -> None:
    with join("cpu") as group:
        group.wait()
        group.wait_for_main("end")
        assert group == ProcessGroup("cpu")
        assert (group.rank, group.world_size, group.is_main) == (0, 1, True)
        assert (group.first(lambda: 3), group.gather(["a"]), group.any(False)) == (3, ["a"], False)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("WORLD_SIZE=abc", "the environment variable WORLD_SIZE is 'abc', not a whole number from 1 up"),
        ("WORLD_SIZE=1.0", "WORLD_SIZE is '1.0', not"),
        ("WORLD_SIZE=0", "WORLD_SIZE is '0', not"),
        ("WORLD_SIZE=" + "9" * 5000, "WORLD_SIZE is '9{40}…', not"),
        ("WORLD_SIZE=2", "WORLD_SIZE is 2 without RANK, LOCAL_RANK, MASTER_PORT, MASTER_ADDR"),
        ("WORLD_SIZE=2 RANK= LOCAL_RANK=1 MASTER_PORT=1 MASTER_ADDR=a", "WORLD_SIZE is 2 without RANK$"),
        ("WORLD_SIZE=2 RANK=-1 LOCAL_RANK=1 MASTER_PORT=1 MASTER_ADDR=a", "RANK is '-1', not a whole number from 0"),
        ("WORLD_SIZE=2 RANK=2 LOCAL_RANK=1 MASTER_PORT=1 MASTER_ADDR=a", "^RANK is 2, but WORLD_SIZE is 2"),
        ("WORLD_SIZE=2 RANK=1 LOCAL_RANK=2 MASTER_PORT=1 MASTER_ADDR=a", "^LOCAL_RANK is 2, but WORLD_SIZE is 2"),
    ],
)
def test_an_environment_that_does_not_describe_a_group_is_refused(
    environment: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in environment.split():
        monkeypatch.setenv(*variable.split("=", 1))
    with pytest.raises(SlaError) as caught, join("cpu"):
        pass
    assert re.search(message, caught.value.message)


def test_an_empty_number_of_processes_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", " ")
    monkeypatch.setenv("RANK", "abc")  # who is alone asks for no rank
    with join("cpu") as group:
        assert group == ProcessGroup("cpu")


def test_a_process_that_leaves_the_report_to_another_one_does_not_fail_itself() -> None:
    """torchrun ends all processes when the first one fails, also one that has not yet printed the error."""
    silent = ProcessGroup(rank=1, world_size=2).refusal("too large", "Make it smaller.")
    assert isinstance(silent, SystemExit) and silent.code == 0
    assert str(ProcessGroup(rank=0, world_size=2).refusal("too large", "Make it smaller.")).startswith("too large")
