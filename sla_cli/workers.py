"""Worker processes: how many this process may use, and what each does first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path, PurePosixPath

OWN_GROUPS = Path("/proc/self/cgroup")  # the control groups of this process
GROUPS = Path("/sys/fs/cgroup")  # where they lie
SLURM = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE")  # the second where a job asks for none per task


def usable_cores(
    own_groups: Path = OWN_GROUPS, groups: Path = GROUPS, environment: Mapping[str, str] = os.environ
) -> int:
    """Cores that this process may use: its CPU affinity, what Slurm granted, and the quotas of its control groups."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [int(environment[name]) for name in SLURM if environment.get(name, "").isdecimal()]
    return max(1, int(min([cores, *granted[:1], *_quotas(own_groups, groups)])))


def _quotas(own_groups: Path, groups: Path) -> Iterator[float]:
    """Cores' worth of CPU time that each control group above this process grants, of both versions of the hierarchy."""
    for line in _text(own_groups).splitlines():
        _, controllers, path = line.split(":", 2)
        places = [controllers, "cpu"] if "cpu" in controllers.split(",") else [] if controllers else ["", "unified"]
        inner = PurePosixPath(path.lstrip("/"))
        # A container may see the host's path, of which only the top is there, or one outside of what it sees.
        levels = [inner, *inner.parents] if ".." not in inner.parts else [PurePosixPath()]
        for folder in (groups / place / level for place in places for level in levels):
            version_2 = _text(folder / "cpu.max").split()  # microseconds of CPU time, and in which period
            version_1 = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
            for quota, period in (pair for pair in (version_2, version_1) if len(pair) == 2):
                if quota.isdecimal() and period.isdecimal() and int(period):  # else "max" or -1: none
                    yield int(quota) / int(period)


def _text(path: Path) -> str:
    """Of a file of the system, "" where it has none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def start_worker() -> None:
    """Call first in a pool's process: Ctrl-C is the parent's to handle, and no worker outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A parent that is killed cannot stop its pool, and the workers would wait for ever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
