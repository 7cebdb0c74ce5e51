"""A store's split as input of training and evaluation: seed and epoch alone determine frames and augmentation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from sla_cli.config.settings import Config, TrainConfig
from sla_cli.core.counted import counted
from sla_cli.core.ctc import feasible, minimum_steps, output_steps
from sla_cli.data.augment import View, kept_transform, known_frames, random_view, view_length
from sla_cli.data.batching import Sample
from sla_cli.data.epoch_plan import Step, plan_epoch
from sla_cli.data.seen import SeenClips
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.store.clips import Split, StoredClip
from sla_cli.store.codec import reduction


class ClipDataset(Dataset[Sample]):
    """Clips by (epoch, index), as training shows them.

    Args:
        vocabulary: glosses; vocabulary[i] is target i + 1.
        stride: video frames per output step of the model.
        image_size: side of the model's input in pixels. Frames are decoded at the smallest size whose crop has that
            many; by default at their full size.
    """

    def __init__(
        self, split: Split, vocabulary: Sequence[str], stride: int, config: TrainConfig, image_size: int = 1 << 16
    ) -> None:
        self.split, self.stride, self.config = split, stride, config
        self.reduce = reduction(split.size, config.crop, image_size)
        self.numbers = {gloss: number for number, gloss in enumerate(vocabulary, start=1)}

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return self.batch([key])[0][0]

    def batch(self, keys: Sequence[tuple[int, int]]) -> tuple[list[Sample], Tensor]:
        """Clips whose frames are consecutive in a tensor: uint8 (all frames, height, width, 3).

        Raises FormatError if a frame does not decode.
        """
        shown = [self.shown(key) for key in keys]
        side, lengths = -(-self.split.size // self.reduce), [len(view.frames) for _, view, _ in shown]
        frames, samples = _empty_frames((sum(lengths), side, side, 3)), []
        parts = np.split(frames.numpy(), np.cumsum(lengths)[:-1])
        for (clip, view, targets), part in zip(shown, parts, strict=True):
            clip.read_into(part, view.frames.tolist(), self.reduce)
            samples.append(Sample(clip.id, part, view.transform, targets, view.shown))
        return samples, frames

    def shown(self, key: tuple[int, int]) -> tuple[StoredClip, View, tuple[int, ...]]:
        """A clip, how an epoch shows it, and its targets."""
        index = key[1]
        view = random_view(*self._lengths(index), self.stride, self.config, self._rng(*key))
        targets = self._targets(index)
        known = known_frames(self.split.lengths[index], targets, self.split.times[index], self.split.clip_fps[index])
        seen = view.of(known)
        if known is not None and self._signed_steps(seen) < self._least(index):
            seen = view.of(None)  # CTC could not place the glosses; such times are not where signs are
        return self.split[index], seen, targets

    def plan(self, epoch: int, world: int = 1) -> list[Step]:
        """The optimiser steps of an epoch. Raises SlaError if clips are too few for the processes."""
        skip = self.config.infeasible == "skip"
        indices = [index for index in range(len(self)) if not skip or self._fits(index)]
        lengths = [
            view_length(*self._lengths(index), self.stride, self.config, self._rng(epoch, index)) for index in indices
        ]
        steps = plan_epoch(indices, lengths, self.config, epoch, world)
        if not steps:
            clips = counted(len(indices), "clip to train on is", "clips to train on are")
            hint = "--set train.infeasible=stretch trains on those too that are too short for their glosses."
            raise SlaError(f"{clips} too few for {counted(world, 'process')}", hint if len(indices) < len(self) else "")
        return steps

    def log_facts(self) -> None:
        """Log which clips are too short for their glosses, and what is done with them.

        Also of how many the annotation says when each gloss is signed, which training uses.
        """
        if timed := sum(map(bool, self.split.times)):
            log.info("%d of %s have times of their glosses, which training uses", timed, counted(len(self), "clip"))
        if short := self._short():
            treatment = "left out" if self.config.infeasible == "skip" else "frames are repeated in them"
            log.warning("%s, %s: %s", self._too_short(short), treatment, some(short))

    def check_fits(self) -> None:
        """Raise SlaError if clips are too short for their glosses, and the configuration refuses them."""
        if self.config.infeasible == "refuse" and (short := self._short()):
            fault = f"{self._too_short(short)}: {some(short)}"
            raise SlaError(fault, "--set train.infeasible=skip leaves them out.")

    def _short(self) -> list[str]:
        return [self.split.ids[index] for index in range(len(self)) if not self._fits(index)]

    def _too_short(self, short: Sequence[str]) -> str:
        return f"{counted(len(short), 'clip is', 'clips are')} too short for the glosses at stride {self.stride}"

    def _signed_steps(self, seen: View) -> int:
        """Output steps in which a view shows signs."""
        return 0 if seen.shown is None else np.count_nonzero((seen.shown > 0).reshape(-1, self.stride).any(1))

    def _fits(self, index: int) -> bool:
        return feasible(output_steps(self.split.lengths[index], self.stride), self._targets(index))

    def _lengths(self, index: int) -> tuple[int, int]:
        """The number of frames of a clip, and the number that CTC needs for its glosses."""
        return self.split.lengths[index], self._least(index) * self.stride

    def _least(self, index: int) -> int:
        """Output steps that CTC needs for the glosses of a clip."""
        return minimum_steps(self._targets(index))

    def _targets(self, index: int) -> tuple[int, ...]:
        return tuple(self.numbers[gloss] for gloss in self.split.glosses[index])

    def _rng(self, epoch: int, index: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, epoch, index))


class SeenDataset(ClipDataset):
    """Some clips of a split as a run sees them, all frames and the centre crop, by (0, position in `indices`).

    Args:
        held: for how many more frames the first and the last frame of each are shown.
        view: number of the view, as in `kept_transform`; 0 is the centre crop.
    """

    def __init__(
        self, clips: SeenClips, indices: Sequence[int], stride: int, config: Config, held: int = 0, view: int = 0
    ) -> None:
        super().__init__(clips.split, (), stride, config.train, config.model.image_size)
        self.clips, self.indices, self.held, self.view = clips, indices, held, view

    def __len__(self) -> int:
        return len(self.indices)

    def shown(self, key: tuple[int, int]) -> tuple[StoredClip, View, tuple[int, ...]]:
        index = self.indices[key[1]]
        frames = np.pad(self.clips.frames(index), self.held, mode="edge")
        return self.split[index], View(frames, kept_transform(self.view, index, self.config)), ()


def _empty_frames(shape: tuple[int, ...]) -> Tensor:
    """uint8 memory for a batch; in a worker it is shared, so that training reads it without a copy."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    try:
        storage = torch.UntypedStorage._new_shared(math.prod(shape))
    except RuntimeError as error:
        more = "Give the container more (docker run --ipc=host, or --shm-size)"
        hint = f"{more}; `sla train` also takes --set train.workers=0."
        raise SlaError(f"too little shared memory for a batch of {math.prod(shape):,} bytes", hint) from error
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)
