"""Windows that are joined give what the whole recording gives, wherever a window's context suffices."""

from __future__ import annotations

import numpy as np
from heads import head_that_sees, strides_and_windows
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.config.settings import TrainConfig
from sla_cli.core.windows import Windows
from sla_cli.transcribe.windows import JoinedWindows


@settings(deadline=None)
@given(data=st.data())
def test_joined_windows_equal_the_whole(data: st.DataObject) -> None:
    stride, windows = data.draw(strides_and_windows())
    length, context = windows.length, windows.context
    frames = data.draw(st.integers(1, 5 * length), "frames")
    features = np.arange(1, frames + 1, dtype=np.float32)[:, None] ** 2
    # The last window may begin up to a stride later than its context would have it.
    head = head_that_sees(context - stride + 1, stride)
    joined = JoinedWindows(head, stride, windows)
    size = data.draw(st.integers(1, 2 * length), "part")
    for start in range(0, frames, size):
        joined.add(features[start : start + size])
    np.testing.assert_allclose(joined.finish(), head(features), rtol=1e-5)


@given(frames=st.integers(1, 200))
def test_no_window_is_short_and_one_that_suffices_is_alone(frames: int) -> None:
    lengths: list[int] = []
    joined = JoinedWindows(head_that_sees(0, 4, lengths), 4, Windows(40, 8))
    joined.add(np.zeros((frames, 1), np.float32))
    assert len(joined.finish()) == -(-frames // 4)
    if frames <= 40:
        assert lengths == [frames]
    else:
        assert all(36 < length <= 40 for length in lengths)
        assert sum(lengths) <= frames / (1 - 2 * 8 / 40) + 2 * 40  # no frame is read more often than the overlap says


def test_memory_is_bounded() -> None:
    joined = JoinedWindows(head_that_sees(0, 4), 4, Windows(40, 8))
    for _ in range(100):
        joined.add(np.zeros((30, 1), np.float32))
        assert joined.buffer.end - joined.buffer.first <= 2 * 40 + 30


def test_a_window_is_as_long_as_what_training_showed() -> None:
    assert Windows.of(TrainConfig(max_frames=230), 4) == Windows(232, 56)
    assert Windows.of(TrainConfig(max_frames=100), 2) == Windows(100, 24)
    assert Windows.of(TrainConfig(max_frames=1), 4) == Windows(16, 4)
