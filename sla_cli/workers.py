"""Worker processes: how many this process may use, and what each does first."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of the control group: microseconds of CPU time, and in which period


def usable_cores(quota: Path = CPU_QUOTA) -> int:
    """Cores that this process may use: those of the machine, its CPU affinity and its control group's quota."""
    if hasattr(os, "process_cpu_count"):
        cores = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        most, period = quota.read_text(encoding="ascii").split()
        return max(1, min(cores, int(most) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return cores  # no control groups, or "max": no quota


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
