from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from deep_pickle import DEEP
from synthetic import disk_with, tiny

from sla_cli.core.edit_alignment import Counts
from sla_cli.errors import FormatError, SlaError
from sla_cli.model.device import Placement, place
from sla_cli.model.network import Network
from sla_cli.train.metrics import Epoch, UnfinishedEpoch
from sla_cli.train.state import State, load_state, save_state


def state(placement: Placement | None = None, **values: Any) -> State:
    config = tiny(**values)
    return State(Network(config, 3), config, placement or place("cpu", "fp32"))


def step(state: State, seed: int) -> None:
    torch.manual_seed(seed)
    out = state.model(torch.randn(8, 3, 32, 32), torch.tensor([8]))
    state.optimizer.zero_grad()
    (out.sequence.sum() + out.frame.sum()).backward()
    state.optimizer.step()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, old = tmp_path_factory.mktemp("state") / "state.pt", state()
    step(old, 1)
    old.epochs.append(Epoch(1, 0.1, {"loss": 2.0}, Counts(1, 2, 3, 4), 0, 5.0, 0.1, 7.0, 6.0))
    save_state(path, old)
    return path


@pytest.fixture
def saved(once: Path, tmp_path: Path) -> Path:
    """A state of its own for each test."""
    return shutil.copy(once, tmp_path / "state.pt")


def test_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    one, path = state(), tmp_path / "state.pt"
    step(one, 1)
    one.epochs.append(Epoch(1, 0.1, {"loss": 2.0}, Counts(1, 2, 3, 4), 0, 5.0, 0.1, 7.0, 6.0))
    save_state(path, one)
    torch.manual_seed(99)
    two = state()
    load_state(path, two)
    assert two.epochs == one.epochs
    for moment in (one, two):
        step(moment, 2)
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, two.model.state_dict()[name]), name


def test_a_run_goes_on_where_auto_is_another_precision(tmp_path: Path) -> None:
    half = Placement(torch.device("cpu"), torch.float16)
    for one, two in ((None, half), (half, None)):
        old, new = state(one), state(two)
        step(old, 1)
        save_state(tmp_path / "state.pt", old)
        load_state(tmp_path / "state.pt", new)
        assert new.scaler.is_enabled() == (two is half)
        assert torch.equal(new.model.classifier.weight, old.model.classifier.weight)


def test_only_trained_parameters_are_optimised_and_kept(saved: Path) -> None:
    fresh = state()
    trained = sum(value.numel() for value in fresh.model.parameters() if value.requires_grad)
    assert sum(value.numel() for group in fresh.optimizer.param_groups for value in group["params"]) == trained
    content = torch.load(saved, weights_only=True)
    assert content["weights"].keys() == fresh.model.trained_state().keys()


def test_the_loss_scale_comes_back(tmp_path: Path) -> None:
    half = Placement(torch.device("cpu"), torch.float16)
    one, two = state(half), state(half)
    one.scaler.scale(torch.ones(1))
    one.scaler.update(new_scale=8.0)
    save_state(tmp_path / "state.pt", one)
    load_state(tmp_path / "state.pt", two)
    assert two.scaler.get_scale() == 8.0


def test_the_unfinished_epoch_and_the_averages_come_back(tmp_path: Path) -> None:
    one, two = state(train__ema=0.9), state(train__ema=0.9)
    assert one.average is not None and two.average is not None
    for seed in (1, 2):
        step(one, seed)
        one.average.after_step()
    one.unfinished = UnfinishedEpoch(1, steps=2, sums={"loss": 3.0}, clips=4, frames=50, seconds=1.5)
    save_state(tmp_path / "state.pt", one)
    load_state(tmp_path / "state.pt", two)
    assert (two.unfinished, two.saved, two.average.count) == (one.unfinished, "step 2 of epoch 1", 2)
    assert all(torch.equal(value, two.average.weights[name]) for name, value in one.average.weights.items())
    with pytest.raises(SlaError, match="does not fit"):
        load_state(tmp_path / "state.pt", state())


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"not a state", lambda data: b"\x80"]
)
def test_damaged(saved: Path, damage: Callable[[bytes], bytes]) -> None:
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(FormatError, match=r"state\.pt: not a training state"):
        load_state(saved, state())


