"""The training loop: epochs of ragged batches, dev WER, checkpoints that a kill cannot spoil."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import torch
from torch.utils.tensorboard import SummaryWriter

from sla_cli.config import Config
from sla_cli.core.align import Counts
from sla_cli.core.normalize import Profile
from sla_cli.data.batching import Batch
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import training_batches
from sla_cli.errors import SlaError, Stopped
from sla_cli.formats.run import Run
from sla_cli.formats.store import Store
from sla_cli.log import log, progress
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.device import Placement
from sla_cli.model.distributed import Team
from sla_cli.model.network import Network
from sla_cli.train.display import Display
from sla_cli.train.evaluate import evaluate
from sla_cli.train.metrics import Epoch, Tally, best_of, is_over, write_metrics
from sla_cli.train.optim import set_rate
from sla_cli.train.out_of_memory import peak_mib
from sla_cli.train.schedule import learning_rate
from sla_cli.train.signals import Stop, listening
from sla_cli.train.state import State, load_state, save_state
from sla_cli.train.step import Setting, take_step


@dataclass(frozen=True)
class Trainer:
    """What stays the same through all epochs."""

    run: Run
    config: Config
    store: Store
    profile: Profile
    placement: Placement
    team: Team = field(default_factory=Team)

    @property
    def setting(self) -> Setting:
        return Setting(self.config, self.placement, self.team)


def train(trainer: Trainer) -> list[Epoch]:
    """Train until it is over and return all epochs' metrics.

    Goes on after the last step that was saved; every step is seeded by its number, so the result is that of a run that
    was never interrupted.

    Raises:
        SlaError: a loss, a gradient or a dev clip's log-probabilities are not finite (names the clips), memory does not
            suffice, or the saved state is not of this run.
        Stopped: by a signal; the state is saved.
    """
    config = trainer.config.train
    state, data = begin(trainer)
    with listening() as stop, _board(trainer, len(state.epochs) + 1) as board, _saved(trainer, state):
        while not is_over(state.epochs, config):
            tally = state.tally = state.tally or Tally(len(state.epochs) + 1)
            lr = _train_epoch(trainer, state, data, tally, stop)
            with state.averaged():
                dev = _score(trainer, state, stop)
            state.epochs.append(Epoch.of(tally, lr, dev, peak_mib(trainer.placement.device)))
            state.tally = None
            log.info("%s", state.epochs[-1])
            if trainer.team.leads:
                _save(trainer, state)
                board(state.epochs[-1])
            state.saved = state.moment
    return state.epochs


def begin(trainer: Trainer) -> tuple[State, ClipDataset]:
    """Model and optimiser as they were left, or fresh, and the clips to train on."""
    state, data = fresh(trainer.store, trainer.config, trainer.placement, trainer.team)
    if trainer.run.state.is_file():
        with trainer.team.agreed():
            load_state(trainer.run.state, state)
        steps = f" and {state.tally.steps} steps" if state.tally else ""
        log.info("resuming after %d of %d epochs%s", len(state.epochs), trainer.config.train.epochs, steps)
    return state, data


def fresh(store: Store, config: Config, placement: Placement, team: Team | None = None) -> tuple[State, ClipDataset]:
    """A model and optimiser at the start, and the clips to train on.

    Raises:
        SlaError: no such backbone or weights, or clips that the configuration refuses.
    """
    team = team or Team()
    torch.manual_seed(config.train.seed)
    if placement.cuda:
        torch.set_float32_matmul_precision("high" if config.train.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = config.train.tf32
    with team.agreed():
        model = Network(config, len(store.vocabulary)).to(placement.device)
        data = ClipDataset(store["train"], store.vocabulary, model.stride, config.train, config.model.image_size)
    if team.leads:
        data.warn_of_infeasible()
    return State(model, config, placement, team), data


def _train_epoch(trainer: Trainer, state: State, data: ClipDataset, tally: Tally, stop: Stop) -> float:
    """Take the steps of an epoch that are not done yet. Returns the last learning rate."""
    setting, config, team = trainer.setting, trainer.config.train, trainer.team
    plan = data.plan(tally.number, team.world)
    saved = time.monotonic()
    rates = [learning_rate(config, tally.number - 1 + done / len(plan)) for done in range(len(plan))]
    state.model.train()
    left = plan[tally.steps :]
    with (
        closing(training_batches(data, tally.number, left, trainer.placement.cuda, team.number)) as batches,
        progress(f"epoch {tally.number}/{config.epochs}", sum(step.clips for step in left)) as advance,
    ):
        display = Display(config, state.epochs, plan)
        timed = _Timed(batches, tally)
        for step in left:
            begun = time.monotonic()
            set_rate(state.optimizer, rates[tally.steps])
            outcome = take_step(step, timed, state, setting, tally.number, tally.steps + 1)
            tally.add(step, outcome.losses)
            tally.overflows += outcome.overflow
            tally.seconds += time.monotonic() - begun
            advance(step.clips, display.note(tally, peak_mib(trainer.placement.device)))
            _leave_if_asked(trainer.team, stop)
            if time.monotonic() - saved >= 60 * config.save_minutes and tally.steps < len(plan):
                saved = time.monotonic()
                if team.leads:
                    save_state(trainer.run.state, state)
                state.saved = state.moment
    return rates[-1]


class _Timed(Iterator[Batch]):
    """Batches; the time until they are there is counted as waiting."""

    def __init__(self, batches: Iterator[Batch], tally: Tally) -> None:
        self.batches, self.tally = batches, tally

    def __next__(self) -> Batch:
        begun = time.monotonic()
        try:
            return next(self.batches)
        finally:
            self.tally.waiting += time.monotonic() - begun


def _score(trainer: Trainer, state: State, stop: Stop) -> Counts:
    """Error counts on dev. A stop between clips leaves the epoch trained and not scored."""
    return evaluate(
        state.model,
        trainer.store["dev"],
        trainer.profile,
        trainer.setting,
        between=lambda: _leave_if_asked(trainer.team, stop),
    )


def _leave_if_asked(team: Team, stop: Stop) -> None:
    if team.any(stop.signal > 0):
        raise Stopped(stop.signal or signal.SIGTERM)


def _save(trainer: Trainer, state: State) -> None:
    """Weights first and the state last: what resuming trusts is never ahead of the files beside it."""
    run, glosses = trainer.run, trainer.run.glosses
    with state.averaged():
        if best_of(state.epochs) == state.epochs[-1]:
            save_weights(run.best, state.model, glosses)
        save_weights(run.last, state.model, glosses)
    write_metrics(run.metrics, state.epochs)
    save_state(run.state, state)


@contextmanager
def _saved(trainer: Trainer, state: State) -> Iterator[None]:
    """Save the state where a signal ends training; where an error does, say which state there is to go on from."""
    try:
        yield
    except Stopped as stopped:
        if not trainer.team.leads:
            raise
        save_state(trainer.run.state, state)
        state.saved = state.moment
        name = signal.Signals(stopped.signal).name
        text = f"{name}: stopped after {state.saved}; go on with `sla train --resume --name {trainer.run.path.name}`"
        raise Stopped(stopped.signal, text) from stopped
    except SlaError as error:
        if state.saved:
            error.hint += f" The state after {state.saved} is kept in {trainer.run.path}."
        raise


@contextmanager
def _board(trainer: Trainer, first: int) -> Iterator[Callable[[Epoch], None]]:
    """TensorBoard's event files, from the epoch `first` on."""
    if not trainer.team.leads:
        yield lambda epoch: None
        return
    with SummaryWriter(str(trainer.run.tensorboard), purge_step=first) as writer:

        def write(epoch: Epoch) -> None:
            for name, value in epoch.scalars().items():
                writer.add_scalar(name, value, epoch.number)

        yield write
