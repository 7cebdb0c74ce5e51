"""Reads TOML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sla_cli.config.checks import parse_toml
from sla_cli.errors import SlaError, cannot_read
from sla_cli.system.regular_file import read_regular


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file's content. Raises SlaError naming file and place."""
    data = b""
    try:
        data = read_regular(file)
        return parse_toml(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SlaError(f"{file}, line {line}: not UTF-8 text", "Save it as UTF-8.") from error
    except OSError as error:
        raise cannot_read(file, error) from error
    except ValueError as error:
        raise SlaError(f"{file}: not TOML: {error}") from error
