"""What a container says of its tracks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tracks:
    """Picture tracks of a file.

    Attributes:
        codecs: of each, as the container names it (`avc1`, `V_AV1`); empty where the file holds sound only.
        delay: seconds from the beginning of the file's time to its first picture.
        end: second at which the pictures should end, counted from the beginning of the file's time; None where the
            file does not say: live recordings, and Matroska with other tracks, which may last longer.
    """

    codecs: tuple[str, ...]
    delay: float = 0.0
    end: float | None = None
