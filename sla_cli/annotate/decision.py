"""Who decided what about an annotation, and when: a line of text in the file, which people can read in ELAN."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import convert

from sla_cli.annotation.timed import Interval

Kind = Literal["accepted", "changed", "new", "rejected"]
LINE = re.compile(
    r"(?P<kind>accepted|changed|new|rejected) (?P<annotator>.+) "
    r"(?P<when>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d)"
    r"(?: from (?P<text>.*) (?P<start>\d{1,15})-(?P<end>\d{1,15}))?"
)


class Decision(NamedTuple):
    """A decision: `changed Mia 2026-11-29T10:22:31+00:00 from HAUS 1200-1800`.

    Attributes:
        when: ISO 8601, to the second, with the offset from UTC.
        before: what was changed, times in milliseconds; None if nothing was.
    """

    kind: Kind
    annotator: str
    when: str
    before: Interval | None = None

    def __str__(self) -> str:
        line = f"{self.kind} {self.annotator} {self.when}"
        return line if self.before is None else f"{line} from {self.before.text} {self.before.start}-{self.before.end}"


def parse_decision(line: str) -> Decision | None:
    """The decision, None for another text."""
    found = LINE.fullmatch(line)
    if found is None:
        return None
    kind = convert(found["kind"], Kind)
    before = None if found["text"] is None else Interval(int(found["start"]), int(found["end"]), found["text"])
    return Decision(kind, found["annotator"], found["when"], before)


def now() -> str:
    """The time for `Decision.when`."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
