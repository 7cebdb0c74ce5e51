"""What a table says is checked before anything is encoded."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from prep_work import build

from sla_cli.errors import SlaError
from sla_cli.store.store import Store


@pytest.mark.parametrize(("other", "printed"), [("50", "50 fps"), ("", "no fps")])
def test_a_recording_of_two_frame_rates(tmp_path: Path, other: str, printed: str) -> None:
    """With --fps its clips would be of one length, that of either."""
    (tmp_path / "frames").mkdir()
    for number in range(8):
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), np.full((16, 16, 3), number, np.uint8))
    table = tmp_path / "clips.tsv"
    table.write_text(f"id\tvideo\tgloss\tfps\none\tframes\tA\t25\ntwo\tframes\tB\t{other}\n")
    with pytest.raises(
        SlaError, match=f"clips.tsv, line 3: frames has {printed} here, but 25 fps in clips.tsv, line 2"
    ):
        build(tmp_path, tmp_path / "store", corpus="folder")
    table.write_text("id\tvideo\tgloss\tfps\none\tframes\tA\t25\ntwo\tframes\tB\t25\n")
    assert build(tmp_path, tmp_path / "store", corpus="folder").clips == {"train": 2}
    assert Store(tmp_path / "store")["train"].lengths == [8, 8]
