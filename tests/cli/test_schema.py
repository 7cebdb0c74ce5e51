"""`sla schema`: each JSON Schema needs no other file, describes every key, and refuses other output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from json_schemas import closed, faults
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.cli.schema import names, result_schema

every_result = pytest.mark.parametrize("name", names())


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all schemas inside it."""
    if isinstance(schema, list):
        for part in schema:
            yield from nodes(part)
    elif isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from nodes(part)


@every_result
def test_it_is_a_schema_that_needs_no_other_file(name: str) -> None:
    schema = result_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert re.fullmatch(rf"urn:sla:json:{name}:[1-9]\d*", schema["$id"])
    for reference in (node["$ref"] for node in nodes(schema) if "$ref" in node):
        assert schema["$defs"][reference.removeprefix("#/$defs/")]["type"] == "object"


@every_result
def test_every_key_is_described_and_optional_ones_say_when(name: str) -> None:
    schema = result_schema(name)
    for node in (schema, *schema.get("$defs", {}).values()):
        assert node["description"]
        assert set(node["required"]) <= set(node["properties"])
        for key, value in node["properties"].items():
            assert value["description"], key
            assert (key not in node["required"]) == value["description"].startswith("Only "), key


def test_an_object_has_the_same_keys_in_every_schema() -> None:
    found: dict[str, Any] = {}
    for name in names():
        for title, part in result_schema(name).get("$defs", {}).items():
            assert found.setdefault(title, part) == part


def test_no_schema_needs_torch() -> None:
    """`sla schema` runs where torch is not installed, and prints at once."""
    code = (
        "import sys\nfrom sla_cli.cli.schema import names, result_schema\n"
        "for name in names(): result_schema(name)\nprint('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_it_lists_all_and_prints_one() -> None:
    rows = [line.split(maxsplit=2) for line in CliRunner().invoke(app, ["schema"]).stdout.splitlines()]
    assert [row[0] for row in rows] == names()
    assert ["train-seeds", "1", "sla train --seeds"] in rows
    printed = CliRunner().invoke(app, ["schema", "demo"])
    assert json.loads(printed.stdout) == result_schema("demo")
    assert CliRunner().invoke(app, ["schema", "../schema"]).exit_code == 2


INTERVAL = {"low": 8.0, "high": 11.0, "level": 95.0, "samples": 10, "seed": 0, "units": 3, "cluster": "sentence"}
GROUP = {"name": "a", "wer": 9.5, "spread": None, "interval": INTERVAL, "runs": []}
TABLE = {
    "rows": [{"name": "a", "search": "greedy", "variant": "lora", "trained": 3, "scores": {"dev": GROUP}}],
    "output": None,
}


def changed(*path: Any, value: Any) -> dict[str, Any]:
    """TABLE with another value at this path."""
    found: Any = deepcopy(TABLE)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return dict(found)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("more",), 1, "'more' was unexpected"),
        (("rows", 0, "more"), 1, "'more' was unexpected"),
        (("rows", 0, "scores", "dev", "more"), 1, "'more' was unexpected"),
        (("rows", 0, "scores", "dev", "wer"), None, "None is not of type 'number'"),
        (("rows", 0, "scores", "dev", "interval"), [1.0], "[1.0] is not valid under any of the given schemas"),
        (("rows", 0, "scores"), {"dev": {}}, "'name' is a required property"),
    ],
)
def test_a_closed_schema_refuses_other_output(path: tuple[Any, ...], value: Any, message: str) -> None:
    assert faults("table", TABLE) == []
    assert message in " ".join(faults("table", changed(*path, value=value)))


def test_a_schema_accepts_new_keys_of_later_versions() -> None:
    later = changed("rows", 0, "scores", "dev", "more", value=1)
    assert Draft202012Validator(result_schema("table")).is_valid(later)
    assert not Draft202012Validator(closed(result_schema("table"))).is_valid(later)
