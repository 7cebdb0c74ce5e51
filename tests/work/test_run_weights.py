"""The number of trained parameters out of a file's header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sla_cli.errors import FormatError, SlaError
from sla_cli.work.run import Run
from sla_cli.work.run_weights import trained_parameters


def test_running_statistics_are_no_parameters(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(SlaError, match="has no weights yet"):
        trained_parameters(run)
    tensors = {
        "conv.norms.0.weight": np.zeros(5, np.float32),
        "conv.norms.0.running_mean": np.zeros(5, np.float32),
        "conv.norms.0.num_batches_tracked": np.zeros((), np.int64),
        "classifier.weight": np.zeros((3, 4), np.float16),
    }
    pytest.importorskip("safetensors.numpy").save_file(tensors, run.best, {"format": "x"})
    assert trained_parameters(run) == 5 + 12


@pytest.mark.parametrize("damaged", [b"", b"\xff" * 20, b"\x02" + bytes(7) + b"[]", b"\x08" + bytes(7) + b'{"a": 1}'])
def test_damage_is_named(tmp_path: Path, damaged: bytes) -> None:
    run = Run(tmp_path)
    run.best.write_bytes(damaged)
    with pytest.raises(FormatError, match=r"best\.safetensors"):
        trained_parameters(run)
