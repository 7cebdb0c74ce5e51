"""What tests have workers do. A worker that is spawned imports this module: it must take no time."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from sla_cli.core.clip import Source
from sla_cli.errors import SlaError


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 3:
        raise SlaError("three is refused", "Take four.")
    return number


def die(number: int, folder: Path, deaths: int) -> int:
    """Item 3 kills its process `deaths` times."""
    if number == 3:
        marks = len(list(folder.iterdir()))
        if marks < deaths:
            (folder / str(marks)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_: int) -> int:
    return os.getpid()


class DeadlySource(Source):
    """A clip whose frames kill the process that opens them, as a decoder that crashes does."""

    def __getattribute__(self, name: str) -> object:
        if name == "path" and os.environ.get("SLA_TEST_PARENT") != str(os.getpid()):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)
