"""`id<TAB>glosses...`, one line per clip, with the tab also if there is no gloss. Nothing is quoted."""

from __future__ import annotations

from collections.abc import Iterator

from sla_cli.exchange.format import Format, Utterance, parsed_lines, utterance


def _fields(line: str) -> list[str] | None:
    return line.split("\t") if line.count("\t") == 1 else None


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, (clip, glosses) in parsed_lines(text, name, FORMAT):
        yield utterance(number, clip, glosses.split())


FORMAT = Format("plain", "table id<TAB>glosses", _read, _fields, "id<TAB>glosses..., the glosses separated by spaces")
