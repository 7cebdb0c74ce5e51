from __future__ import annotations

from sla_cli.config import TrainConfig
from sla_cli.core.align import Counts
from sla_cli.data.sampling import Step
from sla_cli.train.metrics import Epoch, UnfinishedEpoch
from sla_cli.train.status_line import StatusLine

PLAN = [Step((), clips=2, frames=200)] * 10


def test_says_losses_speed_waiting_memory_and_time_left() -> None:
    running = UnfinishedEpoch(1, seconds=30.0, waiting=1.5)
    for step in PLAN[:3]:
        running.add(step, {"loss": 5.0, "ctc": 3.0, "conv_ctc": 2.0})
    note = StatusLine(TrainConfig(epochs=2), [], PLAN).text(running, 2048.0)
    assert note == ("loss 5.00 (ctc 3.00, conv_ctc 2.00), 20 frames/s, 5 % waiting, 2.0 GiB, 0:02:50 of training left")


def test_says_the_best_error_rate_so_far() -> None:
    epochs = [Epoch(1, 0.1, {}, Counts(3, 1), 0, 1.0, 0.0, 1.0, 1.0)]
    running = UnfinishedEpoch(2, seconds=1.0)
    running.add(PLAN[0], {"loss": 5.0, "ctc": 5.0})
    assert "best dev WER 25.0 %" in StatusLine(TrainConfig(epochs=2), epochs, PLAN).text(running, 1.0)
