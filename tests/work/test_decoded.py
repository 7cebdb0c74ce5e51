"""Hypotheses are those of a run if they come from its present weights, not if their folder has its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_work import tiny_work

from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.errors import SlaError
from sla_cli.work.decoded import emitted_for, has_hypotheses, hypotheses_of
from sla_cli.work.folder import Work
from sla_cli.work.run import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    shutil.copytree(tiny_work(), tmp_path / "old")
    return Run(tmp_path / "old" / "runs" / "adapter")


@pytest.fixture
def work(run: Run) -> Work:
    return Work(run.path.parents[1])


def test_those_of_other_weights_are_not_of_the_run(run: Run, work: Work) -> None:
    """As after `sla train --force`, or of a model in a folder of the same name."""
    own = hypotheses_of(work, run, split="dev")
    assert has_hypotheses(work, run, "dev")
    emitted = emitted_for(own)
    assert emitted is not None and emitted.inputs["weights"] == run.weights_digest
    shutil.rmtree(work.hypotheses / "adapter")
    shutil.copytree(work.hypotheses / "lora", work.hypotheses / "adapter")
    assert not has_hypotheses(work, run, "dev")
    with pytest.raises(SlaError, match=r"no hypotheses of dev of run adapter in .*, only of other weights") as caught:
        hypotheses_of(work, run, split="dev")
    assert "sla decode" in caught.value.hint


def test_those_whose_emissions_are_gone_are_taken_by_their_name(run: Run, work: Work) -> None:
    own = hypotheses_of(work, run, split="dev")
    receipt = read_receipt(own)
    assert receipt is not None
    receipt.sources["emissions"] = "/gone/dev.h5"
    write_receipt(receipt, own)
    assert emitted_for(own) is None and has_hypotheses(work, run, "dev")
