"""PyTorch and the GPUs that it sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from sla_cli.config.settings import ModelConfig
from sla_cli.core.quantities import Count
from sla_cli.doctor.packages import why_not
from sla_cli.errors import TORCH


@dataclass(frozen=True)
class Gpu:
    """A CUDA device.

    Attributes:
        name: name of the GPU
        memory: its memory in bytes
        bf16: whether it computes in bfloat16
    """

    name: str
    memory: Count
    bf16: bool


@dataclass(frozen=True)
class TorchBuild:
    """The installed PyTorch.

    Attributes:
        version: its version; empty if it cannot be imported
        cuda: CUDA version that it was built with; null for none
        gpus: GPUs that it finds
        weights: path of the weights of the default backbone; null if they would be downloaded
        problem: why it cannot be used, or finds no GPU although it was built for one; empty for neither
        broken: whether it is installed, but cannot be imported or used
    """

    version: str = ""
    cuda: str | None = None
    gpus: list[Gpu] = field(default_factory=list)
    weights: Path | None = None
    problem: str = ""
    broken: bool = False


def torch_build() -> TorchBuild | None:
    """The installed PyTorch; None if it is not installed."""
    if find_spec("torch") is None:
        return None
    if reason := why_not("torch"):
        return TorchBuild(problem=f"it cannot be imported: {reason}", broken=True)
    if reason := why_not("sla_cli.model.backbone"):
        if lacking := [name for name in TORCH if reason == f"No module named {name!r}"]:
            return TorchBuild(problem=f"it needs {lacking[0]}, which is not installed")
        return TorchBuild(problem=f"it cannot be used: {reason}", broken=True)
    import torch

    from sla_cli.model.backbone import cached_weights
    from sla_cli.model.device import has_bf16

    cuda = torch.version.cuda
    gpus = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        gpus.append(Gpu(facts.name, facts.total_memory, has_bf16(torch.device("cuda", number))))
    blind = f"built for CUDA {cuda}, it sees no GPU: there is none, or the driver is too old" * bool(cuda)
    weights = cached_weights(ModelConfig.backbone)
    return TorchBuild(str(torch.__version__), cuda, gpus, weights, "" if gpus else blind)
