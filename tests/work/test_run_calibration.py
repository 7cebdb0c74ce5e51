from __future__ import annotations

import json
from pathlib import Path

import pytest

from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError
from sla_cli.work.calibration import CalibrationFigures, read_calibration, write_calibration

FIGURES = CalibrationFigures(1.25, -0.5, "dev", 20, 15, 0.2, 0.1)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    write_calibration(path, FIGURES, "abc")
    assert read_calibration(path, "abc") == FIGURES


def test_another_checkpoint_damage_and_an_edit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    write_calibration(path, FIGURES, "abc")
    with pytest.raises(FormatError, match="another checkpoint") as caught:
        read_calibration(path, "abd")
    assert "sla train --resume" in caught.value.hint
    whole = json.loads(path.read_text())
    for key in whole:
        kept = {name: value for name, value in whole.items() if name != key}
        forged = kept | {"digest": digest_json({name: value for name, value in kept.items() if name != "digest"})}
        for content in (kept, forged) if key != "digest" else (kept,):
            path.write_text(json.dumps(content))
            with pytest.raises(FormatError, match=r"calibration\.json"):
                read_calibration(path, "abc")
    path.write_text(json.dumps(whole | {"slope": 1.26}))
    with pytest.raises(FormatError, match="damaged or was edited"):
        read_calibration(path, "abc")


@pytest.mark.parametrize("slope", [float("nan"), float("inf"), 1e300])
def test_a_slope_that_no_fit_gives_is_refused(tmp_path: Path, slope: float) -> None:
    path = tmp_path / "calibration.json"
    write_calibration(path, CalibrationFigures(slope, 0.0, "dev", 1, 1, None, None), "abc")
    with pytest.raises(FormatError, match="slope"):
        read_calibration(path, "abc")


@pytest.mark.parametrize(
    "change", [{"correct": 21}, {"error": None}, {"error_before": None}, {"split": "dev\nof another"}]
)
def test_figures_that_contradict_each_other_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "calibration.json"
    write_calibration(path, FIGURES, "abc")
    facts = {key: value for key, value in json.loads(path.read_text()).items() if key != "digest"} | change
    path.write_text(json.dumps(facts | {"digest": digest_json(facts)}))
    with pytest.raises(FormatError, match=r"calibration\.json"):
        read_calibration(path, "abc")
