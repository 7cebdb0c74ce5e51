"""Features of all frames from a part of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray
from recordings import copy_run, images_of

from sla_cli.errors import SlaError
from sla_cli.model.frame_stream import FrameStream
from sla_cli.transcribe.events import Final
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.runtime import Features
from sla_cli.transcribe.thinned import ThinnedPush


@given(some.lists(some.tuples(some.integers(0, 9), some.integers(1, 5)), max_size=30), some.integers(0, 4))
def test_each_frame_has_the_features_of_the_last_one_that_was_computed(
    parts: list[tuple[int, int]], reach: int
) -> None:
    """Also while results lag behind, and if the share changes from part to part."""
    stream: FrameStream[NDArray[np.float32]] = FrameStream(3, reach, np.concatenate)

    def push(frames: NDArray[np.uint8], last: bool) -> list[Features]:
        stream.buffer.add(frames.astype(np.float32))
        stream.ended = last
        windows = [window.frames[window.wanted] for window in stream.ready()]
        return [Features(rows, rows.astype(np.int8), None) for rows in windows]

    thinned, found, expected, number = ThinnedPush(push), list[Features](), list[int](), 0
    for length, every in parts:
        found += thinned(np.arange(number, number + length)[:, None], False, every)
        expected += [number + offset - offset % every for offset in range(length)]
        number += length
    if number:
        found += thinned(np.empty((0, 1), np.uint8), True)
    assert [int(row) for part in found for row in part.rows[:, 0]] == expected
    assert all(part.shown is not None and len(part.shown) == len(part.rows) for part in found)


def test_a_stream_may_skip_frames_for_a_while(tmp_path: Path) -> None:
    with Recognizer.open(copy_run(tmp_path)) as model:
        stream, events = model.stream(), []
        for number, image in enumerate(images_of("NORD REGEN SONNE GRAD NORD REGEN")):
            stream.every = 2 if 20 < number < 60 else 1
            events += stream.push(np.ascontiguousarray(image[..., ::-1]), number / 25)
        events += stream.finish()
        assert [event.sign.gloss for event in events if isinstance(event, Final)]
        for wrong in (0, 2.9):
            stream.every = wrong  # type: ignore[assignment]
            with pytest.raises(SlaError, match="every"):
                stream.push(np.zeros((8, 8, 3), np.uint8), 0.0)
