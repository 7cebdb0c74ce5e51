from __future__ import annotations

from pathlib import Path

import cv2

from sla_cli.core.edit_alignment import Counts
from sla_cli.train.curves import draw_curves
from sla_cli.train.metrics import Epoch

EPOCHS = [
    Epoch(n, 1e-4 if n < 9 else 2e-5, {"loss": 60 / n, "ctc": 30 / n, "distillation": 2 / n},
          Counts(10 + 8 * n, 50 - 4 * n, 60 - 5 * n, 3), 0, 300.0, 0.02, 5000.0, 60.0)
    for n in range(1, 12)
]  # fmt: skip


def test_a_picture_of_one_epoch_or_many(tmp_path: Path) -> None:
    for epochs in (EPOCHS[:1], EPOCHS):
        draw_curves(tmp_path / "curves.png", epochs)
        image = cv2.imread(str(tmp_path / "curves.png"))
        assert image is not None
        assert min(image.shape[:2]) > 600
        assert image.std() > 10
        assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
