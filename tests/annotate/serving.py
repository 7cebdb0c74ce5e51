"""The server of `sla annotate` in a process of its own, as it is started by people."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Served:
    """A running server."""

    address: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def token(self) -> str:
        return urlsplit(self.address).path.strip("/")

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer. `path` is sent as it is; a header None is left out."""
        given = {"Host": f"127.0.0.1:{self.port}"} | (headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=200)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if body is not None and "Content-Length" not in given:
            given["Content-Length"] = str(len(body))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def get(self, path: str) -> Any:
        status, _, body = self.ask("GET", f"/{self.token}/{path}")
        assert status == 200, body
        return json.loads(body)

    def edit(self, number: int, digest: str, **operation: object) -> tuple[int, Any]:
        body = json.dumps({"digest": digest, "operation": operation}).encode()
        headers = {"Origin": self.origin, "Content-Type": "application/json"}
        status, _, answer = self.ask("POST", f"/{self.token}/recordings/{number}/edit", body, headers)
        return status, json.loads(answer)


@contextmanager
def served(*arguments: str | Path, opened: bool = False) -> Iterator[Served]:
    """The server, until the block ends; `opened` is whether it opens a browser."""
    command = [
        sys.executable,
        "-m",
        "sla_cli",
        "annotate",
        *map(str, arguments),
        "--open" if opened else "--no-open",
        "--annotator",
        "Mia Maier",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(process.stdout.readline().strip(), process)
        finally:
            process.kill()
