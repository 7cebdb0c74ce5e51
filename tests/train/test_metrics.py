from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sla_cli.config.settings import TrainConfig
from sla_cli.core.edit_alignment import Counts
from sla_cli.data.epoch_plan import Step
from sla_cli.train.loop import should_stop
from sla_cli.train.metrics import Epoch, UnfinishedEpoch, best_of, status_line, write_metrics

EPOCHS = [
    Epoch(1, 1e-4, {"loss": 12.5, "ctc": 4.25}, Counts(5, 1, 2, 3), 0, 123.4, 0.25, 900.0, 5.6),
    Epoch(2, 2e-5, {"loss": 2.0, "ctc": 1.0}, Counts(8, 0, 0, 0), 2, 99.0, 0.5, 901.0, 7.0),
]


def test_a_row_an_epoch_under_one_header(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.tsv", EPOCHS)
    with (tmp_path / "metrics.tsv").open(encoding="utf-8") as file:
        first, second = csv.DictReader(file, delimiter="\t")
    assert list(first)[-4:] == ["frames_per_second", "waiting", "memory_mib", "seconds"]
    assert (first["overflows"], second["overflows"]) == ("0", "2")
    assert (first["epoch"], second["epoch"]) == ("1", "2")
    assert float(first["loss"]) == 12.5
    assert float(first["lr"]) == 1e-4
    assert float(first["dev_wer"]) == 75.0
    assert [first[f"dev_{kind}"] for kind in ("sub", "del", "ins")] == ["1", "2", "3"]
    assert float(second["dev_wer"]) == 0


def test_back_from_json() -> None:
    for epoch in EPOCHS:
        assert Epoch.from_json(json.loads(json.dumps(asdict(epoch)))) == epoch


def test_scalars_and_text_tell_the_same() -> None:
    scalars = EPOCHS[0].scalars()
    assert scalars["dev/wer"] == 75.0
    assert scalars["train/ctc"] == 4.25
    assert "dev WER 75.00 % (1 sub, 2 del, 3 ins)" in str(EPOCHS[0])
    assert "25 % waiting for data" in str(EPOCHS[0])
    assert "overflow" not in str(EPOCHS[0])
    assert "2 steps skipped because of fp16 overflow" in str(EPOCHS[1])


@pytest.mark.parametrize(
    ("errors", "patience", "over"),
    [
        ([], 1, False),
        ([5, 4], 1, False),
        ([5, 6], 1, True),
        ([5, 5], 1, True),
        ([5, 6], 2, False),
        ([5, 6, 4, 5], 2, False),
        ([5, 6, 4, 5, 5], 2, True),
        ([5, 9, 9, 9, 9, 9], 0, False),
        ([9, 8, 7, 6, 5, 4, 3], 0, True),
    ],
)
def test_training_is_over_after_all_epochs_or_when_nothing_better_came(
    errors: list[int], patience: int, over: bool
) -> None:
    epochs = [replace(EPOCHS[0], number=number, dev=Counts(9, wrong)) for number, wrong in enumerate(errors, start=1)]
    assert should_stop(epochs, TrainConfig(epochs=7, patience=patience)) is over
    if epochs:
        assert best_of(epochs).number == 1 + errors.index(min(errors))


def test_an_unfinished_epoch_gives_means_over_clips_and_comes_back_from_json() -> None:
    running = UnfinishedEpoch(3)
    running.add(Step((), clips=1, frames=10), {"loss": 4.0})
    running.add(Step((), clips=3, frames=30), {"loss": 8.0})
    running.seconds, running.waiting = 2.0, 0.5
    again = UnfinishedEpoch(**json.loads(json.dumps(asdict(running))))
    assert again == running
    assert (again.steps, again.losses, again.frames_per_second, again.waiting_share) == (2, {"loss": 7.0}, 20.0, 0.25)


PLAN = [Step((), clips=2, frames=200)] * 10


def test_says_losses_speed_waiting_memory_and_time_left() -> None:
    running = UnfinishedEpoch(1, seconds=30.0, waiting=1.5)
    for step in PLAN[:3]:
        running.add(step, {"loss": 5.0, "ctc": 3.0, "conv_ctc": 2.0})
    note = status_line(running, [], TrainConfig(epochs=2), 20, 2048.0)
    assert note == ("loss 5.00 (ctc 3.00, conv_ctc 2.00), 20 frames/s, 5 % waiting, 2.0 GiB, 0:02:50 of training left")


def test_says_the_best_error_rate_so_far() -> None:
    epochs = [Epoch(1, 0.1, {}, Counts(3, 1), 0, 1.0, 0.0, 1.0, 1.0)]
    running = UnfinishedEpoch(2, seconds=1.0)
    running.add(PLAN[0], {"loss": 5.0, "ctc": 5.0})
    assert "best dev WER 25.0 %" in status_line(running, epochs, TrainConfig(epochs=2), 20, 1.0)
