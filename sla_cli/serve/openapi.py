"""The description of the service for programs, from its table of routes and the types of its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.json import schema_components

from sla_cli import __version__
from sla_cli.serve.api import ENDPOINTS, EVERYWHERE, WITH_TOKEN, Answer, Endpoint
from sla_cli.serve.door import CLOSED

ABOUT = (
    "Sign language videos to glosses with times. "
    "A live stream is the WebSocket /v1/live, which the documentation of sla describes."
)


def openapi() -> dict[str, Any]:
    """OpenAPI 3.1."""
    answers = [one for endpoint in ENDPOINTS for one in endpoint.answers.values()]
    kinds = {one.body for one in answers if isinstance(one.body, type)}
    _, components = schema_components(sorted(kinds, key=lambda kind: kind.__name__), ref_template=_place("{name}"))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "sla serve", "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    closed = endpoint.path.startswith(CLOSED)
    answers = {**EVERYWHERE, **(WITH_TOKEN if closed else {}), **endpoint.answers}
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    query = [
        {"name": name, "in": "query", "description": text, "schema": schema}
        for name, (text, schema) in endpoint.query.items()
    ]
    return {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        **({"parameters": inside + query} if inside or query else {}),
        **({"requestBody": {"required": True, "content": _content(endpoint.takes)}} if endpoint.takes else {}),
        "responses": {str(status): _answer(one) for status, one in sorted(answers.items())},
        **({"security": [{"token": []}, {}]} if closed else {}),
    }


def _content(schemas: Mapping[str, Mapping[str, object]]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in schemas.items()}


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.text}
    if answer.headers:
        found["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()
        }
    if isinstance(answer.body, type):
        found["content"] = _content({"application/json": {"$ref": _place(answer.body.__name__)}})
    elif answer.body:
        found["content"] = _content({answer.body: {} if "json" in answer.body else {"type": "string"}})
    return found


def _place(name: str) -> str:
    return f"#/components/schemas/{name}"
