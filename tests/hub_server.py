"""A server of models that speaks the protocol of the Hugging Face hub, as far as its own client needs to download."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Hub:
    """Attributes:
    models: name to revision to name of a file to its content.
    requests: what was asked for, in order.
    cut: bytes after which the connection ends in a download; None sends all.
    """

    address: str = ""
    models: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    cut: int | None = None

    def put(self, name: str, revision: str, folder: Path) -> None:
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.models.setdefault(name, {})[revision] = files


@contextmanager
def serving() -> Iterator[Hub]:
    """The hub, at an address of this machine."""
    hub = Hub()

    class Handler(_Handler):
        served = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield hub
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Hub

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        self.served.requests.append(f"{self.command} {self.path}")
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(?:revision|tree)/([^/?]+)(\?.*)?", self.path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)(\?.*)?", self.path)
        match = api or file
        if match is None:
            self._refuse("EntryNotFound")
            return
        name, revision = match[1], match[2]
        versions = self.served.models.get(name)
        if versions is None:
            self._refuse("RepoNotFound", 401)
            return
        commits: Mapping[str, str] = {_commit(name, one): one for one in versions}
        revision = commits.get(revision, revision)
        if revision not in versions:
            self._refuse("RevisionNotFound")
            return
        files, commit = versions[revision], _commit(name, revision)
        if api and "/tree/" in self.path:
            entries = [{"type": "file", "path": one, "size": len(files[one]), "oid": "0" * 40} for one in files]
            self._send(json.dumps(entries).encode(), {}, body=body)
            return
        if api:
            siblings = [{"rfilename": one} for one in files]
            facts = {"_id": "0", "id": name, "modelId": name, "sha": commit, "siblings": siblings, "private": False}
            self._send(json.dumps(facts | {"tags": [], "downloads": 0, "likes": 0}).encode(), {}, body=body)
            return
        if match[3] not in files:
            self._refuse("EntryNotFound")
            return
        content = files[match[3]]
        tags = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        self._send(content, tags, body=body)

    def _send(self, content: bytes, headers: Mapping[str, str], *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content[: self.served.cut])
            self.close_connection = True

    def _refuse(self, code: str, status: int = 404) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _commit(name: str, revision: str) -> str:
    return hashlib.sha1(f"{name}@{revision}".encode()).hexdigest()
