"""What the trained backbone computes for all clips of a split, and how they look: the input of `finish_run`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from sla_cli.config.settings import EmitConfig
from sla_cli.data.seen import SeenClips
from sla_cli.emit.inference import batches_by_length, feature_batches
from sla_cli.log import progress
from sla_cli.model.open_run import OpenedModel
from sla_cli.store.clips import Split
from sla_cli.video.appearance import Appearance, appearance_of


@dataclass(frozen=True)
class ClipFeatures:
    """Attributes:
    split: the clips.
    rows: features of each, (frames, width), on the CPU.
    appearances: of each.
    """

    split: Split
    rows: list[Tensor]
    appearances: list[Appearance]


def clip_features(
    opened: OpenedModel,
    split: Split,
    between: Callable[[], None] = lambda: None,
    *,
    held: int = 0,
    dtype: torch.dtype = torch.float32,
) -> ClipFeatures:
    """Compute them.

    Args:
        between: called between batches; an exception from it ends this.
        held: for how many more frames the first and the last frame of each clip are shown.
        dtype: of the rows; half precision saves memory.
    """
    clips = SeenClips(split)
    batches = batches_by_length(clips.lengths, EmitConfig.max_frames)
    rows, looks = dict[int, Tensor](), list[Appearance]()
    computed = feature_batches(
        opened.network,
        clips,
        opened.config,
        opened.placement,
        batches,
        held=held,
        watch=lambda frames: looks.append(appearance_of(frames.numpy())),
    )
    with closing(computed), progress(f"features of {split.name}", len(split)) as advance:
        for batch, (features, lengths) in zip(batches, computed, strict=True):
            rows |= zip(batch, features.to("cpu", dtype).split(lengths.tolist()), strict=True)
            advance(len(batch))
            between()
    places = dict(zip(chain(*batches), looks, strict=True))
    return ClipFeatures(
        split, [rows[index] for index in range(len(split))], [places[index] for index in range(len(split))]
    )
