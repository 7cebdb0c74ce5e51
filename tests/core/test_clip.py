from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Source, split_origin
from sla_cli.prep.cache import EncodingCache

seconds = st.none() | st.floats(0, 1e7)


@given(st.sampled_from(["a.mp4", "b/c d.mp4", "x 3", "1-2.mov", "tape 1-2"]), seconds, seconds)
def test_where_a_clip_comes_from_is_read_as_prep_writes_it(path: str, start: float | None, end: float | None) -> None:
    cache = EncodingCache(Path("out"), Path("/corpus"), PrepConfig(), None)
    origin = cache.origin(Source(Path("/corpus"), path, start, end))
    assert split_origin(origin) == (path, start, end)
