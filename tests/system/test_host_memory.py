"""How much memory a job may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.system.host_memory import free_bytes, total_bytes

MIB = 1 << 20
NONE = 9223372036854771712  # what version 1 says where nothing bounds a group


def write(folder: Path, own: str, files: dict[str, int | str]) -> tuple[Path, Path]:
    """/proc/self/cgroup and /sys/fs/cgroup of a system with these files."""
    (folder / "own").write_text(own)
    for name, value in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return folder / "own", folder / "groups"


@pytest.mark.parametrize(
    ("files", "total", "free"),
    [
        ({"memory.max": 90 * MIB, "memory.current": 50 * MIB}, 90, 40),
        ({"a/b/memory.max": 80 * MIB, "a/b/memory.current": 10 * MIB}, 80, 70),
        ({"a/b/memory.max": "max", "a/memory.max": 70 * MIB, "a/memory.current": 60 * MIB}, 70, 10),
        # Others may have used what the group above has, though this one has its own limit.
        (
            {
                "a/b/memory.max": 60 * MIB,
                "a/b/memory.current": 5 * MIB,
                "a/memory.max": 99 * MIB,
                "a/memory.current": 95 * MIB,
            },
            *(60, 4),
        ),
        ({"a/b/memory.max": 60 * MIB}, 60, 60),
    ],
)
def test_every_group_above_the_process_bounds_it(
    tmp_path: Path, files: dict[str, int | str], total: int, free: int
) -> None:
    places = write(tmp_path, "0::/a/b\n", files)
    assert (total_bytes(*places), free_bytes(*places)) == (total * MIB, free * MIB)


def test_the_first_version_of_control_groups_counts(tmp_path: Path) -> None:
    own = "9:cpu,cpuacct:/docker/a\n5:memory:/docker/a\n"
    limits = {"memory/docker/a": NONE, "memory/docker": 64 * MIB, "memory": NONE, "cpu,cpuacct/docker/a": MIB}
    files: dict[str, int | str] = {f"{name}/memory.limit_in_bytes": limit for name, limit in limits.items()}
    files |= {"memory/docker/memory.usage_in_bytes": 14 * MIB}
    places = write(tmp_path, own, files)
    assert (total_bytes(*places), free_bytes(*places)) == (64 * MIB, 50 * MIB)


STAT = f"anon {9 * MIB}\nactive_file {5 * MIB}\ninactive_file {{}}\nworkingset_refault_file 7"


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"memory.max": 90 * MIB, "memory.current": 89 * MIB, "memory.stat": STAT.format(60 * MIB)}, 61),
        # Each group has its own page cache; the group above has the least free memory.
        (
            {
                "a/b/memory.max": 90 * MIB,
                "a/b/memory.current": 89 * MIB,
                "a/b/memory.stat": STAT.format(80 * MIB),
                "a/memory.max": 99 * MIB,
                "a/memory.current": 98 * MIB,
                "a/memory.stat": STAT.format(50 * MIB),
            },
            51,
        ),
        # The page cache has grown since the usage was read.
        ({"memory.max": 90 * MIB, "memory.current": 50 * MIB, "memory.stat": STAT.format(51 * MIB)}, 90),
        ({"memory.max": 90 * MIB, "memory.current": "?", "memory.stat": STAT.format(60 * MIB)}, 90),
        *(
            ({"memory.max": 90 * MIB, "memory.current": 50 * MIB, "memory.stat": text}, 40)
            for text in ("", "\n", "inactive_file", STAT.format("unknown"), STAT.format(-MIB), "inactive_file 1 2")
        ),
    ],
)
def test_page_cache_that_the_system_can_free_is_free(tmp_path: Path, files: dict[str, int | str], free: int) -> None:
    places = write(tmp_path, "0::/a/b\n", files)
    assert free_bytes(*places) == free * MIB


def test_page_cache_is_free_in_the_first_version_too(tmp_path: Path) -> None:
    """There, inactive_file is that of the group alone, while the usage includes the groups below."""
    files = {
        "memory/a/memory.limit_in_bytes": 64 * MIB,
        "memory/a/memory.usage_in_bytes": 60 * MIB,
        "memory/a/memory.stat": f"inactive_file {MIB}\ntotal_inactive_file {40 * MIB}",
    }
    assert free_bytes(*write(tmp_path, "5:memory:/a/b\n", files)) == 44 * MIB


def test_without_limits_it_is_that_of_the_machine(tmp_path: Path) -> None:
    places = write(tmp_path, "0::/a\n", {"a/memory.max": "max", "other/memory.max": MIB})
    assert MIB < free_bytes(*places) <= total_bytes(*places)
