"""Linux's control groups, which limit a job's CPU time and memory; both versions of the hierarchy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

OWN_GROUPS = Path("/proc/self/cgroup")  # the control groups of this process
GROUPS = Path("/sys/fs/cgroup")  # where they are mounted


def groups_above(controller: str, own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> Iterator[Path]:
    """Folders of this process's group and of all above it, each of which limits it; some may not exist.

    Args:
        controller: cpu or memory.
    """
    for line in text_of(own_groups).splitlines():
        _, controllers, path = line.split(":", 2)
        version_1 = [controllers, controller] if controller in controllers.split(",") else []
        inner = PurePosixPath(path.lstrip("/"))
        # In a container the path may be that of the host, of which only the top exists, or may be outside of what is
        # visible.
        levels = [inner, *inner.parents] if ".." not in inner.parts else [PurePosixPath()]
        for place in version_1 if controllers else ["", "unified"]:
            yield from (groups / place / level for level in levels)


def text_of(path: Path) -> str:
    """Content of a file of the system, without white space at its ends; "" if the system has no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
