"""PyTorch and the GPUs that it sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from sla_cli.config import ModelConfig


@dataclass(frozen=True)
class Gpu:
    """A CUDA device; memory in bytes."""

    name: str
    memory: int
    bf16: bool


@dataclass(frozen=True)
class TorchBuild:
    """PyTorch as it is installed.

    Attributes:
        version: "" where it does not import.
        cuda: version of CUDA that it was built with; None for a build without.
        gpus: those that it sees.
        weights: where the default backbone's weights lie; None where `sla train` would download them.
        problem: why it does not import, or sees no GPU although it was built for one; "" for neither.
        broken: whether it does not import.
    """

    version: str = ""
    cuda: str | None = None
    gpus: list[Gpu] = field(default_factory=list)
    weights: Path | None = None
    problem: str = ""
    broken: bool = False


def torch_build() -> TorchBuild | None:
    """PyTorch as it is installed; None where it is not."""
    if find_spec("torch") is None:
        return None
    try:
        import torch

        from sla_cli.model.backbone import cached_weights
        from sla_cli.model.device import has_bf16
    except ModuleNotFoundError as error:
        return TorchBuild(problem=f"it works together with {error.name}, which is not installed")
    except (ImportError, OSError) as error:
        return TorchBuild(problem=f"it does not import: {str(error).splitlines()[0]}", broken=True)
    cuda = torch.version.cuda
    gpus = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        gpus.append(Gpu(facts.name, facts.total_memory, has_bf16(torch.device("cuda", number))))
    blind = f"built for CUDA {cuda}, it sees no GPU: there is none, or its driver is older than that" * bool(cuda)
    weights = cached_weights(ModelConfig.backbone)
    return TorchBuild(str(torch.__version__), cuda, gpus, weights, "" if gpus else blind)
