"""Events on a cluster: kills, signals, full disks, several processes. The result is always the same."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import torch
from forked import Forked, sla, sla_held, sla_held_in_two, sla_in_two, torchrun
from safetensors.torch import load_file
from synthetic import CPU, FACTS, GLOSSES, disk_with, metrics, same_weights, tiny, write_store

from sla_cli.artifact.receipt import read_receipt, receipt_path
from sla_cli.config.settings import Config, to_toml
from sla_cli.errors import SlaError
from sla_cli.store.paths import clips_path
from sla_cli.store.store import Store
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.run import Run

pytestmark = pytest.mark.long

KILLS = 3  # test_train_run.py kills at each moment that matters
CONFIG = tiny(
    model__variant="lora", lora__dropout=0.1, train__epochs=2, train__batch=1, train__ema=0.9, train__save_minutes=0.0
)
PAIR = tiny(
    head__dropout=0.0, train__epochs=2, train__batch=2, train__save_minutes=0.0, train__optimizer="sgd", train__lr=4e-3
)


def assert_same(run: Run, whole: Run) -> None:
    assert metrics(run) == metrics(whole)
    assert same_weights(run.last, whole.last)
    assert same_weights(run.best, whole.best)
    assert not [path for path in run.path.glob(".*.partial") if "curves" not in path.name]  # not drawn again here


def train(store: Path, folder: Path) -> None:
    """Begin a run, or go on with it."""
    torch.set_num_threads(1)
    if Run(folder).exists:
        resume_run(Run(folder), CPU)
    else:
        start_run(Store(store), folder, CONFIG, preset="tiny", group=CPU)


def test_killed_at_random_moments_and_resumed_is_as_never_killed(store: Store, whole: Run, tmp_path: Path) -> None:
    delays, kills, runs = random.Random(0), 0, [Run(tmp_path / "0")]
    while kills < KILLS:
        process = Forked(train, store.path, runs[-1].path, printed=tmp_path)
        while kills and process.poll() is None and not runs[-1].state.is_file():
            time.sleep(0.01)  # else a slow machine would see nothing but beginnings
        time.sleep(delays.uniform(0, 0.7))
        process.kill()
        _, err = process.communicate(timeout=200)
        assert process.returncode in (0, -signal.SIGKILL), err
        assert "Traceback" not in err, err
        kills += process.returncode == -signal.SIGKILL
        if read_receipt(runs[-1].path) is not None:
            runs.append(Run(tmp_path / str(len(runs))))
    for run in runs:
        if read_receipt(run.path) is None and run.exists:
            resume_run(run, CPU)
        if run.exists:
            assert_same(run, whole)
    assert runs[0].exists


def typed(work: Path, store: Store, config: Config, *arguments: str) -> list[str]:
    """What follows `sla`."""
    (work / "c.toml").write_text(to_toml(config), encoding="utf-8")
    given = [] if "--resume" in arguments else [str(store.path), "--config", str(work / "c.toml")]
    return ["train", "--work", str(work), "--device", "cpu", *arguments, *given]


def begin(
    work: Path, store: Store, config: Config, *arguments: str, processes: int = 1, held: str | None = None
) -> Forked:
    """`sla train` in a process of its own, or in several as under torchrun.

    Args:
        held: the name of a run that goes on only by a signal, so that none comes too late.
    """
    command, environment = typed(work, store, config, *arguments), {"OMP_NUM_THREADS": "1"}
    if held is not None:
        function = sla_held_in_two if processes == 2 else sla_held
        return Forked(function, held, *command, printed=work, environment=environment)
    return Forked(sla_in_two if processes == 2 else sla, *command, printed=work, environment=environment)


def wait_for_a_step(run: Run, process: Forked) -> None:
    deadline = time.monotonic() + 200
    while not run.state.is_file():
        assert process.poll() is None, process.communicate(timeout=200)
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_signal_to_all_processes_saves_and_stops(store: Store, tmp_path: Path) -> None:
    """As Slurm sends it: to the workers that load clips, too."""
    config = replace(CONFIG, train=replace(CONFIG.train, epochs=40, workers=1))
    run = Run(tmp_path / "runs" / "a run")
    process = begin(tmp_path, store, config, "--name", "a run", held="a run")
    wait_for_a_step(run, process)
    os.killpg(process.pid, signal.SIGUSR1)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 128 + signal.SIGUSR1, err
    assert out == ""
    assert "SIGUSR1: stopped after" in err
    assert f"`sla train --resume --name 'a run' --work {tmp_path}`" in err
    assert "Traceback" not in err
    assert read_receipt(run.path) is None


def test_stopped_within_an_epoch_and_resumed_is_as_never_stopped(store: Store, whole: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "a")
    process = begin(tmp_path, store, CONFIG, "--name", "a", held="a")
    wait_for_a_step(run, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=200)
    assert "stopped after step" in err
    assert process.returncode == 128 + signal.SIGTERM
    resume_run(run, CPU)
    assert_same(run, whole)


@pytest.fixture(scope="module")
def pair(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two processes."""
    folder = tmp_path_factory.mktemp("pair")
    out, err = begin(folder, store, PAIR, "--name", "pair", "--json", processes=2).communicate(timeout=200)
    assert out.count('"dev_wer"') == 1, err
    return Run(folder / "runs" / "pair")


