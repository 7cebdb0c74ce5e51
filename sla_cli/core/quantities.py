"""Types of numbers and texts with their bounds, for what is read from files and what commands print with --json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from sla_cli.config.bounds import FASTEST, PIXEL_RATE, PIXELS
from sla_cli.errors import SlaError

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]  # a number of something that is never absent, or a position counted from 1
Amount = Annotated[float, Meta(ge=0)]  # a rate in percent, a duration, a size
Share = Annotated[float, Meta(ge=0, le=1)]  # a part of a whole, or a probability
FrameRate = Annotated[float, Meta(ge=0, le=FASTEST)]  # frames per second, 0 if unknown
Distance = Annotated[float, Meta(ge=1e-6, le=1e9)]  # of a recording from the training data, relative to their spread
Level = Annotated[float, Meta(gt=1, lt=100)]  # of confidence, in percent
Percent = Annotated[float, Meta(ge=0, le=1000)]  # of what may also be more than the whole
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"  # with line breaks
Line = Annotated[str, Meta(pattern=rf"\A[^{_CONTROLS}]*\Z")]  # a line of a text file can hold it
FileName = Annotated[str, Meta(pattern=rf"\A(?!\.)[^/\\{_CONTROLS}]{{1,50}}\Z")]  # names of files can begin with it
Fit = Annotated[str, Meta(pattern=r"\A(squash|pad|crop)\Z")]  # how a picture was made square
Side = Annotated[int, Meta(ge=1, le=PIXELS)]  # of a square picture, in pixels

SAME_RATE = 0.01  # frame rates that differ by no larger share are one


def check_pixel_rate(side: int, fps: float) -> None:
    """Raise SlaError for square frames of more pixels a second than any run needs: each bound allows them alone."""
    if side**2 * fps > PIXEL_RATE:
        frames = f"frames of {side}x{side} at {fps:g} a second"
        hint = "Make a store of smaller or fewer frames: `sla prep --size`, `--fps`."
        raise SlaError(f"{frames} are more than {PIXEL_RATE // 10**6} million pixels a second", hint)


def rates_differ(rates: Iterable[float]) -> bool:
    """Whether frame rates are not one: containers round 30000/1001 in several ways, and some state 30. 0 is unknown."""
    known = [rate for rate in rates if rate]
    return bool(known) and max(known) - min(known) > SAME_RATE * max(known)
