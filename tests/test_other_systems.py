"""Removes from this Python what Windows and macOS lack: commands still work, with a message if necessary.

No test runs on those systems. Other differences from Linux are not tested.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from limited_python import LimitedPython
from tiny_work import tiny_work

from sla_cli.errors import TORCH

pytestmark = pytest.mark.ci

GONE = """
import os, signal

os.supports_dir_fd.clear()  # shutil, when it is imported, takes what needs O_NONBLOCK otherwise
import asyncio  # uses sysconf when it is imported
import multiprocessing

multiprocessing.get_all_start_methods = lambda: ["spawn"]
for name in ("pread", "pwrite", "O_NONBLOCK", "sched_getaffinity", "sysconf", "memfd_create"):
    vars(os).pop(name, None)
for name in ("SIGUSR1", "SIGHUP", "pthread_sigmask", "sigwait"):
    vars(signal).pop(name, None)
"""
NO_FORK = "for name in ('fork', 'register_at_fork'): vars(os).pop(name, None)"  # which torch for Linux needs
NO_LOCKS = "has no file locks: do not let two commands write into it at once"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(tiny_work(), tmp_path / "work")
    return tmp_path


def test_commands_do_without(folder: Path, phoenix_tree: Callable[..., Path]) -> None:
    tree, python = phoenix_tree(folder), LimitedPython(folder, ("fcntl", "resource", *TORCH), GONE + NO_FORK)
    with tarfile.open(folder / "phoenix.tar", "w") as archive:
        archive.add(tree, tree.name)
    commands = {
        "doctor": "GB free of unknown",
        "prep phoenix2014 phoenix.tar --size 32 --name tar -j 2": NO_LOCKS,
        "check work/stores/tar --deep -j 1": "problems: ",
        "store export work/stores/tar --layout phoenix2014 -o folders": "folders",
        "decode work/runs/adapter --beam 1 -j 2 -o greedy.tsv": "hypotheses greedy.tsv",
        "score greedy.tsv": "wer:",
    }
    for (command, expected), (code, output) in zip(commands.items(), python.sla(*commands), strict=True):
        # The distributed of this system needs `resource`, which the doctor says.
        assert code in (0, 3 * command.startswith(("check", "doctor"))), f"{command}: {output}"
        assert expected in " ".join(output.split()), f"{command}: {output}"
    assert not (folder / "work/stores/tar/.owner").exists()


@pytest.mark.needs("torch")
def test_training_does_without(folder: Path) -> None:
    python = LimitedPython(folder, ("fcntl", "resource"), GONE)
    [(code, output)] = python.sla("train --resume --name adapter --device cpu")
    assert code == 0, output


def test_many_clips_are_decoded_in_one_process(folder: Path) -> None:
    code = """
from sla_cli.decode.processes import map_clips
from sla_cli.work.emissions import Emissions
from pathlib import Path
from os import getpid

file = Emissions(Path("work/emissions/adapter/dev.h5"))
print(len(set(map_clips(lambda clip: getpid(), file, 2, least=1))))
"""
    assert LimitedPython(folder, (), GONE).run(code) == "1\n"
