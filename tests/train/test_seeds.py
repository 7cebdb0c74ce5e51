"""One configuration with several seeds: as trained one by one, resumed after a kill, and together under torchrun."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import forked
import numpy as np
import pytest
from forked import Forked
from json_schemas import result_name
from scipy import stats
from synthetic import CPU, lively_weights, tiny
from typer.testing import CliRunner, Result

from sla_cli.artifact.receipt import read_receipt
from sla_cli.artifact.sole_writer import sole_writer
from sla_cli.cli.main import app
from sla_cli.config.settings import AdapterConfig, Config, to_toml
from sla_cli.errors import SlaError
from sla_cli.store.store import Store
from sla_cli.train.seeds import resume_seeds, start_seeds
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.run import Run

CONFIG = tiny(train__epochs=1, model__variant="frozen")


def sla(work: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["train", "--work", str(work), "--device", "cpu", *arguments])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def written(folder: Path, config: Config = CONFIG) -> str:
    (folder / "c.toml").write_text(to_toml(config), encoding="utf-8")
    return str(folder / "c.toml")


def runs(work: Path, name: str, *seeds: int) -> list[Run]:
    return [Run(work / "runs" / f"{name}-seed{seed}") for seed in seeds]


def test_each_is_the_run_that_its_seed_alone_gives(store: Store, tmp_path: Path) -> None:
    options = ("--seeds", "3,1", "--config", written(tmp_path), "--json", "-q")
    found = json.loads(sla(tmp_path, str(store.path), *options).stdout)
    assert result_name("train", found) == "train-seeds"
    made = runs(tmp_path, "frozen-1", 3, 1)
    assert [(one["run"], one["seed"]) for one in found["runs"]] == [
        (str(run.path), seed) for run, seed in zip(made, (3, 1), strict=True)
    ]
    alone = Run(tmp_path / "alone")
    start_run(store, alone.path, replace(CONFIG, train=replace(CONFIG.train, seed=1)), preset="tiny", group=CPU)
    assert made[1].last.read_bytes() == alone.last.read_bytes() != made[0].last.read_bytes()
    assert made[1].config == alone.config
    rates = [min(epoch["dev_wer"] for epoch in run.read_metrics()) for run in made]
    assert [one["dev_wer"] for one in found["runs"]] == pytest.approx(rates)
    assert (found["dev_wer"], found["spread"]) == pytest.approx((np.mean(rates), np.std(rates, ddof=1)))
    low, high = stats.t.interval(0.95, 1, np.mean(rates), stats.sem(rates)) if np.ptp(rates) else rates[:2]
    assert found["interval"] == pytest.approx([max(0, low), high])
    # Another group of the same variant gets another name, and so does a single run.
    answer = sla(tmp_path, str(store.path), "--seeds", "0", "--config", written(tmp_path))
    assert answer.stdout.endswith(" % of 1 seed\n") and "frozen-2-seed0, 1 of 1 seed\n" in answer.stderr
    assert runs(tmp_path, "frozen-2", 0)[0].best.is_file()
    sla(tmp_path, str(store.path), "--config", written(tmp_path))
    assert Run(tmp_path / "runs" / "frozen-3").best.is_file()


def begin(work: Path, store: Store, *arguments: str, processes: int = 1) -> Forked:
    command = ["train", "--work", str(work), "--device", "cpu", *arguments, str(store.path)]
    command += ["--config", str(work / "c.toml")]
    return Forked(forked.sla_in_two if processes == 2 else forked.sla, *command, printed=work)


def stopped(work: Path, run: Run, number: signal.Signals, *arguments: str) -> tuple[int | None, str]:
    """Send `sla train` a signal when this run has saved something. Returns its exit code and what it reported."""
    command = ("train", "--work", str(work), "--device", "cpu", *arguments)
    process = Forked(forked.sla_held, run.name, *command, printed=work)
    deadline = time.monotonic() + 200
    while not run.state.is_file():
        assert process.poll() is None, process.communicate(timeout=60)
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=200)
    return process.returncode, err


def test_stopped_and_killed_ones_go_on_and_finished_seeds_are_left_alone(store: Store, tmp_path: Path) -> None:
    config = replace(CONFIG, train=replace(CONFIG.train, epochs=2, save_minutes=0.0001))
    given = (str(store.path), "--config", written(tmp_path, config), "--seeds", "0,1,2", "--name", "x")
    first, second, third = runs(tmp_path, "x", 0, 1, 2)
    code, err = stopped(tmp_path, second, signal.SIGTERM, *given)
    assert code == 128 + signal.SIGTERM and f"or all seeds with `sla train --resume --name x --work {tmp_path}`" in err
    assert third.exists and not third.state.is_file()
    before = (first.state.stat().st_mtime_ns, (first.path / "receipt.json").read_bytes())
    assert stopped(tmp_path, third, signal.SIGKILL, "--resume")[0] == -signal.SIGKILL
    text = sla(tmp_path, "--resume").stdout
    assert f"run {third.path}: best dev WER" in text and "x: mean of the best dev WER" in text
    assert (first.state.stat().st_mtime_ns, (first.path / "receipt.json").read_bytes()) == before
    for seed, run in ((1, second), (2, third)):
        alone = Run(tmp_path / f"alone{seed}")
        start_run(store, alone.path, replace(config, train=replace(config.train, seed=seed)), preset="tiny", group=CPU)
        assert run.last.read_bytes() == alone.last.read_bytes()
    again = sla(tmp_path, "--resume", "--name", "x").stdout
    assert again == text


def test_a_run_with_all_epochs_that_was_killed_before_its_receipt_gets_one(store: Store, tmp_path: Path) -> None:
    start_seeds(store, tmp_path / "runs" / "x", CONFIG, (0, 1), preset="tiny", group=CPU)
    receipt = runs(tmp_path, "x", 0)[0].path / "receipt.json"
    receipt.unlink()
    sla(tmp_path, "--resume", "--name", "x")
    assert receipt.is_file()


def test_a_finished_run_that_has_lost_its_weights_is_not_called_finished(store: Store, tmp_path: Path) -> None:
    start_seeds(store, tmp_path / "runs" / "x", CONFIG, (0, 1), preset="tiny", group=CPU)
    runs(tmp_path, "x", 0, 1)[1].best.unlink()
    for name in ("x", "x-seed1"):
        assert (
            "x-seed1 is finished, but has lost best.safetensors"
            in sla(tmp_path, "--resume", "--name", name, code=2).stderr
        )


def test_what_a_seed_has_lost_is_made_again_under_the_name_of_all(store: Store, tmp_path: Path) -> None:
    start_seeds(store, tmp_path / "runs" / "x", CONFIG, (0, 1), preset="tiny", group=CPU)
    (lost := runs(tmp_path, "x", 1)[0].calibration).unlink()
    sla(tmp_path, "--resume", "--name", "x")
    assert lost.is_file()


def test_weights_named_within_a_folder_are_found_from_another_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lively_weights(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = replace(CONFIG, model=replace(CONFIG.model, weights="lively.safetensors"))
    start_run(store, run := tmp_path / "run", config, preset="tiny", group=CPU)
    (run / "receipt.json").unlink()
    monkeypatch.chdir("/")
    assert resume_run(Run(run), CPU).best_epoch == 1


def test_all_runs_are_replaced_or_none(store: Store, tmp_path: Path) -> None:
    base, (first, second) = tmp_path / "runs" / "x", runs(tmp_path, "x", 0, 1)
    start_run(store, first.path, CONFIG, preset="tiny", group=CPU)
    odd = replace(CONFIG, model=replace(CONFIG.model, variant="adapter"), adapter=AdapterConfig(kernel=4))
    with pytest.raises(SlaError, match="kernel = 4 is even"):
        start_seeds(store, base, odd, (1, 0), preset="tiny", group=CPU, force=True)
    assert first.best.is_file() and not second.path.exists()
    with sole_writer(second.path, "busy", ""), pytest.raises(SlaError, match="another process is training"):
        start_seeds(store, base, CONFIG, (0, 1), preset="tiny", group=CPU, force=True)
    assert first.best.is_file() and first.is_finished


def test_one_of_them_is_continued_by_its_own_name(store: Store, tmp_path: Path) -> None:
    made = runs(tmp_path, "x", 0, 1)
    start_seeds(store, tmp_path / "runs" / "x", CONFIG, (0, 1), preset="tiny", group=CPU)
    for run in made:
        for path in (run.path / "receipt.json", run.state, run.best, run.last):
            path.unlink()
    sla(tmp_path, "--resume", "--name", "x-seed1")
    assert [read_receipt(run.path) is not None for run in made] == [False, True]
    with pytest.raises(SlaError, match="no such run"):
        resume_seeds(runs(tmp_path, "y", 0), CPU)
    with pytest.raises(SlaError, match="x already means the runs of several seeds: x-seed0, x-seed1"):
        start_run(store, tmp_path / "runs" / "x", CONFIG, preset="tiny", group=CPU)
    assert not (tmp_path / "runs" / "x").exists()
    shutil.copytree(made[1].path, tmp_path / "runs" / "x-seed2")
    with pytest.raises(SlaError, match="x-seed1 and x-seed2 have the same seed, 1, so they are no group of seeds"):
        resume_seeds(runs(tmp_path, "x", 0, 1, 2), CPU)


def test_two_processes_go_through_the_seeds_together(store: Store, tmp_path: Path) -> None:
    written(tmp_path)
    process = begin(tmp_path, store, "--seeds", "0,1", "--name", "pair", processes=2)
    out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    assert out.count("mean of the best dev WER") == 1
    receipts = [read_receipt(run.path) for run in runs(tmp_path, "pair", 0, 1)]
    assert [receipt.results["processes"] for receipt in receipts if receipt is not None] == [2, 2]


def test_what_is_refused_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    options = (str(store.path), "--config", written(tmp_path))
    for seeds, reported in (
        ("0,x", "--seeds '0,x' is not a list of whole numbers"),
        ("0,,1", "--seeds '0,,1' is not a list of whole numbers"),
        ("0,9223372036854775808", "--seeds: train.seed is 9223372036854775808"),
        ("1,1", "a seed is given twice"),
        ("9223372036854775807,9223372036854775807", "a seed is given twice"),  # each as --seed takes it
    ):
        assert reported in sla(tmp_path, *options, "--seeds", seeds, code=2).stderr
    assert "Leave one of them out" in sla(tmp_path, *options, "--seeds", "0,1", "--seed", "2", code=2).stderr
    assert "Leave one of them out" in sla(tmp_path, *options, "--seeds", "0,1", "--dry-run", code=2).stderr
    assert "Leave one of them out" in sla(tmp_path, *options, "--seeds", "0", "--set", "train.seed = 7", code=2).stderr
    assert "its own settings" in sla(tmp_path, "--resume", "--seeds", "0,1", code=2).stderr
    absurd = replace(CONFIG, train=replace(CONFIG.train, lr=1e30))
    with pytest.raises(SlaError, match="lr is 1e"):
        start_seeds(store, tmp_path / "runs" / "absurd", absurd, (0, 1), preset="tiny", group=CPU)
    assert list((tmp_path / "runs").iterdir()) == []
    sla(tmp_path, *options, "--seeds", "1", "--name", "x")
    error = sla(tmp_path, *options, "--seeds", "0,1", "--name", "x", code=2).stderr
    assert "x-seed1 already contains a run" in error and "--resume --name x" in error
    assert "train the others alone with --seeds 0, or replace all with --force" in " ".join(error.split())
    assert not (tmp_path / "runs" / "x-seed0").exists()
    sla(tmp_path, *options, "--name", "y")
    assert "its name cannot mean several" in sla(tmp_path, *options, "--seeds", "0", "--name", "y", code=2).stderr
