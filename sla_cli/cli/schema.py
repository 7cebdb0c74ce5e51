"""sla schema"""

import inspect
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from sla_cli.errors import SlaError

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Result(NamedTuple):
    """What a command prints with --json.

    Attributes:
        title: the command, with what distinguishes this result from its others.
        module: the module of its type, without the package's name.
        kind: the name of its type.
        version: increased if a key is removed or changes.
    """

    title: str
    module: str
    kind: str
    version: int = 1


RESULTS = {
    "align": Result("sla align", "cli.results.recognition", "Aligned"),
    "align-suspicious": Result("sla align --suspicious", "align.suspicious_table", "SuspiciousClips"),
    "check": Result("sla check", "prep.check", "Report"),
    "compare": Result("sla compare", "cli.results.evaluation", "Compared"),
    "compare-groups": Result("sla compare, groups", "work.comparison_figures", "GroupComparisonFigures"),
    "decode": Result("sla decode", "decode.decode_run", "Decoded"),
    "demo": Result("sla demo", "demo.figures", "DemoFigures"),
    "doctor": Result("sla doctor", "doctor.diagnosis", "Diagnosis"),
    "elan-install": Result("sla elan install", "cli.results.recognition", "ElanInstalled"),
    "emit": Result("sla emit", "cli.results.recognition", "Emitted"),
    "export": Result("sla export", "share.results", "Exported"),
    "info": Result("sla info", "cli.results.artifacts", "Described"),
    "live": Result("sla live", "transcribe.segments", "Segment"),
    "lm-estimate": Result("sla lm estimate", "cli.results.artifacts", "EstimatedModel"),
    "lm-score": Result("sla lm score", "lm.perplexity", "ModelPerplexity"),
    "merge": Result("sla merge", "prep.merge", "MergeResult"),
    "next": Result("sla next", "cli.results.recognition", "Next"),
    "prep": Result("sla prep", "prep.result", "PrepResult"),
    "prep-list-tiers": Result("sla prep --list-tiers", "prep.tiers.survey", "TierSurvey"),
    "publish": Result("sla publish", "share.results", "Published"),
    "report": Result("sla report", "report.report_file", "Reported"),
    "score": Result("sla score", "cli.results.evaluation", "Scored"),
    "score-files": Result("sla score, several files", "cli.results.evaluation", "ScoredFiles"),
    "split": Result("sla split", "prep.make_division", "SplitResult"),
    "store-export": Result("sla store export", "prep.export.export", "ExportResult"),
    "store-leave-out": Result("sla store leave-out", "prep.left_out", "LeftOut"),
    "table": Result("sla table", "cli.results.evaluation", "Tabled"),
    "times": Result("sla times", "score.time_files", "TimeFigures"),
    "train": Result("sla train", "train.results", "Trained"),
    "train-dry-run": Result("sla train --dry-run", "train.results", "Forecast"),
    "train-seeds": Result("sla train --seeds", "train.results", "TrainedSeeds"),
    "transcribe": Result("sla transcribe", "cli.results.recognition", "Transcribed"),
    "tune": Result("sla tune", "cli.results.artifacts", "TunedFolder"),
}


def names() -> list[str]:
    """The names of all results: `train`, `train-seeds`, …"""
    return list(RESULTS)


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
    width = max(map(len, RESULTS))
    for each, result in RESULTS.items():
        typer.echo(f"{each:{width}}  {result.version}  {result.title}")


def result_schema(name: str) -> dict[str, Any]:
    """The schema of a result, from the annotations and docstrings of its type and of those in it.

    Raises:
        SlaError: there is no such result.
    """
    if name not in RESULTS:
        raise SlaError(f"no such result: {name}", "`sla schema` lists all.")
    from msgspec.json import schema_components

    result = RESULTS[name]
    kind = getattr(import_module(f"sla_cli.{result.module}"), result.kind)
    _, components = schema_components([kind], schema_hook=_path_schema)
    for part in _objects(kind):
        _describe(components[part.cls.__name__], part)
    whole = components.pop(kind.__name__)
    head = {"$schema": DIALECT, "$id": f"urn:sla:json:{name}:{result.version}"}
    return head | whole | {"title": result.title} | ({"$defs": components} if components else {})


def _path_schema(kind: type) -> dict[str, Any]:
    """A path is text in JSON."""
    if kind is Path:
        return {"type": "string"}
    raise NotImplementedError(kind)


def _objects(kind: type) -> Iterator[Any]:
    """What msgspec knows about each dataclass, Struct and TypedDict in a type, and about the type itself."""
    from msgspec.inspect import DataclassType, Field, StructType, Type, TypedDictType, type_info
    from msgspec.structs import astuple

    waiting: list[Any] = [type_info(kind)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, DataclassType | StructType | TypedDictType):
            yield part
        if isinstance(part, tuple):
            waiting += part
        elif isinstance(part, Type | Field):
            waiting += astuple(part)


def _describe(schema: dict[str, Any], kind: Any) -> None:
    """Add the descriptions of the keys of an object; every key is required that is not left out at times."""
    schema["description"] = _about(kind.cls)
    if not schema["description"]:
        del schema["description"]
    notes: dict[str, str] = {}
    for base in reversed(kind.cls.__mro__):
        notes |= _attributes(base)
    schema["required"] = [field.encode_name for field in kind.fields if not _is_optional(field)]
    for key, value in schema["properties"].items():
        value.pop("default", None)
        value["description"] = notes.get(key, "")


def _is_optional(field: Any) -> bool:
    """Whether the key is left out where the field is unset."""
    from msgspec import NODEFAULT

    return not field.required and field.default is field.default_factory is NODEFAULT


def _about(kind: type) -> str:
    """The docstring of a class without its attributes, on one line."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")[0].split())


def _attributes(kind: type) -> dict[str, str]:
    """The attributes in the docstring of a class, each with its description on one line."""
    listed = inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")[2]
    return {name: " ".join(text.split()) for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", listed, re.M)}
