"""Log-probabilities of clips, for scoring dev in training and as input of decoding."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import islice

import torch

from sla_cli.config.settings import Config, EmitConfig
from sla_cli.data.batching import to_pixels
from sla_cli.data.dataset import SeenDataset
from sla_cli.data.epoch_plan import cut_batches
from sla_cli.data.loading import evaluation_batches
from sla_cli.data.seen import SeenClips
from sla_cli.model.device import Placement
from sla_cli.model.network import Network
from sla_cli.work.emissions import Emission

ONE_CLIP = 0  # value of max_frames: clips one by one in the store's order


def emissions_of(
    network: Network,
    clips: SeenClips,
    config: Config,
    placement: Placement,
    max_frames: int = ONE_CLIP,
    wanted: Sequence[int] | None = None,
) -> Generator[Emission, None, None]:
    """Log-probabilities of each clip of a split; the network is left in evaluation mode.

    The result of a clip does not depend on other clips in its batch, except for rounding. Close the iterator to end the
    processes that load clips.

    Args:
        max_frames: maximum number of frames per batch. ONE_CLIP takes clips one by one in the store's order; otherwise
            the longest come first, so a lack of memory is noticed at once.
        wanted: indices of the clips; None means all.
    """
    chosen = list(range(len(clips)) if wanted is None else wanted)
    batches = batches_by_length([clips.lengths[index] for index in chosen], max_frames)
    for batch in emit_batches(network, clips, config, placement, [[chosen[i] for i in batch] for batch in batches]):
        yield from batch


def batches_by_length(lengths: Sequence[int], max_frames: int) -> list[list[int]]:
    """Indices of clips in batches of at most `max_frames` frames, the longest first; a longer clip is alone."""
    if max_frames == ONE_CLIP:
        return [[index] for index in range(len(lengths))]
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    return [list(batch) for batch in cut_batches(order, lengths, max_frames=max_frames)]


def emit_batches(
    network: Network,
    clips: SeenClips,
    config: Config,
    placement: Placement,
    batches: Sequence[Sequence[int]],
    chunk: int = EmitConfig.chunk,
) -> Generator[list[Emission], None, None]:
    """The emissions of each batch. Clips are loaded one by one, which spreads loading evenly over workers."""
    network.eval()
    data = SeenDataset(clips, [index for batch in batches for index in batch], network.stride, config)
    crop, size, device = config.train.crop, config.model.image_size, placement.device
    with closing(evaluation_batches(data, placement.cuda)) as loaded:
        for batch in batches:
            pixels, lengths = [], []
            with torch.inference_mode(), placement.autocast():
                for clip in islice(loaded, len(batch)):
                    lengths.append(clip.lengths)
                    pixels.append(to_pixels(clip, crop=crop, size=size, like=network.backbone, device=device))
                logits = network(torch.cat(pixels), torch.cat(lengths), chunk)
                log_probs = logits.sequence.log_softmax(-1).cpu().split(logits.steps.tolist())
            yield [
                Emission(clips.split.ids[index], part.numpy(), clips.lengths[index], clips.rates[index])
                for index, part in zip(batch, log_probs, strict=True)
            ]
