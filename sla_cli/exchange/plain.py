"""`id<TAB>glosses...`, one line per clip, with the tab also if there is no gloss. Nothing is quoted."""

from __future__ import annotations

from collections.abc import Iterator

from sla_cli.errors import FormatError
from sla_cli.exchange.format import Format, Utterance, content_lines, utterance


def _fits(line: str) -> bool:
    return line.count("\t") == 1


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, line in content_lines(text):
        fields = line.split("\t")
        if len(fields) != 2:
            raise FormatError(
                f"{name}, line {number}: {len(fields) - 1} tabs instead of 1: {line[:80]!r}",
                "Expected: id<TAB>glosses..., the glosses separated by spaces.",
            )
        yield utterance(number, fields[0], fields[1].split())


FORMAT = Format("plain", "id<TAB>glosses", _read, _fits)
