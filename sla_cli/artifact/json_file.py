"""Reads JSON that other programs may have written; a FormatError says what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sla_cli.artifact.text import read_text
from sla_cli.errors import FormatError

DEEPEST = 100  # nested lists and objects; sla writes fewer than ten levels


def parse_json(text: str, where: str, hint: str = "") -> Any:
    """A JSON value whose texts can be written again. Raises FormatError for any other text.

    Args:
        where: file, or file and line, for the message.
    """
    try:
        value = json.loads(text)
        if text.count("[") + text.count("{") > DEEPEST:
            _check_depth(value)
        if "\\ud" in text.lower():  # half of a pair of surrogates is not text
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        line = "" if ", line " in where else f", line {error.lineno}"
        raise FormatError(f"{where}{line}: not JSON ({error.msg})", hint) from error
    except (ValueError, RecursionError) as error:  # too many digits, half a surrogate pair, or too deeply nested
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        raise FormatError(f"{where}: not JSON that sla reads ({reason})", hint) from error
    return value


def _check_depth(value: Any) -> None:
    """Raise RecursionError if a value is nested so deeply that messages could not show it."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return
    raise RecursionError


def read_json(path: Path, hint: str = "") -> dict[str, Any]:
    """The object in a JSON file. Raises SlaError if it cannot be read, FormatError if it holds no object."""
    value = parse_json(read_text(path), str(path), hint)
    if not isinstance(value, dict):
        raise FormatError(f"{path}: not a JSON object", hint)
    return value


def check_types(kind: type, facts: Mapping[str, Any], where: object, hint: str = "") -> None:
    """Raise FormatError for a value whose type differs from that in the dataclass `kind`, or for an unknown key."""
    types = get_type_hints(kind)
    for key, value in facts.items():
        if key not in types:
            raise FormatError(f"{where}: {key!r} is not known", hint)
        if not _suits(value, types[key]):
            raise FormatError(f"{where}: {key} is {repr(value)[:80]}", hint)


def _suits(value: Any, kind: Any) -> bool:
    """Whether a value from JSON or TOML has the annotated type; a dataclass is a table there."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is Literal:
        return value in parts
    if origin in (Union, UnionType):
        return any(_suits(value, part) for part in parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(_suits(one, parts[1]) for one in value.values())
    if kind in (int, float):
        number = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
        return number and (kind is int or _is_float(value))
    if kind in (str, bool, NoneType):
        return isinstance(value, kind)
    return isinstance(value, dict)


def _is_float(value: float) -> bool:
    """Whether a number is not NaN and not an int that is too large for float."""
    try:
        return not math.isnan(value)
    except OverflowError:
        return False
