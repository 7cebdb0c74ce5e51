"""What importing sla_cli does to the process."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.ci
@pytest.mark.needs("torch")
@pytest.mark.parametrize(
    ("given", "count"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
    ids=["sla's", "the user's", "the user's policy"],
)
def test_threads_that_wait_soon_sleep_unless_the_user_says_otherwise(given: dict[str, str], count: str) -> None:
    """As GNU's OpenMP itself reports it."""
    rest = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    answer = subprocess.run(
        [sys.executable, "-c", "import sla_cli, torch"],
        env={**rest, "OMP_DISPLAY_ENV": "VERBOSE", **given},
        capture_output=True,
        text=True,
        check=True,
    )
    if not (found := re.search(r"GOMP_SPINCOUNT = '(\d+)'", answer.stderr)):
        pytest.skip("PyTorch computes with another OpenMP here")
    assert found[1] == count
