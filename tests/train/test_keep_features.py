"""Training on kept features is training on frames, but for the rounding to float16, and they are computed once."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from clip_store import bytes_only, make_store
from forked import Forked, sla, sla_in_two
from synthetic import ADDING, CPU, GLOSSES, SENTENCES, lively_weights, metrics, same_weights, tiny, write_store
from torch import Tensor

from sla_cli.config.settings import Config, to_toml
from sla_cli.data.batching import Batch, to_pixels
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.kept import KeptDataset, KeptFeatures
from sla_cli.data.loading import training_batches
from sla_cli.data.seen import SeenClips
from sla_cli.errors import FormatError, SlaError, Stopped
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.model.open_run import open_model
from sla_cli.store.store import Store
from sla_cli.train import loop
from sla_cli.train.clip_features import clip_features
from sla_cli.train.dry_run import dry_run
from sla_cli.train.keep_features import keep_features, kept_features
from sla_cli.train.state import State
from sla_cli.train.step import take_step
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.run import Run

CONFIG = tiny(model__variant="frozen", train__keep_views=1, train__epochs=2, train__batch=2, train__save_minutes=0.0)
SIGNALLED = 2  # batches of features after which a training is ended


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Its clips are long, so that the features of train are in several files."""
    return write_store(tmp_path_factory.mktemp("store"), SENTENCES, hold=60)


@pytest.fixture
def fresh(store: Store, tmp_path: Path) -> Store:
    """A store without kept features."""
    return Store(shutil.copytree(store.path, tmp_path / "fresh"))


def begun(config: Config) -> State:
    torch.manual_seed(0)
    state = State(Network(config, len(GLOSSES)), config, place("cpu", "fp32"))
    state.model.train()
    return state


