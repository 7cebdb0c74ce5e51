from __future__ import annotations

import csv
import json
from pathlib import Path

from sla_cli.core.align import Counts
from sla_cli.train.metrics import Epoch, write_metrics

EPOCHS = [
    Epoch(1, 1e-4, {"loss": 12.5, "ctc": 4.25}, Counts(5, 1, 2, 3), 123.4, 5.6),
    Epoch(2, 2e-5, {"loss": 2.0, "ctc": 1.0}, Counts(8, 0, 0, 0), 99.0, 7.0),
]


def test_a_row_an_epoch_under_one_header(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.tsv", EPOCHS)
    with (tmp_path / "metrics.tsv").open(encoding="utf-8") as file:
        first, second = csv.DictReader(file, delimiter="\t")
    assert list(first)[-2:] == ["frames_per_second", "seconds"]
    assert (first["epoch"], second["epoch"]) == ("1", "2")
    assert float(first["loss"]) == 12.5
    assert float(first["lr"]) == 1e-4
    assert float(first["dev_wer"]) == 75.0
    assert [first[f"dev_{kind}"] for kind in ("sub", "del", "ins")] == ["1", "2", "3"]
    assert float(second["dev_wer"]) == 0


def test_back_from_json() -> None:
    for epoch in EPOCHS:
        assert Epoch.from_json(json.loads(json.dumps(epoch.to_json()))) == epoch


def test_scalars_and_text_tell_the_same() -> None:
    scalars = EPOCHS[0].scalars()
    assert scalars["dev/wer"] == 75.0
    assert scalars["train/ctc"] == 4.25
    assert "dev WER 75.00 % (1 sub, 2 del, 3 ins)" in str(EPOCHS[0])
