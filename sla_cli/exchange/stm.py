"""STM, sclite's segment time marks: one line per clip, with its signer.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sla_cli.artifact.text import is_number
from sla_cli.errors import FormatError, SlaError
from sla_cli.exchange.format import Format, NbestLists, Utterance, parsed_lines, utterance
from sla_cli.exchange.trn import ALTERNATIVES, has_alternatives

GRAMMAR = "id channel signer start end [<label>] glosses..., times in seconds"
IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"
CHANNEL, LABEL = "1", "<O>"  # without a label, a gloss such as <PAD> would be read as one


def _fields(line: str) -> list[str] | None:
    fields = line.split()
    return fields if len(fields) >= 5 and is_number(fields[3]) and is_number(fields[4]) else None


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, (clip, _, signer, _, _, *glosses) in parsed_lines(text, name, FORMAT):
        labelled = bool(glosses) and glosses[0].startswith("<") and glosses[0].endswith(">")
        glosses = glosses[1:] if labelled else glosses
        if mark := _mark(glosses):
            raise FormatError(f"{name}, line {number}: {mark[0]}", mark[1])
        yield utterance(number, clip, glosses, signer)


def _mark(glosses: Sequence[str]) -> tuple[str, str] | None:
    """What sclite does not count as words, and what to do about it; None if all are words."""
    if any(gloss.upper() == IGNORED for gloss in glosses):
        return "a segment that sclite leaves out", "Remove the line, and score with `sla score --partial`."
    if has_alternatives(glosses):
        return ALTERNATIVES, "Keep only one of them."
    if any(gloss.startswith("(") and gloss.endswith(")") for gloss in glosses):
        return "a word in parentheses, which is optional for sclite", "Remove the word, or the parentheses."
    return None


def _write(clips: NbestLists) -> Iterator[str]:
    """A clip ends with its last gloss; the signer is not known, so the clip id is written instead."""
    for best, *_ in clips:
        if mark := _mark(best.glosses):
            raise SlaError(f"clip {best.id} holds in STM {mark[0]}", "Write csv or jsonl, which hold any gloss.")
        end = max((end for _, end in best.times), default=0.0)
        yield " ".join((best.id, CHANNEL, best.id, "0.000", f"{end:.3f}", LABEL, *best.glosses)) + "\n"


def _own(line: str) -> bool:
    """References of a corpus name signers, which `_write` does not know."""
    fields = _fields(line)
    return fields is not None and fields[0] == fields[2]


FORMAT = Format("stm", "STM", _read, _fields, GRAMMAR, _write, not_in_ids=";", timed=True, own=_own)
