"""One optimiser step: forward and backward over its batches, then checks, then the update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sla_cli.config import Config
from sla_cli.data.batching import Batch, to_pixels
from sla_cli.data.sampling import Step
from sla_cli.errors import some
from sla_cli.model.device import Placement
from sla_cli.model.distributed import Team
from sla_cli.train.losses import Losses, Whole, losses
from sla_cli.train.optim import gradient_norm, named_culprits
from sla_cli.train.out_of_memory import memory_suffices
from sla_cli.train.state import State

DIVERGES = (
    "Look at these clips; where training diverges, a new run with a lower --lr, --set train.clip_norm=1 or "
    "--precision fp32 helps."
)
SMALLEST_SCALE = 2.0**-10  # of the loss in fp16: halved by each overflow from 65536, doubled after 2000 good steps


@dataclass(frozen=True)
class Setting:
    """What a step depends on beside the state and the data."""

    config: Config
    placement: Placement
    team: Team


@dataclass(frozen=True)
class Outcome:
    """losses: `loss` and its unweighted parts, means over the step's clips; overflow: fp16 left the update out."""

    losses: dict[str, float]
    overflow: bool


def take_step(plan: Step, batches: Iterator[Batch], state: State, setting: Setting, epoch: int, number: int) -> Outcome:
    """Train on the batches of a step, which are taken from `batches`. Its random numbers depend on its number alone.

    Raises:
        SlaError: a loss or a gradient is not finite (names the clips), or memory does not suffice. The weights are
            those before the step.
    """
    state.optimizer.zero_grad(set_to_none=True)
    where, parts = f"in epoch {epoch} at step {number}", list[dict[str, Tensor]]()
    seen, frames = list[str](), 0
    for round_number in range(1, len(plan.rounds) + 1):
        batch = next(batches)
        seen, frames = [*seen, *batch.ids], frames + int(batch.lengths.sum())
        torch.manual_seed(_seed(setting.config.train.seed, epoch, number, round_number, setting.team.number))
        with (
            memory_suffices(batch.ids, int(batch.lengths.sum()), setting.config),
            setting.team.exchanges(state.forward, now=round_number == len(plan.rounds)),
        ):
            result = _forward(batch, plan, state, setting)
            _check_loss(result, batch, setting.team, where)
            # The mean over processes that the team makes of gradients is to be a sum.
            state.scaler.scale(result.total * setting.team.world).backward()
        parts.append({"loss": result.total.detach(), **result.parts})
    with memory_suffices(seen, frames, setting.config):  # Adam takes its own at the first step
        overflow = _update(state, setting, where, seen)
    sums = setting.team.sum(torch.stack([torch.stack(list(part.values())) for part in parts]).sum(0))
    return Outcome(dict(zip(parts[0], sums.tolist(), strict=True)), overflow)


def _forward(batch: Batch, plan: Step, state: State, setting: Setting) -> Losses:
    model, config, device = state.model, setting.config, setting.placement.device
    pixels = to_pixels(batch, crop=config.train.crop, size=config.model.image_size, like=model.backbone, device=device)
    with setting.placement.autocast():
        logits = state.forward(pixels, batch.lengths)
    whole = Whole(plan.clips, plan.frames // model.stride)  # a training clip's frames are whole steps
    return losses(logits, batch.targets.to(device), batch.target_lengths.to(device), config.loss, whole)


def _check_loss(result: Losses, batch: Batch, team: Team, where: str) -> None:
    finite = bool(torch.isfinite(result.total) & torch.isfinite(result.clips).all())
    if not team.any(not finite):
        return
    bad = [name for name, value in zip(batch.ids, result.clips.tolist(), strict=True) if not abs(value) < float("inf")]
    clips = team.gather(bad if bad or finite else list(batch.ids))
    raise team.refusal(
        f"the loss is not finite {where} for clips {some(clips)}",
        DIVERGES,
    )


def _update(state: State, setting: Setting, where: str, clips: list[str]) -> bool:
    """Let the optimiser move, unless a gradient is not finite. Returns whether fp16 overflowed and nothing moved."""
    scaler, bound = state.scaler, setting.config.train.clip_norm
    scaler.unscale_(state.optimizer)
    trained = [value for value in state.model.parameters() if value.requires_grad]
    norm = gradient_norm(trained)
    finite = bool(norm.isfinite())
    if not finite and not scaler.is_enabled():
        culprits = some(named_culprits(state.model), 3) or "all parameters together"
        raise setting.team.refusal(
            f"the gradient of {culprits} is not finite {where}, with clips {some(setting.team.gather(clips))}",
            DIVERGES,
        )
    if bound and finite:
        torch.nn.utils.clip_grads_with_norm_(trained, bound, norm)
    scaler.step(state.optimizer)
    scaler.update()
    if scaler.is_enabled() and scaler.get_scale() < SMALLEST_SCALE:
        raise setting.team.refusal(
            f"gradients overflow fp16 at every loss scale {where}, last with clips {some(setting.team.gather(clips))}",
            "In a new run, use --precision bf16 or fp32, or a lower --lr.",
        )
    if state.ema and finite:
        state.ema.update(state.model)
    return not finite


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
