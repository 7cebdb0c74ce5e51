"""What the trained backbone computes for all clips of a split, and how they look: the input of `finish_run`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

import torch
from torch import Tensor

from sla_cli.config.settings import EmitConfig
from sla_cli.data.dataset import SeenDataset
from sla_cli.data.kept import KeptFeatures
from sla_cli.data.loading import evaluation_batches
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
    clips: SeenClips,
    between: Callable[[], None] = lambda: None,
    *,
    kept: KeptFeatures | None = None,
    held: int = 0,
    dtype: torch.dtype = torch.float32,
) -> ClipFeatures:
    """Compute them of the frames that the run sees, or read those that are kept.

    Args:
        between: called between batches; an exception from it ends this.
        kept: features of the split; they are computed if one is missing.
        held: for how many more frames the first and the last frame of each clip are shown.
        dtype: of the rows; half precision saves memory.
    """
    split = clips.split
    batches = batches_by_length(clips.lengths, EmitConfig.max_frames)
    rows, looks = dict[int, Tensor](), list[Appearance]()

    def watch(frames: Tensor) -> None:
        looks.append(appearance_of(frames.numpy()))

    if kept is not None and not kept.missing():
        computed = _read(opened, clips, batches, kept, held, watch)
    else:
        network, config, placement = opened.network, opened.config, opened.placement
        computed = feature_batches(network, clips, config, placement, batches, held=held, watch=watch)
    with closing(computed), progress(f"features of {split.name}", len(split)) as advance:
        for batch, (features, lengths) in zip(batches, computed, strict=True):
            rows |= zip(batch, features.to("cpu", dtype).split(lengths.tolist()), strict=True)
            advance(len(batch))
            between()
    places = dict(zip(chain(*batches), looks, strict=True))
    return ClipFeatures(
        split, [rows[index] for index in range(len(split))], [places[index] for index in range(len(split))]
    )


def _read(
    opened: OpenedModel,
    clips: SeenClips,
    batches: Sequence[Sequence[int]],
    kept: KeptFeatures,
    held: int,
    watch: Callable[[Tensor], None],
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """As `feature_batches`, without the backbone."""
    data = SeenDataset(clips, [index for batch in batches for index in batch], opened.stride, opened.config, held)
    with closing(evaluation_batches(data, pin=False)) as loaded:
        for batch in batches:
            for clip in islice(loaded, len(batch)):
                watch(clip.frames)
            yield kept.together(clips, batch, held)
