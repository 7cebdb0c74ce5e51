"""Runs prep on a Dask cluster whose workers can access the folder of the store and that of the corpus.

Frames depend on the versions of the packages that decode and resize them, so a worker with other versions gets no work:
existing workers are checked first, and every task states its versions, as workers may join later.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import platform
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import cache
from importlib import metadata
from uuid import uuid4

import cv2
import h5py
import numpy as np

from sla_cli import __version__
from sla_cli.artifact.receipt import environment
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.encoding.process_pool import Answers, Failure, Item, Result

try:
    from dask.distributed import Client, Future, KilledWorker, Security, get_worker, wait
    from distributed import comm
except ImportError as error:
    raise SlaError("--scheduler needs Dask, which is not installed", "pip install 'sla-cslr[dask]'") from error

CONNECT = 10.0  # seconds
ASKED = 5  # times
PATIENCE = 15.0  # seconds without a result, after which the cluster is checked
AHEAD = 2  # tasks submitted per thread, so that no thread waits for new ones
SAME = "Install the same sla, Python and packages on every worker as here."
KILLED = Failure("its workers died again and again (out of memory, or a crash of the decoder)")

Versions = Mapping[str, str]


class DaskCluster:
    """A cluster, given by its scheduler's address; Dask itself repeats the work of a dead worker on another one."""

    def __init__(self, address: str) -> None:
        """Raises SlaError if no scheduler answers at the address, or workers have other versions than this process."""
        self.address = address
        for name in ("distributed.client", "distributed.utils"):  # they print tracebacks of errors that are raised here
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            asyncio.run(_shake_hands(address))
            self._client = connect(address)
        except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            told = "what is there speaks another protocol" if isinstance(error, MemoryError) else str(error)
            reason = f": {told}" if told else ""
            hint = "Give the address that it prints, such as tcp://10.0.0.1:8786. For tls://, Dask needs settings."
            raise SlaError(f"no Dask scheduler answers at {address!r}{reason}", hint) from error
        try:
            self._check_workers()
        except BaseException:
            self.close()
            raise

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]:
        suspects = []
        for item, answer in self._run(function, items):
            if answer is KILLED:
                suspects.append(item)
            else:
                yield item, answer
        for item in suspects:  # Dask blames all that was queued at a dead worker, so each is tried alone
            yield from self._run(function, [item])

    def _run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]:
        waiting = deque(enumerate(items))
        running: dict[Future, Item] = {}
        name = f"sla-{uuid4().hex}"
        try:
            while waiting or running:
                while waiting and len(running) < AHEAD * max(1, self._threads()):
                    number, item = waiting.popleft()
                    key = f"{name}-{number}"
                    task = self._client.submit(_on_worker, function, item, versions(), key=key, pure=False)
                    running[task] = item
                for task in self._done(running):
                    yield running.pop(task), self._answer(task)
        finally:
            if self._client.status == "running":
                self._client.cancel(list(running), force=True)

    def close(self) -> None:
        self._client.close()

    def _check_workers(self) -> None:
        """Raise SlaError that names the workers of other versions."""
        try:
            answers: Mapping[str, Versions | Exception] = self._client.run(versions, on_error="return")
        except OSError as error:
            raise self._lost() from error
        others = {worker: found for worker, answer in answers.items() if (found := _differences(answer, versions()))}
        if others:
            listed = some(f"{worker} ({difference})" for worker, difference in others.items())
            number = f"{len(others)} of {counted(len(answers), 'worker')}"
            message = f"other versions than here on {number} at {self.address}: {listed}"
            raise SlaError(message, SAME)

    def _threads(self) -> int:
        """Number of threads of all workers, which may change."""
        try:
            return sum(self._client.nthreads().values())
        except OSError as error:
            raise self._lost() from error

    def _done(self, running: dict[Future, Item]) -> list[Future]:
        begun = time.monotonic()
        while True:
            try:
                with self._client.as_current():
                    return list(wait(list(running), timeout=PATIENCE, return_when="FIRST_COMPLETED").done)
            except CancelledError as error:
                raise self._lost() from error
            except TimeoutError:
                if not self._threads():
                    log.warning("no worker at %s: waiting for %.0f s", self.address, time.monotonic() - begun)

    def _lost(self) -> SlaError:
        return SlaError(
            f"the connection to the Dask scheduler at {self.address} is lost",
            "Run the same command again when it is back: finished clips are kept.",
        )

    def _answer(self, task: Future) -> Result | Failure:
        try:
            return task.result()
        except KilledWorker:
            return KILLED
        except (ImportError, RuntimeError) as error:  # a RuntimeError if the scheduler itself cannot
            missing = error if isinstance(error, ImportError) else error.__cause__
            if not isinstance(missing, ImportError):
                raise
            message = f"the Dask cluster at {self.address} cannot import what it needs: {missing}"
            hint = "Install the same sla and Python on its scheduler and on every worker."
            raise SlaError(message, hint) from error


async def _shake_hands(address: str) -> None:
    """Connect and disconnect. A client would wait without end for what accepts connections but is no scheduler, and
    allocate as many bytes as it seems to announce.

    Raises:
        OSError, ValueError, TypeError, RuntimeError, MemoryError: nothing there speaks as Dask does, or settings of TLS
            are missing or wrong.
    """
    secured = Security().get_connection_args("client")
    (await asyncio.wait_for(comm.connect(address, timeout=CONNECT, **secured), CONNECT)).abort()


def connect(address: str) -> Client:
    """A client of the scheduler at the address; raises OSError or ValueError if none answers.

    Dask asserts that a scheduler's first message comes alone. This fails if the scheduler sends a message to all
    clients in the same two milliseconds, for example when the work of another client is cancelled: then this tries
    again.
    """
    for _ in range(ASKED - 1):
        with suppress(AssertionError):
            return Client(address, timeout=CONNECT, set_as_default=False)
        # A failed client closes itself when it is collected, for which it needs a lock. The constructor of the next
        # client holds that lock: collected there, it would wait for ever.
        gc.collect()
    return Client(address, timeout=CONNECT, set_as_default=False)


@cache
def versions() -> Versions:
    """Versions of the packages that make frames or send tasks in this process; the revision is "" if not known."""
    return {
        "sla": __version__,
        "revision": environment()["revision"],
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        "PyAV": metadata.version("av"),
        "h5py": h5py.__version__,
    }


def _differences(there: Versions | Exception, here: Versions) -> str:
    """`NumPy 1.26.4, here 1.26.0`; "" if there is none, or only one side knows its revision."""
    if isinstance(there, Exception):
        return f"it cannot report them: {there}"
    pairs = [(name, there.get(name, ""), version) for name, version in here.items()]
    known = [(name, other, own) for name, other, own in pairs if name != "revision" or (other and own)]
    return "; ".join(f"{name} {other or 'unknown'}, here {own}" for name, other, own in known if other != own)


def _on_worker(function: Callable[[Item], Result], item: Item, needed: Versions) -> Result:
    if differences := _differences(versions(), needed):  # the message is shown where the command was started
        raise SlaError(f"worker {get_worker().address} has other versions than here: {differences}", SAME)
    cv2.setNumThreads(1)  # the cluster assigns the cores
    return function(item)
