"""Tables with a header: CSV as in MSLR submissions (`id,gloss`), and references as corpora and people have them.

CSV: https://www.rfc-editor.org/rfc/rfc4180. The names of columns are in `formats.table.COLUMNS`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from sla_cli.errors import FormatError
from sla_cli.formats.exchange.format import Format, NbestLists, Utterance, utterance
from sla_cli.formats.table import has_columns, parse_any_table

NEEDED, QUOTED = ("id", "gloss"), ",;"  # corpora separate by bars and tabs without quoting: a gloss may be a quote


def _begins(text: str) -> bool:
    return has_columns(text, NEEDED)


def _read(text: str, name: str) -> Iterator[Utterance]:
    if not _begins(text):
        header = text.split("\n", 1)[0]
        raise FormatError(
            f"{name}, line 1: no columns id and gloss in the header {header[:80]!r}", "The first line names them."
        )
    for row in parse_any_table(text, name, NEEDED, ("signer",), QUOTED):
        yield utterance(row.line, row["id"], row["gloss"].split(), row.fields.get("signer", ""))


def _write(clips: NbestLists) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(NEEDED)
    writer.writerows((best.id, " ".join(best.glosses)) for best, *_ in clips)
    yield buffer.getvalue()


FORMAT = Format("csv", "CSV and tables with the header id,gloss", _read, begins=_begins, write=_write)
