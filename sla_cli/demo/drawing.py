"""One frame of the demo: a person in front of a wall."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sla_cli.demo.brush import Brush, Image, Limb, Point, shade
from sla_cli.demo.head import draw_head
from sla_cli.demo.lexicon import Face
from sla_cli.demo.signers import Colour, Signer
from sla_cli.demo.signing import FACE, LEFT, RIGHT

FRAME_WIDTH, FRAME_HEIGHT = 210, 260

_UPPER_ARM, _FOREARM = 0.8, 0.82
_HANDS_BEFORE_BODY = 0.6  # depth of the hands, for the elbows
_FINGERS = np.array([1.5, 0.5, -0.5, -1.5])  # index to little, from the middle of the hand
_FINGER_LENGTHS = np.array([0.29, 0.33, 0.30, 0.24])


def draw_stage(signer: Signer, light: float) -> Image:
    """The static parts of a clip: a wall that is darker at the bottom, and the signer's body.

    Args:
        light: brightness of the wall, 1.0 for the signer's usual wall.

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
    brush.limbs([*_arm(signer, 1, pose[LEFT]), *_arm(signer, -1, pose[RIGHT])])
    return brush.image


def _brush_for(signer: Signer, image: Image) -> Brush:
    """A brush with shoulder widths as units and the point between the shoulders as origin."""
    return Brush(image, np.array(signer.centre), signer.shoulders)


def _draw_body(brush: Brush, signer: Signer) -> None:
    if signer.hair_style == "long":
        brush.ellipse((0, -0.62), (0.39, 0.42), signer.hair)
        brush.polygon([(-0.39, -0.62), (0.39, -0.62), (0.43, 0.1), (-0.43, 0.1)], signer.hair)
    half = [(0.12, -0.28), (0.2, -0.19), (0.42, -0.12), (0.57, -0.02), (0.62, 0.12), (0.56, 0.7), (0.52, 2.2)]
    brush.polygon(_mirror_outline(half), signer.clothes)
    brush.polygon(_mirror_outline([(0.135, -0.5), (0.135, -0.22), (0.2, -0.17), (0.0, 0.08)]), shade(signer.skin, 0.9))
    brush.curve([(-0.2, -0.18), (0.0, 0.08), (0.2, -0.18)], shade(signer.clothes, 0.75), 2)


def _arm(signer: Signer, side: int, hand: Point) -> list[Limb]:
    """Sleeve and hand; side is -1 for the right arm, which is on the left of the picture."""
    place, angle = hand[:2], np.radians(hand[2])
    pointing = np.array([np.sin(angle), -np.cos(angle)])
    across = -side * np.array([-pointing[1], pointing[0]])
    shoulder, wrist = np.array([side * 0.5, 0.04]), place - 0.13 * pointing
    elbow, joint = _elbow(shoulder, wrist, side), np.array([side * 0.45, 0.06])
    sleeve, edge = signer.clothes, shade(signer.clothes, 0.68)
    return [
        Limb(shoulder, elbow, (0.15, 0.125), sleeve, edge),
        Limb(joint, shoulder, (0.17, 0.145), sleeve, None),  # no edge between arm and body
        Limb(elbow, wrist, (0.125, 0.085), sleeve, edge),
        Limb((shoulder + elbow) / 2, elbow, (0.1375, 0.125), sleeve, None),  # nor at the elbow
        *_hand(signer.skin, place, np.stack([pointing, across]), hand[3:]),
    ]


def _hand(skin: Colour, place: Point, axes: Point, shape: npt.NDArray[np.float64]) -> list[Limb]:
    """Palm, four fingers, thumb. `axes` are the directions in which the fingers and the thumb's side point."""
    pointing, across = axes
    thumb, fingers, spread = shape[0], shape[1:5], shape[5]
    edge = shade(skin, 0.55)
    wrist, knuckles, ball = place - 0.1 * pointing, place + 0.08 * pointing, place - 0.03 * pointing + 0.09 * across
    bases = knuckles + 0.062 * _FINGERS[:, None] * across
    tips = bases + (0.05 + fingers * _FINGER_LENGTHS)[:, None] * _fan(_FINGERS * (3 + 15 * spread), axes)
    return [
        Limb(wrist, knuckles, (0.085, 0.125), skin, edge),
        *(Limb(base, tip, (0.044, 0.038), skin, edge) for base, tip in zip(bases, tips, strict=True)),
        Limb(wrist, place + 0.03 * pointing, (0.085, 0.105), skin, None),  # a closed finger ends at the knuckles
        Limb(ball, ball + (0.07 + 0.15 * thumb) * _fan(20 + 50 * thumb, axes), (0.048, 0.04), skin, edge),
    ]


def _fan(degrees: npt.ArrayLike, axes: Point) -> Point:
    """(..., 2): directions at these degrees from the first of two axes towards the second."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1) @ axes


def _elbow(shoulder: Point, wrist: Point, side: int) -> Point:
    """Two-link inverse kinematics in depth, seen from the front: the elbow, low and outward.

    Of the circle of possible elbows for the lengths of upper arm and forearm, this is the point furthest along the
    pole direction. An arm that is too short is lengthened.
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