def test_two_processes_see_what_one_sees(store: Store, pair: Run, tmp_path: Path) -> None:
    """The same global batches; without dropout, whose draws are each process's own.

    By SGD, since Adam would hide a gradient of the wrong scale. In some runs rounding turns a maximum of the pooling,
    and losses go 1e-3 apart, as they do in one process under other vector instructions.
    """
    start_run(store, tmp_path, replace(PAIR, train=replace(PAIR.train, batch=4)), preset="tiny", group=CPU)
    expected, found = metrics(Run(tmp_path)), metrics(pair)
    assert found[0] == expected[0]
    assert len(found) == 3
    for ours, theirs in zip(found[1:], expected[1:], strict=True):
        assert [float(value) for value in ours] == pytest.approx([float(value) for value in theirs], rel=2e-3, abs=1e-5)


def test_two_processes_stopped_through_torchrun_go_on(store: Store, pair: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "cut")
    process = begin(tmp_path, store, PAIR, "--name", "cut", processes=2, held="cut")
    wait_for_a_step(run, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=200)
    assert read_receipt(run.path) is None
    with pytest.raises(SlaError, match="by a training with 2 processes; here: 1"):
        resume_run(run, CPU)
    out, err = begin(tmp_path, store, PAIR, "--resume", "--name", "cut", processes=2).communicate(timeout=200)
    assert "best dev WER" in out, err
    assert_same(run, pair)


def test_what_all_processes_come_upon_is_said_once(store: Store, tmp_path: Path) -> None:
    config = tiny(model__variant="frozen", loss__frame_ctc=0.0, train__lr=1e9, train__epochs=9, train__batch=2)
    process = begin(tmp_path, store, config, "--name", "a", processes=2)
    _, err = process.communicate(timeout=200)
    assert process.returncode != 0
    assert err.count("error: ") == 1
    assert "is not finite in epoch" in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--weights", "nowhere.pt"], "nowhere.pt"),  # all come upon it, in the middle of starting
        (["--name", "there"], "already contains a run"),  # the first alone looks
        (["--dry-run"], "--dry-run measures a training of one process"),
    ],
)
def test_what_keeps_all_processes_from_starting_is_said_once(
    store: Store, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    there = Run(tmp_path / "runs" / "there")
    there.create(PAIR, GLOSSES, FACTS)
    process = begin(tmp_path, store, PAIR, *arguments, processes=2)
    _, err = process.communicate(timeout=200)
    assert process.returncode != 0
    assert err.count("error: ") == 1, err
    assert reason in err
    assert list((tmp_path / "runs").iterdir()) == [there.path]


@pytest.mark.ci
def test_one_process_that_fails_ends_them_all(tmp_path: Path) -> None:
    """Nobody waits for it: neither the others, in an exchange of gradients, nor itself, for their farewell."""
    folder = write_store(tmp_path / "store").path
    with h5py.File(clips_path(folder), "r+") as file:
        file["bytes"][: int(file["frame_offsets"][1])] = 0  # of the first clip's first frame
    command = typed(tmp_path, Store(folder), PAIR, "--name", "a")
    process = Forked(torchrun, *command, printed=tmp_path, environment={"OMP_NUM_THREADS": "1"})
    _, err = process.communicate(timeout=200)
    assert process.returncode != 0
    assert err.count("clip train-0 is damaged") == 1, err
    assert err.count("using preset") == 1
    assert "Traceback" not in err.split("elastic")[0]  # torchrun's own begins there


@pytest.mark.parametrize("room", [1000, 300_000])
def test_a_full_disk_loses_no_earlier_checkpoint(store: Store, whole: Run, tmp_path: Path, room: int) -> None:
    """Not the weights' room, and room for the weights but not for the state."""
    config = replace(CONFIG, train=replace(CONFIG.train, save_minutes=10.0))
    run = Run(tmp_path / "run")
    start_run(store, run.path, replace(config, train=replace(config.train, epochs=1)), preset="tiny", group=CPU)
    run.create(CONFIG, run.glosses, run.facts)
    receipt_path(run.path).unlink()  # it has more epochs to go
    before = {path: path.read_bytes() for path in (run.state, run.metrics)}
    with disk_with(room), pytest.raises(SlaError, match="cannot write"):
        resume_run(run, CPU)
    assert {path: path.read_bytes() for path in before} == before
    assert load_file(run.best).keys() == load_file(run.last).keys()
    resume_run(run, CPU)
    assert_same(run, whole)
