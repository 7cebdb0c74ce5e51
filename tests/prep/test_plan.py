"""What a table says is checked before anything is encoded."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from prep_work import build

from sla_cli.errors import SlaError
from sla_cli.prep.plan import Plan, make_plan
from sla_cli.prep.request import PrepRequest
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
    assert build(tmp_path, tmp_path / "store", corpus="folder").clips == 2
    assert Store(tmp_path / "store")["train"].lengths == [8, 8]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table without rows, and a recording that its rows can name."""
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "0.png"), np.zeros((16, 16, 3), np.uint8))
    return tmp_path / "clips.tsv"


def plan(table: Path, *rows: str, labels: str = "raw") -> Plan:
    table.write_text("\n".join(["id\tframes\tgloss\tsplit\tsigner", *rows]), encoding="utf-8")
    request = PrepRequest.checked("folder", table, {}, {"labels": labels})
    return make_plan(request, table.parent / "store")


def test_a_clip_without_training_glosses_is_in_no_train_split(table: Path) -> None:
    rows = "0\tframes\tA\ttrain\t", "1\tframes\t__PU__\ttrain\t", "2\tframes\t__PU__\tdev\t"
    found = plan(table, *rows, labels="phoenix2014")
    assert found.skipped == {"1": "after cleaning with phoenix2014.v1 no gloss is left: __PU__"}
    assert [(one.name, one.splits) for one in found.divisions] == [("corpus", {"0": "train", "2": "dev"})]
    assert [(clip.id, clip.training) for clip in found.clips] == [("0", ("A",)), ("2", ())]
    with pytest.raises(SlaError, match=r"clips\.tsv: no usable clip"):
        plan(table, *rows[1:], labels="phoenix2014")


def test_without_a_division_a_clip_without_glosses_is_to_be_recognised(table: Path) -> None:
    found = plan(table, "0\tframes\t\t\t", "1\tframes\t__PU__\t\t", labels="phoenix2014")
    assert ([clip.id for clip in found.clips], list(found.skipped), found.divisions) == (["0"], ["1"], [])


def test_a_signer_whose_name_has_two_unicode_forms_is_one_person(table: Path) -> None:
    """Otherwise one person would be in train and in dev, and a withdrawal would leave some clips. So with capitals."""
    rows = "0\tframes\tA\ttrain\tZo\u00eb", "1\tframes\tA\tdev\tZoe\u0308", "2\tframes\tA\tdev\tZO\u00cb"
    assert {clip.signer for clip in plan(table, *rows).clips} == {"Zo\u00eb"}
    (table.parent / "store").mkdir()
    (table.parent / "store" / "left-out.txt").write_text("Zoe\u0308\n", encoding="utf-8")
    with pytest.raises(SlaError, match="no usable clip") as caught:
        plan(table, *rows)
    assert "left out" in caught.value.hint


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a/b\tframes\tA\ttrain\t", "clip 'a/b': an id must not contain '/'"),
        ("a\x85b\tframes\tA\ttrain\t", "an id must not contain '/', tab, NUL"),
        (f"{'é' * 256}\tframes\tA\ttrain\t", "an id of 256 characters; at most 255 are allowed"),
        ("a\tframes\tA\uffff\ttrain\t", "a tab, NUL or similar character in signer or glosses"),
        ("a\tframes\tA\x01\ttrain\t", "a tab, NUL or similar character in signer or glosses"),
        ("first\tframes\tA\ttrain\t", "clip first is listed twice, first in clips.tsv, line 2"),
    ],
)
def test_clips_that_no_store_can_hold_are_refused_by_line(table: Path, row: str, message: str) -> None:
    with pytest.raises(SlaError) as caught:
        plan(table, "first\tframes\tA\ttrain\t", row)
    assert caught.value.message.startswith("clips.tsv, line 3: ")
    assert message in caught.value.message
