"""The run behind hypotheses and scores: found by receipts, and unknown if something on the way has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from seed_work import decode_emissions, write_seed_work

from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.config.settings import resolve
from sla_cli.errors import SlaError
from sla_cli.score.members import member_of, members
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_file
from sla_cli.work.folder import Work
from sla_cli.work.run import Run
from sla_cli.work.run_facts import InitFrom


def test_receipts_lead_to_the_run(tmp_path: Path) -> None:
    store = write_seed_work(tmp_path, {"frozen-1-seed0": 0.0, "frozen-1-seed2": 0.0}, ("dev",))
    first, second = (Run(tmp_path / "runs" / f"frozen-1-seed{seed}") for seed in (0, 2))
    files = [decode_emissions(tmp_path, run.path.name, store, tmp_path / "decoded") for run in (first, second)]
    folder, _ = score_file(files[0], tmp_path / "scores", options=ScoreOptions("none"))
    configs = [member_of(path).config for path in (files[0], folder, files[1])]
    assert configs == [first.config, first.config, second.config] and first.config != second.config
    found = members(f"{files[1]},{folder}", Work(tmp_path))
    assert [member.path for member in found] == [folder, files[1]]  # in the order of their seeds
    moved = tmp_path / "mine.tsv"
    moved.write_bytes(files[0].read_bytes())
    assert member_of(moved).config is None  # no receipt

    second.create(second.config, second.glosses, replace(second.facts, init_from=InitFrom("other", "0123")))
    for group in (f"{files[1]},{folder}", "frozen-1"):
        with pytest.raises(SlaError, match="started from other weights, so they are no group"):
            members(group, Work(tmp_path))

    first.create(resolve("tiny", flags={"train.lr": 0.5}), first.glosses, first.facts)
    assert member_of(folder).config is None  # its run was replaced
    emissions = tmp_path / "emissions" / "frozen-1-seed2" / "dev.h5"
    receipt = read_receipt(emissions)
    assert receipt is not None
    emissions.write_bytes(emissions.read_bytes() + b"0")
    write_receipt(receipt, emissions)
    assert member_of(files[1]).config is None  # the emissions were made again
