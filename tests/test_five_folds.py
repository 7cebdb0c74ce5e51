"""examples/five_folds.sh goes on after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci

SCRIPT = Path(__file__).parents[1] / "examples" / "five_folds.sh"


def test_a_run_that_was_killed_while_its_folder_was_made_is_begun_again(tmp_path: Path) -> None:
    """A new run needs its store, which is empty here; a continued one would be refused for its missing run.toml."""
    store = tmp_path / "stores" / "all"
    finished = [store / "receipt.json", store / "divisions" / "fold1-6.tsv"]
    begun = tmp_path / "runs" / "fold1-6-frozen-seed0" / "config.toml"
    for path in (tmp_path / "signs" / "all.tsv", tmp_path / "weights", *finished, begun):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "PYTHONPATH": str(SCRIPT.parents[1]), "FOLDS": "1", "PEOPLE": "6", "SEEDS": "0"}
    command = ["bash", str(SCRIPT), "recordings", str(tmp_path / "weights"), str(tmp_path)]
    answer = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert f"{store} is not a store" in answer.stderr
