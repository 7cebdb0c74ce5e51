"""Tables with a header: CSV as in MSLR submissions (`id,gloss`), and reference tables of corpora and users.

A table that `sla prep folder` reads needs no ids: a clip then has the name that prep gives it, from its recording.

CSV: https://www.rfc-editor.org/rfc/rfc4180. The names of columns are in `artifact.table.COLUMNS`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from sla_cli.artifact.table import Row, has_columns, parse_any_table
from sla_cli.artifact.text import seconds
from sla_cli.core.clip_name import clip_name
from sla_cli.errors import FormatError
from sla_cli.exchange.format import Format, NbestLists, Utterance, utterance

NEEDED = ("id", "gloss")
NAMED = ("path", "gloss")  # without ids
OF_CLIPS = ("path", "start", "end", "signer")  # what names a clip without id, as an empty cell is like a missing column


def _begins(text: str) -> bool:
    is_json = text.lstrip().startswith("{")  # glosses may have the names of columns
    return not is_json and (has_columns(text, NEEDED) or has_columns(text, NAMED))


def _read(text: str, name: str) -> Iterator[Utterance]:
    if not _begins(text):
        header = text.split("\n", 1)[0]
        raise FormatError(
            f"{name}, line 1: no columns id and gloss in the header {header[:80]!r}", "The first line must name them."
        )
    if has_columns(text, NEEDED):
        rows = list(parse_any_table(text, name, NEEDED, ("signer",)))
        if not all(row["id"] for row in rows) and has_columns(text, (*NEEDED, "path")):
            rows = list(parse_any_table(text, name, NEEDED, OF_CLIPS))
    else:
        rows = list(parse_any_table(text, name, NAMED, OF_CLIPS))
    for row in rows:
        yield utterance(row.line, _id(row, name), row["gloss"].split(), row.fields.get("signer", ""))


def _id(row: Row, name: str) -> str:
    if (given := row.fields.get("id", "")) or not row.fields.get("path"):
        return given
    at = f"{name}, line {row.line}"
    return clip_name(row["path"], *(seconds(row.fields.get(key, ""), key, at) for key in ("start", "end")))


def _write(clips: NbestLists) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(NEEDED)
    writer.writerows((best.id, " ".join(best.glosses)) for best, *_ in clips)
    yield buffer.getvalue()


FORMAT = Format(
    "csv", "CSV and tables with the header id,gloss", _read, begins=_begins, write=_write, own=",".join(NEEDED).__eq__
)
