"""How far frames are from those of training: Mahalanobis distances of the backbone's features (Lee et al., 2018).

One covariance for all frames, since glosses are sequences: frames between signs and at rest belong to no class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sla_cli.artifact.json_file import parse_json
from sla_cli.config.checks import read_values
from sla_cli.core.quantities import Distance, Percent
from sla_cli.model.checkpoint import read_fitted, write_tensors
from sla_cli.work.calibration import FIT_AGAIN

NAME, VERSION = "sla-domain", 1
SHRINKAGE = 0.01  # of the mean variance, added to each: directions in which training hardly varies say little
DEVIATIONS = 3.0  # of the logarithms of dev's distances, from their mean to the limit
LEAST_DEVIATION = 0.1  # of these logarithms: a dev split may be one clip
USUAL = (0.01, 0.99)  # quantiles of clips between which an appearance is usual

Range = tuple[Percent, Percent]


@dataclass(frozen=True)
class Bounds:
    """In the header of the file. Attributes: as of `Domain`."""

    limit: Distance
    usual: dict[str, Range]


@dataclass(frozen=True)
class Domain:
    """What a run has seen in training.

    Attributes:
        mean: float32 (width,), of the features of all training frames.
        whitening: float32 (width, width); features minus mean times this have unit variance in each direction.
        limit: a clip whose mean distance is greater is unlike the training data.
        usual: for each property of `video.appearance.Appearance` the range in which most clips are.
    """

    mean: Tensor
    whitening: Tensor
    limit: float
    usual: Mapping[str, Range]

    def __call__(self, features: Tensor) -> Tensor:
        """Distances of frames, about 1 in training: float32 (frames,).

        Args:
            features: of the backbone, (frames, width), of any float type.
        """
        return distances(features, self.mean, self.whitening)

    def to(self, device: torch.device) -> Domain:
        """The same on a device."""
        return Domain(self.mean.to(device), self.whitening.to(device), self.limit, self.usual)


def fit_domain(
    train: Sequence[Tensor], dev: Sequence[Tensor], appearances: Sequence[Mapping[str, float]], device: torch.device
) -> Domain:
    """The domain of clips, with a limit that hardly any clip of dev exceeds.

    The logarithms of the distances of dev's clips are taken as normally distributed.

    Args:
        train, dev: features of each clip, (frames, width).
        appearances: of clips of both.
    """
    mean, whitening = _whitening(train, device)
    measured = [distances(clip.to(device), mean, whitening).mean().item() for clip in dev]
    logs = np.log(np.maximum(measured, 1e-6))
    limit = float(np.exp(logs.mean() + DEVIATIONS * max(logs.std(), LEAST_DEVIATION)))
    usual = {name: _range([each[name] for each in appearances]) for name in appearances[0]}
    return Domain(mean, whitening, limit, usual)


def distances(features: Tensor, mean: Tensor, whitening: Tensor) -> Tensor:
    """Mahalanobis distances, divided by the root of the width: float32 (frames,) of features (frames, width)."""
    with torch.autocast(features.device.type, enabled=False):
        return ((features.float() - mean) @ whitening).square().mean(1).sqrt()


def _whitening(clips: Sequence[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean (width,) and whitening (width, width) of the frames of all clips."""
    width, frames = clips[0].shape[1], sum(map(len, clips))
    total = torch.zeros(width, dtype=torch.double, device=device)
    squares = torch.zeros(width, width, dtype=torch.double, device=device)
    for clip in clips:
        rows = clip.to(device).double()
        total += rows.sum(0)
        squares += rows.T @ rows
    mean = total / frames
    variances, directions = torch.linalg.eigh(squares / frames - torch.outer(mean, mean))
    variances = variances.clamp_min(0) + SHRINKAGE * variances.mean() + 1e-12
    return mean.float(), (directions / variances.sqrt()).float()


def _range(values: Sequence[float]) -> Range:
    low, high = np.quantile(values, USUAL).tolist()
    return low, high


def save_domain(path: Path, domain: Domain, weights: str) -> None:
    """Write it. `weights`: digest of the checkpoint with whose features it was fitted."""
    header = {"format": NAME, "version": str(VERSION), "weights": weights, "limit": repr(domain.limit)}
    header["usual"] = json.dumps(domain.usual)
    write_tensors(path, {"mean": domain.mean, "whitening": domain.whitening}, header)


def load_domain(path: Path, width: int, weights: str) -> Domain:
    """Read it.

    Args:
        width: of the features.
        weights: digest of the run's checkpoint.

    Raises:
        FormatError: as `read_fitted`, or a value of the header that is out of bounds.
    """
    shapes = {"mean": (width,), "whitening": (width, width)}
    tensors, header = read_fitted(path, NAME, VERSION, weights, shapes)
    names = header.keys() & {"limit", "usual"}
    values = {name: parse_json(header[name], f"{path}: {name}", FIT_AGAIN) for name in names}
    found = read_values(Bounds, values, path, FIT_AGAIN)
    return Domain(tensors["mean"], tensors["whitening"], found.limit, found.usual)
