"""Types of numbers with their bounds, for what is read from files and what commands print with --json."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sla_cli.config.bounds import FASTEST, PIXELS

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]  # a number of something that is never absent, or a position counted from 1
Amount = Annotated[float, Meta(ge=0)]  # a rate in percent, a duration, a size
Share = Annotated[float, Meta(ge=0, le=1)]  # a part of a whole, or a probability
FrameRate = Annotated[float, Meta(ge=0, le=FASTEST)]  # frames per second, 0 if unknown
Distance = Annotated[float, Meta(ge=1e-6, le=1e9)]  # of a recording from the training data, relative to their spread
Percent = Annotated[float, Meta(ge=0, le=1000)]  # of what may also be more than the whole
Side = Annotated[int, Meta(ge=1, le=PIXELS)]  # of a square picture, in pixels
