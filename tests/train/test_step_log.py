"""Curves within an epoch: each step in TensorBoard, means in steps.tsv, each step once, also after an interruption."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from synthetic import CPU, tiny
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sla_cli.errors import SlaError, Stopped
from sla_cli.store.store import Store
from sla_cli.train import step_log
from sla_cli.train.step_log import StepLog
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.run import Run


def rows(run: Run) -> list[dict[str, str]]:
    with run.steps.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_row_is_the_mean_of_the_steps_since_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, now = Run(tmp_path), [0.0]
    monkeypatch.setattr(step_log.time, "monotonic", lambda: now[0])
    with StepLog(run, clips=0) as log:
        for step in range(1, 8):
            now[0] += 20
            log.add(1, step, 2 * step, {"step/loss": float(step), "step/lr": 0.5})
    assert [(row["step"], row["clips"], row["step/loss"]) for row in rows(run)] == [
        *[("3", "6", "2"), ("6", "12", "5")],
        ("7", "14", "7"),  # the rest, at the end
    ]
    with run.steps.open("ab") as file:
        file.write(b"1\t\xff\t\xff\n")
    with StepLog(run, clips=7) as log:  # resumed from a state before the second row
        now[0] += 60
        log.add(1, 4, 8, {"step/loss": 9.0, "step/lr": 0.5})
    assert [row["clips"] for row in rows(run)] == ["6", "8"]
    board = EventAccumulator(str(run.tensorboard / "steps")).Reload()
    assert [(event.step, event.value) for event in board.Scalars("step/loss")][-2:] == [(6, 3.0), (8, 9.0)]


@pytest.mark.parametrize("error", [SlaError("a loss is not finite"), KeyboardInterrupt()])
def test_an_error_is_not_hidden_by_the_rest(tmp_path: Path, error: BaseException) -> None:
    def taken() -> None:
        raise SlaError("another process has taken the run")

    with pytest.raises(type(error)) as caught, StepLog(Run(tmp_path), 0, taken) as log:
        log.add(1, 1, 2, {"step/loss": 1.0})
        raise error
    assert caught.value is error and not Run(tmp_path).steps.exists()
    with pytest.raises(type(error)), StepLog(Run(tmp_path), clips=0) as log:
        log.add(1, 1, 2, {"step/loss": 1.0})
        raise error
    assert [row["clips"] for row in rows(Run(tmp_path))] == ["2"]
    with pytest.raises(SlaError, match="has taken"), StepLog(Run(tmp_path), 0, taken) as log:
        log.add(1, 1, 2, {"step/loss": 1.0})


def test_a_stopped_and_resumed_training_has_each_step_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, losses = StepLog.add, list[float]()

    def add_and_stop(self: StepLog, epoch: int, step: int, clips: int, values: Mapping[str, float]) -> None:
        add(self, epoch, step, clips, values)
        losses.append(values["step/loss"])
        if len(losses) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(StepLog, "add", add_and_stop)
    run = Run(tmp_path / "run")
    with pytest.raises(Stopped):
        start_run(
            store, run.path, tiny(train__epochs=1, train__batch=2, model__variant="frozen"), preset="tiny", group=CPU
        )
    assert [(row["epoch"], row["step"], row["clips"]) for row in rows(run)] == [("1", "2", "4")]
    resume_run(run, CPU)
    assert [(row["epoch"], row["step"], row["clips"]) for row in rows(run)] == [("1", "2", "4"), ("1", "3", "6")]
    means = [np.mean(losses[:2]), np.mean(losses[2:])]
    assert [float(row["step/loss"]) for row in rows(run)] == pytest.approx(means, rel=1e-4)


def test_training_writes_each_step(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_log, "SECONDS_BETWEEN_ROWS", 0.0)
    config = tiny(train__epochs=2, train__batch=2)
    start_run(store, tmp_path / "run", config, preset="tiny", group=CPU)
    run = Run(tmp_path / "run")
    board = EventAccumulator(str(run.tensorboard / "steps")).Reload()
    found = {name: [event.value for event in board.Scalars(name)] for name in board.Tags()["scalars"]}
    parts = {"loss", "ctc", "conv_ctc", "frame_ctc", "distillation", "lr", "blank"}
    assert {name for name in found if name.startswith("step/")} == {f"step/{part}" for part in parts}
    assert [event.step for event in board.Scalars("step/loss")] == [2, 4, 6, 8, 10, 12]
    whole = found.pop("gradient/all")
    by_part = [values for name, values in found.items() if name.startswith("gradient/")]
    assert len(by_part) == 5
    for norm, *each in zip(whole, *by_part, strict=True):
        assert norm == pytest.approx(sum(value**2 for value in each) ** 0.5, rel=1e-4)
    assert all(0 <= share <= 1 for share in found["step/blank"])
    assert len(rows(run)) == 6
