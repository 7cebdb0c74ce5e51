"""A recording that was sent: what is known about it, on disk too, and its work in a worker process."""

from __future__ import annotations

import re
import secrets
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec

from sla_cli.artifact.json_file import decode_json
from sla_cli.errors import FormatError
from sla_cli.serve.driven import Driven, LostError
from sla_cli.serve.files import PAGE_FILE, RESULT, UPLOAD
from sla_cli.serve.messages import State
from sla_cli.serve.talk import Done, Progress, Stop, Transcribe
from sla_cli.system.atomic import atomic_write
from sla_cli.system.regular_file import read_regular

RECORD = "job.json"
RANDOM = 18  # bytes of an id
ID = re.compile(rf"[\w-]{{{RANDOM * 4 // 3}}}", re.ASCII)
_NAME = "|".join(map(re.escape, (UPLOAD, RECORD, RESULT, PAGE_FILE)))
OWN = re.compile(rf"({_NAME})(\.~\d+~)?|\.({_NAME})\..+\.partial")  # files, kept copies, and what is being written


class Record(msgspec.Struct):
    """What a restart has to know.

    Attributes:
        number: its place in the order in which recordings came.
        starts: how often it was given to a worker; of one that ended with its worker or service it is given once more.
        ended: seconds since 1970; 0 before its end.
        fault: why it failed.
        frames, total: how many frames are transcribed, and how many there are; 0 if that is not known.
    """

    number: int
    state: State = "sent"
    starts: int = 0
    ended: float = 0.0
    fault: str = ""
    frames: int = 0
    total: int = 0


@dataclass(eq=False)
class Job:
    """One recording.

    Attributes:
        folder: has its upload, then its results; named by its id.
        ended: done when the recording is done, has failed, or was deleted.
        deleted: whether the client has deleted it.
    """

    folder: Path
    record: Record
    deleted: bool = False
    ended: Future[None] = field(default_factory=Future)

    @property
    def id(self) -> str:
        """Cannot be guessed."""
        return self.folder.name

    @property
    def upload(self) -> Path:
        """The video, until the job has ended."""
        return self.folder / UPLOAD

    def write(self) -> None:
        """Write what a restart has to know; a damaged file counts as none. Raises SlaError."""
        with atomic_write(self.folder / RECORD, flush=False) as temporary:
            temporary.write_bytes(msgspec.json.encode(self.record))

    def forget(self) -> None:
        """Let a restart remove it."""
        (self.folder / RECORD).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all that the service has written of it; a folder with somebody's files stays, with these."""
        with suppress(OSError):
            for path in _files(self.folder):
                if OWN.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            self.folder.rmdir()


def new_id() -> str:
    """The id of a new job, which cannot be guessed."""
    return secrets.token_urlsafe(RANDOM)


def remove_rest(folder: Path) -> None:
    """Remove a folder without a job if all that is in it is what a service leaves that is killed.

    Others stay: the user may have named a state folder that holds something else.
    """
    with suppress(OSError):
        if ID.fullmatch(folder.name) and all(OWN.fullmatch(path.name) for path in _files(folder)):
            Job(folder, Record(0)).remove()


def _files(folder: Path) -> list[Path]:
    """What is in a folder. Raises OSError, also for a link."""
    if folder.is_symlink():
        raise NotADirectoryError(folder)
    return list(folder.iterdir())


def read_job(folder: Path) -> Job | None:
    """The job of a folder; None where the service was killed before it was complete, and for what is no job's."""
    if not ID.fullmatch(folder.name) or folder.is_symlink():
        return None
    try:
        record = decode_json(read_regular(folder / RECORD), Record, RECORD)
    except (OSError, FormatError):
        return None
    job = Job(folder, record)
    present = folder / RESULT if record.state == "done" else job.upload
    if record.state != "failed" and not present.is_file():
        return None
    if record.state in ("done", "failed"):
        job.ended.set_result(None)
    return job


class Ending(Protocol):
    """Called at the end of a job's work: why it failed, "" if it is done; the seconds that it took; and whether it may
    succeed in another process."""

    def __call__(self, job: Job, fault: str, seconds: float, *, again: bool = False) -> object: ...


@dataclass(frozen=True)
class JobWork:
    """Transcribes the recording of a job."""

    job: Job
    length: float
    seconds: float
    finish: Ending
    begin: float = field(default_factory=monotonic)

    def drive(self, process: Driven) -> None:
        self.finish(self.job, self._transcribed(process, self.begin + self.seconds), monotonic() - self.begin)

    def lost(self, error: LostError) -> None:
        self.finish(self.job, str(error), monotonic() - self.begin, again=error.by_itself)

    def _transcribed(self, process: Driven, end: float) -> str:
        job, stopped = self.job, False
        process.send(Transcribe(job.folder, self.length))
        while True:
            answer = process.receive(max(0.0, end - monotonic()))
            if isinstance(answer, Done):
                return answer.fault
            if isinstance(answer, Progress):
                job.record.frames = answer.done
                job.record.total = answer.total if answer.total >= answer.done else 0  # a header may be wrong
            if job.deleted and not stopped:
                process.send(Stop())
                stopped = True
