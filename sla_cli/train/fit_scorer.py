"""Fits the frame scorer of a trained run: a linear classifier that learns where signs are from their order alone.

It is trained on an alignment of the glosses to frames, which it then improves, and so on (iterative realignment, as for
hybrid models: Koller et al., CVPR 2017). The first alignment is by the network's frame classifier, whose CTC spikes lie
within the signs, but are too short. The features do not change, so they are computed once. A clip's first and last
frame are held, as in training: it may have no other frames of rest. Where an annotator has said when a gloss is signed
(ELAN), that is its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sla_cli.config.settings import Config
from sla_cli.core.clip import sign_frames
from sla_cli.core.ctc import columns_of
from sla_cli.core.force_align import align_frames
from sla_cli.core.place import margin_of
from sla_cli.errors import SlaError
from sla_cli.log import progress
from sla_cli.model.frame_scores import FrameScorer
from sla_cli.model.open_run import OpenedModel
from sla_cli.store.clips import Split
from sla_cli.train.clip_features import ClipFeatures

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


def check_placeable(split: Split, config: Config) -> None:
    """Raise SlaError if a scorer is to be fitted, and no clip of the split shows a frame for each of its glosses."""
    pairs = zip(split.glosses, split.lengths, strict=True)
    if config.loss.frame_ctc and not any(0 < len(glosses) <= frames for glosses, frames in pairs):
        fault = f"no clip of {split} has as many frames as glosses: where signs are cannot be learnt"
        raise SlaError(fault, "Store more frames: `sla prep --fps`, or train with --set loss.frame_ctc=0.")


def fit_scorer(opened: OpenedModel, clips: ClipFeatures, between: Callable[[], None] = lambda: None) -> FrameScorer:
    """The scorer of a run that has a frame classifier (`loss.frame_ctc` is not 0).

    Args:
        clips: features of its train split, in which both ends are held for HELD frames.
        between: called between batches; an exception from it ends this.
    """
    columns = columns_of(opened.glosses)
    labels = [[columns[gloss] for gloss in glosses] for glosses in clips.split.glosses]
    lengths = [len(rows) - 2 * HELD for rows in clips.rows]
    kept = [place for place, glosses in enumerate(labels) if 0 < len(glosses) <= lengths[place]]
    features, labels = [clips.rows[place] for place in kept], [labels[place] for place in kept]
    timed = [_annotated(lengths[place], place, clips.split) for place in kept]
    durations = [end - start for spans in timed for start, end in spans]
    frames_per_gloss = [lengths[place] / len(glosses) for place, glosses in zip(kept, labels, strict=True)]
    least = max(1, round(float(np.quantile(durations, 0.25)))) if durations else _shortest(frames_per_gloss)
    first = _first_scores(opened, features, labels)
    spans = [
        _widened(annotated, margin_of(least), len(clip) - 2 * HELD)
        or align_frames(clip[HELD : len(clip) - HELD], range(1, clip.shape[1]), least)
        for annotated, clip in zip(timed, first, strict=True)
    ]
    classes, seed, device = len(columns) + 1, opened.config.train.seed, opened.placement.device
    return fit(features, labels, spans, least, classes, seed, device, between, fixed=[bool(one) for one in timed])


def fit(
    features: Sequence[Tensor],
    labels: Sequence[Sequence[int]],
    spans: Sequence[Spans],
    least: int,
    classes: int,
    seed: int,
    device: torch.device,
    between: Callable[[], None] = lambda: None,
    *,
    fixed: Sequence[bool] | None = None,
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
        fixed: whether the spans of a clip are right as they are; None means of none.
    """
    rows, lengths = torch.cat(list(features)).to(device), [len(clip) for clip in features]
    right = fixed or [False] * len(features)
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
                    old if known else align_frames(scorer(clip[HELD : len(clip) - HELD]).cpu().numpy(), glosses, least)
                    for clip, glosses, old, known in zip(rows.split(lengths), labels, spans, right, strict=True)
                ]
            advance(1)
    return scorer


def _annotated(length: int, place: int, split: Split) -> Spans:
    """The spans of a clip of `length` frames as they are annotated; empty if they are not."""
    times, fps = split.times[place], float(split.clip_fps[place])
    known = times and fps and length == split.lengths[place]  # not resampled to another rate
    return sign_frames(times, fps, length) if known else []


def _widened(spans: Spans, margin: int, length: int) -> Spans:
    """With the frames at both ends that look like the signs, which `place` takes off; at most half of a gap."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    before = [start - end for start, end in zip(starts, [-2 * margin, *ends[:-1]], strict=True)] if spans else []
    room = [max(0, min(margin, gap // 2)) for gap in [*before, 2 * margin]]
    widened = zip(starts, ends, room[:-1], room[1:], strict=True)
    return [(max(0, start - left), min(length, end + right)) for start, end, left, right in widened]


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


def _first_scores(
    opened: OpenedModel, features: Sequence[Tensor], labels: Sequence[Sequence[int]]
) -> list[NDArray[np.float32]]:
    """Of each clip the scores of its own glosses: (frames, 1 + glosses), first that of the blank.

    These are log-probabilities of the frame classifier minus the logarithm of their mean over all clips.
    """
    device, found = opened.placement.device, []
    total = torch.zeros(len(opened.glosses) + 1, dtype=torch.double, device=device)
    for clip, glosses in zip(features, labels, strict=True):
        with torch.inference_mode():
            by_frame = opened.network.by_frame(clip.to(device).float())
            assert by_frame is not None
            log_probs = by_frame.log_softmax(-1)
            total += log_probs.exp().sum(0)
            found.append(log_probs[:, [0, *glosses]].cpu().numpy())
    prior = (total / total.sum() + RAREST).log().float().cpu().numpy()
    return [own - prior[[0, *glosses]] for own, glosses in zip(found, labels, strict=True)]


def _labels(spans: Sequence[Spans], labels: Sequence[Sequence[int]], lengths: Sequence[int]) -> Tensor:
    """The column of each frame of all clips, int64 (frames,)."""
    columns = [np.zeros(length, np.int64) for length in lengths]
    for clip, places, glosses in zip(columns, spans, labels, strict=True):
        for (start, end), column in zip(places, glosses, strict=True):
            clip[HELD + start : HELD + end] = column
    return torch.from_numpy(np.concatenate(columns))
