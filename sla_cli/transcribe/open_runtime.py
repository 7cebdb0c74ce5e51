"""Opens what computes a model; imports only what it needs."""

from __future__ import annotations

import os

from sla_cli.config.bounds import DEVICES
from sla_cli.config.settings import Precision
from sla_cli.core.arguments import as_text
from sla_cli.errors import SlaError, not_installed
from sla_cli.transcribe.runtime import Runtime, RuntimeName
from sla_cli.work.run import Run

# Processes that opened a model with PyTorch. Of another one than this, this is a fork.
_OPENED_IN: set[int] = set()


def open_runtime(run: Run, runtime: RuntimeName, device: str, precision: Precision, weights: str | None) -> Runtime:
    """The model of a run, ready to compute. Raises SlaError, also if the runtime is not installed."""
    given = as_text(device, "device", DEVICES) not in ("auto", "cpu"), precision not in ("auto", "fp32"), weights
    if runtime == "onnx" and any(given):
        raise SlaError(
            "ONNX graphs have their own weights and precision, and are computed on the CPU",
            "Leave device, precision and weights out.",
        )
    try:
        if runtime == "onnx":
            from sla_cli.transcribe.onnx_runtime import OnnxRuntime

            return OnnxRuntime(run)
        import torch

        from sla_cli.model.open_run import open_model
        from sla_cli.transcribe.torch_runtime import TorchRuntime
    except (ImportError, OSError) as error:
        if (friendly := not_installed(error)) is None:
            raise
        raise friendly from error
    if _OPENED_IN - {os.getpid()} and torch.get_num_threads() > 1:  # it would wait for threads that no fork has
        raise SlaError(
            "this process was forked from one that had opened a recognizer, and PyTorch cannot compute in it",
            "Fork before the first one is opened, start processes with spawn, or set OMP_NUM_THREADS=1.",
        )
    _OPENED_IN.add(os.getpid())
    return TorchRuntime(open_model(run, device=device, precision=precision, weights=weights))
