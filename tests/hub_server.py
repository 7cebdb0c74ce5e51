"""A server of models that speaks the protocol of the Hugging Face hub, as far as its own client needs to download and
to publish. It keeps files in memory, and big files by their digests, without Xet."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Files = dict[str, bytes]
NEW = {".gitattributes": b"*.safetensors filter=lfs\n"}  # what a new repository holds
WRITER, READER = "hf_writer", "hf_reader"  # tokens; others are wrong
BAD_YAML = "license: nobody-knows"  # what the hub's own check of a card refuses


@dataclass
class Hub:
    """Attributes:
    models: name to revision to name of a file to its content. `main` and commits are revisions too.
    private: names of the models that only WRITER and READER see.
    objects: big files by their digest.
    requests: what was asked for, in order.
    cut: bytes after which the connection ends in a download; None sends all.
    refused: status of the answer to requests that contain a text.
    held: not set, it holds up the upload of a big file.
    odd: answer to requests that contain a text, as of a server that is no hub.
    meanwhile: what happens once, when a repository is created.
    """

    address: str = ""
    models: dict[str, dict[str, Files]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    cut: int | None = None
    refused: dict[str, int] = field(default_factory=dict)
    held: threading.Event = field(default_factory=threading.Event)
    odd: dict[str, bytes] = field(default_factory=dict)
    meanwhile: Callable[[], object] | None = None

    def put(self, name: str, revision: str, folder: Path) -> None:
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.models.setdefault(name, {})[revision] = files

    def tags(self, name: str) -> list[str]:
        return [one for one in self.models[name] if one != "main" and not re.fullmatch("[0-9a-f]{40}", one)]


@contextmanager
def serving() -> Iterator[Hub]:
    """The hub, at an address of this machine."""
    hub = Hub()
    hub.held.set()

    class Handler(_Handler):
        served = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield hub
        server.shutdown()
        thread.join()


class _Refused(Exception):
    """Attributes: status, and headers or JSON that say more."""

    def __init__(self, status: int, code: str = "", **said: Any) -> None:
        super().__init__(status)
        self.status, self.headers, self.said = status, {"X-Error-Code": code} if code else {}, said


class _Handler(BaseHTTPRequestHandler):
    served: Hub

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_POST(self) -> None:
        self._answer(body=True)

    def do_PUT(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        request = f"{self.command} {self.path}"
        self.served.requests.append(request)
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            for text, status in self.served.refused.items():
                if text in request:
                    raise _Refused(status)
            if odd := next((answer for text, answer in self.served.odd.items() if text in request), None):
                self._send(odd, {"Content-Type": "application/json"}, body=body)
                return
            if "/repos/create" in request and self.served.meanwhile is not None:
                self.served.meanwhile()
                self.served.meanwhile = None
            if self.command == "PUT":
                self.served.held.wait(60)
                self.served.objects[hashlib.sha256(given).hexdigest()] = given
                self._send(b"", {}, body=body)
            elif self.command == "POST":
                if self._token() is None:
                    raise _Refused(401, error="Invalid username or password.")
                self._send_json(self._changed(given), body=body)
            else:
                self._give(body=body)
        except _Refused as refused:
            self._send_json(refused.said, refused.status, refused.headers, body=body)

    def _token(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return token if token in (WRITER, READER) else None

    # What is there

    def _give(self, *, body: bool) -> None:
        api = re.fullmatch(r"/api/models/([^/]+/[^/?]+)(?:/(revision|tree|refs)(?:/([^/?]+))?)?(?:\?.*)?", self.path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)(?:\?.*)?", self.path)
        if api:
            name, what = api[1], api[2]
            files = self._files(name, api[3] or "main")
            if what == "refs":
                self._send_json(self._refs(name), body=body)
            else:
                self._send_json(_tree(files) if what == "tree" else self._facts(name, files), body=body)
        elif file:
            files = self._files(file[1], file[2])
            if file[3] not in files:
                raise _Refused(404, "EntryNotFound")
            content = files[file[3]]
            tags = {"X-Repo-Commit": _commit(files), "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
            self._send(content, tags, body=body)
        else:
            raise _Refused(404, "EntryNotFound")

    def _files(self, name: str, revision: str) -> Files:
        """Of a revision, by its name or commit."""
        versions = self.served.models.get(name)
        if versions is None or (name in self.served.private and self._token() is None):
            raise _Refused(401, "RepoNotFound")
        if revision == "main" and "main" not in versions:
            return list(versions.values())[-1]
        for one, files in versions.items():
            if revision in (one, _commit(files)):
                return files
        raise _Refused(404, "RevisionNotFound")

    def _facts(self, name: str, files: Files) -> dict[str, Any]:
        facts = {"_id": "0", "id": name, "modelId": name, "sha": _commit(files), "private": name in self.served.private}
        return facts | {"siblings": [{"rfilename": one} for one in files], "tags": [], "downloads": 0, "likes": 0}

    def _refs(self, name: str) -> dict[str, Any]:
        def refs(kind: str, names: list[str]) -> list[dict[str, str]]:
            return [
                {"name": one, "ref": f"refs/{kind}/{one}", "targetCommit": _commit(self._files(name, one))}
                for one in names
            ]

        return {"branches": refs("heads", ["main"]), "converts": [], "tags": refs("tags", self.served.tags(name))}

    # What changes it

    def _changed(self, given: bytes) -> dict[str, Any]:
        if self.path == "/api/validate-yaml":
            wrong = [{"message": '"license" must be one of a list'}] * (BAD_YAML in json.loads(given)["content"])
            if wrong:
                raise _Refused(400, errors=wrong)
            return {"errors": [], "warnings": []}
        if self._token() != WRITER:
            raise _Refused(403)
        if self.path == "/api/repos/create":
            return self._create(json.loads(given))
        batch = re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self.path)
        if batch:
            return {"transfer": "basic", "objects": [self._place(one) for one in json.loads(given)["objects"]]}
        call = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit|tag)/([^/?]+)(?:\?.*)?", self.path)
        if call is None:
            raise _Refused(404, "EntryNotFound")
        name, files = call[1], self._files(call[1], call[3])
        if call[2] == "preupload":
            return {"files": [_how(one, files) for one in json.loads(given)["files"]]}
        if call[2] == "commit":
            return self._add_commit(name, dict(files), [json.loads(line) for line in given.splitlines()])
        tag = json.loads(given)["tag"]
        if tag in self.served.models[name]:
            raise _Refused(409)
        self.served.models[name][tag] = files
        return {}

    def _create(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{wanted['organization']}/{wanted['name']}"
        said = {"url": f"{self.served.address}/{name}"}
        if name in self.served.models:
            raise _Refused(409, **said)
        self.served.models[name] = {"main": dict(NEW)}
        if wanted.get("visibility") == "private" or wanted.get("private"):  # by later and by earlier clients
            self.served.private.add(name)
        return said

    def _place(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Where a big file has to be sent, unless it is there."""
        place = {"upload": {"href": f"{self.served.address}/big/{wanted['oid']}"}}
        return {**wanted} if wanted["oid"] in self.served.objects else {**wanted, "actions": place}

    def _add_commit(self, name: str, files: Files, lines: list[dict[str, Any]]) -> dict[str, Any]:
        for line in lines:
            value = line["value"]
            if line["key"] == "header" and value.get("parentCommit", _commit(files)) != _commit(files):
                raise _Refused(412, error="the branch has moved on")
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.served.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = _commit(files)
        self.served.models[name] |= {"main": files, commit: files}
        return {"commitUrl": f"{self.served.address}/{name}/commit/{commit}", "commitOid": commit}

    # Answers

    def _send_json(
        self, value: object, status: int = 200, headers: Mapping[str, str] | None = None, *, body: bool
    ) -> None:
        self._send(
            json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}, status, body=body
        )

    def _send(self, content: bytes, headers: Mapping[str, str], status: int = 200, *, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content[: self.served.cut])
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


def _how(wanted: Mapping[str, Any], files: Files) -> dict[str, Any]:
    """How a file has to be sent, and what identifies the one that is there."""
    path, content = wanted["path"], files.get(wanted["path"])
    big = path.endswith(".safetensors")
    oid = None
    if content is not None:
        git = hashlib.sha1(b"blob %d\0" % len(content) + content)
        oid = hashlib.sha256(content).hexdigest() if big else git.hexdigest()
    return {"path": path, "uploadMode": "lfs" if big else "regular", "shouldIgnore": False, "oid": oid}


def _tree(files: Files) -> list[dict[str, Any]]:
    return [{"type": "file", "path": one, "size": len(content), "oid": "0" * 40} for one, content in files.items()]


def _commit(files: Files) -> str:
    """Equal files have the same commit."""
    whole = hashlib.sha1()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return whole.hexdigest()
