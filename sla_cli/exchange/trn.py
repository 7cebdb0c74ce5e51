"""TRN, sclite's transcripts: glosses, then the clip's id in brackets; one line per clip.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sla_cli.errors import FormatError, SlaError
from sla_cli.exchange.format import Format, NbestLists, Utterance, parsed_lines, utterance

ALTERNATIVES = "alternatives { A / B }, of which sclite uses the nearer one"
LINE = re.compile(r"(.*)\(([^()\s]+)\)\s*")


def has_alternatives(glosses: Sequence[str]) -> bool:
    """Whether sclite would read alternatives, in TRN and in STM."""
    return any(gloss.startswith("{") for gloss in glosses)


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, found in parsed_lines(text, name, FORMAT):
        glosses = found[1].split()
        if has_alternatives(glosses):
            raise FormatError(f"{name}, line {number}: {ALTERNATIVES}", "Keep only one of them.")
        yield utterance(number, found[2], glosses)


def _write(clips: NbestLists) -> Iterator[str]:
    for best, *_ in clips:
        if has_alternatives(best.glosses):
            raise SlaError(f"clip {best.id} holds in TRN {ALTERNATIVES}", "Write csv or jsonl, which hold any gloss.")
        if best.glosses and best.glosses[0].startswith((";;", "\ufeff")):  # a comment, or a byte order mark
            raise SlaError(
                f"clip {best.id}: a TRN cannot begin with gloss {best.glosses[0]!r}", "Write csv or jsonl, or ctm."
            )
        yield " ".join((*best.glosses, f"({best.id})")) + "\n"


FORMAT = Format("trn", "TRN", _read, LINE.fullmatch, "glosses... (id)", _write, not_in_ids="();")
