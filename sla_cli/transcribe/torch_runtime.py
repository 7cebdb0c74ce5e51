"""Computes a run or a model with PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sla_cli.data.augment import PixelTransform
from sla_cli.data.batching import Sample, collate, to_pixels
from sla_cli.model.device import check_default_dtype
from sla_cli.model.open_run import OpenedModel
from sla_cli.transcribe.runtime import CHUNK, Features, Push
from sla_cli.transcribe.windows import Floats


class TorchRuntime:
    """A `Runtime` on a device, in a precision."""

    def __init__(self, opened: OpenedModel) -> None:
        self._opened = opened
        self.stride = opened.stride
        self.least = 0 if opened.scorer is None else opened.scorer.least
        self.limit = None if opened.domain is None else opened.domain.limit
        self.usual: Mapping[str, tuple[float, float]] = {} if opened.domain is None else opened.domain.usual

    def streaming(self, chunk: int = CHUNK) -> Push:
        """As `Runtime.streaming`."""
        compute = self._opened.network.backbone.streaming(chunk)

        def push(frames: NDArray[np.uint8], last: bool) -> list[Features]:
            with self._computing():
                return [self._described(compute(self._pixels(frames), last))]

        return push

    def head(self, features: Floats) -> Floats:
        """As `Runtime.head`."""
        rows = torch.from_numpy(features).to(self._opened.placement.device)
        with self._computing():
            log_probs = self._opened.network.head(rows, torch.tensor([len(rows)])).sequence.log_softmax(-1)
            return log_probs.float().cpu().numpy()

    def _pixels(self, frames: NDArray[np.uint8]) -> Tensor:
        config, device = self._opened.config, self._opened.placement.device
        size, like = config.model.image_size, self._opened.network.backbone
        if not len(frames):
            return torch.empty((0, 3, size, size), device=device)
        batch = collate([Sample("", frames, PixelTransform(), ())])
        return to_pixels(batch, crop=config.train.crop, size=size, like=like, device=device)

    def _described(self, rows: Tensor) -> Features:
        scorer, domain = self._opened.scorer, self._opened.domain
        return Features(
            rows.float().cpu().numpy(),
            None if scorer is None else scorer(rows).cpu().numpy(),
            None if domain is None else domain(rows).cpu().numpy(),
        )

    def _computing(self) -> ExitStack:
        """Not around a whole generator, whose caller would compute in it too."""
        check_default_dtype()
        stack = ExitStack()
        stack.enter_context(torch.inference_mode())
        stack.enter_context(self._opened.placement.autocast())
        return stack
