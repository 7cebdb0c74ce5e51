"""Checks what commands print with `--json` against the schemas of `sla schema`; also refuses undocumented keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from sla_cli.cli.schema import RESULTS, result_schema


def closed(schema: Any) -> Any:
    """The schema, with objects restricted to the keys that it names."""
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(part) for key, part in schema.items()}
    return found | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else found


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(closed(result_schema(name)))


def faults(name: str, facts: Any) -> list[str]:
    """Where and why `facts` are not the result of this name; empty if they are."""
    return [f"{name}: {one.json_path}: {one.message}" for one in _validator(name).iter_errors(facts)]


@cache
def names_of(command: str) -> list[str]:
    """The names of the results that a command can print."""
    titles = {name: f"{result.title}," for name, result in RESULTS.items()}
    return [name for name, title in titles.items() if title.startswith((f"sla {command},", f"sla {command} --"))]


def result_name(command: str, facts: Any) -> str:
    """Which result of a command (`train`, `lm score`) this is, such as `train-seeds`. Fails if it is none."""
    found = {name: faults(name, facts) for name in names_of(command)}
    assert not all(found.values()), [fault for each in found.values() for fault in each]
    return next(name for name, wrong in found.items() if not wrong)


def check_printed(arguments: Sequence[str], stdout: str) -> None:
    """Check what a command printed: with `--json`, one result of that command and nothing else, or nothing at all; of
    `sla live`, one a line."""
    words = list(map(str, arguments))
    if "--json" in words and stdout:
        command = " ".join(words[: 2 if words[0] in ("elan", "lm", "store") else 1])
        for text in stdout.splitlines() if command == "live" else [stdout]:
            result_name(command, json.loads(text, parse_constant=_refuse))


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity: Python writes them, but they are not JSON."""
    raise AssertionError(f"{constant} is not JSON")
