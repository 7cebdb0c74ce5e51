"""The demo's people: their look, their position in the picture, and their way of signing."""

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
        speed: speed of signing, 1.0 for the defined length of signs.
        amplitude: size of the movements.
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
    Signer("Signer01", 80, (106, 120), skin=(232, 190, 160), hair=(92, 60, 42), clothes=(48, 66, 98),
           backdrop=(196, 212, 224), hair_style="long", speed=1.2),
    Signer("Signer02", 86, (103, 120), skin=(141, 92, 66), hair=(34, 26, 26), clothes=(206, 196, 172),
           backdrop=(122, 150, 150), hair_style="short", beard=True, speed=1.1, amplitude=1.1),
    Signer("Signer03", 74, (111, 126), skin=(244, 206, 182), hair=(214, 170, 96), clothes=(60, 104, 88),
           backdrop=(228, 220, 204), hair_style="bun", head=1.2, speed=1.35, amplitude=0.92),
    Signer("Signer04", 86, (104, 116), skin=(222, 172, 134), hair=(150, 148, 148), clothes=(112, 48, 58),
           backdrop=(176, 188, 206), hair_style="short", glasses=True, speed=1.05),
    Signer("Signer05", 78, (98, 122), skin=(108, 70, 52), hair=(30, 24, 28), clothes=(226, 160, 70),
           backdrop=(150, 172, 196), hair_style="curly", speed=1.25, amplitude=1.05),
    Signer("Signer06", 84, (112, 118), skin=(238, 196, 170), hair=(120, 72, 50), clothes=(70, 70, 76),
           backdrop=(206, 196, 208), hair_style="bald", glasses=True, beard=True, speed=1.15, amplitude=0.95),
)  # fmt: skip
