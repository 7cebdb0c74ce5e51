"""`sla serve` in a process of its own, as people start it, and a client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE = 300  # seconds: processes that import torch on a busy machine


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A service; with a token, all requests hold it."""

    port: int
    process: subprocess.Popen[str]
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """The answer to a request. A header with the value "" is left out; `_` in names is `-`."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given = own | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name: value for name, value in given.items() if value})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def send(self, video: bytes, wait: float = 0) -> Reply:
        return self.ask("POST", f"/v1/transcripts?wait={wait}", video)

    def get(self, name: str) -> Any:
        return self.ask("GET", f"/v1/transcripts/{name}").json

    def ended(self, name: str) -> Any:
        """The job, when it is done or has failed."""
        until(lambda: self.get(name)["state"] in ("done", "failed"))
        return self.get(name)

    @property
    def workers(self) -> list[int]:
        """Process numbers of the workers, oldest first."""
        pid = self.process.pid
        found: set[int] = set()
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):  # it has ended meanwhile
                found |= {int(one) for one in (thread / "children").read_text().split()}
        children = sorted(found)
        return [one for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]

    def signal_workers(self, number: signal.Signals) -> None:
        for worker in self.workers:
            os.kill(worker, number)

    def ready(self) -> None:
        until(lambda: self.ask("GET", "/health").status == 200)


def has_ended(pid: int) -> bool:
    """Whether a process, not of this one, is gone or waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.03)


@contextmanager
def service(run: Path, *options: str | Path, token: str = "") -> Iterator[Running]:
    """A service that has begun to load its model, until the block ends."""
    command = [sys.executable, "-m", "sla_cli", "serve", str(run), "--port", "0", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            address = process.stdout.readline().strip()
            assert address, process.stderr.read()
            yield Running(int(address.rstrip("/").rpartition(":")[2]), process, token)
        finally:
            process.terminate()  # as a person does: it removes its folder
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
