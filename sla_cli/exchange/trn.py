"""TRN, sclite's transcripts: glosses, then the clip's id in brackets; one line per clip.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sla_cli.errors import SlaError
from sla_cli.exchange.format import Format, NbestLists, Utterance, parsed_lines, utterance

LINE = re.compile(r"(.*)\(([^()\s]+)\)\s*")


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, found in parsed_lines(text, name, FORMAT):
        yield utterance(number, found[2], found[1].split())


def _write(clips: NbestLists) -> Iterator[str]:
    for best, *_ in clips:
        if best.glosses and best.glosses[0].startswith((";;", "\ufeff")):  # a comment, or a byte order mark
            raise SlaError(
                f"clip {best.id}: a TRN cannot begin with gloss {best.glosses[0]!r}", "Write csv or jsonl, or ctm."
            )
        yield " ".join((*best.glosses, f"({best.id})")) + "\n"


FORMAT = Format("trn", "TRN", _read, LINE.fullmatch, "glosses... (id)", _write, not_in_ids="();")
