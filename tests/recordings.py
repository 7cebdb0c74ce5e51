"""A small trained run, and recordings that it has not seen, for tests."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from movies import movie
from safetensors import safe_open
from tiny_work import pictures, tiny_work
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.model.checkpoint import write_tensors


def sla(*arguments: str) -> dict[str, Any]:
    """What a command prints with --json."""
    answer = CliRunner().invoke(app, [*arguments, "--json"])
    assert answer.exit_code == 0, answer.output
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def refused(*arguments: str) -> str:
    """What a command prints that exits with 2."""
    answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == 2, answer.output
    return " ".join(answer.stderr.split())


def copy_run(folder: Path) -> Path:
    """The run with its work folder, `folder`/old."""
    shutil.copytree(tiny_work(), folder / "old")
    return folder / "old" / "runs" / "adapter"


def broken_run(folder: Path) -> Path:
    """The run, with weights that give NaN, as if its training had not ended."""
    run = copy_run(folder)
    (run / "receipt.json").unlink()
    for fitted in ("frame_scores.safetensors", "domain.safetensors", "calibration.json"):  # to other weights
        (run / fitted).unlink()
    with safe_open(run / "best.safetensors", "pt") as file:
        broken = {name: file.get_tensor(name) * torch.nan for name in file.keys()}  # noqa: SIM118, it is no dictionary
        write_tensors(run / "best.safetensors", broken, file.metadata())
    return run


def images_of(sentence: str, seed: int = 0) -> np.ndarray:
    """BGR uint8 (frames, 32, 32, 3), 25 a second."""
    return np.stack(pictures(sentence, np.random.default_rng(seed)))


def signed(path: Path, sentence: str, rate: int = 25, seed: int = 0) -> Path:
    """A lossless video of a sentence at 25 or 50 frames per second; every picture is shown for 1/25 s."""
    path.write_bytes(_movie(sentence, rate, seed, path.suffix))
    return path


@cache
def _movie(sentence: str, rate: int, seed: int, suffix: str) -> bytes:
    with TemporaryDirectory() as folder:
        images = np.repeat(images_of(sentence, seed), rate // 25, axis=0)
        return movie(Path(folder, f"signed{suffix}"), images, "-c:v", "ffv1", rate=rate).read_bytes()
