"""sla's own tables: a line with format and version, lines with facts of all rows, a header, tab-separated rows.

# sla-hypotheses 1
# corpus phoenix2014
id<TAB>rank<TAB>…
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.files.read import check_version, read_text
from sla_cli.files.write import write_tsv


def write_headed(
    path: Path, name: str, facts: Mapping[str, str], columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write a table of version 1."""
    head = f"# {name} 1\n" + "".join(f"# {key} {value}\n" for key, value in facts.items() if value)
    write_tsv(path, columns, rows, head)


def read_headed(path: Path, name: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The facts, and each row by column."""
    lines = read_text(path).split("\n")
    if not lines[0].startswith(f"# {name} ") or lines.pop():
        raise SlaError(f"{path} is not {name}, or is cut off")
    check_version(path, name, 1, lines[0].split()[-1])
    heads = [line[2:].partition(" ") for line in lines[1:] if line.startswith("# ")]
    header, *rows = (line.split("\t") for line in lines[1 + len(heads) :])
    return {key: value for key, _, value in heads}, [dict(zip(header, row, strict=True)) for row in rows]
