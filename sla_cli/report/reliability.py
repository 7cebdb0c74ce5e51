"""Reliability diagrams: of the glosses of a confidence, how many are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sla_cli.core.calibration import Bin, calibration_error, reliability
from sla_cli.pages.axis import exact
from sla_cli.report.system import System

PERCENT = exact(0.0, 100.0)  # both axes


@dataclass(frozen=True)
class Diagram:
    """That of a system.

    Attributes:
        name: of the system.
        error: expected calibration error, 0 to 1.
        bins: of its glosses, lowest confidence first.
    """

    name: str
    error: float
    bins: tuple[Bin, ...]

    @property
    def points(self) -> list[tuple[float, float]]:
        """(percent from the left, percent from the top) of each bin."""
        return [(100 * one.confidence, 100 - 100 * one.correct) for one in self.bins]

    @property
    def glosses(self) -> int:
        """Number of glosses of all bins."""
        return sum(one.glosses for one in self.bins)


def reliability_diagrams(systems: Sequence[System]) -> list[Diagram]:
    """Of each system whose hypotheses are found and have confidences."""
    diagrams = []
    for system in systems:
        confidences, correct = _judged(system)
        error = calibration_error(confidences, correct)
        if error is not None:
            diagrams.append(Diagram(system.label, error, tuple(reliability(confidences, correct))))
    return diagrams


def _judged(system: System) -> tuple[list[float], list[bool]]:
    """Confidence of each gloss, and whether it is right; without clips in which normalisation changed their number."""
    confidences, correct = list[float](), list[bool]()
    for clip in system.score.clips:
        found = system.hypotheses.get(clip.id)
        ops = [pair.op for pair in clip.pairs if pair.hypothesis is not None]
        if found is not None and len(found.confidence) == len(ops):
            confidences += found.confidence
            correct += [op == "C" for op in ops]
    return confidences, correct
