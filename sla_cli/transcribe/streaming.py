"""Turns frames that arrive one by one into log-probabilities; memory hardly grows with the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sla_cli.config.settings import EmitConfig
from sla_cli.core.place import FrameScores
from sla_cli.data.augment import PixelTransform
from sla_cli.data.batching import Sample, collate, to_pixels
from sla_cli.errors import SlaError
from sla_cli.model.open_run import OpenedModel
from sla_cli.transcribe.rows import Rows
from sla_cli.transcribe.windows import JoinedWindows, Windows

CHUNK = EmitConfig.chunk  # frames


class Outputs(NamedTuple):
    """What a run computes for one clip.

    Attributes:
        log_probs: natural log, float32 (steps, glosses + 1), column 0 is the blank.
        shown: which sign each frame shows; None if the run has no scorer.
        distance: mean of the frames' distances from those of training; None if the run does not know these.
    """

    log_probs: NDArray[np.float32]
    shown: FrameScores | None
    distance: float | None


def stream_outputs(
    opened: OpenedModel,
    frames: Iterable[NDArray[np.uint8]],
    windows: Windows,
    advance: Callable[[int], None] = lambda _: None,
) -> Outputs:
    """Outputs for one clip, as `emit` computes them; a clip longer than a window passes the head in windows.

    Frames pass the backbone once, and are read while it computes.

    Args:
        frames: RGB uint8 (side, side, 3) each, at least one.
        advance: called with the number of computed frames.

    Raises:
        SlaError: there is no frame.
    """
    network, placement = opened.network, opened.placement

    def head(features: Tensor) -> Tensor:
        return network.head(features, torch.tensor([len(features)])).sequence.log_softmax(-1)

    joined, scorer, domain = JoinedWindows(head, opened.stride, windows), opened.scorer, opened.domain
    scores, distances = Rows(np.int8), list[Tensor]()
    with torch.inference_mode(), placement.autocast():
        for features in stream_features(opened, frames, advance):
            joined.add(features)
            if scorer is not None:
                scores.add(scorer(features))
            if domain is not None:
                distances.append(domain(features).cpu())
        shown = FrameScores(scores.finish(), scorer.least) if scorer is not None else None
        distance = torch.cat(distances).mean().item() if distances else None
        return Outputs(joined.finish(), shown, distance)


def stream_features(
    opened: OpenedModel, frames: Iterable[NDArray[np.uint8]], advance: Callable[[int], None] = lambda _: None
) -> Iterator[Tensor]:
    """Features of one clip, (frames, width) each time, may be empty. Use it in inference mode and under autocast.

    Args:
        frames, advance: as for `stream_outputs`.
    """
    network, placement = opened.network, opened.placement
    crop, size = opened.config.train.crop, opened.config.model.image_size
    pixels: Tensor | None = None
    with network.backbone.streaming(CHUNK) as push:
        for part in _read_ahead(frames):
            batch = collate([Sample("", np.stack(part), PixelTransform(), ())])
            pixels = to_pixels(batch, crop=crop, size=size, like=network.backbone, device=placement.device)
            yield push(pixels, False)
            advance(len(part))
        if pixels is None:
            raise SlaError("a clip without frames has no log-probabilities")
        yield push(pixels[:0], True)


def _read_ahead(frames: Iterable[NDArray[np.uint8]]) -> Iterator[tuple[NDArray[np.uint8], ...]]:
    """Chunks of frames; a thread reads the next chunk while the previous one is processed."""
    iterator = iter(frames)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(copy_context().run, lambda: tuple(islice(iterator, CHUNK)))
        while part := coming.result():
            coming = thread.submit(copy_context().run, lambda: tuple(islice(iterator, CHUNK)))
            yield part
