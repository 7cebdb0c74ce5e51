from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.calibration import Bin, Calibration, calibration_error, fit, reliability

CONFIDENCES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def drawn(slope: float, offset: float, count: int, seed: int = 0) -> tuple[list[float], list[bool]]:
    """Confidences, and whether glosses are right, where the probability follows this calibration."""
    rng = np.random.default_rng(seed)
    confidences = rng.beta(4, 1, count)
    logits = slope * np.log(confidences / (1 - confidences)) + offset
    return confidences.tolist(), (rng.random(count) < 1 / (1 + np.exp(-logits))).tolist()


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, -1.0), (2.0, 1.0)])
def test_it_finds_the_calibration_from_which_glosses_were_drawn(slope: float, offset: float) -> None:
    found = fit(*drawn(slope, offset, 20_000))
    assert found.slope == pytest.approx(slope, abs=0.1)
    assert found.offset == pytest.approx(offset, abs=0.1)


def test_confidences_become_shares_of_right_glosses_on_other_glosses() -> None:
    calibration = fit(*drawn(0.4, -1.0, 2_000))
    confidences, correct = drawn(0.4, -1.0, 5_000, seed=1)
    before, after = calibration_error(confidences, correct), calibration_error(calibration(confidences), correct)
    assert before is not None and after is not None
    assert before > 0.25 and after < 0.03


@given(CONFIDENCES, st.floats(0.01, 5), st.floats(-5, 5))
def test_the_order_stays(confidences: list[float], slope: float, offset: float) -> None:
    ordered = Calibration(slope, offset)(sorted(confidences))
    assert list(ordered) == sorted(ordered)
    assert all(0 <= one <= 1 for one in ordered)


@given(CONFIDENCES, st.booleans())
def test_few_glosses_that_are_all_right_or_all_wrong_are_no_certainty(confidences: list[float], right: bool) -> None:
    found = fit(confidences, [right] * len(confidences))
    assert np.isfinite([found.slope, found.offset]).all()
    assert found.slope >= 0
    middle = found([0.5])[0]
    assert 0 < middle < 1


def test_the_default_changes_nothing() -> None:
    assert Calibration()([0.1234567, 1.0, 0.0]) == (0.1234567, 1.0, 0.0)
    assert fit([], []) == Calibration()


def test_reliability_and_its_error_by_hand() -> None:
    confidences, correct = [0.05, 0.91, 0.95, 0.99, 1.0], [False, True, True, True, False]
    assert reliability(confidences, correct) == [
        Bin(1, 0.05, 0.0),
        Bin(4, pytest.approx(0.9625), 0.75),
    ]
    assert calibration_error(confidences, correct) == pytest.approx((0.05 + 4 * 0.2125) / 5)
    assert calibration_error([], []) is None
