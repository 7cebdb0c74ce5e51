"""What an installation has, and what is missing for which command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sla_cli.config.settings import ModelConfig
from sla_cli.core.quantities import Count, Positive
from sla_cli.doctor.accelerators import TorchBuild, torch_build
from sla_cli.doctor.packages import Missing, broken, lacking, versions
from sla_cli.doctor.place import Place, look_at
from sla_cli.system.host_memory import UNBOUNDED, free_bytes, total_bytes
from sla_cli.system.workers import usable_cores


@dataclass(frozen=True)
class Cores:
    """Processor cores.

    Attributes:
        usable: cores that this process can use
        machine: cores of the machine
    """

    usable: Positive
    machine: Positive


@dataclass(frozen=True)
class Memory:
    """Main memory, within the limits of the job.

    Attributes:
        free: free memory in bytes; null if the system does not report it
        total: total memory in bytes; null if the system does not report it
    """

    free: Count | None
    total: Count | None


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        versions: versions of `sla`, `python` and each installed package, by name; `machine`; `revision` in a clone
        torch: the installed torch; null if it is not installed
        cores: processor cores
        memory: main memory, within the limits of the job
        work: the work folder
        missing: packages that some commands lack; this is not a problem
        problems: problems, one sentence each; if there is one, the exit code is 3
    """

    versions: dict[str, str]
    torch: TorchBuild | None
    cores: Cores
    memory: Memory
    work: Place
    missing: list[Missing]
    problems: list[str]


def examine(work: Path) -> Diagnosis:
    """Examine packages, the machine, and the work folder, without leaving anything in it."""
    place, torch = look_at(work), torch_build()
    return Diagnosis(
        versions(),
        torch,
        Cores(usable_cores(), os.cpu_count() or 1),
        Memory(_known(free_bytes()), _known(total_bytes())),
        place,
        lacking(),
        [*broken(), *_problems(torch, place)],
    )


def _known(size: int) -> int | None:
    return None if size == UNBOUNDED else size


def _problems(torch: TorchBuild | None, place: Place) -> Iterator[str]:
    if torch is not None and torch.broken:
        yield f"torch is installed, but {torch.problem}"
    if not place.writable:
        yield f"the work folder {place.folder} cannot be written: name another with --work or SLA_WORK"


def lines(found: Diagnosis) -> Iterator[tuple[str, str]]:
    """Name and text of each line for people."""
    own = ("sla", "python", "machine", "revision")
    yield "sla", ", ".join(f"{name} {found.versions[name]}" for name in own if name in found.versions)
    yield "packages", ", ".join(f"{name} {text}" for name, text in found.versions.items() if name not in own)
    yield "torch", _torch(found.torch)
    if found.torch is not None and found.torch.version:
        place = f"in {found.torch.weights}" if found.torch.weights else "not here: `sla train` downloads them"
        yield "weights", f"of {ModelConfig.backbone}: {place}"
    yield "cores", f"{found.cores.usable} of {found.cores.machine} may be used"
    free, total = (f"{size / 1e9:.1f} GB" if size else "unknown" for size in (found.memory.free, found.memory.total))
    yield "memory", f"{free} free of {total}, within the limits of the job"
    yield "work", _place(found.work)
    for one in found.missing:
        yield "missing", f"{', '.join(one.packages)}, for {one.commands}: {one.get}"
    for problem in found.problems:
        yield "problem", problem


def _torch(build: TorchBuild | None) -> str:
    if build is None:
        return "not installed"
    if not build.version:
        return build.problem
    gpus = [f"{gpu.name} ({gpu.memory / 1e9:.0f} GB, {'bf16' if gpu.bf16 else 'fp16'})" for gpu in build.gpus]
    built = f"{build.version}, {f'CUDA {build.cuda}' if build.cuda else 'built without CUDA'}"
    return f"{built}; {build.problem or ', '.join(gpus) or 'it computes on the CPU'}"


def _place(place: Place) -> str:
    locks = {True: "file locks work", False: "no file locks: do not let two commands write into it at once", None: ""}
    parts = ["can be written" if place.writable else "cannot be written", locks[place.locks]]
    return f"{place.folder}: {', '.join([*filter(None, parts), f'{place.free / 1e9:.1f} GB free'])}"
