"""A step that fails raises an error at once, names its clips and does not change the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from host_waits import HostWaits
from synthetic import ADDING, GLOSSES, tiny

from sla_cli.config.settings import Config
from sla_cli.data.batching import to_pixels
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import training_batches
from sla_cli.errors import SlaError
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.store.store import Store
from sla_cli.train.losses import losses
from sla_cli.train.out_of_memory import memory_suffices, peak_mib
from sla_cli.train.state import State
from sla_cli.train.step import StepResult, take_step


def stepped(
    store: Store, steps: int = 1, spoil: Callable[[State], object] = lambda state: None, **values: Any
) -> tuple[State, list[StepResult]]:
    """A state after some steps of the first epoch, `spoil`ed before the last."""
    config = tiny(head__dropout=0.0, **values)
    placement = place("cpu", "fp32")
    torch.manual_seed(0)
    state = State(Network(config, len(GLOSSES)), config, placement)
    state.model.train()
    data = ClipDataset(store["train"], GLOSSES, state.model.stride, config.train, config.model.image_size)
    plan = data.plan(1)[:steps]
    batches, outcomes = training_batches(data, 1, plan, pin=False), []
    for number, step in enumerate(plan, start=1):
        if number == steps:
            spoil(state)
        outcomes.append(take_step(step, batches, state, 1, number))
    return state, outcomes


def weights(state: State) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state.model.named_parameters() if value.requires_grad}


def test_a_gradient_that_is_not_finite_is_named_at_its_own_step(store: Store) -> None:
    kept: dict[str, torch.Tensor] = {}
    spoilt: list[State] = []

    def spoil(state: State) -> None:
        state.model.classifier.weight.register_hook(lambda gradient: gradient * torch.inf)
        kept.update(weights(state))
        spoilt.append(state)

    with pytest.raises(SlaError, match=r"gradient of classifier\.weight is not finite in epoch 1 at step 2") as caught:
        stepped(store, 3 - 1, spoil, train__batch=2)
    assert caught.value.message.count("train-") == 2
    assert "clip_norm" in caught.value.hint
    assert all(torch.equal(value, kept[name]) for name, value in weights(spoilt[0]).items())


def test_accumulated_batches_are_one_step_of_all_their_clips(store: Store) -> None:
    """But for the statistics of batch normalisation, which see one batch at a time; so none is used here."""
    values = {"loss__conv_ctc": 0.0, "loss__distillation": 0.0, "head__pattern": "P4", "head__frame_norm": "none"}
    values |= {"train__optimizer": "sgd"}
    one, [whole] = stepped(store, train__batch=4, **values)
    two, [parts] = stepped(store, train__batch=1, train__accumulate=4, **values)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-5)
    for name, value in weights(one).items():
        torch.testing.assert_close(value, weights(two)[name], rtol=1e-4, atol=1e-6)


def test_the_gradients_norm_is_bounded(store: Store) -> None:
    bounded, _ = stepped(store, train__clip_norm=0.5)
    free, _ = stepped(store)

    def norm(state: State) -> float:
        return sum(float(v.grad.square().sum()) for v in state.model.parameters() if v.grad is not None) ** 0.5

    assert norm(bounded) == pytest.approx(0.5, rel=1e-3)
    assert norm(free) > 0.6


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("variant", ADDING)
def test_the_host_waits_once_in_a_step(store: Store, variant: str, accumulate: int) -> None:
    """For losses and the gradient's norm together, which it checks."""
    modes: list[HostWaits] = []

    def watch(state: State) -> None:
        modes.append(HostWaits([*state.model.parameters(), *state.model.buffers()]))
        modes[0].__enter__()

    values = {"train__accumulate": accumulate, "train__clip_norm": 0.1, "train__ema": 0.9, "train__jitter": 0.2}
    try:
        stepped(store, 2, watch, train__batch=1, model__variant=variant, model__checkpointing="off", **values)
    finally:
        modes[0].__exit__(None, None, None)
    assert modes[0].count == 1


def test_no_gloss_may_be_emitted_at_rest(store: Store) -> None:
    """The loss of a step is that of the batch with its frames of rest, not without."""
    expected: list[float] = []

    def compute(state: State) -> None:
        data = ClipDataset(store["train"], GLOSSES, state.model.stride, state.config.train)
        batch = next(training_batches(data, 1, data.plan(1), pin=False))
        size, like = state.config.model.image_size, state.model.backbone
        pixels = to_pixels(batch, crop=state.config.train.crop, size=size, like=like, device=torch.device("cpu"))
        with torch.no_grad():
            logits = state.model(pixels, batch.lengths)
        for shown in (batch.shown, None):
            parts = losses(logits, batch.targets, batch.target_lengths, state.config.loss, shown=shown).parts
            expected.append(parts["ctc"].item())

    _, [result] = stepped(store, 1, compute, train__rest=40, train__batch=2)
    held, free = expected
    assert abs(held - free) > 0.1
    assert result.losses["ctc"] == pytest.approx(held, rel=1e-4)


def test_averaged_weights_follow_each_step(store: Store) -> None:
    before: dict[str, torch.Tensor] = {}
    state, _ = stepped(store, 1, lambda state: before.update(weights(state)), train__ema=0.9)
    assert state.average is not None and state.average.count == 1
    for name, value in weights(state).items():
        torch.testing.assert_close(state.average.weights[name], (2 * before[name] + 9 * value) / 11)


def test_each_step_draws_random_numbers_of_its_own(store: Store) -> None:
    """As dropout does: the generator is seeded by the step alone, for resumed runs, and differently for each."""
    seeds: list[int] = []
    for _ in range(2):
        stepped(store, 2, lambda state: seeds.append(torch.initial_seed()), train__batch=2)
        seeds.append(torch.initial_seed())
    first, second, *again = seeds
    assert first != second
    assert again == [first, second]


def test_memory_that_does_not_suffice_names_the_batch_and_what_to_lower(store: Store) -> None:
    config: Config = tiny(train__batch=2)
    data = ClipDataset(store["train"], GLOSSES, 4, config.train)
    batch = next(training_batches(data, 1, data.plan(1), pin=False))
    frames = int(batch.lengths.sum())
    with (
        pytest.raises(SlaError, match="out of memory for clips train-") as caught,
        memory_suffices(batch.ids, frames, config),
    ):
        torch.empty(2**60, dtype=torch.uint8)
    assert f"{frames} frames of 32 px" in caught.value.message
    for way in ("--batch 1", "train.accumulate=2", f"train.batch_frames={frames // 2}", "checkpointing=on"):
        assert way in caught.value.hint
    assert "last:4" not in caught.value.hint  # the tiny backbone has 2 blocks
    with pytest.raises(SlaError, match="out of memory") as caught, memory_suffices(["a"], 9, config, hint="Wait."):
        raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    assert caught.value.hint == "Wait."
    with pytest.raises(RuntimeError, match="shape"), memory_suffices(batch.ids, frames, config):
        torch.ones(2) @ torch.ones(3, 3)


def test_peak_memory_grows_with_what_is_held() -> None:
    before = peak_mib(torch.device("cpu"))
    held = torch.ones(2**26)
    assert peak_mib(torch.device("cpu")) >= before
    assert peak_mib(torch.device("cpu")) > held.nbytes / 2**20
