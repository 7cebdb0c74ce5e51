"""What Python code puts into a transcript is checked before a file of it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transcripts import SIGNS, transcript

from sla_cli import Sentence, Sign, SlaError

SIGN = SIGNS[0]


@pytest.mark.parametrize("kind", ["eaf", "vtt", "srt", "json", "csv", "ctm", "TextGrid", "html"])
@pytest.mark.parametrize(
    "fields",
    [
        {"sentences": (Sentence((replace(SIGN, start=float("nan")),)),)},
        {"sentences": (Sentence((replace(SIGN, end=float("inf")),)),)},
        {"sentences": (Sentence((replace(SIGN, end=0.1),)),)},
        {"sentences": (Sentence((replace(SIGN, gloss=5),)),)},  # type: ignore[arg-type]
        {"sentences": (Sentence((replace(SIGN, confidence=float("nan")),)),)},
        {"sentences": (Sentence((replace(SIGN, confidence=None),)),)},  # type: ignore[arg-type]
        {"sentences": (Sentence(()),)},
        {"sentences": (SIGN,)},
        {"duration": float("inf")},
        {"duration": None},
        {"media": 5},
        {"name": b"video"},
        {"made": None},
        {"made": {"a": 5}},
    ],
    ids=str,
)
def test_what_no_file_can_hold(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(SlaError):
        replace(transcript(), **fields).save(tmp_path / f"a.{kind}")
    assert not list(tmp_path.iterdir())


def test_a_reference_may_come_from_a_generator(tmp_path: Path) -> None:
    made = transcript()
    made.save(tmp_path / "list.html", reference=SIGNS)
    made.save(tmp_path / "generator.html", reference=(sign for sign in SIGNS))
    assert (tmp_path / "list.html").read_bytes() == (tmp_path / "generator.html").read_bytes()
    for wrong in (5, None, [Sign("A", float("nan"), 1.0, 1.0)]):
        with pytest.raises(SlaError):
            made.save(tmp_path / "wrong.html", reference=wrong)  # type: ignore[arg-type]


def test_two_results_are_compared_by_their_signs() -> None:
    one = transcript()
    assert one == transcript() and one in [transcript()]
    assert one != transcript(SIGNS[:2])
