"""examples/pool_folds.sh: the hypotheses of all folds in one comparison; compared with jiwer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import jiwer
import pytest

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.work.hypotheses import Header, write_hypotheses

pytestmark = pytest.mark.ci

SCRIPT = Path(__file__).parents[1] / "examples" / "pool_folds.sh"
REFERENCES = {"one-once00": "CALL HELP", "two-once00": "HOT LOSE CALL", "three-once00": "HELP HOT"}
FOLDS = (("one-once00", "two-once00"), ("three-once00",))
FOUND = {
    "frozen": {"one-once00": "CALL", "two-once00": "HOT CALL CALL", "three-once00": ""},
    "adapter": {"one-once00": "CALL HELP", "two-once00": "HOT LOSE LOSE", "three-once00": "HELP HOT"},
}


def pool(work: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "PYTHONPATH": str(SCRIPT.parents[1]), "FOLDS": "1 2", "SEEDS": "0"}
    command = ["bash", str(SCRIPT), str(work), "3", *FOUND]
    return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    table = tmp_path / "signs" / "all.tsv"
    table.parent.mkdir()
    rows = [(clip, f"frames/{clip}", glosses, clip.split("-")[0]) for clip, glosses in REFERENCES.items()]
    rows.append(("one-drawn000", "frames/one-drawn000", "HELP", "one"))  # a training clip: not tested
    table.write_text("".join("\t".join(row) + "\n" for row in [("id", "video", "gloss", "signer"), *rows]))
    for variant, found in FOUND.items():
        for number, clips in enumerate(FOLDS, start=1):
            folder = tmp_path / "hypotheses" / f"fold{number}-3-{variant}-seed0"
            folder.mkdir(parents=True)
            best = [Hypothesis(clip, tuple(found[clip].split()), -1.0) for clip in clips]
            second = [Hypothesis(clip, ("LOSE",), -2.0, rank=2) for clip in clips]
            both = [one for pair in zip(best, second, strict=True) for one in pair]
            write_hypotheses(folder / "test-greedy-abc.tsv", both, Header("folder", "test"))
    return tmp_path


def test_all_folds_are_scored_and_compared_together(work: Path) -> None:
    answer = pool(work)
    assert answer.returncode == 0, answer.stderr
    references = list(REFERENCES.values())
    wanted = [100 * jiwer.wer(references, [found[clip] for clip in REFERENCES]) for found in FOUND.values()]
    scored = [float(text) for text in re.findall(r"^WER ([\d.]+) %", answer.stdout, re.MULTILINE)]
    assert scored == pytest.approx(wanted, abs=0.01)
    difference = re.search(r"([+-][\d.]+) points", answer.stdout)
    assert difference is not None and float(difference[1]) == pytest.approx(wanted[1] - wanted[0], abs=0.01)
    assert "3 signers" in answer.stdout
    assert (work / "pooled" / "3-folds-1-2" / "references.tsv").is_file()  # a part does not replace what all folds gave


def test_a_fold_that_was_not_decoded_is_named(work: Path) -> None:
    missing = work / "hypotheses" / "fold2-3-adapter-seed0"
    (missing / "test-greedy-abc.tsv").unlink()
    answer = pool(work)
    assert answer.returncode == 2
    assert str(missing) in answer.stderr and "five_folds.sh" in answer.stderr
    assert not (work / "pooled").exists()
