"""Worker processes: how many this process may use, and what each must call first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import active_children, parent_process, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import FrameType

from sla_cli.errors import MORE_ALLOWED, SlaError, Stopped
from sla_cli.system.control_groups import GROUPS, OWN_GROUPS, groups_above, text_of
from sla_cli.system.variables import number_given

LOCAL_PROCESSES = "LOCAL_WORLD_SIZE"  # set by torchrun: how many processes it started on this machine
SAFE_PATH = "PYTHONSAFEPATH"  # variable of Python: no folder of the program or of the user is searched for modules
_ONE_AT_A_TIME = threading.Lock()  # the variable is that of all threads
SLURM = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE")  # the second if a job does not request cores per task


@contextmanager
def _safe_path() -> Iterator[None]:
    """New Pythons look for no module in the current folder: that may be a stranger's corpus with a pickle.py in it."""
    with _ONE_AT_A_TIME:
        before = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(SAFE_PATH, None)
            else:
                os.environ[SAFE_PATH] = before


class _Process(SpawnProcess):
    def start(self) -> None:
        with _safe_path():
            super().start()


class _Context(SpawnContext):
    Process = _Process


def spawn_context() -> SpawnContext:
    """How processes are started that share nothing with this one.

    multiprocessing starts them, and its resource tracker, by `python -c`, which looks in the current folder first.

    Raises OSError if no process can be started.
    """
    if sys.platform != "win32":
        with _safe_path():
            resource_tracker.ensure_running()
    return _Context()


@contextmanager
def starting() -> Iterator[None]:
    """Raise SlaError if a process cannot be started in a block, and end those that were started in it.

    A pool does not: Python would wait for its first process forever if the second one cannot be started.
    """
    before = set(active_children())
    try:
        yield
    except OSError as error:
        for process in set(active_children()) - before:
            process.kill()
        raise SlaError(f"a process cannot be started: {error.strerror or error}", MORE_ALLOWED) from error


def usable_cores(
    own_groups: Path = OWN_GROUPS, groups: Path = GROUPS, environment: Mapping[str, str] = os.environ
) -> int:
    """Cores that this process may use: its CPU affinity, what Slurm granted, and the quotas of its control groups.

    Processes that torchrun started on one machine share them.

    Raises:
        SlaError: a variable of Slurm or torchrun is no number.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [number_given(name, environment=environment) for name in SLURM]
    shared_by = number_given(LOCAL_PROCESSES, environment=environment) or 1
    least = min([cores, *[cpus for cpus in granted if cpus is not None][:1], *_quotas(own_groups, groups)])
    return max(1, int(least / shared_by))


def _quotas(own_groups: Path, groups: Path) -> Iterator[float]:
    """CPU time, in numbers of cores, that each control group above this process allows."""
    for folder in groups_above("cpu", own_groups, groups):
        version_2 = text_of(folder / "cpu.max").split()  # microseconds of CPU time, and of the period
        version_1 = [text_of(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        for quota, period in (pair for pair in (version_2, version_1) if len(pair) == 2):
            if quota.isdecimal() and period.isdecimal() and int(period):  # otherwise "max" or -1: no limit
                yield int(quota) / int(period)


def signals(*names: str) -> tuple[signal.Signals, ...]:
    """The named signals that exist on this system: Windows lacks SIGUSR1 and SIGHUP."""
    return tuple(signal.Signals[name] for name in names if hasattr(signal, name))


ENDING = signals("SIGINT", "SIGTERM", "SIGHUP")  # the last is sent if the terminal is closed


def stop_once(number: int, frame: FrameType | None) -> None:
    """A handler for the signals in ENDING: what runs ends with Stopped, and a second signal does not interrupt that."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def start_worker() -> None:
    """Call first in a process of a pool: the parent handles Ctrl-C, and no worker outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A killed parent cannot stop its pool, and the workers would wait forever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
