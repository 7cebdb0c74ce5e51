from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.clip import Source, origin_of, split_origin

seconds = st.none() | st.floats(0, 1e7)


@given(st.sampled_from(["a.mp4", "b/c d.mp4", "x 3", "1-2.mov", "tape 1-2", "x -", "tape 2.5-3.5"]), seconds, seconds)
def test_where_a_clip_comes_from_is_read_as_prep_writes_it(path: str, start: float | None, end: float | None) -> None:
    origin = origin_of(Source(Path("/corpus"), path, start, end), Path("/corpus"))
    found = split_origin(origin)
    assert (found[0], found[1] or 0.0, found[2]) == (path, start or 0.0, end)
