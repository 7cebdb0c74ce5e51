"""Selects the clips of each optimiser step of an epoch; depends only on settings, seed and epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sla_cli.config.settings import TrainConfig


@dataclass(frozen=True)
class Step:
    """One optimiser step: rounds of batches, in each round one per process.

    Attributes:
        rounds: (rounds, processes) of clip indices.
        clips, frames: numbers in all batches.
    """

    rounds: tuple[tuple[tuple[int, ...], ...], ...]
    clips: int
    frames: int


def plan_epoch(
    indices: Sequence[int], lengths: Sequence[int], config: TrainConfig, epoch: int, world_size: int
) -> list[Step]:
    """Every clip once, in batches within the limits of the configuration.

    Batches are formed first and then distributed over processes, so a step of W processes with batches of n has the
    same clips as a step of one process with batches of W·n. If fewer clips remain than processes, they are left out.

    Args:
        indices: the clips to train on.
        lengths: frames of each of them, as training will show them.
        world_size: number of processes.
    """
    frames = dict(zip(indices, lengths, strict=True))
    order = _batches(frames, config, np.random.default_rng((config.seed, epoch)))
    rounds = [tuple(order[start : start + world_size]) for start in range(0, len(order), world_size)]
    if rounds and len(rounds[-1]) < world_size:
        rounds[-1:] = _shared_out(rounds[-1], world_size)
    steps = []
    for start in range(0, len(rounds), config.accumulate):
        part = tuple(rounds[start : start + config.accumulate])
        shown = [frames[index] for batches in part for batch in batches for index in batch]
        steps.append(Step(part, len(shown), sum(shown)))
    return steps


def cut_batches(
    order: Sequence[int], lengths: Mapping[int, int] | Sequence[int], *, max_clips: int = 0, max_frames: int = 0
) -> list[tuple[int, ...]]:
    """Consecutive clips of `order` in batches, each as large as the limits allow; a longer clip is alone in a batch.

    Args:
        order: clip indices.
        lengths: frames of a clip, by its index.
        max_clips, max_frames: of a batch; 0: no limit.
    """
    batches: list[list[int]] = []
    room = 0
    for index in order:
        is_full = not batches or len(batches[-1]) == max_clips
        if is_full or (max_frames and lengths[index] > room):
            batches.append([])
            room = max_frames
        batches[-1].append(index)
        room -= lengths[index]
    return [tuple(batch) for batch in batches]


def _batches(frames: dict[int, int], config: TrainConfig, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Batches in random order, of clips in random order, or of similar length if `config.bucket` is set."""
    clips = list(frames)
    order = [clips[place] for place in rng.permutation(len(clips))]
    cut = partial(cut_batches, lengths=frames, max_clips=config.batch, max_frames=config.batch_frames)
    if not config.bucket:
        return cut(order)
    pool = config.bucket * config.batch
    batches: list[tuple[int, ...]] = []
    for start in range(0, len(order), pool):
        batches += cut(sorted(order[start : start + pool], key=lambda index: -frames[index]))
    return [batches[place] for place in rng.permutation(len(batches))]


def _shared_out(batches: Sequence[tuple[int, ...]], world_size: int) -> list[tuple[tuple[int, ...], ...]]:
    """The last batches, split in halves until each process has one; empty if there are too few clips.

    Half of a batch is within the limits if the batch is.
    """
    shares = list(batches)
    while len(shares) < world_size:
        place = max(range(len(shares)), key=lambda number: len(shares[number]))
        whole = shares[place]
        if len(whole) == 1:
            return []
        half = (len(whole) + 1) // 2
        shares[place : place + 1] = [whole[:half], whole[half:]]
    return [tuple(shares)]
