"""One optimiser step: forward and backward over its batches, then checks, then the update."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sla_cli.data.batching import Batch, to_pixels
from sla_cli.data.epoch_plan import Step
from sla_cli.errors import some
from sla_cli.model.distributed import ProcessGroup
from sla_cli.train.losses import Losses, losses
from sla_cli.train.optim import gradient_norms, non_finite_gradients
from sla_cli.train.out_of_memory import memory_suffices, named_clips
from sla_cli.train.state import State

DIVERGES = (
    "Check these clips. If the loss keeps growing, start a new run with a lower --lr, --set train.clip_norm=1 "
    "or --precision fp32."
)
SMALLEST_SCALE = 2.0**-10  # of the loss in fp16: from 65536 each overflow halves it, 2000 good steps double it


@dataclass(frozen=True)
class StepResult:
    """The result of a step.

    Attributes:
        losses: `loss` and its unweighted parts, means over the step's clips.
        gradient: norms by part of the model, and of `all`, before clipping.
        blank: share of the output steps in which the blank is most probable.
        overflow: whether there was no update because of fp16 overflow.
    """

    losses: dict[str, float]
    gradient: dict[str, float]
    blank: float
    overflow: bool = False

    def scalars(self, lr: float) -> dict[str, float]:
        """Name to value, with the step's learning rate; names with the same start share a chart in TensorBoard."""
        return {
            **{f"step/{name}": value for name, value in self.losses.items()},
            "step/lr": lr,
            "step/blank": self.blank,
            **{f"gradient/{name}": value for name, value in self.gradient.items()},
        }


def take_step(plan: Step, batches: Iterator[Batch], state: State, epoch: int, number: int) -> StepResult:
    """Train on the next batches of `batches`. Random numbers of a step depend only on its epoch and number.

    Raises:
        SlaError: a loss or a gradient is not finite (names the clips), or there is not enough memory. The weights are
            those before the step.
    """
    state.optimizer.zero_grad(set_to_none=True)
    where, rounds, frames = f"in epoch {epoch} at step {number}", list[_Round](), 0
    for round_number in range(1, len(plan.rounds) + 1):
        batch = next(batches)
        frames += int(batch.lengths.sum())
        seed = np.random.SeedSequence((state.config.train.seed, epoch, number, round_number, state.group.rank))
        torch.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        with (
            memory_suffices(batch.ids, int(batch.lengths.sum()), state.config),
            state.group.sync_gradients(state.forward, now=round_number == len(plan.rounds)),
        ):
            result, blank = _forward(batch, plan, state)
            # The group averages gradients over its processes, but the loss needs their sum.
            state.scaler.scale(result.total * state.group.world_size).backward()
        parts = {"loss": result.total.detach(), **result.parts}
        rounds.append(_Round(batch.ids, result.clips, parts, blank))
    seen = [name for one in rounds for name in one.ids]
    with memory_suffices(seen, frames, state.config):  # Adam allocates its state at the first step
        measured, norm = _measure(rounds, state)
        _check_loss(measured, rounds, state.group, where)
        return replace(measured, overflow=_update(state, measured, norm, where, seen))


@dataclass(frozen=True)
class _Round:
    """The part of the step from one batch, on the device.

    Attributes:
        ids: of its clips.
        clips: (clips,), their CTC losses.
        parts: the loss and its parts.
        blank: share of the step's output steps that are in this batch and in which the blank is most probable.
    """

    ids: tuple[str, ...]
    clips: Tensor
    parts: dict[str, Tensor]
    blank: Tensor


def _measure(rounds: list[_Round], state: State) -> tuple[StepResult, Tensor]:
    """Losses of all processes and norms of the gradient, in one transfer: the host waits only here in a step.

    Also the norm of the whole gradient on the device.
    """
    state.scaler.unscale_(state.optimizer)
    norms = gradient_norms(state.model)
    sums = state.group.sum(torch.stack([torch.stack([*one.parts.values(), one.blank]) for one in rounds]).sum(0))
    values = torch.cat((sums, torch.stack(list(norms.values())).to(sums))).tolist()
    *losses, blank = values[: len(sums)]
    gradient = dict(zip(norms, values[len(sums) :], strict=True))
    return StepResult(dict(zip(rounds[0].parts, losses, strict=True)), gradient, blank), norms["all"]


def _forward(batch: Batch, plan: Step, state: State) -> tuple[Losses, Tensor]:
    """The losses, and the share of the step's output steps that are blank here."""
    model, config, device = state.model, state.config, state.placement.device
    if batch.has_features:
        seen = batch.frames.to(device, non_blocking=True)
    else:
        size = config.model.image_size
        seen = to_pixels(batch, crop=config.train.crop, size=size, like=model.backbone, device=device)
    with state.placement.autocast():
        logits = state.forward(seen, batch.lengths)
    totals = plan.clips, plan.frames // model.stride  # the length of a training clip is a multiple of the stride
    blank = (logits.sequence.detach().argmax(-1) == 0).sum() / totals[1]
    shown = batch.shown.to(device) if batch.shown is not None else None
    return losses(logits, batch.targets.to(device), batch.target_lengths, config.loss, totals, shown), blank


def _check_loss(measured: StepResult, rounds: list[_Round], group: ProcessGroup, where: str) -> None:
    """All processes check the same loss, so all end."""
    if math.isfinite(measured.losses["loss"]):
        return
    bad = list[str]()
    for one in rounds:
        spoilt = [name for name, loss in zip(one.ids, one.clips.tolist(), strict=True) if not math.isfinite(loss)]
        finite = math.isfinite(float(one.parts["loss"]))
        bad += spoilt if spoilt or finite else one.ids
    raise group.refusal(f"the loss is not finite {where} for {named_clips(group.gather(bad))}", DIVERGES)


def _update(state: State, measured: StepResult, norm: Tensor, where: str, clips: list[str]) -> bool:
    """Update the weights, unless a gradient is not finite. Returns whether fp16 overflowed, which skips the update."""
    scaler, bound = state.scaler, state.config.train.clip_norm
    finite = math.isfinite(measured.gradient["all"])
    if not finite and not scaler.is_enabled():
        names = some(non_finite_gradients(state.model), 3) or "all parameters together"
        raise state.group.refusal(
            f"the gradient of {names} is not finite {where}, with {named_clips(state.group.gather(clips))}", DIVERGES
        )
    if bound and finite:
        trained = [value for value in state.model.parameters() if value.requires_grad]
        torch.nn.utils.clip_grads_with_norm_(trained, bound, norm)
    scaler.step(state.optimizer)
    scaler.update()
    if scaler.is_enabled() and not finite and scaler.get_scale() < SMALLEST_SCALE:
        raise state.group.refusal(
            f"gradients overflow fp16 at every loss scale {where}, last with {named_clips(state.group.gather(clips))}",
            "In a new run, use --precision bf16 or fp32, or a lower --lr.",
        )
    if state.average and finite:
        state.average.after_step()
    return not finite
