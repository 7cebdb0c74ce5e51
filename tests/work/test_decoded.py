"""Hypotheses are those of a run if they come from its present weights, not if their folder has its name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_work import tiny_work

from sla_cli.artifact.receipt import read_receipt, receipt_path, write_receipt
from sla_cli.errors import SlaError
from sla_cli.work.decoded import decoded_runs, has_hypotheses, hypotheses_of, is_from
from sla_cli.work.emissions import emissions_path
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
    assert has_hypotheses(work, run, "dev") and [one.name for one in decoded_runs(work, ["dev"])] == ["adapter", "lora"]
    with pytest.raises(SlaError, match=r"no hypotheses of test of run adapter in [^,]*$"):
        hypotheses_of(work, run, split="test")
    with pytest.raises(SlaError, match=r"no hypotheses of dev by beam5 of run adapter") as caught:
        hypotheses_of(work, run, split="dev", search="beam5")
    assert caught.value.hint.startswith("There are those by greedy (of dev); `sla decode")
    with pytest.raises(SlaError, match=r"no hypotheses of test by beam5 of run adapter") as caught:
        hypotheses_of(work, run, split="test", search="beam5")
    assert caught.value.hint.startswith("There are those by greedy (of dev); `sla decode")
    assert is_from(own, run.weights_digest) is True
    shutil.rmtree(work.hypotheses / "adapter")
    shutil.copytree(work.hypotheses / "lora", work.hypotheses / "adapter")
    assert not has_hypotheses(work, run, "dev") and [one.name for one in decoded_runs(work, ["dev"])] == ["lora"]
    with pytest.raises(SlaError, match=r"no hypotheses of dev of run adapter in .*, only of other weights") as caught:
        hypotheses_of(work, run, split="dev")
    assert "sla decode" in caught.value.hint


def test_a_run_given_by_dots_is_filed_under_its_name(run: Run, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    dev = run.own_clips()["dev"]
    run.tunings.mkdir(exist_ok=True)
    for folder, dots in ((run.path, "."), (run.tunings, "..")):
        monkeypatch.chdir(folder)
        same = Run(Path(dots))
        assert hypotheses_of(work, same, split="dev") == hypotheses_of(work, run, split="dev")
        assert emissions_path(work.emissions, same, dev) == emissions_path(work.emissions, run, dev)


def test_of_those_of_other_clips_than_the_runs_own_it_is_said(
    run: Run, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    own = hypotheses_of(work, run, split="dev")
    assert not caplog.messages
    receipt = read_receipt(own)
    assert receipt is not None
    said = "not known to be of the store and the division on which run adapter was trained"
    other = {"split_digest": "0123456789abcdef"}
    for changed, is_said in (
        (other, False),  # the same store, which has changed, as decode says
        (other | {"division": "other"}, True),
        (other | {"store": "/elsewhere/stores/mine"}, True),
        ({"split": "test", "division": "other"}, True),
    ):
        write_receipt(replace(receipt, sources=receipt.sources | changed), own)
        caplog.clear()
        hypotheses_of(work, run, split="dev")
        assert (said in caplog.text) == is_said, changed


def test_of_those_whose_emissions_are_gone_the_weights_are_known(run: Run, work: Work) -> None:
    own = hypotheses_of(work, run, split="dev")
    receipt = read_receipt(own)
    assert receipt is not None
    receipt.sources["emissions"] = "/gone/dev.h5"
    for weights, known in ((run.weights_digest, True), ("0123456789abcdef", False), ("", False), (None, False)):
        sources = {key: value for key, value in (receipt.sources | {"weights": weights}).items() if value is not None}
        write_receipt(replace(receipt, sources=sources), own)
        assert is_from(own, run.weights_digest) is known
        assert has_hypotheses(work, run, "dev") == known


def test_a_run_that_is_trained_again_has_none_before_its_first_epoch(run: Run, work: Work) -> None:
    run.best.unlink()
    assert has_hypotheses(work, run, "dev"), "finished: only its weights were deleted"
    receipt_path(run.path).unlink()
    assert not has_hypotheses(work, run, "dev")
    with pytest.raises(SlaError, match="only of other weights"):
        hypotheses_of(work, run, split="dev")


def test_those_whose_emissions_were_made_again_are_not_of_the_run(run: Run, work: Work) -> None:
    """As after `sla train --force` and `sla decode`: else there were two of one split and search."""
    old = hypotheses_of(work, run, split="dev")
    receipt = read_receipt(old)
    assert receipt is not None
    new = shutil.copy(old, old.with_name("dev-greedy-000000.tsv"))
    write_receipt(receipt, new)
    receipt.inputs["emissions"] = "0123456789abcdef"
    write_receipt(receipt, old)
    assert hypotheses_of(work, run, split="dev") == new


def test_those_of_a_copied_work_folder_are_judged_by_its_own_emissions(run: Run, work: Work, tmp_path: Path) -> None:
    copy = Work(Path(shutil.copytree(work.root, tmp_path / "copy")))
    there = Run(copy.runs / "adapter")
    place = work.emissions / "adapter" / "dev.h5"
    for one, digest in ((place, "made again"), (copy.emissions / "adapter" / "dev.h5", "made again here")):
        own = hypotheses_of(copy, there, split="dev")
        assert is_from(own, there.weights_digest) is True
        receipt = read_receipt(one)
        assert receipt is not None
        write_receipt(receipt, one, digest)
    assert is_from(own, there.weights_digest) is False
