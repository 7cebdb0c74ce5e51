"""How many processes a command may start."""

from __future__ import annotations

import os
import threading
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.system.workers import SAFE_PATH, spawn_context, usable_cores


@pytest.fixture(autouse=True)
def available(monkeypatch: pytest.MonkeyPatch) -> int:
    """Cores of this process where nothing limits it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    return 8


def cores(folder: Path, own: str, files: dict[str, str], **environment: str) -> int:
    """Cores where these are a system's files.

    Args:
        own: /proc/self/cgroup.
        files: under /sys/fs/cgroup.
    """
    (folder / "own").write_text(own)
    for name, text in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return usable_cores(folder / "own", folder / "groups", environment)


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000\n", 8),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("nonsense", 8),
        ("100000 0", 8),
        ("", 8),
    ],
)
def test_a_control_group_limits_the_cores(quota: str, expected: int, tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/\n", {"cpu.max": quota}) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"slurm/job_7/step_0/cpu.max": "300000 100000"}, 3),
        ({"slurm/job_7/step_0/cpu.max": "max 100000", "slurm/job_7/cpu.max": "400000 100000"}, 4),
        ({"slurm/job_7/step_0/cpu.max": "600000 100000", "slurm/cpu.max": "200000 50000"}, 4),
        ({"slurm/job_8/cpu.max": "100000 100000"}, 8),
        ({"cpu.max": "200000 100000"}, 2),  # a container that sees the host's path, and itself at the top
        ({"unified/slurm/job_7/cpu.max": "500000 100000"}, 5),
    ],
)
def test_every_group_above_the_process_counts(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/slurm/job_7/step_0\n", files) == expected


@pytest.mark.parametrize(
    ("where", "quota", "expected"),
    [
        ("cpu,cpuacct/docker/a", "150000", 1),
        ("cpu,cpuacct/docker", "300000", 3),
        ("cpu/docker/a", "300000", 3),
        ("cpu,cpuacct", "200000", 2),
        ("cpu,cpuacct/docker/a", "-1", 8),
        ("memory/docker/a", "100000", 8),
    ],
)
def test_the_first_version_of_control_groups_counts(where: str, quota: str, expected: int, tmp_path: Path) -> None:
    own = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n0::/\n"
    files = {f"{where}/cpu.cfs_quota_us": f"{quota}\n", f"{where}/cpu.cfs_period_us": "100000\n"}
    assert cores(tmp_path, own, files) == expected


def test_a_group_outside_of_what_a_container_sees_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000")
    assert cores(tmp_path, "0::/../other\n", {"cpu.max": "300000 100000"}) == 3


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"SLURM_CPUS_PER_TASK": "4"}, 4),
        ({"SLURM_CPUS_PER_TASK": "2", "SLURM_CPUS_ON_NODE": "6"}, 2),
        ({"SLURM_CPUS_ON_NODE": "6"}, 6),
        ({"SLURM_CPUS_PER_TASK": "64"}, 8),
        ({"SLURM_CPUS_PER_TASK": ""}, 8),
        ({"SLURM_CPUS_PER_TASK": "", "SLURM_CPUS_ON_NODE": "6"}, 6),
    ],
)
def test_what_slurm_grants_is_the_most(environment: dict[str, str], expected: int, tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/\n", {}, **environment) == expected


def test_slurm_and_control_groups_both_limit(tmp_path: Path) -> None:
    files = {"job/cpu.max": "300000 100000"}
    assert cores(tmp_path, "0::/job\n", files, SLURM_CPUS_PER_TASK="5") == 3
    assert cores(tmp_path, "0::/job\n", files, SLURM_CPUS_PER_TASK="2") == 2


@pytest.mark.parametrize(("processes", "expected"), [("1", 8), ("3", 2), ("8", 1), ("64", 1), ("", 8)])
def test_processes_of_one_machine_share_its_cores(processes: str, expected: int, tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/\n", {}, LOCAL_WORLD_SIZE=processes) == expected


def test_processes_share_what_a_quota_and_slurm_leave(tmp_path: Path) -> None:
    files = {"cpu.max": "500000 100000"}
    assert cores(tmp_path, "0::/\n", files, LOCAL_WORLD_SIZE="2") == 2
    assert cores(tmp_path, "0::/\n", files, LOCAL_WORLD_SIZE="2", SLURM_CPUS_PER_TASK="4") == 2
    assert cores(tmp_path, "0::/\n", files, LOCAL_WORLD_SIZE="2", SLURM_CPUS_PER_TASK="3") == 1


def test_without_control_groups_all_are_usable(available: int, tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "missing", tmp_path / "missing", {}) == available


def test_a_system_without_affinity_has_the_cores_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores(tmp_path / "missing", tmp_path / "missing", {}) == 128


@pytest.mark.parametrize("name", ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "LOCAL_WORLD_SIZE"])
@pytest.mark.parametrize("text", ["6(x2)", "0", "-1", "2.0", "\u0663", "\u00b2", "9" * 5000])
def test_what_is_no_number_of_cores_or_processes_is_refused(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=f"^the environment variable {name} is '") as caught:
        cores(tmp_path, "0::/\n", {}, **{name: text})
    assert f"`unset {name}`" in caught.value.hint and len(caught.value.message) < 150


def test_processes_that_two_threads_start_look_for_no_module_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SAFE_PATH, raising=False)
    second, first_ended, seen = threading.Event(), threading.Event(), []

    def start(process: SpawnProcess) -> None:
        if process.name == "first":
            second.wait(0.3)
        else:
            second.set()
            first_ended.wait(5)
        seen.append(os.environ.get(SAFE_PATH))

    monkeypatch.setattr(SpawnProcess, "start", start)
    context = spawn_context()

    def first() -> None:
        context.Process(name="first").start()
        first_ended.set()

    threads = [threading.Thread(target=first), threading.Thread(target=context.Process(name="second").start)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["1", "1"]
    assert SAFE_PATH not in os.environ
