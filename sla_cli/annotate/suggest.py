"""Recognises the signs of recordings that have no suggestions, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Protocol

from sla_cli.annotate.recording import Recording
from sla_cli.annotation.eaf_edit import add_to
from sla_cli.annotation.layout import Layout
from sla_cli.errors import SlaError, not_installed
from sla_cli.log import log
from sla_cli.system.workers import spawn_context, start_worker, starting
from sla_cli.transcribe.recognizer import Recognizer

Job = tuple[int, Path, Path]  # number of the recording, its video and its ELAN file


class Report(Protocol):
    """Called with a recording's number and where the work is: `12 of 200 frames`, `failed: …`, "" at the end."""

    def __call__(self, number: int, state: str) -> object: ...


@dataclass
class Suggester:
    """A process that transcribes recordings one after the other, as `sla transcribe --confidence` does.

    Attributes:
        run: folder of the run or model.
        work: the work folder.
        states: by number of the recording, what there is to say about it; those that are finished are not in it.
    """

    run: Path
    work: Path
    layout: Layout
    states: dict[int, str] = field(default_factory=dict)

    @contextmanager
    def working(self, recordings: Sequence[Recording]) -> Iterator[None]:
        """Recognise the recordings that lack suggestions while the block runs."""
        jobs = [(number, one.video, one.eaf) for number, one in enumerate(recordings) if not _has_suggestions(one)]
        if not jobs:
            yield
            return
        if find_spec("torch") is None:  # refused here, as otherwise only the page would say so
            missing = ModuleNotFoundError(name="torch")
            raise not_installed(missing) or missing
        self.states |= {number: "waiting" for number, *_ in jobs}
        with starting():
            context = spawn_context()
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, jobs, self.run, self.work, self.layout), daemon=True)
            process.start()
        theirs.close()

        def listen() -> None:
            with suppress(EOFError, OSError):
                while True:
                    self._hear(*ours.recv())
            process.join()
            for number in [number for number, state in self.states.items() if not state.startswith("failed")]:
                self.states[number] = f"failed: the recognition ended unexpectedly (exit code {process.exitcode})"

        listener = Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
        finally:
            process.kill()
            listener.join()

    def _hear(self, number: int, state: str) -> None:
        if state:
            self.states[number] = state
        else:
            self.states.pop(number, None)


def _has_suggestions(recording: Recording) -> bool:
    """Whether the file has the tier, also if it is empty; what cannot be read gets no suggestions."""
    try:
        return recording.scope.suggestions in recording.content().tiers
    except SlaError as error:
        log.warning("%s", error.message)
        return True


def _work(connection: Connection, jobs: Sequence[Job], run: Path, work: Path, layout: Layout) -> None:
    """The process: recognise each, and add it to its ELAN file."""
    start_worker()

    def tell(number: int, state: str) -> None:
        connection.send((number, state))

    try:
        recognizer = Recognizer.open(run, work=work)
    except (SlaError, ModuleNotFoundError) as error:
        reason = error if isinstance(error, SlaError) else not_installed(error) or error
        for number, *_ in jobs:
            tell(number, f"failed: {reason}")
        return
    for number, video, eaf in jobs:
        try:
            _suggest(recognizer, number, video, eaf, layout, tell)
            tell(number, "")
        except SlaError as error:
            tell(number, f"failed: {error.message}")


def _suggest(recognizer: Recognizer, number: int, video: Path, eaf: Path, layout: Layout, tell: Report) -> None:
    done = 0

    def advance(amount: int = 1, note: str = "", total: int | None = None) -> None:
        nonlocal done
        done += amount
        tell(number, f"{done} of {total} frames" if total else f"{done} frames")

    transcript = recognizer.transcribe(video, advance=advance)
    if not eaf.exists():
        try:
            transcript.save(eaf, layout=layout)
            return
        except SlaError:
            if not eaf.exists():  # the annotator has made it just now
                raise
    add_to(eaf, transcript, layout, replace=False)