def test_a_state_that_is_not_what_was_written_is_refused(saved: Path) -> None:
    """Each of some flipped bits of its tensors, which torch would load."""
    good, tensors, fresh = saved.read_bytes(), 0, state()
    with zipfile.ZipFile(saved) as archive:
        parts = [part for part in archive.infolist() if "/data/" in part.filename]
        places = [good.index(archive.read(part), part.header_offset) for part in parts]
    for at in places[:: max(1, len(places) // 30)]:
        saved.write_bytes(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :])
        torch.load(saved, weights_only=True)
        with pytest.raises(FormatError, match="not a training state, or a damaged one") as caught:
            load_state(saved, fresh)
        assert "Copy" in caught.value.hint and "sla train" in caught.value.hint
        tensors += 1
    assert tensors >= 10
    saved.write_bytes(good)
    load_state(saved, fresh)


@pytest.mark.parametrize("content", [[1], {"a": 1}, {"version": Path("code")}])
def test_something_else(saved: Path, content: object) -> None:
    torch.save(content, saved)
    with pytest.raises(FormatError, match="not a training state"):
        load_state(saved, state())


@pytest.mark.parametrize(("key", "value"), [("weights", "x"), ("tally", 5), ("epochs", -1), ("optimizer", {})])
def test_values_of_another_type_are_refused_without_words_of_python(saved: Path, key: str, value: object) -> None:
    torch.save({**torch.load(saved), key: value}, saved)
    with pytest.raises(FormatError, match=r"state\.pt: not a training state that sla wrote, or a damaged one\n"):
        load_state(saved, state())


def test_a_pickle_that_would_end_the_process(saved: Path) -> None:
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("state/data.pkl", DEEP)
    with pytest.raises(FormatError, match="not a training state") as caught:
        load_state(saved, state())
    assert "nests" in str(caught.value.__cause__)


def test_another_version(saved: Path) -> None:
    torch.save({**torch.load(saved), "version": 99}, saved)
    with pytest.raises(FormatError, match="version 99"):
        load_state(saved, state())


@pytest.mark.parametrize("values", [{"model__variant": "lora"}, {"head__channels": 16}, {"adapter__kernel": 5}])
def test_another_model(saved: Path, values: dict[str, Any]) -> None:
    with pytest.raises(SlaError, match="does not fit") as caught:
        load_state(saved, state(**values))
    assert "config.toml" in caught.value.hint


def test_another_backbone(saved: Path) -> None:
    content = {**torch.load(saved), "backbone": "0123"}  # as if every digit were another
    torch.save(content, saved)
    load_state(saved, state())  # random weights, which other kinds of CPU draw with other last bits
    norms = [2 * norm for norm in content["backbone_norms"]]
    torch.save({**content, "backbone_norms": norms}, saved)
    with pytest.raises(SlaError, match="another backbone"):
        load_state(saved, state())


def test_other_processes_go_on_between_epochs_only(saved: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A step of four processes sees other clips than a step of one."""
    content = torch.load(saved)
    torch.save({**content, "processes": 4}, saved)
    load_state(saved, state())
    assert "trained with 4 processes so far, now 1" in caplog.text
    torch.save({**content, "processes": 4, "tally": asdict(UnfinishedEpoch(2, steps=3))}, saved)
    with pytest.raises(SlaError, match="within an epoch by a training with 4 processes; here: 1") as caught:
        load_state(saved, state())
    assert "--nproc-per-node" in caught.value.hint


def test_a_full_disk_costs_no_earlier_state(saved: Path) -> None:
    before = saved.read_bytes()
    with disk_with(1000), pytest.raises(SlaError, match=r"cannot write .*state\.pt"):
        save_state(saved, state())
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
