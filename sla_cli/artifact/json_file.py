"""Reads JSON that other programs may have written; a FormatError says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sla_cli.artifact.text import read_text
from sla_cli.errors import FormatError, without_pattern

T = TypeVar("T")
HALF = "holds half of a pair of surrogates"
DEEPEST = 100  # nested lists and objects; sla writes fewer than ten levels


def parse_json(text: str, where: str, hint: str = "", *, names: bool = False) -> Any:
    """A JSON value whose texts can be written again. Raises FormatError for any other text.

    Args:
        where: file, or file and line, for the message.
        names: texts may be names of files, of which the bytes need not be UTF-8; `write_text` makes escapes of them.
    """
    try:
        value = json.loads(text)
        if text.count("[") + text.count("{") > DEEPEST:
            _check_depth(value)
        if "\\ud" in text.lower():  # half of a pair of surrogates is not text
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape" if names else "strict")
    except json.JSONDecodeError as error:
        line = "" if ", line " in where else f", line {error.lineno}"
        raise FormatError(f"{where}{line}: not JSON ({error.msg})", hint) from error
    except UnicodeEncodeError as error:
        raise FormatError(f"{where}: not JSON that sla reads (it {HALF})", hint) from error
    except (ValueError, RecursionError) as error:  # too many digits, or too deeply nested
        reason = "too deeply nested" if isinstance(error, RecursionError) else "a number of thousands of digits"
        raise FormatError(f"{where}: not JSON that sla reads ({reason})", hint) from error
    return value


def decode_json(data: bytes | str, kind: type[T], where: str, hint: str = "") -> T:
    """An object of a Struct. Raises FormatError for JSON of another form, and for anything else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else without_pattern(str(error))
        if reason == "Input data was truncated":  # msgspec says so of both
            reason = f"it ends too early, or {HALF}"
        raise FormatError(f"{where}: {reason}", hint) from error


def _check_depth(value: Any) -> None:
    """Raise RecursionError if a value is nested so deeply that messages could not show it."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in level if isinstance(part, dict | list)]
        if not level:
            return
    raise RecursionError


def read_json(path: Path, hint: str = "", *, names: bool = False) -> dict[str, Any]:
    """The object in a JSON file; `names` as for `parse_json`.

    Raises SlaError if it cannot be read, FormatError if it holds no object.
    """
    value = parse_json(read_text(path), str(path), hint, names=names)
    if not isinstance(value, dict):
        raise FormatError(f"{path}: not a JSON object", hint)
    return value
