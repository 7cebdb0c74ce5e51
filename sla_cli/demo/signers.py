"""The demo's people: how they look, where they sit in the picture, and how they sign."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Signer:
    """A person. Lengths in pixels of the 210 x 260 picture, colours in RGB.

    Attributes:
        shoulders: distance between the shoulder joints.
        centre: x and y of the point between the shoulders.
        head: size of the head, 1.0 for a face 0.58 shoulder widths wide.
        hair_style: "short", "long", "bun", "curly" or "bald".
        speed: pace of signing, 1.0 for the length the signs are defined in.
        amplitude: how large the movements are.
    """

    name: str
    shoulders: float
    centre: tuple[float, float]
    skin: Colour
    hair: Colour
    clothes: Colour
    backdrop: Colour
    hair_style: str
    head: float = 1.1
    glasses: bool = False
    beard: bool = False
    speed: float = 1.0
    amplitude: float = 1.0


SIGNERS: tuple[Signer, ...] = (
    Signer(
        "Signer01", 80, (106, 120), (232, 190, 160), (92, 60, 42), (48, 66, 98), (196, 212, 224), "long", speed=1.20
    ),
    Signer(
        "Signer02",
        86,
        (103, 120),
        (141, 92, 66),
        (34, 26, 26),
        (206, 196, 172),
        (122, 150, 150),
        "short",
        beard=True,
        speed=1.10,
        amplitude=1.1,
    ),
    Signer(
        "Signer03",
        74,
        (111, 126),
        (244, 206, 182),
        (214, 170, 96),
        (60, 104, 88),
        (228, 220, 204),
        "bun",
        head=1.2,
        speed=1.35,
        amplitude=0.92,
    ),
    Signer(
        "Signer04",
        86,
        (104, 116),
        (222, 172, 134),
        (150, 148, 148),
        (112, 48, 58),
        (176, 188, 206),
        "short",
        glasses=True,
        speed=1.05,
    ),
    Signer(
        "Signer05",
        78,
        (98, 122),
        (108, 70, 52),
        (30, 24, 28),
        (226, 160, 70),
        (150, 172, 196),
        "curly",
        head=1.1,
        speed=1.25,
        amplitude=1.05,
    ),
    Signer(
        "Signer06",
        84,
        (112, 118),
        (238, 196, 170),
        (120, 72, 50),
        (70, 70, 76),
        (206, 196, 208),
        "bald",
        beard=True,
        glasses=True,
        speed=1.15,
        amplitude=0.95,
    ),
)
