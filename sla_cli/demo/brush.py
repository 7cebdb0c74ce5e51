"""Drawing primitives based on OpenCV: polygons, curves, ellipses and limbs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from sla_cli.demo.signers import Colour

_SHIFT = 4  # fractional bits of coordinates in OpenCV
_HALF_CIRCLE = np.stack([np.sin(np.linspace(0, np.pi, 9)), np.cos(np.linspace(0, np.pi, 9))], axis=1)

Image = npt.NDArray[np.uint8]
Point = npt.NDArray[np.float64]


class Limb(NamedTuple):
    """A tapered capsule: its middle line from start to end, and the radius at both.

    A thin dark `edge` makes it visible in front of body and face; None for no edge.
    """

    start: Point
    end: Point
    radii: tuple[float, float]
    colour: Colour
    edge: Colour | None


class Brush:
    """Draws anti-aliased shapes into an RGB image at sub-pixel positions, with its own units and origin.

    Args:
        image: (height, width, 3) uint8 RGB, drawn into.
        origin: position of (0, 0) in the picture, in pixels.
        scale: pixels per unit.
        tilt: degrees clockwise by which everything is rotated about the origin.
    """

    def __init__(self, image: Image, origin: Point, scale: float, tilt: float = 0.0) -> None:
        self.image, self.origin, self.scale, self.tilt = image, origin, scale, tilt
        cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
        self._turn = np.array([[cos, sin], [-sin, cos]])

    def moved(self, by: tuple[float, float], tilt: float = 0.0, size: float = 1.0) -> Brush:
        """A brush for the same picture with its origin at `by`, with additional tilt and `size` times the scale."""
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

    def limbs(self, limbs: Sequence[Limb]) -> None:
        """Draw limbs, later ones over earlier ones."""
        starts, ends, radii = (np.array(column) for column in list(zip(*limbs, strict=True))[:3])
        rims = radii + 1.0 / self.scale
        outlines = self._fixed(self._pixels(_capsules(starts, ends, np.stack([rims, radii]))))
        for limb, rim, inside in zip(limbs, *outlines, strict=True):
            if limb.edge is not None:
                cv2.fillPoly(self.image, [rim], limb.edge, cv2.LINE_AA, _SHIFT)
            cv2.fillPoly(self.image, [inside], limb.colour, cv2.LINE_AA, _SHIFT)

    def _pixels(self, points: Point) -> Point:
        return np.asarray(self.origin + points @ self._turn * self.scale)

    @staticmethod
    def _fixed(points: Point) -> npt.NDArray[np.int32]:
        return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def _capsules(starts: Point, ends: Point, radii: npt.NDArray[np.float64]) -> Point:
    """(..., limbs, 18, 2): outlines of limbs with round ends, two half circles of the radii (..., limbs, 2)."""
    along = ends - starts
    along = along / np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    across = along[:, ::-1] * (-1, 1)
    caps = _HALF_CIRCLE[:, :1] * along[:, None] + _HALF_CIRCLE[:, 1:] * across[:, None]
    first, last = radii[..., :1, None], radii[..., 1:, None]
    return np.concatenate([starts[:, None] - first * caps, ends[:, None] + last * caps], axis=-2)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour with `factor` times the brightness."""
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue
