from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clip_store import clip, make_store
from forked import Forked
from synthetic import CPU, GLOSSES, SENTENCES, disk_with, metrics, same_weights, tiny, write_store

from sla_cli.artifact.lock import LOCK
from sla_cli.artifact.receipt import Receipt, read_receipt, write_receipt
from sla_cli.artifact.sole_writer import sole_writer
from sla_cli.errors import FormatError, SlaError, Stopped
from sla_cli.model.open_run import open_model
from sla_cli.prep.left_out import leave_out
from sla_cli.share.card import Answers, card_of
from sla_cli.share.export import export_run
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.paths import clips_path
from sla_cli.store.store import Store
from sla_cli.system.atomic import atomic_write
from sla_cli.train import finish, fit_scorer, loop
from sla_cli.train.seeds import start_seeds
from sla_cli.train.splits import check_splits
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.describe import describe
from sla_cli.work.run import Run

CONFIG = tiny(model__variant="lora", lora__dropout=0.1, train__epochs=2, train__batch=2, train__milestones=[1])


def test_a_finished_run_has_all_its_parts(whole: Run, store: Store) -> None:
    assert whole.glosses == GLOSSES
    assert whole.config == CONFIG
    assert whole.facts.store == str(store.path.resolve())
    assert whole.facts.digests == {split: store[split].digest for split in ("train", "dev")}
    assert len(metrics(whole)) == 3
    receipt = read_receipt(whole.path)
    assert receipt is not None
    assert receipt.seed == 0
    assert receipt.results["epochs"] == 2
    assert receipt.arguments == json.loads(json.dumps(asdict(CONFIG)))
    best = metrics(whole)[receipt.results["best_epoch"]]
    assert float(best[metrics(whole)[0].index("dev_wer")]) == receipt.results["dev_wer"]


MOMENTS = {  # a function of the loop, its how manyeth call, and whether it dies before or after it
    "first": ("take_step", 2, "before"),
    "last": ("take_step", 6, "before"),
    "dev": ("evaluate", 2, "before"),
    "saved": ("save_state", 2, "after"),
    "weights": ("save_weights", 3, "after"),
    "metrics": ("write_metrics", 2, "after"),
}
AFTER = {  # it dies when what it gets after the last epoch is written
    "before scores": ("save_scorer", "before"),
    "after scores": ("save_scorer", "after"),
    "after calibration": ("write_calibration", "after"),
}


def train_until(moment: str, store: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    if moment == "state":
        loop.save_state = half_of_it
    elif moment in AFTER:
        name, when = AFTER[moment]
        setattr(finish, name, dying(getattr(finish, name), 1, when))
    else:
        name, calls, when = MOMENTS[moment]
        setattr(loop, name, dying(getattr(loop, name), calls, when))
    start_run(Store(store), folder, CONFIG, preset="tiny", group=CPU)


def dying(function: Callable[..., Any], calls: int, when: str) -> Callable[..., Any]:
    left = iter(range(calls - 1, -1, -1))

    def called(*arguments: Any, **options: Any) -> Any:
        last = not next(left)
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


def half_of_it(path: Path, state: object) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"half a state")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def killed(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs killed outright: while training in each epoch, while scoring dev, between and within their files, and while
    what it gets after the last epoch is written."""
    folder, printed = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("printed")
    for moment in [*MOMENTS, "state", *AFTER]:
        process = Forked(train_until, moment, store.path, folder / moment, printed=printed)
        _, err = process.communicate(timeout=200)
        assert process.returncode == -signal.SIGKILL, f"{moment}: {err}"
    return folder


@pytest.mark.parametrize("moment", [*MOMENTS, "state", *AFTER])
def test_killed_and_resumed_is_as_never_killed(killed: Path, whole: Run, moment: str) -> None:
    run = Run(killed / moment)
    assert read_receipt(run.path) is None
    trained = resume_run(run, CPU)
    assert metrics(run) == metrics(whole)
    assert same_weights(run.last, whole.last)
    assert same_weights(run.best, whole.best)
    assert run.frame_scores.read_bytes() == whole.frame_scores.read_bytes()
    assert run.calibration.read_bytes() == whole.calibration.read_bytes()
    assert run.domain.read_bytes() == whole.domain.read_bytes()
    receipt, expected = read_receipt(run.path), read_receipt(whole.path)
    assert receipt is not None
    assert expected is not None
    assert receipt.results == expected.results
    assert trained.best_epoch == expected.results["best_epoch"]
    assert not [path for path in run.path.glob(".*.partial") if "curves" not in path.name]  # not drawn again here


def test_stopped_after_the_last_epoch_it_says_so_and_is_resumed(
    store: Store, whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = fit_scorer.fit

    def signalled(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return fitted(*arguments, **options)

    monkeypatch.setattr(fit_scorer, "fit", signalled)
    with pytest.raises(
        Stopped, match=r"SIGTERM: stopped after the last epoch; continue with .*--resume --name 'a run'"
    ):
        start_run(store, tmp_path / "a run", CONFIG, preset="tiny", group=CPU)
    run = Run(tmp_path / "a run")
    assert not run.frame_scores.exists() and read_receipt(run.path) is None
    monkeypatch.undo()
    resume_run(run, CPU)
    assert run.frame_scores.read_bytes() == whole.frame_scores.read_bytes()


@pytest.mark.parametrize("views", [0, 1])
def test_dev_is_seen_at_the_frame_rate_of_training(tmp_path: Path, views: int) -> None:
    """As `sla emit` sees it: of pictures that a camera repeats, one is enough."""
    few = ["NORD REGEN", "SONNE GRAD NORD", "REGEN SONNE", "GRAD REGEN"]
    drawn = write_store(tmp_path / "drawn", {"train": 2 * few, "dev": few}, hold=8)
    train, dev = ([one.raw() for one in drawn[split]] for split in ("train", "dev"))
    config = tiny(  # recognises some glosses in the end
        model__variant="frozen", head__channels=64, head__dropout=0.0,
        train__epochs=6, train__batch=2, train__lr=0.01, train__rest=0, train__keep_views=views,
    )  # fmt: skip
    same, other = Run(tmp_path / "same"), Run(tmp_path / "other")
    for run, shown in ((same, dev), (other, [twice_as_fast(one) for one in dev])):
        splits = {"train": train, "dev": shown}
        store = Store(make_store(tmp_path / "stores" / run.name, splits, corpus="phoenix2014", size=32))
        start_run(store, run.path, config, preset="tiny", group=CPU)
    assert metrics(other) == metrics(same)
    assert other.calibration.read_bytes() == same.calibration.read_bytes()
    assert other.domain.read_bytes() == same.domain.read_bytes()


def twice_as_fast(clip: EncodedClip) -> EncodedClip:
    """The clip with each picture twice."""
    sizes, fps = clip.frames.sizes, clip.frames.fps
    pictures = np.split(clip.frames.data, np.cumsum(sizes)[:-1])
    data = np.concatenate([picture for picture in pictures for _ in range(2)])
    return replace(clip, frames=EncodedFrames(data, np.repeat(sizes, 2), 2 * fps))


def test_other_weights_in_place_of_the_best_are_refused_everywhere(whole: Run, tmp_path: Path) -> None:
    """Nothing that is fitted to them is made again for them."""
    run = Run(Path(shutil.copytree(whole.path, tmp_path / "run")))
    run.best.write_bytes(run.last.read_bytes() + b" ")
    uses = (
        lambda: resume_run(run, CPU),
        lambda: open_model(run, device="cpu"),
        lambda: run.inputs,
        lambda: describe(run.path),
        lambda: export_run(run, tmp_path / "model", card_of(run, Answers())),
    )
    for use in uses:
        with pytest.raises(FormatError, match=r"best\.safetensors is not the checkpoint with which the run ended"):
            use()
    for name in ("frame_scores", "calibration", "domain"):  # which the messages about each of them told to remove
        getattr(run, name).unlink()
    with pytest.raises(FormatError, match=r"best\.safetensors is not the checkpoint"):
        resume_run(run, CPU)


@pytest.mark.parametrize("name", ["frame_scores", "calibration", "domain"])
def test_what_is_fitted_after_the_last_epoch_is_made_again_alone(whole: Run, tmp_path: Path, name: str) -> None:
    run = Run(Path(shutil.copytree(whole.path, tmp_path / "run")))
    (lost := getattr(run, name)).unlink()
    for use in (
        lambda: open_model(run, device="cpu"),
        lambda: run.inputs,
        lambda: export_run(run, tmp_path / "model", card_of(run, Answers())),
    ):
        with pytest.raises(FormatError, match=f"run is finished, but {lost.name} of it is missing"):
            use()
    described = describe(run.path)
    assert (described.complete, described.facts["missing"]) == (False, [lost.name])
    before = {path: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    resume_run(run, CPU)
    after = {path: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    assert after.pop(getattr(run, name)) == getattr(whole, name).read_bytes()
    assert after == before
    assert describe(run.path).complete and open_model(run, device="cpu")


def test_resuming_what_is_finished_changes_nothing(whole: Run) -> None:
    before = {path: path.read_bytes() for path in whole.path.rglob("*") if path.is_file()}
    trained = resume_run(whole, CPU)
    receipt = read_receipt(whole.path)
    assert receipt is not None
    assert trained.best_epoch == receipt.results["best_epoch"]
    assert {path: path.read_bytes() for path in whole.path.rglob("*") if path.is_file()} == before


def test_a_finished_run_is_finished_whatever_became_of_its_store_and_its_state(tmp_path: Path) -> None:
    """As a job of an array that starts again, also while another process holds the run."""
    store = write_store(tmp_path / "store")
    trained = start_run(store, tmp_path / "run", tiny(model__variant="frozen", train__epochs=1), preset="t", group=CPU)
    shutil.rmtree(tmp_path / "store")
    Run(tmp_path / "run").state.unlink()
    with sole_writer(tmp_path / "run", "busy", ""):
        again = resume_run(Run(tmp_path / "run"), CPU)
    assert (again.run, again.best_epoch) == (trained.run, trained.best_epoch)


def test_a_finished_run_whose_store_was_moved_keeps_its_receipt_or_gets_an_equal_one(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    start_run(store, tmp_path / "run", tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU)
    receipt = (tmp_path / "run" / "receipt.json").read_bytes()
    (tmp_path / "store").rename(tmp_path / "moved")
    header = tmp_path / "run" / "run.toml"
    lines = header.read_text().replace(str(tmp_path / "store"), str(tmp_path / "moved")).splitlines(keepends=True)
    header.write_text("".join(line for line in lines if not line.startswith("digest = ")))
    resume_run(Run(tmp_path / "run"), CPU)
    assert (tmp_path / "run" / "receipt.json").read_bytes() == receipt
    before = read_receipt(tmp_path / "run")
    (tmp_path / "run" / "receipt.json").unlink()
    resume_run(Run(tmp_path / "run"), CPU)
    after = read_receipt(tmp_path / "run")
    assert before is not None
    assert after is not None
    assert (after.fingerprint, after.sources["store"]) == (before.fingerprint, str(tmp_path / "moved"))


def test_a_run_is_not_overwritten_unless_forced(store: Store, tmp_path: Path) -> None:
    config = tiny(model__variant="frozen", train__epochs=1)
    start_run(store, tmp_path, config, preset="tiny", group=CPU)
    with pytest.raises(SlaError, match="already contains a run") as caught:
        start_run(store, tmp_path, config, preset="tiny", group=CPU)
    assert "--force" in caught.value.hint
    assert "--resume" in caught.value.hint
    two = tiny(model__variant="frozen", train__epochs=1, train__seed=1)
    start_run(store, tmp_path, two, preset="tiny", group=CPU, force=True)
    assert Run(tmp_path).config.train.seed == 1
    assert len(metrics(Run(tmp_path))) == 2


@pytest.mark.parametrize(
    ("settings", "device", "message"),
    [
        ({"model__weights": "gone"}, "cpu", "no such weights file"),
        ({"model__layers": "99"}, "cpu", "does not fit a backbone of"),
        ({"train__precision": "fp16"}, "cpu", "fp16 is for GPUs"),
        ({"head__pattern": "K5,P20", "train__infeasible": "refuse"}, "cpu", "clips are too short"),
        ({"head__pattern": "K5,P50", "train__infeasible": "skip"}, "cpu", "0 clips to .*\n.*infeasible=stretch"),
        ({}, "cuda:99", "cuda"),
    ],
)
def test_a_run_stays_whole_where_the_one_that_replaces_it_cannot_begin(
    whole: Run, store: Store, tmp_path: Path, settings: dict[str, Any], device: str, message: str
) -> None:
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(SlaError, match=message):
        start_run(store, run.path, tiny(**settings), preset="tiny", group=replace(CPU, device=device), force=True)
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file() and path.name != LOCK}
    assert after == {path: data for path, data in before.items() if path.name != LOCK}


def test_a_replaced_run_is_gone_before_the_new_one_begins(
    whole: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config = Run(shutil.copytree(whole.path, tmp_path / "run")), tiny(model__variant="frozen")
    run.steps.write_text("epoch\tstep\tclips\n", encoding="utf-8")  # a row takes a minute
    board = [path for path in run.tensorboard.rglob("*") if path.is_file()]
    assert {path.parent for path in board} == {run.tensorboard, run.tensorboard / "steps"}
    own = run.tensorboard / "my.tfevents.paper"  # no writer gives such a name
    own.touch()
    with monkeypatch.context() as patch:
        patch.setattr(Run, "create", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start_run(store, run.path, config, preset="tiny", group=CPU, force=True)
    assert [path for path in run.path.rglob("*") if path.is_file() and not path.name.startswith(".")] == [own]
    start_run(store, run.path, config, preset="tiny", group=CPU)
    assert run.config == config


def test_a_replaced_run_keeps_what_its_tensorboard_links_to(whole: Run, store: Store, tmp_path: Path) -> None:
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    run.tensorboard.rename(tmp_path / "board")
    run.tensorboard.symlink_to(tmp_path / "board")
    before = set((tmp_path / "board").rglob("events*"))
    start_run(store, run.path, tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU, force=True)
    assert before and before < set((tmp_path / "board").rglob("events*"))


def interrupted(*arguments: Any) -> None:
    raise KeyboardInterrupt


def test_a_removal_that_was_killed_leaves_what_force_replaces_and_nothing_that_is_resumed_by_mistake(
    whole: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, unlink = Run(shutil.copytree(whole.path, tmp_path / "run")), Path.unlink
    total = sum(path.is_file() for path in run.path.rglob("*") if not path.name.startswith("."))
    for number in range(total):
        left = iter(range(number))

        def dying(path: Path, missing_ok: bool = False, left: Iterator[int] = left) -> None:
            if (
                path.parent == run.path
                and path.is_file()
                and not path.name.startswith(".")
                and next(left, None) is None
            ):
                raise KeyboardInterrupt
            unlink(path, missing_ok)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Path, "unlink", dying)
            patch.setattr(Run, "create", interrupted)
            start_run(store, run.path, CONFIG, preset="tiny", group=CPU, force=True)
        assert run.exists or not any(path.is_file() for path in run.path.iterdir() if path.name != ".lock")
        assert run.state.is_file() <= (run.metrics.is_file() and run.best.is_file())
        assert run.best.is_file() <= run.metrics.is_file()
        shutil.copytree(whole.path, run.path, dirs_exist_ok=True)


STRANGE = (
    *("best.safetensors", "last.safetensors", "state.pt", "metrics.tsv", "steps.tsv", "curves.png", "init_from.json"),
    *("calibration.json", "domain.safetensors", "frame_scores.safetensors", "receipt.json"),
    "tensorboard/events.out.tfevents.1.host.2.0",
)


@pytest.mark.parametrize("force", [False, True])
def test_files_without_run_toml_are_nobodys_to_replace(store: Store, tmp_path: Path, force: bool) -> None:
    for number, name in enumerate(STRANGE):
        file = tmp_path / f"r-seed{number}" / name
        file.parent.mkdir(parents=True)
        file.write_text("three days")
        with pytest.raises(SlaError, match=f"no run.toml.*would replace: {name}") as caught:
            start_run(store, tmp_path / f"r-seed{number}", CONFIG, preset="tiny", group=CPU, force=force)
        assert "another --name" in caught.value.hint
        with pytest.raises(SlaError, match=f"no run.toml.*would replace: {name}"):
            start_seeds(store, tmp_path / "r", CONFIG, (99, number), preset="tiny", group=CPU, force=force)
        assert file.read_text() == "three days"
    assert not (tmp_path / "r-seed99").exists()


def test_a_start_that_was_killed_is_made_again_and_keeps_what_is_not_its_own(store: Store, tmp_path: Path) -> None:
    for name in ("glosses.txt", "config.toml", ".run.toml.host-1-2-0123abcd.partial", "notes.txt"):
        (tmp_path / name).write_text("mine")
    for _ in range(2):  # what could not begin is removed, and the rest is not
        with pytest.raises(SlaError, match="no such weights file"):
            start_run(store, tmp_path, tiny(model__weights="gone"), preset="tiny", group=CPU)
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"glosses.txt.~1~", "config.toml.~1~", ".run.toml.host-1-2-0123abcd.partial", "notes.txt"}
    assert {(tmp_path / name).read_text() for name in names} == {"mine"}


def test_a_store_that_changed_is_refused_on_resume(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    start_run(store, tmp_path / "run", tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU)
    (tmp_path / "run" / "receipt.json").unlink()  # else it is finished
    for changed, splits in (("dev", {**SENTENCES, "dev": SENTENCES["dev"][:1]}), ("train", {"dev": SENTENCES["dev"]})):
        write_store(tmp_path / "store", splits)
        with pytest.raises(SlaError, match=changed):
            resume_run(Run(tmp_path / "run"), CPU)


def test_where_signers_were_left_out_since_nobody_is_told_to_restore_them(tmp_path: Path) -> None:
    store, run = write_store(tmp_path / "stores" / "s"), Run(tmp_path / "runs" / "run")
    start_run(store, run.path, tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU)
    (run.path / "receipt.json").unlink()  # else it is finished
    leave_out(store.path, ["signer1"], tmp_path)
    with pytest.raises(SlaError, match=r"signers were left out of the store .*: train again"):
        resume_run(run, CPU)


def test_edited_settings_are_refused_on_resume(store: Store, tmp_path: Path) -> None:
    start_run(store, tmp_path, tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU)
    file = tmp_path / "config.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("channels = 32", "channels = 16"), encoding="utf-8")
    with pytest.raises(SlaError, match=r"config\.toml is damaged or was edited") as caught:
        resume_run(Run(tmp_path), CPU)
    assert "delete the line `config_digest" in caught.value.hint
    header = tmp_path / "run.toml"
    lines = header.read_text(encoding="utf-8").splitlines(keepends=True)
    header.write_text("".join(line for line in lines if not line.startswith("config_digest")), encoding="utf-8")
    (tmp_path / "receipt.json").unlink()
    with pytest.raises(SlaError, match="does not fit the model"):
        resume_run(Run(tmp_path), CPU)


def test_what_is_no_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="not a run"):
        resume_run(Run(tmp_path), CPU)


@pytest.mark.parametrize("missing", ["receipt.json", "domain.safetensors"])
def test_a_run_with_weights_and_no_state_is_not_begun_again(whole: Run, tmp_path: Path, missing: str) -> None:
    shutil.copytree(whole.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    best = run.best.read_bytes()
    run.state.unlink()
    (run.path / missing).unlink()
    with pytest.raises(SlaError, match=r"has trained weights, but no state\.pt to continue from"):
        resume_run(run, CPU)
    assert run.best.read_bytes() == best


@pytest.mark.parametrize(("weights", "error"), [("gone", SlaError), ("gone" * 100, OSError)])
def test_a_run_that_could_not_begin_leaves_its_name_free(
    store: Store, tmp_path: Path, weights: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        start_run(store, tmp_path / "run", tiny(model__weights=weights), preset="tiny", group=CPU)
    assert not (tmp_path / "run").exists()
    start_run(store, tmp_path / "run", tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU)


def test_a_disk_that_fills_at_the_first_epoch_leaves_the_name_free(store: Store, whole: Run, tmp_path: Path) -> None:
    """Nothing could be resumed."""
    run = Run(tmp_path / "run")
    with disk_with(whole.best.stat().st_size + 9999), pytest.raises(SlaError, match=r"cannot write .*state\.pt"):
        start_run(store, run.path, CONFIG, preset="tiny", group=CPU)
    assert not run.path.exists()


def test_the_receipt_of_a_store_does_not_finish_a_run(whole: Run, store: Store, tmp_path: Path) -> None:
    run = Run(shutil.copytree(whole.path, tmp_path / "run"))
    shutil.copy(store.path / "receipt.json", run.path)
    for use in (lambda: resume_run(run, CPU), lambda: describe(run.path), run.check_whole):
        with pytest.raises(FormatError, match=r"receipt\.json is of `sla prep`, not of `sla train`"):
            use()


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_store_without_train_or_dev(tmp_path: Path, split: str) -> None:
    store = write_store(tmp_path / "store", {name: texts for name, texts in SENTENCES.items() if name != split})
    with pytest.raises(SlaError, match=f"has no {split} split, only .*: training uses train") as caught:
        start_run(store, tmp_path / "run", CONFIG, preset="tiny", group=CPU)
    assert "STORE:DIVISION" in caught.value.hint  # that of the corpus stays the default
    assert not (tmp_path / "run").exists()


def test_a_dev_split_without_references_is_refused_before_training(tmp_path: Path) -> None:
    store = Store(make_store(tmp_path / "store", {"train": [clip("a", "A")], "dev": [clip("b", "")]}))
    with pytest.raises(SlaError, match=r"dev .* has no reference glosses"):
        check_splits(store)


def test_clips_with_fewer_frames_than_glosses(tmp_path: Path) -> None:
    """Nothing could be fitted after the last epoch; without frame scores the run has all that it can have."""
    clips = {split: [clip(f"{split}{number}", "A B A C", 3) for number in range(3)] for split in ("train", "dev")}
    store = Store(make_store(tmp_path / "store", clips))
    with pytest.raises(SlaError, match=r"no clip of .* has as many frames as glosses") as caught:
        start_run(store, tmp_path / "run", CONFIG, preset="tiny", group=CPU)
    assert "loss.frame_ctc=0" in caught.value.hint and not (tmp_path / "run").exists()
    start_run(store, tmp_path / "run", tiny(loss__frame_ctc=0.0, train__epochs=1), preset="tiny", group=CPU)
    assert not Run(tmp_path / "run").lost


def test_a_damaged_store_leaves_no_folder_of_a_run(tmp_path: Path) -> None:
    folder = write_store(tmp_path / "store", SENTENCES).path
    path = clips_path(folder)
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(SlaError, match=r"clips\.h5"):
        start_run(Store(folder), tmp_path / "run", CONFIG, preset="tiny")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
@pytest.mark.parametrize(("where", "run"), [("w\udce9", "run"), ("w", "r\udce9")])
def test_a_path_that_is_no_utf8_is_refused_before_an_old_run_is_replaced(tmp_path: Path, where: str, run: str) -> None:
    """run.toml could not be read again."""
    store, folder = write_store(tmp_path / where), tmp_path / run
    folder.mkdir()
    (folder / "run.toml").write_text("old")
    with pytest.raises(SlaError, match="not UTF-8"):
        start_run(store, folder, CONFIG, preset="tiny", group=CPU, force=True)
    assert (folder / "run.toml").read_text() == "old"


def test_clips_that_prep_lost_are_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = write_store(tmp_path / "store")
    receipt = Receipt("prep", {}, {}, results={"failed": {"clip-7": "frame 3 does not decode"}})
    write_receipt(receipt, store.path)
    with caplog.at_level(logging.WARNING, "sla"):
        start_run(store, tmp_path / "run", tiny(model__variant="frozen", train__epochs=1), preset="tiny", group=CPU)
    assert "clip-7" in caplog.text


def test_a_run_that_is_moved_while_it_is_trained_is_named_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, told = loop.evaluate, list[object]()

    def meanwhile(*given: Any) -> Any:
        (tmp_path / "run").rename(tmp_path / "moved")
        return evaluate(*given)

    monkeypatch.setattr(loop, "evaluate", meanwhile)
    monkeypatch.setattr(threading, "excepthook", told.append)
    with pytest.raises((FileNotFoundError, SlaError)):
        start_run(store, tmp_path / "run", tiny(train__epochs=1), preset="tiny", group=CPU)
    assert told == [], "a thread prints a traceback"
    assert Run(tmp_path / "moved").exists
