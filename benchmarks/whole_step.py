"""A whole training step on synthetic frames: pixels, backbone, head, losses, checks and the optimiser.

Reading a batch and copying it to the device are not part of it: training does both while the previous step computes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np

from sla_cli.config.settings import Config
from sla_cli.data.augment import PixelTransform
from sla_cli.data.batching import Sample, collate
from sla_cli.data.epoch_plan import Step
from sla_cli.model.device import Placement
from sla_cli.model.network import Network
from sla_cli.train.state import State
from sla_cli.train.step import take_step

GLOSSES, FRAMES_A_GLOSS = 1200, 16  # about as many as in Phoenix2014


def whole_step(network: Network, config: Config, placement: Placement, clips: list[int]) -> Callable[[], object]:
    """A function that runs the next step of one epoch, always on the same batch."""
    state = State(network, config, placement)
    rng, side = np.random.default_rng(0), round(config.model.image_size / config.train.crop)
    samples = []
    for number, frames in enumerate(clips):
        pictures = rng.integers(0, 256, (frames, side, side, 3), np.uint8)
        glosses = rng.integers(1, GLOSSES + 1, max(1, frames // FRAMES_A_GLOSS))
        samples.append(Sample(str(number), pictures, PixelTransform(), tuple(glosses.tolist())))
    batch = collate(samples).to(placement.device)
    plan = Step(((tuple(range(len(clips))),),), len(clips), sum(clips))
    numbers = count(1)
    return lambda: take_step(plan, iter([batch]), state, 1, next(numbers))
