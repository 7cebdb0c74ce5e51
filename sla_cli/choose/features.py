"""What a run computes at each output step of stored clips: the features that `novelty` compares. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sla_cli.config.settings import EmitConfig
from sla_cli.data.seen import see
from sla_cli.emit.inference import batches_by_length, feature_batches
from sla_cli.log import progress
from sla_cli.model.network import Network
from sla_cli.model.open_run import OpenedModel
from sla_cli.store.clips import Split
from sla_cli.work.emissions import Emission, check_finite
from sla_cli.work.run import Run


class Steps(NamedTuple):
    """One clip.

    Attributes:
        emission: its log-probabilities.
        features: of the temporal convolutions, float32 (steps, width).
    """

    emission: Emission
    features: NDArray[np.float32]


def steps_of_split(opened: OpenedModel, run: Run, split: Split) -> Iterator[Steps]:
    """Each clip of a split, the longest first; see `emit` for how clips of another store are adapted to the run.

    Raises:
        SlaError: the frames do not fit the run.
        FormatError: the model gave NaN.
    """
    clips, network = see(split, run.facts.frames), opened.network
    batches = batches_by_length(clips.lengths, EmitConfig.max_frames)
    computed = feature_batches(network, clips, opened.config, opened.placement, batches)
    with closing(computed), progress(f"features of {split.name}", len(split)) as advance:
        for batch, (rows, lengths) in zip(batches, computed, strict=True):
            for index, (log_probs, features) in zip(batch, steps_of_batch(network, rows, lengths), strict=True):
                emission = Emission(split.ids[index], log_probs, clips.lengths[index], clips.rates[index])
                check_finite(f"clip {emission.id}", emission.log_probs)
                yield Steps(emission, features)
            advance(len(batch))


def steps_of_batch(
    network: Network, rows: Tensor, lengths: Tensor
) -> Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Log-probabilities and features of the convolutions of each clip, with a row for each of its output steps.

    Args:
        rows: of the backbone, (frames, width), clips concatenated.
        lengths: frames of each clip, int64 on the CPU.
    """
    with torch.inference_mode(), torch.autocast(rows.device.type, enabled=False):
        conv, steps = network.conv(rows.to(next(network.sequence.parameters()).dtype), lengths)
        log_probs = network.classifier(network.sequence(conv, steps)).log_softmax(-1)
    parts = [values.float().cpu().split(steps.tolist()) for values in (log_probs, conv)]
    return [(first.numpy(), second.numpy()) for first, second in zip(*parts, strict=True)]
