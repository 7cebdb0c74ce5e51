from __future__ import annotations

import math
import os
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from sla_cli.errors import SlaError
from sla_cli.model.device import Placement, place, set_tf32

CPU = torch.device("cpu")


def test_cpu_is_fp32_unless_asked() -> None:
    assert place("cpu", "auto") == Placement(CPU, torch.float32)
    assert place("cpu", "bf16") == Placement(CPU, torch.bfloat16)
    assert not place("cpu", "auto").cuda


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert place("auto", "auto") == Placement(CPU, torch.float32)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    for natively, half, expected in (
        (True, "bf16", torch.bfloat16),
        (False, "bf16", torch.float16),
        (True, "fp16", torch.float16),
    ):
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation, has=natively: including_emulation or has
        )
        assert place("auto", "auto", half) == Placement(torch.device("cuda"), expected)
        assert place("cpu", "auto", half) == Placement(CPU, torch.float32)
    assert place("cuda:1", "fp32") == Placement(torch.device("cuda:1"), torch.float32)
    with pytest.raises(SlaError, match="the last CUDA device is cuda:1"):
        place("cuda:2", "auto")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "meta", "mps", "cpu:1"])
def test_devices_that_are_none(name: str) -> None:
    with pytest.raises(SlaError, match=f"--device {name}: ") as caught:
        place(name, "auto")
    assert "cpu" in caught.value.hint


@pytest.mark.parametrize(
    "odd",
    [None, True, 5, math.nan, ["cpu"], {"cpu": 1}, object(), 1j, np.zeros(2), np.array("cpu"), iter("cpu"), 10**400],
)
def test_what_is_no_text_is_no_device(odd: Any) -> None:
    with pytest.raises(SlaError, match=r"^device is ") as caught:
        place(odd, "auto")
    assert "cpu" in caught.value.hint


def test_cuda_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SlaError, match="no CUDA device") as caught:
        place("cuda", "auto")
    assert "--device cpu" in caught.value.hint


@pytest.mark.parametrize(("threads", "expected"), [("", 1), ("2", 2)])
def test_a_model_on_a_cpu_computes_on_the_cores_that_a_job_was_granted(threads: str, expected: int) -> None:
    """Of Slurm here; a container's quota is read the same way. What the user says of threads counts more."""
    code = "import torch; torch.set_num_threads(2); from sla_cli.model.device import place; place('cpu', 'auto');"
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    environment |= {"SLURM_CPUS_PER_TASK": "1"} | ({"OMP_NUM_THREADS": threads} if threads else {})
    answer = subprocess.check_output([sys.executable, "-c", code + "print(torch.get_num_threads())"], env=environment)
    assert int(answer) == expected


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(SlaError, match="fp16") as caught:
        place("cpu", "fp16")
    assert "bf16" in caught.value.hint


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_autocast_in_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    with place("cpu", precision).autocast():
        assert (torch.randn(2, 2) @ torch.randn(2, 2)).dtype == dtype


def test_tf32_is_a_matter_of_gpus_and_of_all_kinds_of_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    try:
        for allowed, precision in ((True, "high"), (False, "highest")):
            set_tf32(Placement(torch.device("cuda"), torch.float32), allowed)
            assert torch.get_float32_matmul_precision() == precision
            assert torch.backends.cudnn.allow_tf32 == allowed
            set_tf32(Placement(CPU, torch.float32), not allowed)
            assert torch.backends.cudnn.allow_tf32 == allowed
    finally:
        torch.set_float32_matmul_precision(before)
