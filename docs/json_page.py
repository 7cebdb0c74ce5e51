"""json.md: what commands print with `--json`, from the schemas in sla_cli/cli/schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tables import row, table

from sla_cli.cli.main import COMMANDS
from sla_cli.cli.schema import names, result_schema

INTRODUCTION = """# `--json`: results for machines

With `--json` a command prints one JSON object on standard output and nothing else; the log goes to standard error.
Paths can be used as they are on the command line.

A JSON Schema (draft 2020-12) of each result is installed with sla. `sla schema` lists the schemas. `sla schema NAME`
prints one; it refers to no other file. To check a result against it:

```python
import json
import subprocess

import jsonschema  # pip install jsonschema


def sla(*words):
    return json.loads(subprocess.run(["sla", *words], check=True, capture_output=True).stdout)


jsonschema.validate(sla("info", "gloss.arpa", "--json"), sla("schema", "info"))
```

**Versions.** The `$id` of a schema, such as `urn:sla:json:score:1`, ends with its version. The version increases if a
key is removed, if its type, unit or meaning changes, or if a key with a list of all its values gets a new one. It does
not increase for a new key: ignore keys that you do not know ([versions](versions.md#commands-json-and-python)).

**Errors.** With exit code 2, standard output is empty and standard error says what to correct. Two commands are
exceptions: `sla prep` prints [which clips cannot be read](#sla-prep-where-clips-cannot-be-read), and `sla transcribe`
lists all recordings, with the `error` of those that failed. With code 3 the result is printed as with code 0
([exit codes](exit-codes.md)).

**How to read the tables.** A key whose meaning begins with "Only" is only in the results that it names; all other keys
are always present. `a.b` is the key `b` of the object `a`. `a[].b` is the key `b` of each object in the list `a`.
`a.*.b` is the key `b` of each value of the object `a`; the keys of `a` itself vary.

This page is made from `sla_cli/cli/schemas` by `python docs/reference.py`."""

SINGULAR = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}
PLURAL = {
    "string": "texts",
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "true or false",
    "object": "objects",
    "array": "lists",
}


def json_page() -> str:
    """A section for each result in the order of the commands, and one for each object that has its own title."""
    commands = list(COMMANDS)
    schemas = sorted(map(result_schema, names()), key=lambda one: commands.index(re.split(r"\W+", one["title"])[1]))
    return "\n\n".join([INTRODUCTION, *(part for schema in schemas for part in _section(schema))]) + "\n"


def _section(schema: dict[str, Any]) -> Iterator[str]:
    *_, name, version = schema["$id"].split(":")
    definitions = schema.get("$defs", {})
    base = definitions[schema["$ref"].rpartition("/")[2]]["properties"] if "$ref" in schema else {}
    about = f"`sla schema {name}`, version {version}. {schema.get('description', '')}".strip()
    yield f"## {_title(schema)}"
    yield about
    yield _table({**schema["properties"], **base}, schema)
    for part in definitions.values():
        if "title" in part and "$id" not in part:
            yield f"### {_title(part)}"
            if "description" in part:
                yield part["description"]
            yield _table(part["properties"], schema)


def _title(schema: dict[str, Any]) -> str:
    """The title with options as code; otherwise two dashes would become one."""
    return re.sub(r"(--[\w-]+)", r"`\1`", schema["title"])


def _table(properties: dict[str, Any], schema: dict[str, Any]) -> str:
    return table(["key", "type", "meaning"], list(_rows(properties, schema)))


def _rows(properties: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, node in properties.items():
        yield row(f"`{path}{key}`", _type(node, schema), node.get("description", ""))
        for inner, mark in ((node, "."), (node.get("items"), "[]."), (node.get("additionalProperties"), ".*.")):
            if isinstance(inner, dict):
                yield from _rows(inner.get("properties", {}), schema, f"{path}{key}{mark}")


def _type(node: dict[str, Any], schema: dict[str, Any], words: dict[str, str] = SINGULAR) -> str:
    if "$ref" in node:
        return f"[{words['object']}](#{_anchor(node['$ref'], schema)})"
    if "anyOf" in node:
        return " or ".join(_type(one, schema, words) for one in node["anyOf"])
    if "enum" in node or "const" in node:
        return " or ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]))
    kind, *others = [node["type"]] if isinstance(node["type"], str) else node["type"]
    text = words[kind]
    if kind == "array":
        number = f"{node['minItems']} " if node.get("minItems") == node.get("maxItems", 0) else ""
        text += f" of {number}{_type(node['items'], schema, PLURAL)}"
    elif isinstance(node.get("additionalProperties"), dict):
        text += f" of {_type(node['additionalProperties'], schema, PLURAL)}"
    elif "maximum" in node:
        text += f" from {node['minimum']} to {node['maximum']}"
    return " or ".join([text, *others])


def _anchor(reference: str, schema: dict[str, Any]) -> str:
    """The anchor of the section that describes an object: its own, or that of the result that consists of it."""
    *place, definition = reference.split("/")
    named = re.match(r"urn:sla:json:([^:]+):", place[0])
    whole = result_schema(named[1]) if named else schema
    title = whole["$defs"][definition].get("title", whole["title"])
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
