"""What computes a model, with PyTorch or without, and how the frames of a recording pass it in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sla_cli.config.settings import EmitConfig
from sla_cli.core.place import FrameScores
from sla_cli.core.windows import Windows
from sla_cli.errors import SlaError
from sla_cli.transcribe.rows import Rows
from sla_cli.transcribe.windows import Floats, JoinedWindows
from sla_cli.work.emissions import check_finite

CHUNK = EmitConfig.chunk  # frames
RuntimeName = Literal["torch", "onnx"]


class Features(NamedTuple):
    """Of consecutive frames; may be none.

    Attributes:
        rows: of the backbone, float32 (frames, width).
        shown: scores of which sign each frame shows, int8 (frames, glosses + 1); None if the model has none.
        distances: from the frames of training, float32 (frames,); None if the model does not know these.
    """

    rows: Floats
    shown: NDArray[np.int8] | None
    distances: Floats | None


# The next frames, RGB uint8 (frames, side, side, 3), possibly none, and whether the clip ends with them, to the
# features that can be computed now: they lag behind until the clip ends.
Push = Callable[[NDArray[np.uint8], bool], Sequence[Features]]


class Runtime(Protocol):
    """A model that is ready to compute.

    Attributes:
        stride: frames per output step.
        least: frames that a sign has at least; 0 if the model has no scores of frames.
        limit: a recording whose mean distance is greater is unlike the training data; None if that is unknown.
        usual: for each property of `video.appearance.Appearance` the range in which most training clips are.
    """

    @property
    def stride(self) -> int: ...
    @property
    def least(self) -> int: ...
    @property
    def limit(self) -> float | None: ...
    @property
    def usual(self) -> Mapping[str, tuple[float, float]]: ...

    def streaming(self, chunk: int = CHUNK) -> Push:
        """For one clip whose frames come in parts; several clips may be in progress.

        Args:
            chunk: frames that are computed at once; fewer give features earlier, and cost more.
        """
        ...

    def head(self, features: Floats) -> Floats:
        """Natural-log probabilities (steps, glosses + 1) of the features of one clip, (frames, width)."""
        ...


class Outputs(NamedTuple):
    """What a model computes for one clip.

    Attributes:
        log_probs: natural log, float32 (steps, glosses + 1), column 0 is the blank.
        shown: which sign each frame shows; None if the model has no scorer.
        distance: mean of the frames' distances from those of training; None if the model does not know these.
    """

    log_probs: NDArray[np.float32]
    shown: FrameScores | None
    distance: float | None


def stream_outputs(
    runtime: Runtime,
    frames: Iterable[NDArray[np.uint8]],
    windows: Windows,
    where: str,
    advance: Callable[[int], None] = lambda _: None,
) -> Outputs:
    """Outputs for one clip, as `emit` computes them; a clip longer than a window passes the head in windows.

    Frames pass the backbone once, and are read while it computes.

    Args:
        frames: RGB uint8 (side, side, 3) each, at least one.
        where: what the frames are, for messages.
        advance: called with the number of computed frames.

    Raises:
        SlaError: there is no frame.
        FormatError: the model gave NaN.
    """
    joined, scores, distances = JoinedWindows(runtime.head, runtime.stride, windows), Rows(np.int8), list[Floats]()
    for found in stream_features(runtime, frames, advance):
        joined.add(found.rows)
        if found.shown is not None:
            scores.add(found.shown)
        if found.distances is not None:
            distances.append(found.distances)
    shown = FrameScores(scores.finish(), runtime.least) if runtime.least else None
    distance = float(np.concatenate(distances).mean()) if distances else None
    log_probs = joined.finish()
    check_finite(where, log_probs)
    return Outputs(log_probs, shown, distance)


def stream_features(
    runtime: Runtime, frames: Iterable[NDArray[np.uint8]], advance: Callable[[int], None] = lambda _: None
) -> Iterator[Features]:
    """Features of one clip, in order. Arguments as of `stream_outputs`. Raises SlaError if there is no frame."""
    push = runtime.streaming()
    for part in in_parts(frames, advance):
        yield from push(part, False)
    yield from push(part[:0], True)


def in_parts(
    frames: Iterable[NDArray[np.uint8]], advance: Callable[[int], None] = lambda _: None
) -> Iterator[NDArray[np.uint8]]:
    """Frames in arrays of `CHUNK`; a thread reads the next ones while the previous ones are computed.

    Raises:
        SlaError: there is no frame.
    """
    iterator, number = iter(frames), 0
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(copy_context().run, lambda: tuple(islice(iterator, CHUNK)))
        while part := coming.result():
            coming = thread.submit(copy_context().run, lambda: tuple(islice(iterator, CHUNK)))
            yield np.stack(part)
            advance(len(part))
            number += len(part)
    if not number:
        raise SlaError("a clip without frames has no log-probabilities")
