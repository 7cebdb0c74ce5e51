"""The description of the service, read by an independent validator, and beside the routes and the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra web")

from sla_cli.serve.api import ENDPOINTS, EVERYWHERE, WITH_TOKEN
from sla_cli.serve.openapi import openapi

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "service.md").read_text(encoding="utf-8")


def test_it_is_valid() -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="needs openapi-spec-validator")
    validator.validate(openapi())


def test_it_has_all_routes_and_every_type_that_it_names() -> None:
    found = openapi()
    assert {(path, method.upper()) for path, part in found["paths"].items() for method in part} == {
        (one.path, one.method) for one in ENDPOINTS
    }
    names = set(re.findall(r"#/components/schemas/(\w+)", str(found)))
    assert names == set(found["components"]["schemas"])


def test_the_guide_has_every_route_and_every_status() -> None:
    for endpoint in ENDPOINTS:
        assert f"`{endpoint.method} {endpoint.path.replace('{id}', 'ID').replace('{format}', 'FORMAT')}`" in PAGE
    statuses = {status for one in ENDPOINTS for status in one.answers} | {*EVERYWHERE, *WITH_TOKEN}
    assert {str(status) for status in statuses} <= set(re.findall(r"\b[2-5]\d\d\b", PAGE))


def test_a_file_is_of_any_type_as_each_format_has_its_own() -> None:
    answer = openapi()["paths"]["/v1/transcripts/{id}.{format}"]["get"]["responses"]["200"]
    assert list(answer["content"]) == ["*/*"]
