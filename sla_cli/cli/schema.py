"""sla schema"""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated, Any

import typer

from sla_cli.errors import SlaError

FOLDER = files("sla_cli.cli") / "schemas"
SUFFIX = ".json"


def names() -> list[str]:
    """The names of all results: `train`, `train-seeds`, …"""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.iterdir())


def schema(
    name: Annotated[
        str | None, typer.Argument(metavar="RESULT", help="Result, by its name in the list.", autocompletion=names)
    ] = None,
) -> None:
    """Print the JSON Schema (draft 2020-12) of the output of a command with --json.

    Without a name it lists the results, each with the version of its schema. The $id
    of a schema ends with its version. The version increases if a key is removed or
    changes, not if a key is added.
    """
    if name is not None:
        typer.echo(json.dumps(result_schema(name), indent=2, ensure_ascii=False))
        return
    width = max(map(len, names()))
    for each in names():
        found = _read(each)
        typer.echo(f"{each:{width}}  {found['$id'].rpartition(':')[2]}  {found['title']}")


def result_schema(name: str) -> dict[str, Any]:
    """The schema of a result. Schemas that it refers to are in its `$defs`, where validators find them by `$id`.

    Raises:
        SlaError: there is no such result.
    """
    if name not in names():
        raise SlaError(f"no such result: {name}", "`sla schema` lists all.")
    found = _read(name)
    for other in sorted(set(_references(found))):
        found.setdefault("$defs", {})[other] = result_schema(other)
    return found


def _read(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
    return schema


def _references(node: Any) -> Iterator[str]:
    """Names of the other results that a schema refers to."""
    if isinstance(node, list):
        for part in node:
            yield from _references(part)
    elif isinstance(node, dict):
        if match := re.match(r"urn:sla:json:([^:]+):", node.get("$ref", "")):
            yield match[1]
        for part in node.values():
            yield from _references(part)
