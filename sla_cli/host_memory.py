"""Memory of the machine, within the limits of the job. If the system does not provide it (Windows), no limit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sla_cli.control_groups import GROUPS, OWN_GROUPS, groups_above, text_of

UNBOUNDED = 1 << 62  # bytes


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


def _limits(own_groups: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Bytes that each control group above this process may use, and uses; groups without a limit are left out."""
    for folder in groups_above("memory", own_groups, groups):
        for most, now in (("max", "current"), ("limit_in_bytes", "usage_in_bytes")):
            limit, used = (text_of(folder / f"memory.{name}") for name in (most, now))
            if limit.isdecimal():  # otherwise "max": no limit
                yield int(limit), int(used) if used.isdecimal() else 0
