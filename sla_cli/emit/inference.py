"""Log-probabilities of clips, for scoring dev in training and as input of decoding."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice

import torch
from torch import Tensor

from sla_cli.config.settings import Config, EmitConfig
from sla_cli.core.place import FrameScores
from sla_cli.data.batching import to_pixels
from sla_cli.data.dataset import SeenDataset
from sla_cli.data.epoch_plan import cut_batches
from sla_cli.data.loading import evaluation_batches
from sla_cli.data.seen import SeenClips
from sla_cli.model.device import Placement
from sla_cli.model.frame_scores import FrameScorer
from sla_cli.model.network import Network
from sla_cli.work.emissions import Emission


def batches_by_length(lengths: Sequence[int], max_frames: int) -> list[list[int]]:
    """Indices of clips in batches of at most `max_frames` frames, the longest first; a longer clip is alone."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    return [list(batch) for batch in cut_batches(order, lengths, max_frames=max_frames)]


def emit_batches(
    network: Network,
    clips: SeenClips,
    config: Config,
    placement: Placement,
    batches: Sequence[Sequence[int]],
    chunk: int = EmitConfig.chunk,
    scorer: FrameScorer | None = None,
) -> Generator[list[Emission], None, None]:
    """The emissions of each batch of clips, by their indices; the network is left in evaluation mode.

    The result of a clip does not depend on other clips in its batch, except for rounding. Clips are loaded one by one,
    which spreads loading evenly over workers; close the iterator to end these.
    """
    features = feature_batches(network, clips, config, placement, batches, chunk)
    with closing(features):
        yield from emit_features(network, clips, placement, batches, features, scorer)


def emit_features(
    network: Network,
    clips: SeenClips,
    placement: Placement,
    batches: Sequence[Sequence[int]],
    features: Iterable[tuple[Tensor, Tensor]],
    scorer: FrameScorer | None = None,
) -> Generator[list[Emission], None, None]:
    """As `emit_batches`, from the features of each batch on the device, (frames, width), and the clips' lengths."""
    network.eval()
    for batch, (rows, lengths) in zip(batches, features, strict=True):
        with torch.inference_mode(), placement.autocast():
            logits = network.head(rows, lengths)
            log_probs = logits.sequence.log_softmax(-1).cpu().split(logits.steps.tolist())
            shown: list[FrameScores | None] = [None] * len(batch)
            if scorer is not None:
                scores = scorer(rows).cpu().split(lengths.tolist())
                shown = [FrameScores(part.numpy(), scorer.least) for part in scores]
        yield [
            Emission(
                clips.split.ids[index],
                log_probs[place].numpy(),
                clips.lengths[index],
                clips.rates[index],
                shown[place],
            )
            for place, index in enumerate(batch)
        ]


def feature_batches(
    network: Network,
    clips: SeenClips,
    config: Config,
    placement: Placement,
    batches: Sequence[Sequence[int]],
    chunk: int = EmitConfig.chunk,
    held: int = 0,
    view: int = 0,
    watch: Callable[[Tensor], None] = lambda _: None,
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """The backbone's features of each batch of clips, (frames, width), with the clips' lengths; as `emit_batches`.

    Args:
        held: for how many more frames the first and the last frame of each clip are shown.
        view: number of the view of each clip, as in `kept_transform`; 0 is the centre crop.
        watch: called with the frames of each clip, RGB uint8 (frames, height, width, 3) on the CPU, in their order.
    """
    network.eval()
    data = SeenDataset(clips, [index for batch in batches for index in batch], network.stride, config, held, view)
    crop, size, device = config.train.crop, config.model.image_size, placement.device
    with closing(evaluation_batches(data, placement.cuda)) as loaded:
        for batch in batches:
            pixels, lengths = [], []
            with torch.inference_mode(), placement.autocast():
                for clip in islice(loaded, len(batch)):
                    watch(clip.frames)
                    lengths.append(clip.lengths)
                    pixels.append(to_pixels(clip, crop=crop, size=size, like=network.backbone, device=device))
                rows = network.backbone(torch.cat(pixels), torch.cat(lengths), chunk)
            yield rows, torch.cat(lengths)
