"""The tables of docs/json.md."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "json.md"


def documented(command: str, *, optional: bool = False) -> set[str]:
    """The keys of a command's result; those that are in every result, or the others."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {command}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", section, re.MULTILINE)
    return {
        key for keys, value in rows if value.startswith("only ") == optional for key in re.findall(r"`(\w+)`", keys)
    }
