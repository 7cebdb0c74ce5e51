"""Steps that become final while frames come are those of the whole recording, wherever the head's context suffices."""

from __future__ import annotations

import numpy as np
from heads import head_that_sees, strides_and_windows
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.transcribe.live_steps import LiveSteps
from sla_cli.transcribe.runtime import Features


@settings(deadline=None)
@given(data=st.data())
def test_final_steps_are_those_of_the_whole(data: st.DataObject) -> None:
    """Also if more frames come at once, or are waited for, than the head looks at."""
    stride, windows = data.draw(strides_and_windows())
    length, context = windows.length, windows.context
    frames = data.draw(st.integers(1, 5 * length), "frames")
    lookahead = data.draw(st.integers(0, 3 * length), "lookahead")
    features = np.arange(1, frames + 1, dtype=np.float32)[:, None] ** 2
    lengths: list[int] = []
    reach = min(context, lookahead)
    steps = LiveSteps(head_that_sees(reach, stride, lengths), stride, windows, lookahead, 0, 1)
    found, start = [], 0
    while start < frames:
        stop = start + data.draw(st.integers(1, 2 * length), "part")
        found.append(steps.add([Features(features[start:stop], None, None)], last=stop >= frames))
        seen, start = min(stop, frames), stop
        assert steps.done == sum(map(len, found)) and steps.done + len(steps.ahead) == -(-seen // stride)
    np.testing.assert_allclose(np.concatenate(found), head_that_sees(reach, stride)(features), rtol=1e-5)
    assert max(lengths) <= length
