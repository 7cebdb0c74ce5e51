"""The device and the precision with which a model runs."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from sla_cli.config.bounds import DEVICES
from sla_cli.config.settings import TrainConfig
from sla_cli.core.arguments import as_text
from sla_cli.errors import SlaError
from sla_cli.system.workers import usable_cores

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Placement:
    """A device and the precision of the backbone's matrix products; later layers always use float32."""

    device: torch.device
    dtype: torch.dtype

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def autocast(self) -> torch.autocast:
        """Autocast for mixed precision; off in fp32."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)


def place(device: str, precision: str, half: str = TrainConfig.half) -> Placement:
    """Choose the device and the precision of a model; on a CPU PyTorch gets as many threads as cores may be used.

    Args:
        device: auto, cpu, cuda or cuda:N.
        precision: fp32, bf16, fp16; auto is `half` on CUDA and fp32 on a CPU.
        half: bf16 (fp16 on devices without bf16), or fp16.

    Raises:
        SlaError: no such device, fp16 on a CPU, or a variable of Slurm that is no number.
    """
    if as_text(device, "device", DEVICES) == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise SlaError(f"--device {device}: no such device", DEVICES) from error
    if chosen.type not in ("cpu", "cuda"):
        raise SlaError(f"--device {device}: sla runs on CPUs and CUDA devices", DEVICES)
    if chosen.type == "cpu" and chosen.index is not None:
        raise SlaError(f"--device {device}: the CPU has no number", DEVICES)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        hint = "Use --device cpu, or install a CUDA build."
        raise SlaError(f"--device {device}: PyTorch sees no CUDA device here", hint)
    if chosen.type == "cuda" and not 0 <= (chosen.index or 0) < torch.cuda.device_count():
        raise SlaError(f"--device {device}: the last CUDA device is cuda:{torch.cuda.device_count() - 1}", DEVICES)
    if precision == "auto":
        precision = "fp32" if chosen.type == "cpu" else half if has_bf16(chosen) else "fp16"
    if precision == "fp16" and chosen.type == "cpu":
        raise SlaError("precision fp16 is for GPUs", "Use bf16 or fp32 on a CPU.")
    if chosen.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:  # PyTorch knows of no quota of a container or job
        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
    return Placement(chosen, DTYPES[precision])


def check_default_dtype() -> None:
    """Raise SlaError if the program has set another default than float32, in which models are made and computed."""
    if torch.get_default_dtype() != torch.float32:
        fault = f"PyTorch's default dtype is {torch.get_default_dtype()}, with which no model of sla computes"
        raise SlaError(fault, "Call torch.set_default_dtype(torch.float32) before.")


def set_tf32(placement: Placement, allowed: bool) -> None:
    """Set whether CUDA may round the factors of float32 products, convolutions and LSTMs to TF32 in this process.

    By default PyTorch allows it for cuDNN's convolutions and LSTMs, but not for matrix products. No effect on a CPU.
    """
    if placement.cuda:
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        torch.backends.cudnn.allow_tf32 = allowed


def has_bf16(device: torch.device) -> bool:
    """Whether a CUDA device supports bf16 in hardware; older ones emulate it, which is slow."""
    with torch.cuda.device(device):
        return torch.cuda.is_bf16_supported(including_emulation=False)
