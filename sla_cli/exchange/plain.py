"""`id<TAB>glosses...`, one line per clip, with the tab also if there is no gloss. Nothing is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sla_cli.exchange.format import COMMENT, Format, Utterance, parsed_lines, utterance

LINE = re.compile(r"(?!;;)([^\t]*)\t([^\t]*)")


def _read(text: str, name: str) -> Iterator[Utterance]:
    for number, found in parsed_lines(text, name, FORMAT):
        yield utterance(number, found[1], found[2].split())


def _is_comment(line: str) -> bool:
    return line.startswith(COMMENT) and "\t" not in line  # with a tab it may be a clip


GRAMMAR = "id<TAB>glosses..., the glosses separated by spaces; a comment (;;) has no tab"
FORMAT = Format("plain", "table id<TAB>glosses", _read, LINE.fullmatch, GRAMMAR, comment=_is_comment)
