"""The routes of the service: what each takes and answers. The table is also what `/openapi.json` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sla_cli.serve.messages import Fault, Health, Job

FULL, UNKNOWN = "no place is free; Retry-After has the seconds until one may be", "there is no such transcript"
TEXT, FILE = "text/plain", "*/*"  # each format has its own


@dataclass(frozen=True)
class Answer:
    """What a status means, and what the body holds: a type of `messages`, or a media type."""

    text: str
    body: type | str = Fault
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One route.

    Attributes:
        name: of the method of `Service` that answers.
        query: by name, text and JSON Schema of what may stand after `?`.
        takes: by media type, JSON Schema of the body.
    """

    method: str
    path: str
    name: str
    summary: str
    answers: Mapping[int, Answer]
    query: Mapping[str, tuple[str, Mapping[str, object]]] = field(default_factory=dict)
    takes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


AGAIN = {"Retry-After": "seconds"}
BINARY: Mapping[str, object] = {"type": "string", "format": "binary"}
FORM: Mapping[str, object] = {"type": "object", "properties": {"file": BINARY}, "required": ["file"]}
ENDPOINTS = (
    Endpoint(
        "POST", "/v1/transcripts", "send", "Send a video; its glosses are recognised as soon as a worker is idle.",
        {
            200: Answer("the transcript, if it is ready within `wait` seconds", Job),
            202: Answer("the video waits for a worker", Job, {"Location": "where the transcript will be"}),
            400: Answer("the request is not one that is understood"),
            404: Answer("it was deleted while this request waited"),
            408: Answer("the video came too slowly"),
            413: Answer("the video is too large"),
            422: Answer("not a video, or one that cannot be read; at once only with `wait`, or if it is empty"),
            429: Answer(FULL, headers=AGAIN),
            503: Answer("the service cannot store the video, or ends; it is deleted", headers=AGAIN),
        },
        {"wait": ("seconds to wait for the transcript", {"type": "number", "minimum": 0, "maximum": 300})},
        {"application/octet-stream": BINARY, "multipart/form-data": FORM},
    ),
    Endpoint(
        "GET", "/v1/transcripts/{id}.{format}", "file", "A transcript as a file: eaf, vtt, srt, json, csv, ctm, "
        "textgrid or html.",
        {
            200: Answer("the file", FILE), 404: Answer(UNKNOWN), 409: Answer("it is not ready"),
            422: Answer("the video cannot be read"),
        },
    ),
    Endpoint(
        "GET", "/v1/transcripts/{id}", "show", "State of a transcript, its place in the queue, progress, and result.",
        {200: Answer("what is known", Job), 404: Answer(UNKNOWN)},
    ),
    Endpoint(
        "DELETE", "/v1/transcripts/{id}", "delete", "Delete a transcript and its video; if it is being made, it stops.",
        {204: Answer("it is deleted", ""), 404: Answer(UNKNOWN)},
    ),
    Endpoint(
        "GET", "/health", "health", "Whether a worker has its model.",
        {200: Answer("ready", Health), 503: Answer("the model is being loaded", Health)},
    ),
    Endpoint("GET", "/metrics", "metrics_text", "Figures for Prometheus.", {200: Answer("figures", TEXT)}),
    Endpoint("GET", "/openapi.json", "openapi", "This description.", {200: Answer("OpenAPI 3.1", "application/json")}),
)  # fmt: skip
EVERYWHERE = {
    400: Answer("the request has a header twice"),
    403: Answer("the request comes from a page of another site"),
    421: Answer("the request names another host"),
    429: Answer("too many requests at once", headers=AGAIN),
}
WITH_TOKEN = {401: Answer("the token is missing or wrong")}  # of the paths that need it
