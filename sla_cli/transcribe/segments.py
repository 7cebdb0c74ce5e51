"""What a stream recognised, as messages for programs: each one shows the whole sentence as it looks now.

The names are those of sherpa-onnx's streaming server: a client shows `text`, replaces it by the next message, and
begins a new line after `is_final`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sla_cli.core.annotation import Sign
from sla_cli.core.arguments import as_number, as_text, check_types, items_of
from sla_cli.errors import SlaError, shown
from sla_cli.transcribe.events import LATEST, Event, Final, Partial, SentenceEnd

LONGEST = 100  # signs; somebody who never pauses gets segments of as many


class Segment(msgspec.Struct, frozen=True):
    """The signs between two pauses; where there are more than 100, 100 at a time.

    Attributes:
        segment: number, from 0.
        is_final: whether it is complete; the next message is of the next segment.
        text: glosses with spaces between them.
        tokens: the glosses, in order of time.
        timestamps: start of each, in seconds as given with the frames.
        ends: end of each.
        confidences: of each, from 0 to 1.
        fixed: so many glosses, from the first on, do not change any more.
        time: of the newest frame that was pushed.
    """

    segment: int
    is_final: bool
    text: str
    tokens: Sequence[str]
    timestamps: Sequence[float]
    ends: Sequence[float]
    confidences: Sequence[float]
    fixed: int
    time: float


class Segments:
    """Makes segments of the events of one stream."""

    def __init__(self) -> None:
        self._number = 0
        self._fixed: list[Sign] = []
        self._open: Sequence[Sign] = ()

    def add(self, events: Iterable[Event]) -> Iterator[Segment]:
        """The messages after the events of one call: of each segment that ended, then of the one that is open if it
        has changed. Raises SlaError for anything but events."""
        if isinstance(events, Event) or (found := items_of(events)) is None:
            raise SlaError(f"events is {shown(events)}, not a list of events", "Give what `push` of a stream returns.")
        changed, time = False, 0.0
        for event in map(_checked, found):
            if isinstance(event, SentenceEnd) and not (self._fixed or self._open):
                continue  # the pause comes after a segment of `LONGEST`, which is complete
            changed, time = True, event.time
            if isinstance(event, Final):
                self._fixed.append(event.sign)
            else:
                self._open = event.signs if isinstance(event, Partial) else ()
            if self._fixed and (isinstance(event, SentenceEnd) or len(self._fixed) == LONGEST):
                yield self._shown(time, is_final=True)
                self._number, self._fixed, self._open, changed = self._number + 1, [], (), False
        if changed:
            yield self._shown(time, is_final=False)

    def _shown(self, time: float, *, is_final: bool) -> Segment:
        signs = self._fixed if is_final else [*self._fixed, *self._open]
        glosses = [sign.gloss for sign in signs]
        return Segment(
            segment=self._number,
            is_final=is_final,
            text=" ".join(glosses),
            tokens=glosses,
            timestamps=[sign.start for sign in signs],
            ends=[sign.end for sign in signs],
            confidences=[sign.confidence for sign in signs],
            fixed=len(self._fixed),
            time=time,
        )


def _checked(event: object) -> Event:
    """An event whose times are floats. Raises SlaError for anything but an event with signs."""
    if isinstance(event, Final):
        return Final(_signs([event.sign])[0], _time(event.time, "an event"))
    if isinstance(event, Partial):
        return Partial(_signs(event.signs), _time(event.time, "an event"))
    if isinstance(event, SentenceEnd):
        start, end = (_time(value, "the end of a sentence") for value in (event.start, event.end))
        return SentenceEnd(start, end, _time(event.time, "an event"))
    raise SlaError(f"events holds {shown(event)}, which is no event of a stream")


def _signs(signs: Sequence[Sign]) -> tuple[Sign, ...]:
    check_types(signs, "signs of an event", Sign, stored=True)
    return tuple(map(_sign, signs))


def _sign(sign: Sign) -> Sign:
    gloss = as_text(sign.gloss, "gloss of an event")
    start, end = (_time(value, f"sign {shown(gloss)} of an event") for value in (sign.start, sign.end))
    return Sign(gloss, start, end, as_number(sign.confidence, f"confidence of {shown(gloss)}", 0, 1))


def _time(seconds: object, name: str) -> float:
    return as_number(seconds, f"time of {name}", -LATEST, LATEST)
