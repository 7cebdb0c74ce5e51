"""The training loop: epochs of ragged batches, dev WER, checkpoints that a kill cannot spoil."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch.utils.tensorboard import SummaryWriter

from sla_cli.config import Config
from sla_cli.core.align import Counts, align, count
from sla_cli.core.ctc import check_log_probs, greedy
from sla_cli.core.normalize import Profile
from sla_cli.data.batching import Batch, to_pixels
from sla_cli.data.dataset import ClipDataset, training_batches
from sla_cli.emit import emissions_of
from sla_cli.errors import SlaError, some
from sla_cli.formats.emissions import Emission
from sla_cli.formats.run import Run
from sla_cli.formats.store import Split, Store
from sla_cli.log import log, progress
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.device import Placement
from sla_cli.model.recognizer import Recognizer
from sla_cli.train.losses import losses
from sla_cli.train.metrics import Epoch, write_metrics
from sla_cli.train.state import State, load_state, save_state

SMALLEST_SCALE = 2.0**-10  # of the loss in fp16: halved by each overflow from 65536, doubled after 2000 good steps


@dataclass(frozen=True)
class Trainer:
    """What stays the same through all epochs."""

    run: Run
    config: Config
    store: Store
    profile: Profile
    placement: Placement


def train(trainer: Trainer) -> list[Epoch]:
    """Train to the last epoch and return all epochs' metrics.

    Goes on after the last finished epoch where there is one; every epoch is seeded by its number, so the result
    is that of a run that was never interrupted.

    Raises:
        SlaError: a loss or a dev clip's log-probabilities are not finite (names the clips), or the saved state is
            not of this run.
    """
    config, glosses = trainer.config, trainer.run.glosses
    torch.manual_seed(config.train.seed)
    model = Recognizer(config, len(glosses)).to(trainer.placement.device)
    state = State(model, config.train, trainer.placement)
    if trainer.run.state.is_file():
        load_state(trainer.run.state, state)
        log.info("resuming after epoch %d of %d", len(state.epochs), config.train.epochs)
    first = len(state.epochs) + 1
    data = ClipDataset(trainer.store["train"], glosses, model.stride, config.train, config.model.image_size)
    with SummaryWriter(str(trainer.run.tensorboard), purge_step=first) as board:
        for number in range(first, config.train.epochs + 1):
            state.epochs.append(_epoch(number, trainer, state, data))
            _save(trainer, state)
            for name, value in state.epochs[-1].scalars().items():
                board.add_scalar(name, value, number)
    return state.epochs


def _epoch(number: int, trainer: Trainer, state: State, data: ClipDataset) -> Epoch:
    """Train one epoch, score dev."""
    torch.manual_seed(trainer.config.train.seed * 100_003 + number)
    lr = state.set_lr(number)
    begun, sums, clips, frames = time.monotonic(), dict[str, float](), 0, 0
    state.model.train()
    with progress(f"epoch {number}/{trainer.config.train.epochs}", len(data)) as advance:
        for batch in training_batches(data, number, trainer.placement.cuda):
            parts = _step(batch, trainer, state, number)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value * len(batch.ids)
            clips, frames = clips + len(batch.ids), frames + int(batch.lengths.sum())
            advance(len(batch.ids), f"loss {sums['loss'] / clips:.2f}")
    seconds = time.monotonic() - begun
    counts = evaluate(state.model, trainer.store["dev"], trainer)
    epoch = Epoch(number, lr, {k: v / clips for k, v in sums.items()}, counts, frames / seconds, seconds)
    log.info("%s", epoch)
    return epoch


def _step(batch: Batch, trainer: Trainer, state: State, epoch: int) -> dict[str, float]:
    """One optimiser step. Returns the loss and its parts, means over the batch."""
    model, config = state.model, trainer.config
    pixels = to_pixels(
        batch,
        crop=config.train.crop,
        size=config.model.image_size,
        mean=model.backbone.mean,
        std=model.backbone.std,
        device=trainer.placement.device,
    )
    with trainer.placement.autocast():
        logits = model(pixels, batch.lengths)
    result = losses(logits, batch.targets.to(pixels.device), batch.target_lengths.to(pixels.device), config.loss)
    if not (torch.isfinite(result.total) and torch.isfinite(result.clips).all()):
        _refuse(batch, result.clips, trainer, epoch)
    state.optimizer.zero_grad(set_to_none=True)
    state.scaler.scale(result.total).backward()
    state.scaler.step(state.optimizer)
    state.scaler.update()
    if state.scaler.get_scale() < SMALLEST_SCALE:
        raise SlaError(
            f"gradients overflow fp16 at every loss scale in epoch {epoch}, last for clips {some(batch.ids)}",
            "Use --set train.precision=bf16 or fp32, or a lower --lr.",
        )
    return {"loss": result.total.item(), **{name: value.item() for name, value in result.parts.items()}}


def _refuse(batch: Batch, clips: torch.Tensor, trainer: Trainer, epoch: int) -> None:
    bad = [name for name, value in zip(batch.ids, clips.tolist(), strict=True) if not abs(value) < float("inf")]
    where = f"clips {some(bad)}" if bad else f"the batch of clips {some(batch.ids)}"
    kept = f" The state after epoch {epoch - 1} is kept in {trainer.run.path}." if epoch > 1 else ""
    raise SlaError(
        f"the loss is not finite in epoch {epoch} for {where}",
        "Look at these clips; a lower --lr or --set train.precision=fp32 helps where training diverges." + kept,
    )


def evaluate(model: Recognizer, split: Split, trainer: Trainer) -> Counts:
    """Pooled error counts of greedy decoding on a split, under the corpus's scoring profile.

    Raises:
        SlaError: a clip's log-probabilities are NaN or infinite.
    """
    total = Counts()
    references, glosses = split.references(), trainer.run.glosses
    with progress(f"scoring {split.name}", len(split)) as advance:
        for emission in emissions_of(model, split, trainer.config, trainer.placement):
            _check(emission, len(glosses))
            words = [glosses[label - 1] for label, _, _ in greedy(emission.log_probs)]
            reference = trainer.profile.reference(references[emission.id])
            total = total + count(align(reference, trainer.profile.hypothesis(words)))
            advance()
    return total


def _check(emission: Emission, glosses: int) -> None:
    """Weights that the last step spoiled show here, before they are saved over good ones."""
    try:
        check_log_probs(emission.log_probs, glosses + 1)
    except SlaError as error:
        raise SlaError(f"clip {emission.id}: {error.message}", error.hint) from error


def _save(trainer: Trainer, state: State) -> None:
    """Weights first and the state last: what resuming trusts is never ahead of the files beside it."""
    best = min(state.epochs, key=lambda epoch: (epoch.dev.wer, epoch.number))
    if best.number == len(state.epochs):
        save_weights(trainer.run.best, state.model, trainer.run.glosses)
    save_weights(trainer.run.last, state.model, trainer.run.glosses)
    write_metrics(trainer.run.metrics, state.epochs)
    save_state(trainer.run.state, state)
