"""Processes that work together without training: what each knows of the others, and that they wait."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import torch
from forked import Forked, in_two

from sla_cli.model.distributed import ProcessGroup, join


def share(folder: Path) -> None:
    with join("cpu", timeout=timedelta(days=7)) as group:
        found = {"ranks": group.gather([str(group.rank)]), "main": group.is_main, "world_size": group.world_size}
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
            "first": "rank 0",
            "sum": 3.0,
            "any": True,
            "ready": True,
        }


def test_one_process_is_a_group_of_its_own() -> None:
    with join("cpu") as group:
        group.wait()
        assert group == ProcessGroup("cpu")
        assert (group.rank, group.world_size, group.is_main) == (0, 1, True)
        assert (group.first(lambda: 3), group.gather(["a"]), group.any(False)) == (3, ["a"], False)


def test_a_process_that_leaves_the_report_to_another_one_does_not_fail_itself() -> None:
    """torchrun ends all processes when the first one fails, also one that has not yet printed the error."""
    silent = ProcessGroup(rank=1, world_size=2).refusal("too large", "Make it smaller.")
    assert isinstance(silent, SystemExit) and silent.code == 0
    assert str(ProcessGroup(rank=0, world_size=2).refusal("too large", "Make it smaller.")).startswith("too large")
