"""One frame of the demo: a person before a backdrop."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sla_cli.demo.brush import Brush, Image, Point, capsule, shade
from sla_cli.demo.head import draw_head
from sla_cli.demo.lexicon import Face
from sla_cli.demo.signers import Colour, Signer
from sla_cli.demo.signing import FACE, LEFT, RIGHT

FRAME_WIDTH, FRAME_HEIGHT = 210, 260

_UPPER_ARM, _FOREARM = 0.8, 0.82
_HANDS_BEFORE_BODY = 0.6  # depth at which people sign, for the elbows
_FINGER_LENGTHS = (0.29, 0.33, 0.30, 0.24)


def draw_stage(signer: Signer, light: float) -> Image:
    """What does not move in a clip: a wall that darkens downwards, and the signer's body.

    Args:
        light: brightness of the wall, 1.0 for the signer's usual one.

    Returns:
        stage: (260, 210, 3) uint8 RGB.
    """
    fade = np.linspace(1.06, 0.86, FRAME_HEIGHT)[:, None, None]
    wall = np.clip(np.rint(np.array(signer.backdrop) * light * fade), 0, 255).astype(np.uint8)
    stage = np.repeat(wall, FRAME_WIDTH, axis=1)
    _draw_body(_brush_for(signer, stage), signer)
    return stage


def draw_frame(pose: npt.NDArray[np.float64], signer: Signer, stage: Image) -> Image:
    """The picture of one pose.

    Args:
        pose: (23,) float64, one row of what `sign_sentence` returns.
        stage: (260, 210, 3) uint8 RGB from `draw_stage`; not changed.

    Returns:
        image: (260, 210, 3) uint8 RGB.
    """
    brush = _brush_for(signer, stage.copy())
    draw_head(brush, signer, Face(*pose[FACE]))
    for side, columns in ((1, LEFT), (-1, RIGHT)):
        _draw_arm(brush, signer, side, pose[columns])
    return brush.image


def _brush_for(signer: Signer, image: Image) -> Brush:
    """One that draws in shoulder widths from the point between the shoulders."""
    return Brush(image, np.array(signer.centre), signer.shoulders)


def _draw_body(brush: Brush, signer: Signer) -> None:
    if signer.hair_style == "long":
        brush.ellipse((0, -0.62), (0.39, 0.42), signer.hair)
        brush.polygon([(-0.39, -0.62), (0.39, -0.62), (0.43, 0.1), (-0.43, 0.1)], signer.hair)
    brush.polygon(
        _mirror_outline(
            [(0.12, -0.28), (0.2, -0.19), (0.42, -0.12), (0.57, -0.02), (0.62, 0.12), (0.56, 0.7), (0.52, 2.2)]
        ),
        signer.clothes,
    )
    brush.polygon(_mirror_outline([(0.135, -0.5), (0.135, -0.22), (0.2, -0.17), (0.0, 0.08)]), shade(signer.skin, 0.9))
    brush.curve([(-0.2, -0.18), (0.0, 0.08), (0.2, -0.18)], shade(signer.clothes, 0.75), 2)


def _draw_arm(brush: Brush, signer: Signer, side: int, hand: Point) -> None:
    """Sleeve and hand; side is -1 for the right arm, which is on the left of the picture."""
    place, angle = hand[:2], np.radians(hand[2])
    pointing = np.array([np.sin(angle), -np.cos(angle)])
    shoulder, wrist = np.array([side * 0.5, 0.04]), place - 0.13 * pointing
    elbow = _elbow(shoulder, wrist, side)
    sleeve, edge = signer.clothes, shade(signer.clothes, 0.68)
    brush.limb(shoulder, elbow, (0.15, 0.125), sleeve, edge)
    brush.ellipse((side * 0.45, 0.06), (0.17, 0.17), sleeve)  # no seam where the arm joins the body
    brush.limb(elbow, wrist, (0.125, 0.085), sleeve, edge)
    brush.polygon(capsule((shoulder + elbow) / 2, elbow, 0.1375, 0.125), sleeve)  # nor inside the elbow
    _draw_hand(brush, signer.skin, side, place, pointing, hand[3:])


def _draw_hand(
    brush: Brush, skin: Colour, side: int, place: Point, pointing: Point, shape: npt.NDArray[np.float64]
) -> None:
    thumb, *fingers, spread = shape
    across = np.array([-pointing[1], pointing[0]]) * -side
    edge = shade(skin, 0.55)
    wrist, knuckles = place - 0.1 * pointing, place + 0.08 * pointing
    brush.limb(wrist, knuckles, (0.085, 0.125), skin, edge)
    for number, (stretched, length) in enumerate(zip(fingers, _FINGER_LENGTHS, strict=True)):
        offset = 1.5 - number
        base = knuckles + across * offset * 0.062
        fan = np.radians(offset * (3 + 15 * spread))
        tip = base + (0.05 + stretched * length) * (np.cos(fan) * pointing + np.sin(fan) * across)
        brush.limb(base, tip, (0.044, 0.038), skin, edge)
    brush.polygon(capsule(wrist, place + 0.03 * pointing, 0.085, 0.105), skin)
    base = place - 0.03 * pointing + 0.09 * across
    fan = np.radians(20 + 50 * thumb)
    tip = base + (0.07 + 0.15 * thumb) * (np.cos(fan) * pointing + np.sin(fan) * across)
    brush.limb(base, tip, (0.048, 0.04), skin, edge)


def _elbow(shoulder: Point, wrist: Point, side: int) -> Point:
    """Two-link inverse kinematics in depth, seen from the front: the elbow that hangs low and outward.

    Of the circle of elbows which the lengths of upper arm and forearm allow, this is the point furthest along the
    pole direction. An arm that is too short grows.
    """
    start = np.array([*shoulder, 0.0])
    way = np.array([*wrist, _HANDS_BEFORE_BODY]) - start
    distance = float(np.linalg.norm(way))
    axis = way / distance
    grow = max(1.0, distance / (_UPPER_ARM + _FOREARM))
    upper, fore = _UPPER_ARM * grow, _FOREARM * grow
    along = (upper**2 - fore**2 + distance**2) / (2 * distance)
    pole = np.array([side * 0.8, 0.8, -0.1])
    pole -= pole @ axis * axis
    out = np.sqrt(max(0.0, upper**2 - along**2)) * pole / np.linalg.norm(pole)
    return np.asarray((start + along * axis + out)[:2])


def _mirror_outline(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return points + [(-x, y) for x, y in reversed(points)]
