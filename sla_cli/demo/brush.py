"""Drawing primitives over OpenCV: polygons, curves, ellipses and limbs."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from sla_cli.demo.signers import Colour

_SHIFT = 4  # bits after the binary point that OpenCV takes in coordinates
_HALF_CIRCLE = np.stack([np.sin(np.linspace(0, np.pi, 9)), np.cos(np.linspace(0, np.pi, 9))], axis=1)

Image = npt.NDArray[np.uint8]
Point = npt.NDArray[np.float64]


class Brush:
    """Draws anti-aliased shapes into an RGB image, in units and from an origin of its own, at sub-pixel positions.

    Args:
        image: (height, width, 3) uint8 RGB, drawn into.
        origin: where (0, 0) lies in the picture, in pixels.
        scale: pixels a unit.
        tilt: degrees clockwise by which everything is turned about the origin.
    """

    def __init__(self, image: Image, origin: Point, scale: float, tilt: float = 0.0) -> None:
        self.image, self.origin, self.scale, self.tilt = image, origin, scale, tilt
        cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
        self._turn = np.array([[cos, sin], [-sin, cos]])

    def moved(self, by: tuple[float, float], tilt: float = 0.0, size: float = 1.0) -> Brush:
        """A brush for the same picture with its origin at `by`, tilted further and drawing `size` times as large."""
        return Brush(self.image, self._pixels(np.array(by)), self.scale * size, self.tilt + tilt)

    def polygon(self, points: npt.ArrayLike, colour: Colour) -> None:
        cv2.fillPoly(self.image, [self._fixed(self._pixels(np.asarray(points)))], colour, cv2.LINE_AA, _SHIFT)

    def curve(self, points: npt.ArrayLike, colour: Colour, thickness: int = 1) -> None:
        fixed = [self._fixed(self._pixels(np.asarray(points)))]
        cv2.polylines(self.image, fixed, False, colour, thickness, cv2.LINE_AA, _SHIFT)

    def ellipse(
        self, centre: tuple[float, float], axes: tuple[float, float], colour: Colour, arc: tuple[int, int] = (0, 360)
    ) -> None:
        middle = self._fixed(self._pixels(np.array(centre))).tolist()
        radii = self._fixed(np.array(axes) * self.scale).tolist()
        cv2.ellipse(self.image, middle, radii, self.tilt, *arc, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def limb(self, start: Point, end: Point, radii: tuple[float, float], colour: Colour, edge: Colour) -> None:
        """A tapered capsule with a thin dark edge, so that hands and arms stand out before body and face."""
        rim = 1.0 / self.scale
        self.polygon(capsule(start, end, radii[0] + rim, radii[1] + rim), edge)
        self.polygon(capsule(start, end, *radii), colour)

    def _pixels(self, points: Point) -> Point:
        return np.asarray(self.origin + points @ self._turn * self.scale)

    @staticmethod
    def _fixed(points: Point) -> npt.NDArray[np.int32]:
        return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def capsule(start: Point, end: Point, start_radius: float, end_radius: float) -> Point:
    """Outline of a limb with round ends: two half circles of different radius."""
    x, y = end - start
    cap = _HALF_CIRCLE @ np.array([[x, y], [-y, x]]) / max(math.hypot(x, y), 1e-9)
    return np.concatenate([start - start_radius * cap, end + end_radius * cap])


def shade(colour: Colour, factor: float) -> Colour:
    """The colour `factor` times as bright."""
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue
