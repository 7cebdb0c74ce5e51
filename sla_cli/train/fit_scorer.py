"""Fits the frame scorer of a trained run: a linear classifier that learns where signs are from their order alone.

It is trained on an alignment of the glosses to frames, which it then improves, and so on (iterative realignment, as for
hybrid models: Koller et al., CVPR 2017). The first alignment is by the network's frame classifier, whose CTC spikes lie
within the signs, but are too short. The features do not change, so they are computed once. A clip's first and last
frame are held, as in training: it may have no other frames of rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sla_cli.artifact.receipt import digest_file
from sla_cli.config.settings import EmitConfig
from sla_cli.core.ctc import columns_of
from sla_cli.core.force_align import align_frames
from sla_cli.data.seen import SeenClips
from sla_cli.emit.inference import batches_by_length, feature_batches
from sla_cli.log import log, progress
from sla_cli.model.frame_scores import FrameScorer, save_scorer
from sla_cli.model.open_run import OpenedModel, open_model
from sla_cli.store.clips import Split
from sla_cli.work.run import Run

# Chosen on drawn signing (benchmarks/recordings.py).
ROUNDS, PASSES = 16, 3  # alignments, and passes over the frames for each
BATCH, RATE, DECAY = 256, 3e-3, 1e-4  # frames, learning rate and weight decay of Adam
SMOOTHING = 0.1  # of labels
# Power of a column's frequency by which its probability is divided, in the first and in the last round. No sign is the
# most frequent column: at first signs get long, which prevents that each keeps the few frames that it has at first.
PRIORS = (1.25, 0.25)
RAREST = 1e-4  # is added to frequencies
SHORTEST = 2 / 3  # of the frames of a clip divided by its glosses
CHUNK = 65_536  # frames
HELD = 6  # frames for which the ends of a clip are held, to learn how rest looks

Spans = list[tuple[int, int]]


def fit_scorer(run: Run, split: Split, device: str, between: Callable[[], None] = lambda: None) -> None:
    """Fit the scorer of a run on its train split and write it, unless it is there.

    A run without frame classifier (`loss.frame_ctc = 0`) gets none.

    Args:
        between: called between batches; an exception from it ends this with nothing written.
    """
    if run.frame_scores.is_file() or not run.config.loss.frame_ctc:
        return
    opened = open_model(run, device=device)
    log.info("learning where the signs of %s are", split)
    columns = columns_of(opened.glosses)
    clips = SeenClips(split)
    labels = [[columns[gloss] for gloss in glosses] for glosses in split.glosses]
    kept = [place for place, glosses in enumerate(labels) if 0 < len(glosses) <= clips.lengths[place]]
    labels = [labels[place] for place in kept]
    least = _shortest([clips.lengths[place] / len(glosses) for place, glosses in zip(kept, labels, strict=True)])
    features, first = _features(opened, clips, kept, labels, between)
    spans = [align_frames(clip[HELD : len(clip) - HELD], range(1, clip.shape[1]), least) for clip in first]
    classes, seed, place = len(columns) + 1, opened.config.train.seed, opened.placement.device
    scorer = fit(features, labels, spans, least, classes, seed, place, between)
    save_scorer(run.frame_scores, scorer, digest_file(run.best))


def fit(
    features: Sequence[Tensor],
    labels: Sequence[Sequence[int]],
    spans: Sequence[Spans],
    least: int,
    classes: int,
    seed: int,
    device: torch.device,
    between: Callable[[], None] = lambda: None,
) -> FrameScorer:
    """A scorer for clips of which the order of glosses is known.

    Args:
        features: (frames, width) of each clip, of which HELD at both ends are at rest.
        labels: columns of its glosses, at most as many as frames that are not at rest.
        spans: where they are at first, in the frames that are not at rest.
        least: fewest frames of a sign.
        classes: number of columns.
        seed: of the order of frames in training.
        between: called between batches.
    """
    rows, lengths = torch.cat(list(features)).to(device), [len(clip) for clip in features]
    mean, deviation = _moments(rows)
    weight = torch.zeros(classes, rows.shape[1], device=device, requires_grad=True)
    bias = torch.zeros(classes, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], RATE, weight_decay=DECAY)
    order = torch.Generator().manual_seed(seed)
    with progress("learning where signs are", ROUNDS) as advance:
        for power in np.linspace(*PRIORS, ROUNDS).tolist():
            truth = _labels(spans, labels, lengths).to(device)
            for _ in range(PASSES):
                for batch in torch.randperm(len(rows), generator=order).to(device).split(BATCH):
                    logits = F.linear((rows[batch].float() - mean) / deviation, weight, bias)
                    optimizer.zero_grad()
                    F.cross_entropy(logits, truth[batch], label_smoothing=SMOOTHING).backward()
                    optimizer.step()
                    between()
            prior = torch.bincount(truth, minlength=classes) / len(truth) + RAREST
            with torch.no_grad():
                scaled = weight / deviation
                scorer = FrameScorer(scaled, bias - scaled @ mean - power * prior.log(), least)
                spans = [
                    align_frames(scorer(clip[HELD : len(clip) - HELD]).cpu().numpy(), glosses, least)
                    for clip, glosses in zip(rows.split(lengths), labels, strict=True)
                ]
            advance(1)
    return scorer


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each column of (frames, width), computed in parts, as float32 takes twice the memory."""
    total, square = (torch.zeros(rows.shape[1], dtype=torch.double, device=rows.device) for _ in range(2))
    for part in rows.split(CHUNK):
        total += part.double().sum(0)
    mean = total / len(rows)
    for part in rows.split(CHUNK):
        square += ((part - mean) ** 2).sum(0)
    return mean.float(), (square / len(rows)).sqrt().float() + 1e-6


