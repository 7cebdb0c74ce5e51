"""Memory of the machine, within the limits of the job. If the system does not provide it (Windows), no limit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.system.control_groups import GROUPS, OWN_GROUPS, groups_above, text_of

UNBOUNDED = 1 << 62  # bytes
TOO_LITTLE = re.compile("out of memory|can't allocate memory|ALLOC_FAILED")  # in errors of torch, cuBLAS and cuDNN

# For both versions of control groups: the files of the limit and the usage, and the entry of memory.stat for page cache
# that was not used again after its first read. All three include the groups below.
_FILES = (("max", "current", "inactive_file"), ("limit_in_bytes", "usage_in_bytes", "total_inactive_file"))


def free_bytes(own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> int:
    """Bytes that a process may still use (Linux; on other systems no limit)."""
    free = [UNBOUNDED, *(limit - used for limit, used in _limits(own_groups, groups))]
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        fields = dict(line.split(":") for line in meminfo.read_text().splitlines())
        free.append(int(fields["MemAvailable"].split()[0]) * 1024)
    return min(free)


def total_bytes(own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> int:
    """Bytes of memory of the machine, or the part that the job may use."""
    known = hasattr(os, "sysconf")  # not on Windows
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else UNBOUNDED
    return min([pages, *(limit for limit, _ in _limits(own_groups, groups))])


def check_fits(path: Path) -> None:
    """Raise SlaError for a file that is larger than the memory; a sparse one may take no place on the disk."""
    size, there = path.stat().st_size, total_bytes()
    if size > there:
        raise SlaError(f"{path} has {size / 2**30:,.1f} GiB, and this machine has {there / 2**30:,.1f} GiB of memory")


def _limits(own_groups: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Bytes that each control group above this process may use, and uses; groups without a limit are left out.

    The system counts the page cache as used. The part that it frees first counts as free here, as in the working set
    of Docker and Kubernetes: otherwise no memory would seem free after a large file was read.
    """
    for folder in groups_above("memory", own_groups, groups):
        for most, now, cache in _FILES:
            limit = text_of(folder / f"memory.{most}")
            if limit.isdecimal():  # otherwise "max": no limit
                used = _number(text_of(folder / f"memory.{now}")) - _statistic(folder, cache)
                yield int(limit), max(0, used)  # the files are not read at the same moment


def _statistic(folder: Path, name: str) -> int:
    """An entry of memory.stat, in bytes; 0 if there is none."""
    lines = (line.partition(" ") for line in text_of(folder / "memory.stat").splitlines())
    return sum(_number(value) for entry, _, value in lines if entry == name)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def resident_bytes(process: int) -> int:
    """Bytes of memory that a process of this machine occupies; 0 if it has ended, or the system does not tell."""
    pages = text_of(Path(f"/proc/{process}/statm")).split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else 0