def files(store: Store) -> dict[Path, int]:
    """The files of features beside a store, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder(store).rglob("*") if path.is_file()}


def folder(store: Store) -> Path:
    return store.path.with_name(f"{store.path.name}.features")


def gradients(state: State) -> dict[str, Tensor]:
    return {name: value.grad for name, value in state.model.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("changes", [{}, {"train__rest": 0, "train__lengthen": "random", "train__drop": 0.2}])
def test_losses_and_gradients_are_those_of_frames(fresh: Store, tmp_path: Path, changes: dict[str, Any]) -> None:
    """If these are rounded to float16, too. Also where frames are repeated, left out, and held as rest."""
    lively = {"model__variant": "frozen", "train__keep_views": 1, "model__weights": str(lively_weights(tmp_path))}
    config = tiny(head__dropout=0.0, train__batch=2, **lively, **changes)
    one, two = begun(config), begun(config)
    one.model.backbone.register_forward_hook(lambda backbone, inputs, features: features.half())
    views, _ = keep_features(two, fresh)
    given = (fresh["train"], GLOSSES, one.model.stride, config.train)
    frames, rows = ClipDataset(*given, config.model.image_size), KeptDataset(*given, views)
    plan = frames.plan(1)
    assert rows.plan(1) == plan
    two.model.train()
    with (
        closing(training_batches(frames, 1, plan, pin=False)) as by_frames,
        closing(training_batches(rows, 1, plan, pin=False)) as by_rows,
    ):
        expected = take_step(plan[0], by_frames, one, 1, 1)
        found = take_step(plan[0], by_rows, two, 1, 1)
    assert found.losses == pytest.approx(expected.losses, rel=1e-4)
    wanted, there = gradients(one), gradients(two)
    assert there.keys() == wanted.keys()
    for name, value in wanted.items():
        assert (there[name] - value).norm() <= 1e-3 * value.norm() + 1e-6, name


def test_features_in_float32_give_the_same_bits(store: Store) -> None:
    config = tiny(model__variant="frozen", head__dropout=0.0)
    state = begun(config)
    data = ClipDataset(store["train"], GLOSSES, state.model.stride, config.train, config.model.image_size)
    with closing(training_batches(data, 1, data.plan(1), pin=False)) as batches:
        batch: Batch = next(batches)
    pixels = to_pixels(
        batch, crop=1.0, size=config.model.image_size, like=state.model.backbone, device=torch.device("cpu")
    )
    with torch.no_grad():
        features = state.model.backbone(pixels, batch.lengths)
        expected, found = state.model(pixels, batch.lengths), state.model(features, batch.lengths)
    assert torch.equal(found.sequence, expected.sequence)
    assert torch.equal(found.frame, expected.frame)


def test_they_are_computed_once_beside_the_store(fresh: Store, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in fresh.path.rglob("*") if path.is_file()}
    config = replace(CONFIG, train=replace(CONFIG.train, epochs=1))
    start_run(fresh, tmp_path / "a", config, preset="tiny", group=CPU)
    there = files(fresh)
    assert len({path.parent for path in there}) == 2  # of train and dev
    assert len(there) > 3
    assert sum(path.stat().st_size for path in there) == pytest.approx(
        2 * 24 * sum(sum(fresh[name].lengths) for name in ("train", "dev")), rel=0.2
    )
    start_run(fresh, tmp_path / "b", config, preset="tiny", group=CPU)
    assert files(fresh) == there
    assert same_weights(tmp_path / "a" / "last.safetensors", tmp_path / "b" / "last.safetensors")
    assert {path: path.read_bytes() for path in fresh.path.rglob("*") if path.is_file()} == before


def test_each_epoch_shows_one_of_the_views_of_a_clip(fresh: Store) -> None:
    """The first is the centre crop, and the others are the same for every seed."""
    changes = {"model__variant": "frozen", "train__crop": 0.75, "train__rest": 0, "train__rescale": 0.0}
    one = begun(tiny(train__keep_views=1, **changes))
    [centre], _ = keep_features(one, fresh)
    before = files(fresh)
    for seed in (0, 1):
        state = begun(tiny(train__keep_views=3, train__seed=seed, **changes))
        views, dev = keep_features(state, fresh)
        assert views[0].folder == centre.folder
        assert before.items() <= files(fresh).items()
        assert len({view.folder for view in views}) == 3
        data = KeptDataset(fresh["train"], GLOSSES, state.model.stride, state.config.train, views)
        shown = [[data[epoch, index].frames for index in range(len(data))] for epoch in range(8)]
        seen = [
            next(number for number, view in enumerate(views) if np.array_equal(frames[0], view[index][0]))
            for epoch in shown
            for index, frames in enumerate(epoch)
        ]
        assert set(seen) == {0, 1, 2}
        assert any(seen[index :: len(data)] != seen[:: len(data)] for index in range(1, len(data)))
        assert not dev.missing()
    assert len({path.parent for path in files(fresh)}) == 4  # three views of train, and dev


def test_features_of_other_weights_or_another_recipe_are_computed_anew(fresh: Store) -> None:
    train = fresh["train"]

    def place_of(changes: dict[str, Any], split: Any = train, precision: str = "fp32", view: int = 0) -> Path:
        config = tiny(model__variant="frozen", **changes)
        return kept_features(split, Network(config, len(GLOSSES)), config, place("cpu", precision), view).folder

    other = {"embed_dim": 32, "depth": 1, "num_heads": 2, "patch_size": 16, "num_classes": 24}
    usual = place_of({})
    assert place_of({"train__flip": 0.5}) == usual  # of no effect on the centre crop
    assert place_of({"train__seed": 3, "head__channels": 16, "train__keep_views": 2}) == usual
    others = [
        place_of({"model__backbone_args": other}),
        place_of({"model__backbone_args": {**other, "depth": 2, "num_heads": 4}}),
        place_of({"model__normalize": "half"}),
        place_of({"train__crop": 0.9}),
        place_of({}, fresh["dev"]),
        place_of({}, precision="bf16"),
        place_of({}, view=1),
        place_of({"train__flip": 0.5}, view=1),
    ]
    assert len({usual, *others}) == 9


def ended_in(store: Path, run: Path, how: str) -> None:
    """A training that ends while features are computed."""
    torch.set_num_threads(1)
    keep, calls = KeptFeatures.keep, iter(range(SIGNALLED))

    def dying(self: KeptFeatures, number: int, features: Tensor) -> None:
        last = next(calls) == SIGNALLED - 1
        if last and how == "before its name":
            Path.replace = lambda path, target: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,method-assign,return-value]
        keep(self, number, features)
        if last:
            os.kill(os.getpid(), signal.SIGTERM if how == "signal" else signal.SIGKILL)

    KeptFeatures.keep = dying  # type: ignore[method-assign]
    try:
        start_run(Store(store), run, CONFIG, preset="tiny", group=CPU)
    except Stopped as stopped:
        assert "--resume" in stopped.message
        os._exit(0)


@pytest.mark.parametrize(
    ("how", "code", "left"),
    [("before its name", -signal.SIGKILL, 1), ("after", -signal.SIGKILL, 2), ("signal", 0, 2)],
)
def test_ended_while_they_are_computed_only_complete_files_are_left(
    fresh: Store, whole: Run, tmp_path: Path, how: str, code: int, left: int
) -> None:
    process = Forked(ended_in, fresh.path, tmp_path / "run", how, printed=tmp_path)
    _, err = process.communicate(timeout=200)
    assert process.returncode == code, err
    before = files(fresh)
    assert len([path for path in before if path.suffix == ".npz"]) == left
    resume_run(Run(tmp_path / "run"), CPU)
    after = files(fresh)
    assert {path: time for path, time in before.items() if path.suffix == ".npz"}.items() <= after.items()
    assert {path.suffix for path in after} == {".npz"}
    assert metrics(Run(tmp_path / "run")) == metrics(whole)
    assert same_weights(Run(tmp_path / "run").last, whole.last)


def test_resumed_within_an_epoch_is_as_never_stopped(
    store: Store, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, stepped = iter(range(5)), loop.take_step

    def signalled(*arguments: Any) -> Any:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGTERM)
        return stepped(*arguments)

    monkeypatch.setattr(loop, "take_step", signalled)
    with pytest.raises(Stopped, match="after step"):
        start_run(store, tmp_path / "run", CONFIG, preset="tiny", group=CPU)
    monkeypatch.undo()
    run = Run(tmp_path / "run")
    resume_run(run, CPU)
    assert metrics(run) == metrics(whole)
    for name in ("last", "best", "frame_scores", "domain"):
        assert same_weights(getattr(run, name), getattr(whole, name))


def test_two_trainings_at_once_write_the_same_files(fresh: Store, whole: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(to_toml(CONFIG), encoding="utf-8")
    arguments = (
        "train",
        str(fresh.path),
        "--work",
        str(tmp_path),
        "--device",
        "cpu",
        "--config",
        str(tmp_path / "c.toml"),
    )
    both = [Forked(sla, *arguments, "--name", name, printed=tmp_path) for name in "ab"]
    for process in both:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    for name in "ab":
        assert same_weights(tmp_path / "runs" / name / "last.safetensors", whole.last)
    assert {path.suffix for path in files(fresh)} == {".npz"}


def test_processes_of_one_job_share_the_work(fresh: Store, store: Store, whole: Run, tmp_path: Path) -> None:
    """The features are those that one process computes, here for `whole`."""
    config = replace(CONFIG, train=replace(CONFIG.train, epochs=1))
    (tmp_path / "c.toml").write_text(to_toml(config), encoding="utf-8")
    command = ["train", str(fresh.path), "--work", str(tmp_path), "--config", str(tmp_path / "c.toml"), "--name", "a"]
    process = Forked(sla_in_two, *command, "--device", "cpu", printed=tmp_path, environment={"OMP_NUM_THREADS": "1"})
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    there = {path.relative_to(folder(fresh)): path.read_bytes() for path in files(fresh)}
    assert {path.relative_to(folder(store)): path.read_bytes() for path in files(store)} == there


def damage(path: Path) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def test_all_damaged_files_are_removed_at_once(tmp_path: Path) -> None:
    """One more start computes them all, instead of one a start."""
    clips = {"train": [bytes_only(f"c{number}", "A", 300) for number in range(4)]}
    split = Store(make_store(tmp_path / "store", clips))["train"]
    kept = KeptFeatures(tmp_path / "kept", split, 2)
    for number in range(4):
        kept.keep(number, torch.zeros(300, 2))
    for number in (0, 2, 3):
        damage(tmp_path / "kept" / f"{number:06d}.npz")
    with pytest.raises(FormatError, match=r"000002\.npz is damaged\n"):
        kept[2]
    assert kept.missing() == [0, 2, 3]


def test_a_damaged_file_is_refused_and_computed_again(fresh: Store, store: Store, whole: Run, tmp_path: Path) -> None:
    shutil.copytree(folder(store), folder(fresh))
    path = min(files(fresh), key=lambda path: path.name)
    good = path.read_bytes()
    damage(path)
    with pytest.raises(FormatError, match=rf"{path.name} is damaged"):
        start_run(fresh, tmp_path / "again", CONFIG, preset="tiny", group=CPU)
    assert not path.exists()
    resume_run(Run(tmp_path / "again"), CPU)
    assert path.read_bytes() == good
    assert same_weights(Run(tmp_path / "again").last, whole.last)


def test_other_arrays_in_place_of_the_features_are_refused(store: Store, tmp_path: Path) -> None:
    kept = KeptFeatures(tmp_path, split := store["train"], 8)
    clips = kept.batches[0]
    path, length = tmp_path / "000000.npz", split.lengths[clips[0]]
    for other in (
        np.zeros(3),
        {str(clips[0]): np.zeros((length, 3), np.float16)},
        {str(clips[0]): np.zeros((length - 1, 8), np.float16)},
        {str(clips[0]): np.zeros((length, 8), np.float32)},
        {str(clips[0]): np.zeros(8, np.float16)},
    ):
        kept.keep(0, torch.zeros(sum(split.lengths[index] for index in clips), 8))
        assert kept[clips[0]].shape == (length, 8)
        with path.open("wb") as file:
            np.savez(file, **other) if isinstance(other, dict) else np.save(file, other)
        with pytest.raises(FormatError, match=r"000000\.npz is damaged"):
            kept[clips[0]]
        assert not path.exists()


@pytest.mark.parametrize("variant", ADDING)
def test_a_backbone_that_is_trained_is_refused(store: Store, tmp_path: Path, variant: str) -> None:
    config = tiny(model__variant=variant, train__keep_views=1)
    with pytest.raises(SlaError, match=f"needs a frozen backbone, and {variant} trains parts of it") as caught:
        start_run(store, tmp_path / "run", config, preset="tiny", group=CPU)
    assert "--variant frozen" in caught.value.hint
    assert not (tmp_path / "run").exists()
    with pytest.raises(SlaError, match="needs a frozen backbone"):
        dry_run(store, config, "cpu")


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written_or_replaced(
    fresh: Store, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(whole.path, tmp_path / "run"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(SlaError, match=r"the features to be kept take .* GB, and the disk of .* has 0\.0 GB free"):
        start_run(fresh, run, CONFIG, preset="tiny", group=CPU, force=True)
    assert not folder(fresh).exists() and Run(run).best.is_file()
    with pytest.raises(SlaError, match="the features to be kept take"):
        dry_run(fresh, CONFIG, "cpu")


def test_values_that_float16_cannot_hold_are_refused(store: Store, tmp_path: Path) -> None:
    kept = KeptFeatures(tmp_path / "kept", store["dev"], 4)
    rows = torch.ones(sum(store["dev"].lengths[index] for index in kept.batches[0]), 4)
    rows[-1, -1] = 1e5
    with pytest.raises(SlaError, match=r"clip dev-\d: its features are too large for float16, or NaN"):
        kept.keep(0, rows)
    assert 0 in kept.missing()


def test_what_a_run_gets_in_the_end_is_made_from_kept_features(store: Store, whole: Run) -> None:
    """But how the clips look, from their frames; with some frames of rest too."""
    opened = open_model(whole, device="cpu")
    kept = kept_features(store["train"], opened.network, opened.config, opened.placement)
    assert not kept.missing()
    found = clip_features(opened, clips := SeenClips(store["train"]), kept=kept, held=3)
    expected = clip_features(opened, clips, held=3)
    assert found.appearances == expected.appearances
    for row, other in zip(found.rows, expected.rows, strict=True):
        torch.testing.assert_close(row, other, rtol=2e-3, atol=2e-3)


def test_the_time_for_features_is_forecast_and_nothing_is_written(fresh: Store, tmp_path: Path) -> None:
    found = dry_run(fresh, CONFIG, "cpu")
    assert not folder(fresh).exists()
    assert found.features_seconds > 0
    assert found.run_seconds == pytest.approx(2 * found.epoch_seconds + found.features_seconds)
    assert "for the features once, about" in found.text()
    usual = dry_run(fresh, replace(CONFIG, train=replace(CONFIG.train, keep_views=0)), "cpu")
    assert usual.features_seconds == 0
    assert "for the features once" not in usual.text()
