"""What is recognised while somebody signs."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.core.annotation import Sign

LATEST = 1e12  # seconds: times may be those of a clock, since 1970


@dataclass(frozen=True)
class Partial:
    """The signs since the last final one as they look now; the next partial event replaces them.

    Attributes:
        signs: in order of time; may be empty.
        time: of the newest frame, in seconds as given with the frames.
    """

    signs: tuple[Sign, ...]
    time: float


@dataclass(frozen=True)
class Final:
    """A sign that will not change.

    Attributes:
        sign: with times as given with the frames.
        time: of the newest frame.
    """

    sign: Sign
    time: float


@dataclass(frozen=True)
class SentenceEnd:
    """A pause follows the signs of a sentence, all of which were final before.

    Attributes:
        start: of its first sign.
        end: of its last sign.
        time: of the newest frame.
    """

    start: float
    end: float
    time: float


Event = Partial | Final | SentenceEnd
