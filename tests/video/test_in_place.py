"""A part of a file reads as a file of its own."""

from __future__ import annotations

import io
import os

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.video.in_place import InPlace

WHOLE, START, SIZE = bytes(range(200)), 30, 100
WHENCE = st.sampled_from([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END])
MOVES = st.tuples(WHENCE, st.integers(-150, 150), st.integers(-1, 150))


@given(st.lists(MOVES))
def test_it_reads_and_seeks_as_a_file_of_these_bytes_alone(moves: list[tuple[int, int, int]]) -> None:
    part = InPlace(lambda offset, size: WHOLE[START + offset : START + offset + size], SIZE)
    alone = io.BytesIO(WHOLE[START : START + SIZE])
    for whence, offset, count in moves:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: alone.tell(), os.SEEK_END: SIZE}[whence]
        if base + offset >= 0:
            assert part.seek(offset, whence) == alone.seek(base + offset)
        assert (part.read(count), part.tell()) == (alone.read(count), alone.tell())
