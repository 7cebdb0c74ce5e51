"""json.md: what commands print with `--json`, from the schemas that `sla schema` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tables import row, table

from sla_cli.cli.main import COMMANDS
from sla_cli.cli.schema import names, result_schema

INTRODUCTION = """# `--json`: results for machines

With `--json` a command prints one JSON object on standard output and nothing else; the log goes to standard error.
`sla live` prints one such object a line while it runs ([JSON Lines](https://jsonlines.org)); each line fits its schema.
Paths can be used as they are on the command line, except those within a corpus or an archive. `sla train --list`
prints text all the same. `--details` of `sla score`, and `--format` of `sla table` without `-o`, change only the text.

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
not increase for a new key: ignore keys that you do not know ([versions](licences.md#commands-json-and-python)).

**Errors.** With exit code 2, standard output is empty and standard error says what to correct. Three commands are
exceptions: `sla prep` prints [which clips cannot be read](#sla-prep), `sla transcribe`
lists all recordings, with the `error` of those that failed, and `sla live` prints what it saw before its source failed.
With code 3 the result is printed as with code 0 ([exit codes](start.md#exit-codes)).

**How to read the tables.** A key whose meaning begins with "Only" is only in the results that it names; all other keys
are always present. If a key holds an object with keys of its own, its type is a link to the table of these keys. In an
"object of" something the keys vary, and the meaning says what they are.

This page is made from the types in `sla_cli/cli/schema.py` by `python docs/reference.py`."""

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
    """A section for each result in the order of the commands, and in it one for each object that is new there."""
    commands = list(COMMANDS)
    schemas = sorted(map(result_schema, names()), key=lambda one: commands.index(re.split(r"\W+", one["title"])[1]))
    known: set[str] = set()
    return "\n\n".join([INTRODUCTION, *(part for schema in schemas for part in _section(schema, known))]) + "\n"


def _section(schema: dict[str, Any], known: set[str]) -> Iterator[str]:
    *_, name, version = schema["$id"].split(":")
    yield f"## {_title(schema)}"
    yield f"`sla schema {name}`, version {version}. {schema['description']}"
    yield _table(schema)
    for inner, part in schema.get("$defs", {}).items():
        if inner not in known:
            known.add(inner)
            yield f"### {inner}"
            yield part["description"]
            yield _table(part)


def _title(schema: dict[str, Any]) -> str:
    """The title with options as code; otherwise two dashes would become one."""
    return re.sub(r"(--[\w-]+)", r"`\1`", schema["title"])


def _table(schema: dict[str, Any]) -> str:
    rows = [row(f"`{key}`", _type(node), node["description"]) for key, node in schema["properties"].items()]
    return table(["key", "type", "meaning"], rows)


def _type(node: dict[str, Any], words: dict[str, str] = SINGULAR) -> str:
    if "$ref" in node:
        return f"[{words['object']}](#{node['$ref'].rpartition('/')[2].lower()})"
    if "anyOf" in node:
        return " or ".join(_type(one, words) for one in node["anyOf"])
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    text = words[node["type"]]
    if "prefixItems" in node:
        return f"{text} of {len(node['prefixItems'])} {_common({_type(one, PLURAL) for one in node['prefixItems']})}"
    if "items" in node:
        return f"{text} of {_type(node['items'], PLURAL)}"
    if "additionalProperties" in node:
        return f"{text} of {_type(node['additionalProperties'], PLURAL)}"
    return f"{text} from {node['minimum']} to {node['maximum']}" if "maximum" in node else text


def _common(types: set[str]) -> str:
    """The type of all parts of a list: whole numbers are numbers, too."""
    [one] = types - ({"whole numbers"} if "numbers" in types else set())
    return one
