"""The run behind hypotheses and scores: found by receipts, and unknown if something on the way has changed."""

from __future__ import annotations

from pathlib import Path

from seed_work import decode_emissions, write_seed_work

from sla_cli.config import resolve
from sla_cli.formats.receipt import read_receipt, write_receipt
from sla_cli.formats.run import Run
from sla_cli.formats.work import Work
from sla_cli.score.members import members
from sla_cli.score.origin import settings_behind
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_file


def test_receipts_lead_to_the_run(tmp_path: Path) -> None:
    store = write_seed_work(tmp_path, {"frozen-1-seed0": 0.0, "frozen-1-seed2": 0.0}, ("dev",))
    first, second = (Run(tmp_path / "runs" / f"frozen-1-seed{seed}") for seed in (0, 2))
    files = [decode_emissions(tmp_path, run.path.name, store, tmp_path / "decoded") for run in (first, second)]
    folder, _ = score_file(files[0], tmp_path / "scores", options=ScoreOptions("none"))
    assert (
        settings_behind(files[0])
        == settings_behind(folder)
        == first.config
        != settings_behind(files[1])
        == second.config
    )
    found = members(f"{files[1]},{folder}", Work(tmp_path))
    assert [member.path for member in found] == [folder, files[1]]  # in the order of their seeds
    moved = tmp_path / "mine.tsv"
    moved.write_bytes(files[0].read_bytes())
    assert settings_behind(moved) is None  # no receipt

    first.create(resolve("tiny", flags={"train.lr": 0.5}), first.glosses, first.facts)
    assert settings_behind(folder) is None  # its run was replaced
    emissions = tmp_path / "emissions" / "frozen-1-seed2" / "dev.h5"
    receipt = read_receipt(emissions)
    assert receipt is not None
    receipt.results["digest"] = "0123456789abcdef"
    write_receipt(receipt, emissions)
    assert settings_behind(files[1]) is None  # the emissions were made again
