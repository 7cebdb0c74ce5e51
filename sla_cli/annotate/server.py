"""What the page asks the server for: the queue, a recording, its video, and operations on its ELAN file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sla_cli.annotate.content import Content, Entry
from sla_cli.annotate.operations import Operation, Undo
from sla_cli.annotate.recording import ChangedError, Counts, Recording
from sla_cli.annotate.scope import Scope
from sla_cli.artifact.json_file import decode_json
from sla_cli.core.endings import VIDEOS
from sla_cli.errors import FormatError, SlaError, visible
from sla_cli.web.assets import assets
from sla_cli.web.headers import as_json

NUMBER = re.compile(r"[0-9]{1,9}")  # of a recording; Python refuses to read thousands of digits


class Ask(msgspec.Struct):
    """The body of a request for an operation; `digest` is that of the version that the page has seen."""

    digest: str
    operation: Operation | Undo


class Listed(msgspec.Struct):
    """A recording in the queue.

    Attributes:
        counts: None if its file cannot be read.
        state: where the recognition of its signs is, "" if it is not recognised.
        note: what is to be done in it, "" for all of it.
        fault: why its file cannot be read, "" if it can.
    """

    name: str
    counts: Counts | None
    state: str
    note: str
    fault: str


class Shown(msgspec.Struct):
    """A recording as the page shows it; times of annotations plus `origin` are those of the video, in milliseconds."""

    name: str
    file: str
    digest: str
    fps: float
    duration: float
    origin: int
    done: str
    signer: str
    tiers: Mapping[str, Mapping[str, Entry]]


class Fault(msgspec.Struct):
    """Why a request was refused; with `now`, the version of the file that the page has not seen."""

    message: str
    hint: str
    now: Shown | None = None


def application(
    recordings: Sequence[Recording], scope: Scope, vocabulary: Sequence[str], states: Mapping[int, str]
) -> Starlette:
    """The application, without any check of who asks.

    Args:
        vocabulary: glosses that the page completes, beside those in the files.
        states: by number of a recording, as `Suggester.states`.
    """
    asset = assets("annotate/page", "pages")

    def recording(request: Request) -> Recording:
        number = request.path_params["number"]
        if not NUMBER.fullmatch(number) or int(number) >= len(recordings):
            raise HTTPException(404)
        return recordings[int(number)]

    def queue(request: Request) -> Response:
        return as_json([_listed(one, states.get(number, "")) for number, one in enumerate(recordings)])

    def about(request: Request) -> Response:
        return as_json(
            {
                "suggestions": scope.suggestions,
                "glosses": scope.glosses,
                "translation": scope.translation,
                "annotator": scope.annotator,
                "vocabulary": vocabulary,
            }
        )

    def show(request: Request) -> Response:
        one = recording(request)
        return _refusing(lambda: as_json(_shown(one, one.content())))

    def video(request: Request) -> Response:
        path = recording(request).video
        if not path.is_file():
            raise HTTPException(404)
        kind = VIDEOS.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind)

    async def edit(request: Request) -> Response:
        one, body = recording(request), await request.body()
        try:
            ask = decode_json(body, Ask, "this is no operation")
        except FormatError as error:
            return as_json(Fault(error.message, ""), 400)
        return await run_in_threadpool(_edited, one, ask)

    made = Starlette(
        routes=[
            Route("/", asset),
            Route("/assets/{name}", asset),
            Route("/about", about),
            Route("/queue", queue),
            Route("/recordings/{number}", show),
            Route("/recordings/{number}/video", video),
            Route("/recordings/{number}/edit", edit, methods=["POST"]),
        ]
    )
    made.router.redirect_slashes = False  # a redirect would lack the secret of the address
    return made


def _edited(recording: Recording, ask: Ask) -> Response:
    def apply() -> Response:
        try:
            return as_json(recording.edit(ask.digest, ask.operation))
        except ChangedError as error:
            return as_json(Fault(error.message, error.hint, _shown(recording, recording.content())), 409)

    return _refusing(apply)


def _refusing(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except SlaError as error:
        return as_json(Fault(error.message, error.hint), 422)


def _listed(recording: Recording, state: str) -> Listed:
    try:
        counts = recording.counts()
        return Listed(recording.name, counts, state, recording.note(counts.origin), "")
    except SlaError as error:
        return Listed(recording.name, None, state, "", error.message)


def _shown(recording: Recording, content: Content) -> Shown:
    fps, duration = recording.timing
    return Shown(
        recording.name,
        visible(str(recording.eaf)),
        content.digest,
        fps,
        duration,
        content.origin,
        content.done,
        content.signer,
        content.tiers,
    )
