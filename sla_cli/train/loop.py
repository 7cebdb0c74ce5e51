"""The training loop: epochs of batches with clips of different lengths, dev WER, and checkpoints for resuming."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch.utils.tensorboard import SummaryWriter

from sla_cli.artifact.sole_writer import Hold
from sla_cli.config.settings import Config, TrainConfig
from sla_cli.core.counted import counted
from sla_cli.core.normalize import Profile
from sla_cli.data.augment import check_lengths
from sla_cli.data.batching import Batch
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.kept import KeptDataset
from sla_cli.data.loading import on_device, training_batches
from sla_cli.data.seen import SeenClips, see
from sla_cli.errors import SlaError, Stopped
from sla_cli.log import log, progress
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.compiling import compile_for_training
from sla_cli.model.device import Placement, place, set_tf32
from sla_cli.model.distributed import ALONE, ProcessGroup
from sla_cli.model.network import Network
from sla_cli.model.weight_memory import copies_in_training
from sla_cli.store.store import Store
from sla_cli.system.atomic import write_text
from sla_cli.train.evaluate import evaluate
from sla_cli.train.fit_scorer import check_placeable
from sla_cli.train.init_from import copy_weights
from sla_cli.train.keep_features import check_keeps, features_to_keep, keep_features
from sla_cli.train.metrics import Epoch, UnfinishedEpoch, best_of, status_line, write_metrics
from sla_cli.train.optim import learning_rate, set_rate
from sla_cli.train.out_of_memory import peak_mib
from sla_cli.train.results import CopiedWeights
from sla_cli.train.signals import StopRequest, catching_signals, stopped_after
from sla_cli.train.state import State, load_state, save_state
from sla_cli.train.step import take_step
from sla_cli.train.step_log import StepLog
from sla_cli.train.weight_average import check_average
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, InitFrom


@dataclass(frozen=True)
class TrainSetup:
    """The run that is trained, and with what: all that stays the same during training.

    Attributes:
        hold: the lock on the run; None in all but the main process.
    """

    run: Run
    config: Config
    store: Store
    profile: Profile
    placement: Placement
    group: ProcessGroup = ALONE
    hold: Hold | None = None

    def check_hold(self) -> None:
        """Raise SlaError if another process has taken the run: call it before each write."""
        if self.hold is not None:
            self.hold.check()


def train(setup: TrainSetup) -> list[Epoch]:
    """Train to the end and return the metrics of all epochs.

    Continues after the last step that was saved. Every step has its own random seed, so the result equals that of an
    uninterrupted run.

    Raises:
        SlaError: a loss, a gradient or a dev clip's log-probabilities are not finite (names the clips), there is not
            enough memory, the saved state does not belong to this run, or another process has taken the run.
        Stopped: by a signal; the state is saved.
    """
    config, group = setup.config.train, setup.group
    begin = None if setup.run.state.is_file() else setup.run.facts.init_from
    state, data, copied = initial_state(setup.store, setup.config, setup.placement, group, begin)
    if copied is not None and group.is_main:
        log.info("%s", copied)
        write_text(setup.run.copied, json.dumps(asdict(copied), indent=1) + "\n")
    if setup.run.state.is_file():
        with group.agreed():
            load_state(setup.run.state, state)
            _write_again(setup, state)
        steps = f" and {counted(state.unfinished.steps, 'step')}" if state.unfinished else ""
        log.info("resuming after %d of %s%s", len(state.epochs), counted(config.epochs, "epoch"), steps)
    with group.agreed():  # dev as `sla emit` sees it
        clips = see(setup.store["dev"], FrameFormat.of(setup.store["train"]))
    first = len(state.epochs) + 1
    writer = SummaryWriter(str(setup.run.tensorboard), purge_step=first) if group.is_main else nullcontext()
    within = StepLog(setup.run, _clips_seen(state, data), setup.check_hold) if group.is_main else nullcontext()
    with (
        _told_once(),
        catching_signals() as stop,
        writer as board,
        within as step_log,
        _saved_when_stopped(setup, state),
    ):
        between, kept_dev = partial(_stop_if_requested, group, stop), None
        if config.keep_views and not should_stop(state.epochs, config):
            kept, kept_dev = keep_features(state, setup.store, between)
            data = KeptDataset(setup.store["train"], setup.store.vocabulary, state.model.stride, config, kept)
        while not should_stop(state.epochs, config):
            running = state.unfinished = state.unfinished or UnfinishedEpoch(len(state.epochs) + 1)
            lr = _train_epoch(setup, state, data, running, stop, step_log)
            if state.average:
                state.average.after_epoch(running.number)
            with state.averaged():
                # After a stop between clips the epoch is trained but not scored.
                dev = evaluate(state, clips, setup.profile, between, kept_dev)
            state.epochs.append(Epoch.of(running, lr, dev, peak_mib(setup.placement.device)))
            state.unfinished = None
            log.info("%s", state.epochs[-1])
            _save(setup, state)
            if board is not None:  # in the main process
                for name, value in state.epochs[-1].scalars().items():
                    board.add_scalar(name, value, len(state.epochs))
    return state.epochs


def should_stop(epochs: Sequence[Epoch], config: TrainConfig) -> bool:
    """Whether all epochs are done, or the last `patience` epochs did not improve dev WER."""
    if len(epochs) >= config.epochs:
        return True
    return bool(config.patience and epochs) and len(epochs) - best_of(epochs).number >= config.patience


def initial_state(
    store: Store,
    config: Config,
    placement: Placement,
    group: ProcessGroup = ALONE,
    begin: InitFrom | None = None,
) -> tuple[State, ClipDataset, CopiedWeights | None]:
    """Model and optimiser at the start of training, the clips to train on, and what was copied from another run.

    Args:
        begin: the run from whose weights it starts.

    Raises:
        SlaError: no such backbone or weights, clips that the configuration refuses, or a compiler that it requires and
            that does not work.
    """
    torch.manual_seed(config.train.seed)
    # In half precision only the head is in float32, in every case.
    set_tf32(placement, config.train.tf32 and placement.dtype == torch.float32)
    with group.agreed():
        model, data, copied = _built(store, config, placement, begin)
    if group.is_main:
        data.log_facts()
    if not config.train.keep_views:  # otherwise the backbone computes nothing in training
        compile_for_training(model.backbone, config, placement, group)
    return State(model, config, placement, group), data, copied


def check_start(store: Store, config: Config, group: ProcessGroup, begin: InitFrom | None) -> None:
    """Raise SlaError if training could not begin, as `train` does; for before a run is replaced."""
    placement = place(group.device, config.train.precision, config.train.half)
    model, data, _ = _built(store, config, placement, begin)
    data.plan(1, group.world_size)
    SeenClips(store["dev"], FrameFormat.of(store["train"]))
    if config.train.keep_views:
        features_to_keep(store, model, config, placement)
    elif config.model.compile == "on":
        compile_for_training(model.backbone, config, placement)


def _built(
    store: Store, config: Config, placement: Placement, begin: InitFrom | None
) -> tuple[Network, ClipDataset, CopiedWeights | None]:
    """As `initial_state`, in one process and without optimiser."""
    check_average(config.train)
    check_lengths(config.train)
    model = Network(config, len(store.vocabulary), copies_in_training(config), placement.device).to(placement.device)
    copied = copy_weights(begin, model, store.vocabulary) if begin is not None else None
    check_keeps(model, config)
    check_placeable(store["train"], config)
    model.backbone.cast_frozen(placement.dtype)
    data = ClipDataset(store["train"], store.vocabulary, model.stride, config.train, config.model.image_size)
    data.check_fits()
    return model, data, copied


def _clips_seen(state: State, data: ClipDataset) -> int:
    """Clips in all epochs, including the last few of an epoch that several processes may leave out."""
    return len(state.epochs) * len(data) + (state.unfinished.clips if state.unfinished else 0)


def _train_epoch(
    setup: TrainSetup,
    state: State,
    data: ClipDataset,
    running: UnfinishedEpoch,
    stop: StopRequest,
    step_log: StepLog | None,
) -> float:
    """Run the remaining steps of the epoch. Returns the last learning rate."""
    config, group = setup.config.train, setup.group
    plan = data.plan(running.number, group.world_size)
    saved = time.monotonic()
    rates = [learning_rate(config, running.number - 1 + done / len(plan)) for done in range(len(plan))]
    state.model.train()
    left = plan[running.steps :]
    with (
        closing(training_batches(data, running.number, left, setup.placement.cuda, group.rank)) as batches,
        progress(f"epoch {running.number}/{config.epochs}", sum(step.clips for step in left)) as advance,
    ):
        clips = sum(step.clips for step in plan)
        timed = _timed(on_device(batches, setup.placement.device), running)
        for step in left:
            begun = time.monotonic()
            set_rate(state.optimizer, rates[running.steps])
            result = take_step(step, timed, state, running.number, running.steps + 1)
            running.add(step, result.losses)
            running.overflows += result.overflow
            running.seconds += time.monotonic() - begun
            if step_log is not None:  # in the main process
                lr = rates[running.steps - 1]
                step_log.add(running.number, running.steps, _clips_seen(state, data), result.scalars(lr))
            advance(step.clips, status_line(running, state.epochs, config, clips, peak_mib(setup.placement.device)))
            _stop_if_requested(setup.group, stop)
            if time.monotonic() - saved >= 60 * config.save_minutes and running.steps < len(plan):
                saved = time.monotonic()
                setup.check_hold()
                save_state(setup.run.state, state)
    return rates[-1]


def _timed(batches: Iterable[Batch], running: UnfinishedEpoch) -> Iterator[Batch]:
    """The same batches; the time until each arrives is counted as waiting."""
    begun = time.monotonic()
    for batch in batches:
        running.waiting += time.monotonic() - begun
        yield batch
        begun = time.monotonic()


def _stop_if_requested(group: ProcessGroup, stop: StopRequest) -> None:
    if group.any(stop.signal > 0):
        raise Stopped(stop.signal or signal.SIGTERM)


def _save(setup: TrainSetup, state: State) -> None:
    """Write the state first, so no weights are there of an epoch that is trained again."""
    setup.check_hold()
    save_state(setup.run.state, state)
    if setup.group.is_main:
        _write_epoch(setup.run, state)


def _write_epoch(run: Run, state: State) -> None:
    """Write what the last epoch gave: weights, and last the metrics, which show that the weights are there."""
    with state.averaged():
        if best_of(state.epochs) == state.epochs[-1]:
            save_weights(run.best, state.model, run.glosses)
        save_weights(run.last, state.model, run.glosses)
    write_metrics(run.metrics, state.epochs)


def _write_again(setup: TrainSetup, state: State) -> None:
    """Write what the last epoch gave if training was killed after it had written the state."""
    if setup.group.is_main and state.epochs and not state.unfinished:
        file = setup.run.metrics
        rows = file.read_bytes().count(b"\n") - 1 if file.is_file() else 0
        if rows < len(state.epochs):
            setup.check_hold()
            _write_epoch(setup.run, state)


@contextmanager
def _saved_when_stopped(setup: TrainSetup, state: State) -> Iterator[None]:
    """If a signal ends training, save the state; if an error does, name the last saved state."""
    try:
        yield
    except Stopped as stopped:
        if not setup.group.is_main:
            raise
        setup.check_hold()
        save_state(setup.run.state, state)
        raise stopped_after(stopped, state.saved, setup.run.path) from stopped
    except SlaError as error:
        if state.saved:
            error.hint = f"{error.hint} The state after {state.saved} is kept in {setup.run.path}.".lstrip()
        raise


@contextmanager
def _told_once() -> Iterator[None]:
    """The thread that writes for TensorBoard prints no error of the file system: this thread raises it again."""
    before = threading.excepthook

    def tell(given: threading.ExceptHookArgs) -> None:
        if not isinstance(given.exc_value, OSError):
            before(given)

    threading.excepthook = tell
    try:
        yield
    finally:
        threading.excepthook = before
