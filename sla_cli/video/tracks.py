"""Facts about the tracks of a container."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tracks:
    """Picture tracks of a file.

    Attributes:
        codecs: codec of each, as the container names it (`avc1`, `V_AV1`); empty if the file has only sound.
        delay: seconds from the beginning of the file's timeline to its first picture.
        end: second at which the pictures should end, from the beginning of the file's timeline; None if the file
            does not state it: live recordings, and Matroska with other tracks, which may last longer.
    """

    codecs: tuple[str, ...]
    delay: float = 0.0
    end: float | None = None
