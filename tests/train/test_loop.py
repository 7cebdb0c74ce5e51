from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from synthetic import ADDING, FACTS, GLOSSES, SENTENCES, lively_weights, same_weights, tiny, write_store

from sla_cli.config.settings import Config
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.model.backbone import Backbone
from sla_cli.model.device import Placement, place
from sla_cli.store.store import Store
from sla_cli.train import loop
from sla_cli.train.evaluate import evaluate
from sla_cli.train.loop import TrainSetup, train
from sla_cli.train.metrics import Epoch
from sla_cli.train.state import State
from sla_cli.work.run import Run

FROZEN = {"model__variant": "frozen"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Dev is train: memorising is enough."""
    return write_store(tmp_path_factory.mktemp("store"), {**SENTENCES, "dev": SENTENCES["train"]})


def trainer(store: Store, folder: Path, config: Config, placement: Placement | None = None) -> TrainSetup:
    run = Run(folder)
    run.create(config, GLOSSES, FACTS)
    return TrainSetup(run, config, store, profile("none"), placement or place("cpu", config.train.precision))


def without_times(epochs: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, frames_per_second=0.0, waiting=0.0, memory=0.0, seconds=0.0) for epoch in epochs]


@pytest.mark.parametrize("average", [{"train__ema": 0.9}, {"train__average": 2}])
def test_averaged_weights_are_scored_and_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: dict[str, Any]
) -> None:
    scored = []

    def seen(state: State, *arguments: Any) -> Counts:
        scored.append({name: value.clone() for name, value in state.model.trained_state().items()})
        return evaluate(state, *arguments)

    monkeypatch.setattr(loop, "evaluate", seen)
    moment = trainer(store, tmp_path, tiny(**FROZEN, train__epochs=2, **average))
    train(moment)
    state, kept = torch.load(moment.run.state, weights_only=True), load_file(moment.run.last)
    for expected in (state["ema"]["weights"], scored[-1]):
        assert kept.keys() == expected.keys() and all(torch.equal(kept[name], expected[name]) for name in kept)
    assert not all(torch.equal(value, kept[name]) for name, value in state["weights"].items())


def test_the_average_is_the_mean_over_the_ends_of_the_last_epochs(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An average does not change training, so the weights after an epoch are those of a run without it."""
    config = tiny(**FROZEN, train__epochs=3, train__lr=0.02)
    ends: list[dict[str, torch.Tensor]] = []

    def seen(state: State, *arguments: Any) -> Counts:
        ends.append({name: value.clone() for name, value in state.model.trained_state().items()})
        return evaluate(state, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "evaluate", seen)
        train(trainer(store, tmp_path / "plain", config))
    for last, there in ((2, ends[1:]), (9, ends)):
        moment = trainer(store, tmp_path / f"average{last}", replace(config, train=replace(config.train, average=last)))
        train(moment)
        for name, value in load_file(moment.run.last).items():
            if value.is_floating_point():
                torch.testing.assert_close(value, torch.stack([end[name] for end in there]).mean(0))
            else:
                assert torch.equal(value, there[-1][name])


@pytest.mark.parametrize("variant", ADDING)
def test_a_small_set_is_memorised(tmp_path: Path, variant: str) -> None:
    few = ["NORD REGEN", "SONNE GRAD NORD", "REGEN SONNE", "GRAD REGEN"]
    store = write_store(tmp_path, {"train": 2 * few, "dev": few}, hold=8)
    config = tiny(
        model__variant=variant, model__weights=str(lively_weights(tmp_path)), head__channels=64, head__dropout=0.0,
        loss__distillation=1.0, train__epochs=15, train__batch=2, train__lr=1e-2, train__milestones=[10], train__rest=0,
    )  # fmt: skip
    epochs = train(trainer(store, tmp_path / "run", config))
    assert [epoch.number for epoch in epochs] == list(range(1, 16))
    for name, share in (("ctc", 0.2), ("conv_ctc", 0.2), ("frame_ctc", 0.98)):  # the frame head learns slowly
        assert epochs[-1].losses[name] < share * epochs[0].losses[name]
    assert epochs[0].dev.wer > 50
    assert epochs[-1].dev.ref_words == sum(len(text.split()) for text in few)
    assert epochs[-1].dev.wer < 10


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_run_to_the_bit(store: Store, tmp_path: Path, precision: str) -> None:
    config = tiny(model__variant="lora", lora__dropout=0.1, train__precision=precision, train__epochs=1)
    one, two = (trainer(store, tmp_path / name, config) for name in "ab")
    assert without_times(train(one)) == without_times(train(two))
    assert same_weights(one.run.last, two.run.last)
    assert same_weights(one.run.best, two.run.best)
    other = trainer(store, tmp_path / "c", replace(config, train=replace(config.train, seed=1)))
    train(other)
    assert not same_weights(other.run.last, one.run.last)


def test_best_is_the_epoch_of_lowest_dev_wer(store: Store, tmp_path: Path) -> None:
    config = tiny(**FROZEN, train__epochs=4, train__lr=0.02)
    moment = trainer(store, tmp_path / "all", config)
    epochs = train(moment)
    best = min(epochs, key=lambda epoch: (epoch.dev.wer, epoch.number)).number
    short = trainer(store, tmp_path / "short", replace(config, train=replace(config.train, epochs=best)))
    train(short)
    assert same_weights(short.run.last, moment.run.best)
    rows = moment.run.metrics.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 5
    assert list(moment.run.tensorboard.glob("events*"))


def test_an_epoch_whose_weights_were_not_written_is_not_trained_again(store: Store, tmp_path: Path) -> None:
    """On a GPU it would give others, and the best weights could be of neither."""
    config = tiny(**FROZEN, train__epochs=1)
    whole, broken = trainer(store, tmp_path / "whole", config), trainer(store, tmp_path / "broken", config)
    train(whole)
    broken.run.best.mkdir()
    with pytest.raises((OSError, SlaError), match=r"best\.safetensors"):
        train(broken)
    state = broken.run.state.read_bytes()
    broken.run.best.rmdir()
    train(broken)
    assert broken.run.state.read_bytes() == state
    assert same_weights(broken.run.best, whole.run.best) and same_weights(broken.run.last, whole.run.last)
    assert broken.run.metrics.is_file()


def test_stopping_after_an_epoch_changes_nothing(store: Store, tmp_path: Path) -> None:
    """Epochs are a bound here: a run of one goes on to two as a run of two would have."""
    config = tiny(train__epochs=2, train__milestones=[1])
    whole, halves = trainer(store, tmp_path / "whole", config), trainer(store, tmp_path / "halves", config)
    expected = train(whole)
    train(replace(halves, config=replace(config, train=replace(config.train, epochs=1))))
    assert without_times(train(halves)) == without_times(expected)
    assert same_weights(halves.run.last, whole.run.last)
    assert same_weights(halves.run.best, whole.run.best)


def test_frozen_weights_stay_and_adapters_move(store: Store, tmp_path: Path) -> None:
    moment = trainer(store, tmp_path, tiny(train__epochs=1))
    train(moment)
    weights = load_file(moment.run.last)
    for name in ("before_attention.up.weight", "before_attention.taps", "before_attention.down.weight"):
        assert weights[f"backbone.vit.blocks.1.{name}"].any()
    assert not any("attn" in name for name in weights)


def test_divergence_keeps_the_last_good_state(store: Store, tmp_path: Path) -> None:
    good = tiny(**FROZEN, train__epochs=1)
    moment = trainer(store, tmp_path, good)
    train(moment)
    kept = {path: path.read_bytes() for path in (moment.run.state, moment.run.last, moment.run.best)}
    absurd = replace(good, train=replace(good.train, epochs=9, lr=1e30))
    with pytest.raises(SlaError, match="not finite in epoch 2 at step 2") as caught:
        train(replace(moment, config=absurd))
    assert "train-" in caught.value.message
    assert f"after epoch 1 is kept in {tmp_path}" in caught.value.hint
    assert "--lr" in caught.value.hint
    for path, content in kept.items():
        assert path.read_bytes() == content


def test_divergence_in_the_last_step_of_an_epoch_is_seen_on_dev(store: Store, tmp_path: Path) -> None:
    config = tiny(**FROZEN, train__batch=6)
    moment = trainer(store, tmp_path, replace(config, train=replace(config.train, lr=1e30)))  # beyond its bound
    with pytest.raises(SlaError, match="clip dev-0: output step 0 holds NaN") as caught:
        train(moment)
    assert "a lower --lr" in caught.value.hint and "emi" not in caught.value.hint
    assert not moment.run.state.exists()
    assert not moment.run.last.exists()


def test_backbone_weights_with_nan_are_named_by_the_clips(store: Store, tmp_path: Path) -> None:
    plain = tiny(**FROZEN)
    weights = Backbone(plain.model).vit.state_dict()
    weights["norm.bias"][3] = torch.nan
    save_file(weights, tmp_path / "nan.safetensors")
    config = tiny(**FROZEN, model__weights=str(tmp_path / "nan.safetensors"), train__batch=2)
    moment = trainer(store, tmp_path / "run", config)
    with pytest.raises(
        SlaError, match=r"loss is not finite in epoch 1 at step 1 for clips train-\d, train-\d"
    ) as caught:
        train(moment)
    assert "Check these clips" in caught.value.hint
    assert "kept" not in caught.value.hint
    assert not moment.run.state.exists()


def test_gradients_that_overflow_fp16_for_ever_stop_the_run(store: Store, tmp_path: Path) -> None:
    config = tiny(train__epochs=30, train__batch=1, loss__distillation=1e9)  # adapters: the head is not in fp16
    half = Placement(torch.device("cpu"), torch.float16)
    with pytest.raises(SlaError, match="overflow fp16") as caught:
        train(trainer(store, tmp_path, config, half))
    assert "bf16" in caught.value.hint


@pytest.mark.parametrize("values", [{"loss__conv_ctc": 0.0, "loss__distillation": 0.0, "loss__frame_ctc": 0.0}])
def test_parts_of_the_loss_that_are_off_have_no_column(store: Store, tmp_path: Path, values: dict[str, Any]) -> None:
    moment = trainer(store, tmp_path, tiny(**FROZEN, **values, train__epochs=1))
    [epoch] = train(moment)
    assert epoch.losses.keys() == {"loss", "ctc"}
    assert "frame_ctc" not in moment.run.metrics.read_text(encoding="utf-8")
