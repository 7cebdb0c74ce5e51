"""What a cluster does to a run: kills, signals, full disks, several processes. The result is always the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from safetensors.torch import load_file
from synthetic import CPU, FACTS, GLOSSES, disk_with, metrics, same_weights, tiny, write_store

from sla_cli.config import Config, to_toml
from sla_cli.errors import SlaError
from sla_cli.formats.receipt import read_receipt
from sla_cli.formats.run import Run
from sla_cli.formats.store import Store, split_path
from sla_cli.train.train_run import resume_run, start_run

KILLS = 10
CONFIG = tiny(
    model__variant="lora", lora__dropout=0.1, train__epochs=5, train__batch=1, train__ema=0.9, train__save_minutes=0.0
)
PAIR = tiny(
    head__dropout=0.0, train__epochs=3, train__batch=2, train__save_minutes=0.0, train__optimizer="sgd", train__lr=4e-3
)
PATHS = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path])
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": PATHS}


def assert_same(run: Run, whole: Run) -> None:
    assert metrics(run) == metrics(whole)
    assert same_weights(run.last, whole.last)
    assert same_weights(run.best, whole.best)
    assert not list(run.path.glob(".*.partial"))


# Forks from a process that has everything imported, so that what is killed is training and not Python's start.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from sla_cli.formats.receipt import read_receipt
from sla_cli.formats.run import Run
from sla_cli.formats.store import Store
from sla_cli.train.train_run import resume_run, start_run
import test_endurance

torch.set_num_threads(1)
store, folder = Store(Path(sys.argv[1])), Path(sys.argv[2])
delays = random.Random(0)
kills = number = 0
while kills < test_endurance.KILLS:
    run = Run(folder / str(number))
    child = os.fork()
    if not child:
        if run.exists:
            resume_run(run, CPU)
        else:
            start_run(store, run.path, test_endurance.CONFIG, preset="tiny", group=test_endurance.CPU)
        os._exit(0)
    time.sleep(0.1 + delays.uniform(0, 1.0))
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.wait()[1])
    kills += status == -signal.SIGKILL
    assert status in (0, -signal.SIGKILL), status
    number += read_receipt(run.path) is not None
"""


def test_killed_at_random_moments_and_resumed_is_as_never_killed(store: Store, whole: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLER, str(store.path), str(tmp_path)]
    answer = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, answer.stderr
    runs = [Run(folder) for folder in sorted(tmp_path.iterdir())]
    for run in runs:
        if read_receipt(run.path) is None and run.exists:
            resume_run(run, CPU)
        if run.exists:
            assert_same(run, whole)
    assert any(run.exists for run in runs)


def begin(work: Path, store: Store, config: Config, *arguments: str, processes: int = 1) -> subprocess.Popen[str]:
    """`sla train` in a process of its own, under torchrun where there are several."""
    (work / "c.toml").write_text(to_toml(config), encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *torchrun, "-m", "sla_cli", "train", "--work", str(work), "--device", "cpu", *arguments]
    if "--resume" not in arguments:
        command += [str(store.path), "--config", str(work / "c.toml")]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_a_step(run: Run, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not run.state.is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_signal_to_all_processes_saves_and_stops(store: Store, tmp_path: Path) -> None:
    """As Slurm sends it: to the workers that load clips, too."""
    config = replace(CONFIG, train=replace(CONFIG.train, epochs=40, workers=1))
    run = Run(tmp_path / "runs" / "a")
    process = begin(tmp_path, store, config, "--name", "a")
    wait_for_a_step(run, process)
    os.killpg(process.pid, signal.SIGUSR1)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGUSR1, err
    assert out == ""
    assert "SIGUSR1: stopped after" in err
    assert "sla train --resume --name a" in err
    assert "Traceback" not in err
    assert read_receipt(run.path) is None


def test_stopped_within_an_epoch_and_resumed_is_as_never_stopped(store: Store, whole: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "a")
    process = begin(tmp_path, store, CONFIG, "--name", "a")
    wait_for_a_step(run, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
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
    assert len(found) == 4
    for ours, theirs in zip(found[1:], expected[1:], strict=True):
        assert [float(value) for value in ours] == pytest.approx([float(value) for value in theirs], rel=2e-3, abs=1e-5)


def test_two_processes_stopped_through_torchrun_go_on(store: Store, pair: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "runs" / "cut")
    process = begin(tmp_path, store, PAIR, "--name", "cut", processes=2)
    wait_for_a_step(run, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert read_receipt(run.path) is None
    with pytest.raises(SlaError, match="by a training of 2 processes, and here: 1"):
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
        (["--name", "there"], "holds a run already"),  # the first alone looks
        (["--dry-run"], "--dry-run forecasts a training of one process"),
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


def test_one_process_that_fails_ends_them_all(tmp_path: Path) -> None:
    """Nobody waits for it: neither the others, in an exchange of gradients, nor itself, for their farewell."""
    store = write_store(tmp_path / "store")
    with h5py.File(split_path(store.path, "train"), "r+") as file:
        file["bytes"][: int(file["frame_offsets"][1])] = 0  # of the first clip's first frame
    process = begin(tmp_path, store, PAIR, "--name", "a", processes=2)
    _, err = process.communicate(timeout=200)
    assert process.returncode != 0
    assert err.count("clip train-0 is damaged") == 1, err
    assert err.count("taking preset") == 1
    assert "Traceback" not in err.split("elastic")[0]  # torchrun's own begins there


@pytest.mark.parametrize("room", [1000, 300_000])
def test_a_full_disk_loses_no_earlier_checkpoint(store: Store, whole: Run, tmp_path: Path, room: int) -> None:
    """Not the weights' room, and room for the weights but not for the state."""
    config = replace(CONFIG, train=replace(CONFIG.train, save_minutes=10.0))
    run = Run(tmp_path / "run")
    start_run(store, run.path, replace(config, train=replace(config.train, epochs=1)), preset="tiny", group=CPU)
    run.create(CONFIG, run.glosses, run.facts)
    before = {path: path.read_bytes() for path in (run.state, run.metrics)}
    with disk_with(room), pytest.raises(SlaError, match="cannot write"):
        resume_run(run, CPU)
    assert {path: path.read_bytes() for path in before} == before
    assert load_file(run.best).keys() == load_file(run.last).keys()
    resume_run(run, CPU)
    assert_same(run, whole)
