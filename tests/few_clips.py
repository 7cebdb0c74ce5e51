"""The demo on as few clips as its grammar allows, and too short to learn from them: made once for all tests."""

from __future__ import annotations

import pickle
from pathlib import Path

from filelock import FileLock

from sla_cli.demo.figures import DemoFigures
from sla_cli.demo.pipeline import run_demo

FEW = {"train": 22, "dev": 3, "test": 3}
EPOCHS = 2


def made_once(folder: Path) -> DemoFigures:
    """By the first process that asks for it; the others wait."""
    with FileLock(folder / "demo.lock"):
        result = folder / "demo.pickle"
        if not result.exists():
            result.write_bytes(pickle.dumps(run_demo(folder / "demo", clips=FEW, epochs=EPOCHS, jobs=1)))
        return pickle.loads(result.read_bytes())
