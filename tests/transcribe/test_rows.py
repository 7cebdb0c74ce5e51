from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.transcribe.rows import Rows


@given(lengths=st.lists(st.integers(0, 50), min_size=1, max_size=20), columns=st.integers(1, 5))
def test_rows_are_those_of_the_parts_joined(lengths: list[int], columns: int) -> None:
    parts = [np.random.default_rng(length).random((length, columns), np.float32) for length in lengths]
    rows = Rows(np.float32)
    for number, part in enumerate(parts, start=1):
        rows.add(part)
        assert len(rows) == sum(lengths[:number])
    found = rows.finish()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.concatenate(parts))
