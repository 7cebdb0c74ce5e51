"""Answers the requests for transcripts; `api.ENDPOINTS` says which method answers which."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute, compile_path
from starlette.websockets import WebSocket

from sla_cli.errors import SlaError
from sla_cli.serve import messages
from sla_cli.serve.api import ENDPOINTS, FULL, UNKNOWN
from sla_cli.serve.body import RefusedError
from sla_cli.serve.door import fault
from sla_cli.serve.files import FORMATS, NoResultError, content, read_result
from sla_cli.serve.job import Job
from sla_cli.serve.jobs import FullError, Jobs
from sla_cli.serve.limits import LATER, MOST_WAIT
from sla_cli.serve.live import live
from sla_cli.serve.metrics import Metrics
from sla_cli.serve.openapi import openapi
from sla_cli.serve.streams import Streams
from sla_cli.serve.upload import save_upload
from sla_cli.serve.workers import Workers
from sla_cli.transcribe.transcript import UNNAMED, ending_of
from sla_cli.web.assets import assets
from sla_cli.web.headers import as_json

TYPES = {"eaf": "application/xml", "vtt": "text/vtt", "srt": "application/x-subrip", "json": "application/json"}
TYPES |= {"csv": "text/csv", "html": "text/html"}
LIVE = "/v1/live"
NO_SOCKET = "this path takes only a WebSocket; a proxy in front of the service must keep Upgrade and Connection"


@dataclass
class Service:
    """Everything that a request may need.

    Attributes:
        uploads: the workers for recordings.
        contact: who runs it, "" if that is not said.
    """

    jobs: Jobs
    streams: Streams
    uploads: Workers
    metrics: Metrics
    contact: str

    def application(self) -> Starlette:
        """All routes, without any check of who asks."""
        asset = assets("serve/page", "pages")
        made = Starlette(
            routes=[
                *(Route(one.path, getattr(self, one.name), methods=[one.method]) for one in ENDPOINTS),
                WebSocketRoute(LIVE, lambda socket: live(socket, self.streams, self.jobs.limits, self.metrics)),
                WebSocketRoute("/{path:path}", _no_socket),
                Route("/", asset),
                Route("/assets/{name}", asset),
            ],
            exception_handlers={NoResultError: lambda request, error: _unknown(), HTTPException: _refused},
        )
        made.router.redirect_slashes = False  # a path that is not in the table is unknown
        return made

    async def send(self, request: Request) -> Response:
        wait = _seconds(request.query_params.get("wait", "0"))
        if wait is None:
            return fault(400, f"wait is not a number of seconds from 0 to {MOST_WAIT:g}")
        try:
            job = self.jobs.begin()
        except FullError as full:
            return fault(429, FULL, {"retry-after": str(full.seconds)})
        except SlaError:
            return _no_room()
        try:
            await save_upload(request, job.upload, self.jobs.limits.upload)
            await run_in_threadpool(self.jobs.submit, job)
            here = not wait or await _waits(request, job.ended, wait)
        except BaseException as error:
            self.jobs.delete(job)
            if isinstance(error, RefusedError):
                return fault(error.status, str(error), {"connection": "close"})
            if isinstance(error, ClientDisconnect):
                return Response(status_code=400)
            if isinstance(error, OSError | SlaError):
                return _no_room()
            if isinstance(error, asyncio.CancelledError):
                return fault(503, "the service ends", {"retry-after": str(LATER)})
            raise
        if not here:
            self.jobs.delete(job)  # the client has gone, and nobody else knows the id
        if job.deleted:
            return _unknown()
        if wait and job.record.state == "failed":
            return fault(422, job.record.fault)
        status = 200 if wait and job.record.state == "done" else 202
        return as_json(self._shown(job), status, {"location": f"/v1/transcripts/{job.id}"})

    async def show(self, request: Request) -> Response:
        job = self.jobs.find(request.path_params["id"])
        return _unknown() if job is None else as_json(self._shown(job))

    async def file(self, request: Request) -> Response:
        kind, job = request.path_params["format"].lower(), self.jobs.find(request.path_params["id"])
        if job is None or kind not in FORMATS:
            return _unknown()
        if job.record.state == "failed":
            return fault(422, job.record.fault)
        if job.record.state != "done":
            return fault(409, "the transcript is not ready")
        try:
            data = await run_in_threadpool(content, job.folder, kind)
        except SlaError as error:
            return fault(422, error.message)
        saved = {"content-disposition": f'attachment; filename="{UNNAMED}{ending_of(kind)}"'}
        return Response(data, headers=saved, media_type=TYPES.get(kind, "text/plain"))

    async def delete(self, request: Request) -> Response:
        job = self.jobs.find(request.path_params["id"])
        if job is None:
            return _unknown()
        self.jobs.delete(job)
        return Response(status_code=204)

    async def health(self, request: Request) -> Response:
        ready = self.uploads.ready
        found = messages.Health(
            status="ready" if ready else "starting",
            workers=ready,
            waiting=self.jobs.taken,
            live=self.streams.free,
            contact=self.contact,
        )
        return as_json(found, 200 if ready else 503)

    async def metrics_text(self, request: Request) -> Response:
        return self.metrics.answer()

    async def openapi(self, request: Request) -> Response:
        return as_json(openapi())

    def _shown(self, job: Job) -> messages.Job:
        done = job.record.state == "done"
        return messages.Job(
            id=job.id,
            state=job.record.state,
            place=self.jobs.place(job),
            frames=job.record.frames,
            total=job.record.total or None,
            error=job.record.fault,
            result=read_result(job.folder) if done else msgspec.UNSET,
        )


async def _waits(request: Request, ended: Future[None], wait: float) -> bool:
    """Whether the client still waits when the job has ended, or the time is over."""
    ending = asyncio.shield(asyncio.wrap_future(ended))  # to cancel it would end it for others
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({ending, gone}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        return not gone.done()
    finally:
        for task in (ending, gone):
            task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _seconds(text: str) -> float | None:
    """What `wait` says; None for anything but a number in its bounds."""
    if not re.fullmatch(r"\d{1,4}(\.\d+)?", text, re.ASCII) or float(text) > MOST_WAIT:
        return None
    return float(text)


def _refused(request: Request, error: Exception) -> Response:
    """The answer where no route takes the request."""
    assert isinstance(error, HTTPException)
    if error.status_code != 405:
        sentence = NO_SOCKET if request.url.path == LIVE else "there is nothing at this path"
        return fault(error.status_code, sentence, dict(error.headers or {}))
    taken = {one.method for one in ENDPOINTS if compile_path(one.path)[0].match(request.url.path)} or {"GET"}
    allowed = sorted(taken | ({"HEAD"} if "GET" in taken else set()))
    return fault(405, "this path does not take the method", {"allow": ", ".join(allowed)})


async def _no_socket(socket: WebSocket) -> None:
    await socket.send_denial_response(fault(403, "there is no WebSocket at this path"))


def _unknown() -> Response:
    return fault(404, UNKNOWN)


def _no_room() -> Response:
    return fault(503, "the service cannot store the video", {"retry-after": str(LATER)})
