"""STM, sclite's segment time marks: one line per clip, with its signer.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

from collections.abc import Iterator

from sla_cli.formats.exchange.format import Format, NbestLists, Utterance, content_lines, utterance
from sla_cli.formats.text import is_number

GRAMMAR = "id channel signer start end [<label>] glosses..., times in seconds"
CHANNEL, LABEL = "1", "<O>"  # without a label, a gloss such as <PAD> would be taken for one


def _fits(line: str) -> bool:
    fields = line.split()
    return len(fields) >= 5 and all(map(is_number, fields[3:5]))


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, line in content_lines(text):
        clip, _, signer, _, _, *glosses = line.split()
        labelled = bool(glosses) and glosses[0].startswith("<") and glosses[0].endswith(">")
        yield utterance(number, clip, glosses[1:] if labelled else glosses, signer)


def _write(clips: NbestLists) -> Iterator[str]:
    """A clip ends with its last gloss; the signer is not known, so its id takes that place."""
    for best, *_ in clips:
        end = max((end for _, end in best.times), default=0.0)
        yield " ".join((best.id, CHANNEL, best.id, "0.000", f"{end:.3f}", LABEL, *best.glosses)) + "\n"


FORMAT = Format("stm", "STM", _read, _fits, GRAMMAR, _write, not_in_ids=";", timed=True)
