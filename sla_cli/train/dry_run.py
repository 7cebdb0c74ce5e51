"""The cost of a run: parameters, and memory and time measured on two real steps. Nothing is written."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import replace

import torch

from sla_cli.config.settings import Config, EmitConfig
from sla_cli.data.batching import Batch, to_pixels
from sla_cli.data.loading import training_batches
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.store.store import Store
from sla_cli.train.keep_features import features_to_keep
from sla_cli.train.loop import initial_state
from sla_cli.train.out_of_memory import peak_mib
from sla_cli.train.results import Forecast, Module
from sla_cli.train.state import State
from sla_cli.train.step import take_step
from sla_cli.work.run_facts import InitFrom

NAMES = {"conv": "temporal convolutions", "sequence": "LSTM", "frame_classifier": "frame classifier"}


def dry_run(store: Store, config: Config, device: str = "auto", begin: InitFrom | None = None) -> Forecast:
    """Run two steps on the largest batches of the first epoch; the second is timed, without loading.

    Args:
        begin: the run from whose weights it starts, from `init_from`.

    Raises:
        SlaError: as in training: weights, clips, disk, memory, losses.
    """
    placement = place(device, config.train.precision, config.train.half)
    state, data, copied = initial_state(store, config, placement, begin=begin)
    if config.train.keep_views:
        features_to_keep(store, state.model, config, placement)  # refuses a disk that is too small
    plan = data.plan(1)
    fullest = max(plan, key=lambda step: step.frames)
    state.model.train()
    with closing(training_batches(data, 1, [fullest, fullest], placement.cuda)) as batches:
        for number in (1, 2):  # the first step allocates
            loaded = [next(batches) for _ in fullest.rounds]
            begun = time.monotonic()
            if config.train.keep_views:
                loaded = [_as_features(batch, state) for batch in loaded]
            once = (time.monotonic() - begun) / fullest.frames
            begun = time.monotonic()
            take_step(fullest, iter(loaded), state, 1, number)
            seconds = time.monotonic() - begun
    frames = sum(step.frames for step in plan)
    epoch = seconds * frames / fullest.frames
    views = config.train.keep_views
    features = once * (views * sum(store["train"].lengths) + sum(store["dev"].lengths)) if views else 0.0
    return Forecast(
        modules=modules_of(state.model),
        device=str(placement.device),
        precision=str(placement.dtype).removeprefix("torch."),
        clips=sum(step.clips for step in plan),
        frames=frames,
        steps=len(plan),
        heaviest=fullest.frames,
        memory_mib=peak_mib(placement.device),
        step_seconds=seconds,
        epoch_seconds=epoch,
        features_seconds=features,
        run_seconds=features + epoch * config.train.epochs,
        init_from=copied,
    )


def _as_features(batch: Batch, state: State) -> Batch:
    """The batch with its features in place of frames, as they are kept."""
    config, backbone, device = state.config, state.model.backbone, state.placement.device
    with torch.no_grad(), state.placement.autocast():
        size = config.model.image_size
        pixels = to_pixels(batch, crop=config.train.crop, size=size, like=backbone, device=device)
        return replace(batch, frames=backbone(pixels, batch.lengths, EmitConfig.chunk).half().cpu())


def modules_of(model: Network) -> tuple[Module, ...]:
    """The parts of the model; the backbone counts as two: its frozen weights, and what is added to them."""
    total, trained = Counter[str](), Counter[str]()
    for name, value in model.named_parameters():
        part = name.partition(".")[0]
        if part == "backbone":
            part = "backbone, adapted" if value.requires_grad else "backbone, frozen"
        part = NAMES.get(part, part)
        total[part] += value.numel()
        trained[part] += value.numel() * value.requires_grad
    return tuple(Module(part, total[part], trained[part]) for part in total)
