"""What a model computes for a whole recording, with the times of its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.windows import Windows
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.transcribe.recording import Clock, OtherRateError, Recording
from sla_cli.transcribe.runtime import Runtime, stream_outputs
from sla_cli.transcribe.unlike import unlike_training
from sla_cli.video.appearance import AppearanceMeter
from sla_cli.work.emissions import Emission


class Report(Protocol):
    """Called with the number of frames computed since the last call, and their total if it is known.

    The number is negative where a recording is read again.
    """

    def __call__(self, frames: int, /, *, total: int | None) -> None: ...


class Computed(NamedTuple):
    """What a model computes for a recording.

    Attributes:
        emission: log-probabilities, and which sign each frame shows.
        clock: the times of the frames that the model saw.
        warning: in what the recording is unlike the training data; None if it is like it.
    """

    emission: Emission
    clock: Clock
    warning: str | None

    def step_times(self, stride: int) -> NDArray[np.float64]:
        """The times in seconds between which the rows of the log-probabilities lie."""
        steps = np.arange(len(self.emission.log_probs) + 1) * stride
        return self.clock.seconds(np.minimum(steps, self.clock.seen))


def compute_recording(
    runtime: Runtime, windows: Windows, recording: Callable[..., Recording], advance: Report | None
) -> Computed:
    """Compute a recording in one pass, or in two if its header states another frame rate than its frames have.

    Args:
        recording: makes the recording, with its frame rate as `rate` or else that of its header.
        advance: as for `Recognizer.transcribe`.

    Raises:
        SlaError: it cannot be read, or `advance` is not a function.
        FormatError: the model gave NaN.
    """
    if advance is not None and not callable(advance):
        raise SlaError("advance is not a function", "It is called as advance(frames, total=TOTAL).")
    computed = 0

    def report(frames: int, read: Recording) -> None:
        nonlocal computed
        computed += frames
        if advance is not None:
            advance(frames, total=read.expected or None)

    try:
        return _computed(runtime, windows, recording(), report)
    except OtherRateError as other:
        again = recording(rate=other.rate)
        text = "%s: %g frames per second on average, which differs from its header: reading it again"
        log.info(text, again.where, other.rate)
        report(-computed, again)
        return _computed(runtime, windows, again, report)


def _computed(
    runtime: Runtime, windows: Windows, recording: Recording, report: Callable[[int, Recording], None]
) -> Computed:
    meter, limit = AppearanceMeter(), runtime.limit
    found = stream_outputs(
        runtime, meter.watch(recording), windows, recording.where, lambda frames: report(frames, recording)
    )
    clock = recording.clock
    if recording.missing:
        log.warning("%s: %s; times are as if the others followed each other", recording.where, recording.missing)
    far = None if found.distance is None or limit is None else found.distance / limit
    warning = unlike_training(far, meter.appearance, runtime.usual, clock.rate, recording.like)
    emission = Emission(recording.where, found.log_probs, clock.seen, clock.seen_rate, found.shown)
    return Computed(emission, clock, warning)
