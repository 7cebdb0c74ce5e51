"""JSON lines: one object per clip, with `id`, `glosses`, and alternatives under `nbest`, best first.

https://jsonlines.org; the keys are those that `sla decode --format jsonl` writes (docs/decoding.md).
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

from sla_cli.artifact.json_file import parse_json
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError
from sla_cli.exchange.format import Format, NbestLists, Utterance, content_lines


def _read(text: str, name: str) -> Iterator[Utterance]:
    """Spans, times and confidence are not read."""
    for number, line in content_lines(text):
        where = f"{name}, line {number}"
        facts = parse_json(line, where, f"In JSON lines each line is an object; this one is {line[:80]!r}.")
        if not isinstance(facts, dict) or not isinstance(facts.get("id"), str):
            raise FormatError(f"{where}: not an object whose id is a text: {line[:80]!r}")
        nbest = facts.get("nbest") or [facts]
        if not isinstance(nbest, list):
            raise FormatError(f"{where}: nbest is not a list: {line[:80]!r}")
        clip = facts["id"].strip()
        hypotheses = [_hypothesis(clip, one, rank, where) for rank, one in enumerate(nbest, start=1)]
        if facts.get("glosses", best := list(hypotheses[0].glosses)) != best:  # one of the two would be ignored
            message = f"{where}: glosses are not those of the first of nbest"
            raise FormatError(message, "Put the best hypothesis first in nbest, or leave nbest out.")
        yield Utterance(number, clip, hypotheses)


def _hypothesis(name: str, facts: object, rank: int, where: str) -> Hypothesis:
    glosses, score = (facts.get("glosses"), facts.get("score", 0.0)) if isinstance(facts, dict) else (None, 0.0)
    if not isinstance(glosses, list) or not all(map(_is_gloss, glosses)):
        raise FormatError(f"{where}: glosses are not a list of words without white space")
    if isinstance(score, int) and abs(score) > sys.float_info.max:
        raise FormatError(f"{where}: the score is too large for a 64-bit number")
    if isinstance(score, bool) or not isinstance(score, int | float) or math.isnan(score):
        raise FormatError(f"{where}: the score {score!r} is not a number")
    return Hypothesis(name, tuple(glosses), float(score), rank=rank)


def _is_gloss(value: object) -> bool:
    return isinstance(value, str) and value.split() == [value]


def _write(clips: NbestLists) -> Iterator[str]:
    """The object itself has the facts of the best hypothesis, `nbest` those of all hypotheses."""
    for hypotheses in clips:
        facts = [_facts(one) for one in hypotheses]
        yield json.dumps({"id": hypotheses[0].id, **facts[0], "nbest": facts}, ensure_ascii=False) + "\n"


def _facts(one: Hypothesis) -> dict[str, Any]:
    facts: dict[str, Any] = {key: getattr(one, key) for key in ("glosses", "score", "spans", "confidence")}
    if one.fps:
        facts["times"] = [(round(start, 3), round(end, 3)) for start, end in one.times]
    return facts


FORMAT = Format("jsonl", "JSON lines", _read, re.compile(r"\{.*").fullmatch, write=_write)
