"""What the service and its worker processes say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sla_cli.errors import SlaError


@dataclass(frozen=True)
class Transcribe:
    """To a worker: the upload in this folder, of at most `length` seconds. Answers: `Progress`, then `Done`."""

    folder: Path
    length: float


@dataclass(frozen=True)
class Frame:
    """To a worker: one message of a live stream, or b"" at its end. Answer: `Said`."""

    data: bytes


@dataclass(frozen=True)
class Stop:
    """To a worker: give up the recording."""


@dataclass(frozen=True)
class Ready:
    """The model is open. `made`: as of `Recognizer`."""

    made: Mapping[str, str]


@dataclass(frozen=True)
class Unusable:
    """The model cannot be opened."""

    error: SlaError


@dataclass(frozen=True)
class Progress:
    """Frames that are computed, and how many the header states; 0 if it does not."""

    done: int
    total: int


@dataclass(frozen=True)
class Done:
    """The files are written, or why there are none: a sentence for the client."""

    fault: str = ""


@dataclass(frozen=True)
class Said:
    """Segments as JSON texts, or a sentence for the client why there are none.

    Attributes:
        failed: whether the model is the reason, not the frame.
    """

    texts: tuple[str, ...]
    fault: str = ""
    failed: bool = False


Answer: TypeAlias = Ready | Unusable | Progress | Done | Said
Order: TypeAlias = Transcribe | Frame | Stop
