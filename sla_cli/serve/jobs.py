"""The queue of recordings, first in, first out, and the results, for a limited time. Threads may share it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Literal

from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.serve.job import Job, JobWork, Record, new_id, read_job, remove_rest
from sla_cli.serve.limits import MOST_KEPT, Limits
from sla_cli.serve.place import make_folder

MOMENT = 0.5  # seconds that a worker waits before it looks whether it still runs
REMEMBERED = 20  # jobs whose time is the estimate for the next one
GUESS = 10.0  # seconds for a job, before one has ended
TOO_OFTEN = 2  # starts of a recording; then it has ended its worker, or the service, twice
LAST = "the service ended each time that this video was recognised"


class FullError(Exception):
    """No place is free; `seconds` is when one may be."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class Jobs:
    """All recordings of a state folder.

    Args:
        workers: how many work at the same time.
        counted: called with the state in which a job has ended, and the seconds that it took.
    """

    folder: Path
    limits: Limits
    workers: int
    counted: Callable[[str, float], object]
    closing: bool = False
    _jobs: dict[str, Job] = field(default_factory=dict)
    _waiting: deque[Job] = field(default_factory=deque)
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _next: int = 0
    _changed: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        """Go on with what a service before this one has left. Raises SlaError as `make_folder` does."""
        make_folder(self.folder, own=True)
        for folder in self.folder.iterdir():
            if (job := read_job(folder)) is None:
                remove_rest(folder)
                continue
            self._jobs[job.id] = job
            if job.ended.done():  # killed between the end of its record and the removal of the video
                job.upload.unlink(missing_ok=True)
        for job in sorted(self._jobs.values(), key=lambda job: job.record.number):
            self._next = job.record.number + 1
            if not job.ended.done():
                self._resume(job)

    def _resume(self, job: Job) -> None:
        if job.record.starts >= TOO_OFTEN:
            self._end(job, "failed", LAST)
        else:
            job.record.state = "waiting"
            self._waiting.append(job)

    def begin(self) -> Job:
        """A place for a recording whose bytes are coming. Raises FullError, and SlaError if nothing can be written."""
        with self._changed:
            self.forget()
            if self.taken >= self.limits.queue:
                raise FullError(self.estimate())
            job = Job(self.folder / new_id(), Record(0))
            self._jobs[job.id] = job
        try:
            try:
                job.folder.mkdir(mode=0o700)
            except FileNotFoundError:  # somebody, or a program that cleans /tmp, has removed the state folder
                make_folder(self.folder, own=True)
                job.folder.mkdir(mode=0o700)
        except OSError as error:
            self.delete(job)
            raise SlaError(f"cannot write {self.folder}: {error.strerror}") from error
        return job

    def submit(self, job: Job) -> None:
        """All bytes have come: it waits for a worker. Raises SlaError if that cannot be written."""
        with self._changed:
            job.record.number, self._next = self._next, self._next + 1
            job.record.state = "waiting"
            job.write()
            self._waiting.append(job)
            self._changed.notify()

    def take(self) -> JobWork | None:
        """The next one, after a moment None: for a worker."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, MOMENT)
            self.forget()
            if not self._waiting or self.closing:
                return None
            job = self._waiting.popleft()
            job.record.state = "running"
            job.record.starts += 1
            job.record.frames = job.record.total = 0  # of an earlier start
            self._write(job)
        return JobWork(job, self.limits.length, self.limits.work, self._finish)

    def find(self, name: str) -> Job | None:
        """The recording with an id, None if there is none any more."""
        with self._changed:
            self.forget()
            return self._jobs.get(name)

    def place(self, job: Job) -> int:
        """How many are before one that waits; 0 for others."""
        with self._changed:
            return self._waiting.index(job) if job in self._waiting else 0

    def delete(self, job: Job) -> None:
        """Delete it with all that there is of it; a worker that is at it stops."""
        with self._changed:
            job.deleted = True
            self._jobs.pop(job.id, None)
            if job in self._waiting:
                self._waiting.remove(job)
            if not job.ended.done():
                job.ended.set_result(None)
            if job.record.state == "running":
                job.forget()  # a restart does not go on with it
            else:
                job.remove()

    @property
    def taken(self) -> int:
        """Places of the queue that are taken: recordings that are sent or wait."""
        return self._number("sent", "waiting")

    @property
    def running(self) -> int:
        """Recordings that a worker is at, without those that were deleted meanwhile."""
        return self._number("running")

    def _number(self, *states: str) -> int:
        with self._changed:
            return sum(job.record.state in states for job in self._jobs.values())

    def estimate(self) -> int:
        """Seconds until a place may be free, from what the last ones took."""
        each = sum(self._took) / len(self._took) if self._took else GUESS
        return max(1, math.ceil(each / self.workers))

    def forget(self) -> None:
        """Delete results that are too old or too many."""
        ended = [job for job in self._jobs.values() if job.record.ended]
        ended.sort(key=lambda job: job.record.ended)
        old = time.time() - self.limits.keep
        for number, job in enumerate(ended):
            if job.record.ended < old or number < len(ended) - MOST_KEPT:
                self.delete(job)

    def _finish(self, job: Job, fault: str, seconds: float, *, again: bool = False) -> None:
        with self._changed:
            if job.deleted:
                job.remove()
                self.counted("deleted", seconds)
            elif self.closing and fault:  # the worker was ended with the service
                job.record.state, job.record.starts = "waiting", job.record.starts - 1
                self._write(job)
            elif again and job.record.starts < TOO_OFTEN:
                job.record.state = "waiting"
                self._write(job)
                self._waiting.appendleft(job)
                self._changed.notify()
            else:
                self._took.append(seconds)
                self._end(job, "failed" if fault else "done", fault)
                self.counted(job.record.state, seconds)

    def _end(self, job: Job, state: Literal["done", "failed"], fault: str) -> None:
        job.record.state, job.record.fault = state, fault
        job.record.ended = time.time()
        written = self._write(job)
        try:
            job.upload.unlink(missing_ok=True)
        except OSError as error:
            log.error("a video cannot be deleted: %s", error.strerror)
        if not written:  # there may be room now
            self._write(job)
        if not job.ended.done():
            job.ended.set_result(None)

    def _write(self, job: Job) -> bool:
        """A full disk must not end a worker's thread: then a restart does this work again."""
        with suppress(SlaError):
            job.write()
            return True
        return False
