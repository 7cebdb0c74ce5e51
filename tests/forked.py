"""Processes that are forked from one that has imported everything for training and inference.

For tests of signals, kills and concurrent processes: a start takes milliseconds instead of seconds of a core. Tests of
the command line, and of the start itself, use `python -m sla_cli`.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from multiprocessing import get_context, set_start_method
from pathlib import Path
from typing import Any

_SERVER = get_context("forkserver")
_OURS = (
    "cli.train",
    "cli.prep",
    "prep.build",
    "train.train_run",
    "emit.emit",
    "decode.decode_file",
    "transcribe.recognizer",
)
_OTHERS = ("accelerate", "matplotlib.figure", "pydantic", "pytest", "rich.progress", "torch.distributed.run")
_SERVER.set_forkserver_preload([*(f"sla_cli.{name}" for name in _OURS), *_OTHERS])

# What these signals do in a terminal. A script starts background jobs with SIGINT ignored, nohup all jobs with SIGHUP
# ignored, and children inherit both.
TERMINAL = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}


class Forked:
    """A function in a process, and a process group, of its own; used like subprocess.Popen.

    Signals act as in a terminal.

    Args:
        function: of a module, and picklable.
        printed: a folder for what it prints.
        environment: variables in addition to those of this process.
    """

    def __init__(
        self,
        function: Callable[..., None],
        *arguments: Any,
        printed: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._printed = tuple(printed / f"{name}-{uuid.uuid4().hex}.txt" for name in ("stdout", "stderr"))
        for path in self._printed:
            path.touch()  # one that is killed before it opens them has printed nothing
        self._process = _SERVER.Process(
            target=_alone, args=(self._printed, {**os.environ, **(environment or {})}, Path.cwd(), function, arguments)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it printed, when it has ended; seconds to wait for that."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"still running after {timeout} s"
        out, err = (path.read_text(encoding="utf-8") for path in self._printed)
        return out, err


def _alone(
    printed: tuple[Path, Path], environment: dict[str, str], folder: Path, function: Callable[..., None], arguments: Any
) -> None:
    os.setsid()
    for number, action in TERMINAL.items():  # the server may have inherited others
        signal.signal(number, action)
    for stream, path in zip((sys.stdout, sys.stderr), printed, strict=True):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # it was found for another environment
    set_start_method(None, force=True)  # else its own processes would be those of this server
    os.chdir(folder)
    function(*arguments)


def sla(*arguments: str) -> None:
    """The command, as typed."""
    from sla_cli.cli.main import run

    sys.argv = ["sla", *arguments]
    run()


def sla_held(run: str, *arguments: str) -> None:
    """The command, as typed, which trains a run; a step after it has saved its state, it waits for a signal."""
    from sla_cli.train import loop

    save, stop_if_requested, saved = loop.save_state, loop._stop_if_requested, list[bool]()

    def save_and_tell(path: Path, state: Any) -> None:
        save(path, state)
        if path.parent.name == run:
            saved.append(True)

    def wait_and_stop(group: Any, stop: Any) -> None:
        while saved and not stop.signal:
            time.sleep(0.01)
        stop_if_requested(group, stop)

    loop.save_state, loop._stop_if_requested = save_and_tell, wait_and_stop
    sla(*arguments)


def script(path: Path, *arguments: str) -> None:
    """What `python PATH ARGUMENTS...` runs."""
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")


def torchrun(*arguments: str) -> None:
    """The command as `torchrun --standalone --nproc-per-node=2 -m sla_cli` runs it, which starts its processes anew."""
    from torch.distributed.run import main

    main(["--standalone", "--nproc-per-node=2", "-m", "sla_cli", *arguments])


def sla_in_two(*arguments: str) -> None:
    """The same in forked processes."""
    in_two(sla, *arguments)


def sla_held_in_two(run: str, *arguments: str) -> None:
    """As `sla_held`, in two processes."""
    in_two(sla_held, run, *arguments)


def in_two(function: Callable[..., None], *arguments: Any) -> None:
    """A function in two processes of torchrun's agent, which forks too."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    standalone = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": uuid.uuid4().hex}
    config = LaunchConfig(1, 1, nproc_per_node=2, max_restarts=0, start_method="fork", **standalone)
    elastic_launch(config, function)(*arguments)
