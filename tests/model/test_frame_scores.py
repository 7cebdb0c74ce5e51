from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sla_cli.errors import FormatError
from sla_cli.model.checkpoint import write_tensors
from sla_cli.model.frame_scores import NAME, VERSION, FrameScorer, load_scorer, save_scorer


def scorer(classes: int = 5, width: int = 3) -> FrameScorer:
    return FrameScorer(torch.randn(classes, width), torch.randn(classes), 7)


def test_scores_are_eighths_of_a_nat_below_the_best() -> None:
    one, features = scorer(), 3 * torch.randn(50, 3)
    exact = features.double().numpy() @ one.weight.double().numpy().T + one.bias.double().numpy()
    wanted = np.clip(8 * (exact - exact.max(1, keepdims=True)), -128, 0)
    found = one(features)
    assert found.dtype == torch.int8
    np.testing.assert_allclose(found.numpy(), wanted, atol=0.51)
    assert (found.amax(1) == 0).all()


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_ends_with_the_features(half: torch.dtype) -> None:
    one, features = scorer(), torch.randn(50, 3).to(half)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(one(features), one(features.float()))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one, path = scorer(), tmp_path / "frame_scores.safetensors"
    save_scorer(path, one, "abc")
    again = load_scorer(path, (5, 3), "abc")
    assert torch.equal(again.weight, one.weight) and torch.equal(again.bias, one.bias)
    assert again.least == 7
    first = path.read_bytes()
    save_scorer(path, again, "abc")
    assert path.read_bytes() == first


def test_what_was_read_is_no_map_of_the_file(tmp_path: Path) -> None:
    one, path = scorer(), tmp_path / "frame_scores.safetensors"
    save_scorer(path, one, "abc")
    again = load_scorer(path, (5, 3), "abc")
    with path.open("r+b") as file:  # as `cp` writes into the file that is there
        file.write(bytes(path.stat().st_size))
    assert torch.equal(again.weight, one.weight) and torch.equal(again.bias, one.bias)


def test_another_checkpoint_or_model_and_damage_are_named(tmp_path: Path) -> None:
    path = tmp_path / "frame_scores.safetensors"
    save_scorer(path, scorer(), "abc")
    with pytest.raises(FormatError, match="another checkpoint") as caught:
        load_scorer(path, (5, 3), "abd")
    assert "sla train --resume" in caught.value.hint
    with pytest.raises(FormatError, match="does not fit"):
        load_scorer(path, (6, 3), "abc")
    for least in ("", "0", "x", "9" * 5000):
        write_tensors(
            other := tmp_path / "other.safetensors",
            {"weight": scorer().weight, "bias": scorer().bias},
            {"format": NAME, "version": str(VERSION), "weights": "abc", "least": least},
        )
        with pytest.raises(FormatError, match="its header is damaged"):
            load_scorer(other, (5, 3), "abc")
    for value in (torch.nan, torch.inf):
        save_scorer(other, replace(scorer(), bias=torch.full((5,), value)), "abc")
        with pytest.raises(FormatError, match=r"other\.safetensors: it holds values that are not finite"):
            load_scorer(other, (5, 3), "abc")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match="damaged"):
        load_scorer(path, (5, 3), "abc")
