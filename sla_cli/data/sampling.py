"""Which clips an optimiser step sees: a plan of the whole epoch that depends on settings, seed and epoch alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sla_cli.config import TrainConfig


@dataclass(frozen=True)
class Step:
    """One optimiser step: rounds of batches, one a process.

    Attributes:
        rounds: (rounds, processes) of clip indices.
        clips, frames: of all batches.
    """

    rounds: tuple[tuple[tuple[int, ...], ...], ...]
    clips: int
    frames: int


def plan_epoch(
    indices: Sequence[int], lengths: Sequence[int], config: TrainConfig, epoch: int, world: int
) -> list[Step]:
    """Every clip once, in batches that fit the bounds of the configuration.

    Batches are made first and dealt to processes afterwards, so that W processes with batches of n see in a step what
    one process with batches of W·n sees. Where the last clips are fewer than processes, they wait for another epoch.

    Args:
        indices: the clips to train on.
        lengths: frames of each of them, as they will be shown.
        world: processes.
    """
    frames = dict(zip(indices, lengths, strict=True))
    batches = _batches(frames, config, np.random.default_rng((config.seed, epoch)))
    rounds = [tuple(batches[start : start + world]) for start in range(0, len(batches), world)]
    if rounds and len(rounds[-1]) < world:
        rounds[-1:] = _dealt(rounds[-1], world)
    return [
        _step(tuple(rounds[start : start + config.accumulate]), frames)
        for start in range(0, len(rounds), config.accumulate)
    ]


def _batches(frames: dict[int, int], config: TrainConfig, rng: np.random.Generator) -> list[tuple[int, ...]]:
    order = [list(frames)[place] for place in rng.permutation(len(frames))]
    if not config.bucket:
        return cut_batches(order, frames, max_clips=config.batch, max_frames=config.batch_frames)
    pool = config.bucket * config.batch
    batches: list[tuple[int, ...]] = []
    for start in range(0, len(order), pool):
        longest_first = sorted(order[start : start + pool], key=lambda index: -frames[index])
        batches += cut_batches(longest_first, frames, max_clips=config.batch, max_frames=config.batch_frames)
    return [batches[place] for place in rng.permutation(len(batches))]


def cut_batches(
    order: Sequence[int], lengths: Mapping[int, int] | Sequence[int], *, max_clips: int = 0, max_frames: int = 0
) -> list[tuple[int, ...]]:
    """Consecutive clips, as many as the bounds allow (0: no bound); a clip beyond the bound of frames goes alone."""
    batches: list[list[int]] = []
    room = 0
    for index in order:
        full = not batches or len(batches[-1]) == max_clips
        if full or (max_frames and lengths[index] > room):
            batches.append([])
            room = max_frames
        batches[-1].append(index)
        room -= lengths[index]
    return [tuple(batch) for batch in batches]


def _dealt(batches: Sequence[tuple[int, ...]], world: int) -> list[tuple[tuple[int, ...], ...]]:
    """The last batches, cut until each process has one, or nothing where their clips do not suffice for that.

    A part of a batch is within the bounds that the batch is within.
    """
    shares = list(batches)
    while len(shares) < world:
        place = max(range(len(shares)), key=lambda number: len(shares[number]))
        whole = shares[place]
        if len(whole) == 1:
            return []
        half = (len(whole) + 1) // 2
        shares[place : place + 1] = [whole[:half], whole[half:]]
    return [tuple(shares)]


def _step(rounds: tuple[tuple[tuple[int, ...], ...], ...], frames: dict[int, int]) -> Step:
    indices = [index for batches in rounds for batch in batches for index in batch]
    return Step(rounds, len(indices), sum(frames[index] for index in indices))
