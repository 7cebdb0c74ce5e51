"""The head of a signer: hair, face, and the non-manual marking on it."""

from __future__ import annotations

import numpy as np

from sla_cli.demo.brush import Brush, shade
from sla_cli.demo.lexicon import Face
from sla_cli.demo.signers import Colour, Signer

_INK: Colour = (52, 40, 44)
_LIPS: Colour = (168, 74, 78)


def draw_head(body: Brush, signer: Signer, face: Face) -> None:
    """Head, hair and face; a head is tilted about the neck, which is the origin here."""
    brush = body.moved((0.0, -0.3), tilt=face.tilt, size=signer.head)
    skin, hair = signer.skin, signer.hair
    if signer.hair_style == "bun":
        brush.ellipse((0, -0.86), (0.16, 0.14), hair)
    if signer.hair_style == "curly":
        for angle in range(150, 400, 24):
            x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            brush.ellipse((0.3 * x, -0.42 + 0.32 * y), (0.13, 0.13), hair)
    for side in (-1, 1):
        brush.ellipse((side * 0.295, -0.3), (0.055, 0.085), shade(skin, 0.88))
    brush.ellipse((0, -0.33), (0.29, 0.37), skin)
    if signer.beard:
        brush.ellipse((0, -0.24), (0.29, 0.28), hair, (8, 172))
        brush.ellipse((0, -0.2), (0.165, 0.12), skin)
    if signer.hair_style != "bald":
        _draw_fringe(brush, hair)
    _draw_features(brush, signer, face)


def _draw_fringe(brush: Brush, hair: Colour) -> None:
    angles = np.radians(np.linspace(182, 358, 24))
    crown = np.stack([0.31 * np.cos(angles), -0.36 + 0.38 * np.sin(angles)], axis=1)
    brush.polygon([*crown, (0.27, -0.46), (0.12, -0.57), (-0.1, -0.53), (-0.27, -0.42)], hair)


def _draw_features(brush: Brush, signer: Signer, face: Face) -> None:
    brow = shade(signer.hair, 0.8)
    for side in (-1, 1):
        x = side * 0.125
        if face.eyes > 0.25:
            brush.ellipse((x, -0.37), (0.055, 0.04 * face.eyes), (250, 250, 248))
            brush.ellipse((x, -0.37), (0.028, 0.034 * face.eyes), _INK)
        else:
            brush.curve([(x - 0.05, -0.37), (x, -0.35), (x + 0.05, -0.37)], _INK)
        height = -0.46 - 0.035 * face.brows
        inner = (x - side * 0.06, height + 0.03 * max(0.0, -face.brows))
        brush.curve([inner, (x, height - 0.015), (x + side * 0.06, height + 0.01)], brow, 2)
        if signer.glasses:
            angles = np.linspace(0, 2 * np.pi, 20)
            brush.curve(np.stack([x + 0.09 * np.cos(angles), -0.37 + 0.075 * np.sin(angles)], axis=1), _INK)
    if signer.glasses:
        brush.curve([(-0.035, -0.38), (0.035, -0.38)], _INK)
    brush.curve([(0.0, -0.33), (0.025, -0.25), (-0.015, -0.245)], shade(signer.skin, 0.75))
    if face.mouth > 0.3:
        brush.ellipse((0, -0.14), (0.05, 0.055 * face.mouth), _LIPS)
        return
    corners = 0.05 * face.smile
    brush.curve([(-0.09, -0.15 - corners), (-0.04, -0.14), (0.04, -0.14), (0.09, -0.15 - corners)], _LIPS, 2)
