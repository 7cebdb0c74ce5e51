"""The number of trained parameters out of a file's header."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from sla_cli.errors import FormatError, SlaError
from sla_cli.work.run import Run
from sla_cli.work.run_weights import check_vocabulary, trained_parameters


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


def test_glosses_that_were_edited_are_no_longer_those_of_the_weights(tmp_path: Path) -> None:
    """`sla info` and `sla decode` look at them, without torch."""
    run = Run(tmp_path)
    (tmp_path / "glosses.txt").write_text("HEUTE\nREGEN\n")
    check_vocabulary(run)
    digest = hashlib.blake2b(b"HEUTE\nREGEN", digest_size=8).hexdigest()
    save = pytest.importorskip("safetensors.numpy").save_file
    for facts in ({"format": "x"}, {"glosses": digest}):
        save({"classifier.weight": np.zeros((3, 4), np.float16)}, run.best, facts)
        check_vocabulary(run)
    for text in ("REGEN\nHEUTE\n", "HEUTE\n", "HEUTE\nREGEN\nWIND\n"):
        (tmp_path / "glosses.txt").write_text(text)
        with pytest.raises(FormatError, match=r"glosses\.txt is damaged or was edited"):
            check_vocabulary(run)


@pytest.mark.parametrize("metadata", ["null", "[]", '"trained"', '{"trained": 5}', '{"trained": "5"}'])
def test_a_header_without_glosses_in_its_place_is_damage(tmp_path: Path, metadata: str) -> None:
    run = Run(tmp_path)
    (tmp_path / "glosses.txt").write_text("HEUTE\n")
    text = f'{{"__metadata__": {metadata}}}'.encode()
    run.best.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(FormatError, match=r"best\.safetensors"):
        check_vocabulary(run)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff" * 20, b"\x02" + bytes(7) + b"[]", b"\x08" + bytes(7) + b'{"a": 1}', b"\x63" + bytes(7) + b'{"a'],
)
def test_damage_is_named(tmp_path: Path, damaged: bytes) -> None:
    run = Run(tmp_path)
    run.again = "Get the folder again."  # as of a model
    run.best.write_bytes(damaged)
    with pytest.raises(FormatError) as caught:
        trained_parameters(run)
    assert re.fullmatch(r".*/best\.safetensors: not a safetensors file.*", caught.value.message)
    assert "object" not in caught.value.message and "codec" not in caught.value.message
    assert caught.value.hint == run.again