def _shortest(frames_per_gloss: Sequence[float]) -> int:
    """Fewest frames of a sign, from those of each clip divided by its glosses; some clips have long rests (choice)."""
    return max(1, round(SHORTEST * float(np.quantile(frames_per_gloss, 0.25)))) if frames_per_gloss else 1


def _features(
    opened: OpenedModel,
    clips: SeenClips,
    kept: Sequence[int],
    labels: Sequence[Sequence[int]],
    between: Callable[[], None],
) -> tuple[list[Tensor], list[NDArray[np.float32]]]:
    """Of each clip the features, in half precision to save memory, and the scores of its own glosses.

    These are log-probabilities of the frame classifier minus the logarithm of their mean over all clips, (frames, 1 +
    glosses), first that of the blank.
    """
    network, lengths = opened.network, [clips.lengths[index] for index in kept]
    batches = batches_by_length(lengths, EmitConfig.max_frames)
    features, scores = [torch.empty(0)] * len(kept), [np.empty(0, np.float32)] * len(kept)
    total = torch.zeros(len(opened.glosses) + 1, dtype=torch.double, device=opened.placement.device)
    chosen = [[kept[place] for place in batch] for batch in batches]
    computed = feature_batches(network, clips, opened.config, opened.placement, chosen, held=HELD)
    with closing(computed), progress(f"features of {clips.split.name}", len(kept)) as advance:
        for batch, (rows, sizes) in zip(batches, computed, strict=True):
            with torch.inference_mode():
                by_frame = network.by_frame(rows.float())
                assert by_frame is not None
                log_probs = by_frame.log_softmax(-1)
                total += log_probs.exp().sum(0)
                parts = zip(
                    batch, rows.half().cpu().split(sizes.tolist()), log_probs.split(sizes.tolist()), strict=True
                )
                for place, clip, own in parts:
                    features[place] = clip
                    scores[place] = own[:, [0, *labels[place]]].cpu().numpy()
            advance(len(batch))
            between()
    prior = (total / total.sum() + RAREST).log().float().cpu().numpy()
    return features, [own - prior[[0, *glosses]] for own, glosses in zip(scores, labels, strict=True)]


def _labels(spans: Sequence[Spans], labels: Sequence[Sequence[int]], lengths: Sequence[int]) -> Tensor:
    """The column of each frame of all clips, int64 (frames,)."""
    columns = [np.zeros(length, np.int64) for length in lengths]
    for clip, places, glosses in zip(columns, spans, labels, strict=True):
        for (start, end), column in zip(places, glosses, strict=True):
            clip[HELD + start : HELD + end] = column
    return torch.from_numpy(np.concatenate(columns))
