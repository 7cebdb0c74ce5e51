"""The demo's signs: movement and shape of each hand, and the face.

Units are shoulder widths, the origin is between the shoulders, x points to the right of the picture and y down:
the chin is near y = -0.35, the belly near y = 1. The right hand is the one on the left of the picture.
Angles are the direction of the fingers, in degrees clockwise from up, and are mirrored for the left hand.
The signs are invented; they resemble German Sign Language, but are not suitable for learning it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Shape(NamedTuple):
    """A handshape: how far each finger is extended (0 to 1), and how far they are spread (0 to 1)."""

    thumb: float
    pointer: float
    middle: float
    ring: float
    little: float
    spread: float


class Face(NamedTuple):
    """Non-manual marking: head tilt in degrees, smile and brows from -1 to 1, mouth and eyes open from 0 to 1."""

    tilt: float = 0.0
    smile: float = 0.2
    brows: float = 0.0
    mouth: float = 0.0
    eyes: float = 1.0


CALM = Face()


@dataclass(frozen=True)
class Move:
    """The path of one hand: from `start` by `by`, with an arc of height `rise`, plus taps, swaying, or a circle.

    Attributes:
        start: x and y at the beginning.
        by: vector from beginning to end.
        rise: height of the arc over the straight line.
        tap: movement away from the path and back, `taps` times.
        sway: amplitude to both sides of the path, `sways` times.
        radius: radius of a circle, `turns` times.
        shape, to: handshape at the beginning, and at the end if it changes.
        angle, turn: direction of the fingers at the beginning, and its rotation.
    """

    start: tuple[float, float]
    shape: Shape
    angle: float = 0.0
    by: tuple[float, float] = (0.0, 0.0)
    rise: float = 0.0
    tap: tuple[float, float] = (0.0, 0.0)
    taps: int = 0
    sway: tuple[float, float] = (0.0, 0.0)
    sways: int = 0
    radius: float = 0.0
    turns: float = 0.0
    to: Shape | None = None
    turn: float = 0.0


@dataclass(frozen=True)
class Sign:
    """A sign of `frames` frames at normal speed; the left hand moves like the right one, or rests.

    Attributes:
        left: "rest"; "mirror" (opposite sides); "parallel" (both to the same side at once).
    """

    frames: int
    right: Move
    left: str = "rest"
    face: Face = CALM


FIST = Shape(0.35, 0.0, 0.0, 0.0, 0.0, 0.0)
FLAT = Shape(0.6, 1.0, 1.0, 1.0, 1.0, 0.0)
OPEN = Shape(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
POINT = Shape(0.2, 1.0, 0.0, 0.0, 0.0, 0.0)
VEE = Shape(0.1, 1.0, 1.0, 0.0, 0.0, 1.0)
PINCH = Shape(1.0, 0.7, 0.0, 0.0, 0.0, 0.6)
LOOSE = Shape(0.5, 0.7, 0.7, 0.65, 0.6, 0.25)

REST = Move((-0.24, 1.22), LOOSE, angle=125.0)

SIGNS: dict[str, Sign] = {
    "BERG": Sign(12, Move((-0.9, 0.4), FLAT, -10, by=(1.1, 0.1), rise=1.0, turn=110)),
    "BLEIBEN": Sign(9, Move((-0.62, -0.05), VEE, 165, by=(0.0, 0.65))),
    "FREUEN": Sign(10, Move((-0.3, 0.5), FLAT, 50, radius=0.17, turns=2), "mirror", Face(smile=1.0, brows=0.6)),
    "FREUND": Sign(10, Move((-0.36, 0.3), POINT, 85, tap=(0.24, 0.0), taps=2), "mirror"),
    "HAUS": Sign(10, Move((-0.12, -0.3), FLAT, 28, by=(-0.45, 0.75), rise=0.12, turn=-28), "mirror"),
    "HEUTE": Sign(9, Move((-0.32, 0.6), FLAT, 100, tap=(0.0, 0.26), taps=2), "mirror"),
    "ICH": Sign(8, Move((-0.45, 0.55), POINT, 75, tap=(0.33, -0.18), taps=1)),
    "KALT": Sign(10, Move((-0.42, 0.1), FIST, 20, sway=(0.14, 0.0), sways=2), "mirror", Face(smile=-0.7, eyes=0.5)),
    "MEER": Sign(11, Move((-0.85, 0.5), FLAT, 80, by=(1.0, 0.0), sway=(0.0, 0.13), sways=2)),
    "MORGEN": Sign(9, Move((-0.3, -0.45), FIST, 0, by=(-0.6, 0.15), rise=0.3, to=OPEN, turn=-35)),
    "NACHT": Sign(10, Move((-0.75, -0.25), FLAT, 10, by=(0.67, 0.6), turn=70), "mirror", Face(tilt=8, eyes=0.0)),
    "NORD": Sign(9, Move((-0.62, 0.25), POINT, 0, by=(0.0, -1.0))),
    "REGEN": Sign(10, Move((-0.48, -0.5), OPEN, 150, by=(0.0, 0.55), tap=(0.0, 0.3), taps=2), "mirror"),
    "SCHNEE": Sign(11, Move((-0.48, -0.5), OPEN, 150, by=(0.0, 0.65), sway=(0.17, 0.0), sways=2), "parallel"),
    "SONNE": Sign(11, Move((-0.65, -0.5), FIST, 0, radius=0.2, turns=1, to=OPEN, turn=60), face=Face(smile=0.7)),
    "STARK": Sign(9, Move((-0.6, -0.05), FIST, 10, tap=(-0.1, 0.42), taps=1), "mirror", Face(brows=-1.0, smile=-0.4)),
    "SUED": Sign(9, Move((-0.62, -0.05), POINT, 175, by=(0.0, 0.75))),
    "WANDERN": Sign(11, Move((-0.8, 0.5), VEE, 150, by=(0.95, 0.0), sway=(0.0, 0.1), sways=2)),
    "WARM": Sign(10, Move((-0.12, 0.35), OPEN, 70, radius=0.22, turns=1), face=Face(smile=0.6)),
    "WENIG": Sign(8, Move((-0.5, -0.05), PINCH, 15, tap=(0.1, 0.0), taps=2), face=Face(tilt=-12, brows=0.8)),
    "WIND": Sign(12, Move((-0.45, -0.1), FLAT, 0, sway=(0.27, 0.0), sways=2), "parallel", Face(mouth=1.0)),
    "WOLKE": Sign(11, Move((-0.42, -0.5), OPEN, 20, by=(-0.3, 0.0), radius=0.17, turns=1.5), "mirror"),
}

# What people do between sentences, and what no gloss stands for.
MOVEMENTS: dict[str, Sign] = {
    "scratching the head": Sign(30, Move((-0.42, -0.75), LOOSE, 30, sway=(0.05, 0.05), sways=5)),
    "a sip of water": Sign(36, Move((-0.3, 0.9), FIST, 60, by=(0.2, -1.15), tap=(0.0, 0.08), taps=1, turn=-30)),
    "folding the hands": Sign(26, Move((-0.1, 0.75), FLAT, 70), "mirror"),
}
