"""Prep's work on a Dask cluster, whose workers share the folder of the store and that of the corpus."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from uuid import uuid4

import cv2

from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.process_pool import Answers, Item, Result, WorkerDied

try:
    from dask.distributed import Client, Future, KilledWorker, wait
except ImportError as error:
    raise SlaError("--scheduler needs Dask, which is not installed", "pip install 'sla-cli[dask]'") from error

CONNECT = 10.0  # seconds
PATIENCE = 15.0  # seconds without an answer, after which the cluster is looked at
AHEAD = 2  # tasks handed out for each thread, so that none waits for us


class DaskCluster:
    """A cluster by its scheduler's address; Dask itself tries the work of a dead worker again, on another."""

    def __init__(self, address: str) -> None:
        """Raises SlaError where nothing answers at the address."""
        self.address = address
        for name in ("distributed.client", "distributed.utils"):  # they log tracebacks of errors that are raised here
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            hint = "Give the address that it prints, as in tcp://10.0.0.1:8786."
            raise SlaError(f"no Dask scheduler answers at {address!r}: {error}", hint) from error

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]:
        suspects = []
        for item, answer in self._run(function, items):
            if isinstance(answer, WorkerDied):
                suspects.append(item)
            else:
                yield item, answer
        for item in suspects:  # Dask blames everything queued at a dead worker, so each is tried again alone
            yield from self._run(function, [item])

    def _run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]:
        waiting = deque(enumerate(items))
        running: dict[Future, Item] = {}
        name = f"sla-{uuid4().hex}"
        try:
            while waiting or running:
                while waiting and len(running) < AHEAD * max(1, self._threads()):
                    number, item = waiting.popleft()
                    task = self._client.submit(_on_worker, function, item, key=f"{name}-{number}", pure=False)
                    running[task] = item
                for task in self._done(running):
                    yield running.pop(task), self._answer(task)
        finally:
            if self._client.status == "running":
                self._client.cancel(list(running), force=True)

    def close(self) -> None:
        self._client.close()

    def _threads(self) -> int:
        """Threads of all workers; they come and go."""
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

    def _answer(self, task: Future) -> Result | WorkerDied:
        try:
            return task.result()
        except KilledWorker:
            return WorkerDied("its workers died again and again (out of memory, or a crash of the decoder)")
        except (ImportError, RuntimeError) as error:  # a RuntimeError where it is the scheduler that cannot
            missing = error if isinstance(error, ImportError) else error.__cause__
            if not isinstance(missing, ImportError):
                raise
            message = f"the Dask cluster at {self.address} cannot import what it needs: {missing}"
            hint = "Install the same sla-cli and Python for its scheduler and for every worker."
            raise SlaError(message, hint) from error


def _on_worker(function: Callable[[Item], Result], item: Item) -> Result:
    cv2.setNumThreads(1)  # the cluster deals out the cores
    return function(item)
