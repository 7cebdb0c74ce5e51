"""What an installation has, and what is missing for which command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sla_cli.config.settings import ModelConfig
from sla_cli.doctor.accelerators import TorchBuild, torch_build
from sla_cli.doctor.packages import Feature, broken, lacking, versions
from sla_cli.doctor.place import Place, look_at
from sla_cli.system.host_memory import UNBOUNDED, free_bytes, total_bytes
from sla_cli.system.workers import usable_cores


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        versions: name to version.
        torch: None if it is not installed.
        cores: that this process may use, and that the machine has.
        memory: free and total bytes within the limits of the job; None if the system does not provide them.
        place: the work folder.
        missing: features whose packages are not installed, with these packages.
        problems: sentences; each means that commands fail that should work.
    """

    versions: dict[str, str]
    torch: TorchBuild | None
    cores: tuple[int, int]
    memory: tuple[int | None, int | None]
    place: Place
    missing: list[tuple[Feature, list[str]]]
    problems: list[str]

    def facts(self) -> dict[str, Any]:
        """JSON values."""
        torch, place = self.torch, self.place
        return {
            "versions": self.versions,
            "cuda": torch and torch.cuda,
            "gpus": [asdict(gpu) for gpu in torch.gpus] if torch else [],
            "cores": {"usable": self.cores[0], "machine": self.cores[1]},
            "memory": {"free": self.memory[0], "total": self.memory[1]},
            "work": {
                "path": str(place.folder),
                "writable": place.writable,
                "locks": place.locks,
                "free": place.free,
            },
            "weights": None if torch is None or torch.weights is None else str(torch.weights),
            "missing": [
                {"commands": feature.commands, "packages": names, "get": feature.get} for feature, names in self.missing
            ],
            "problems": self.problems,
        }


def examine(work: Path) -> Diagnosis:
    """Examine packages, the machine, and the work folder, without leaving anything in it."""
    place, torch = look_at(work), torch_build()
    bounds = (free_bytes(), total_bytes())
    return Diagnosis(
        versions(),
        torch,
        (usable_cores(), os.cpu_count() or 1),
        (_known(bounds[0]), _known(bounds[1])),
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
    yield "cores", f"{found.cores[0]} of {found.cores[1]} may be used"
    free, total = (f"{size / 1e9:.1f} GB" if size else "unknown" for size in found.memory)
    yield "memory", f"{free} free of {total}, within the limits of the job"
    yield "work", _place(found.place)
    for feature, names in found.missing:
        yield "missing", f"{', '.join(names)}, for {feature.commands}: {feature.get}"
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
