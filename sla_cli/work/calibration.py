"""calibration.json of a run: how heights of spikes become probabilities that glosses are right."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.version import check_version
from sla_cli.config.checks import read_values
from sla_cli.core.calibration import Calibration
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_json
from sla_cli.core.quantities import Count, Line, Share
from sla_cli.errors import FormatError, SlaError
from sla_cli.system.atomic import write_text

NAME, VERSION = "sla-calibration", 1
FIT_AGAIN = "Remove it, then `sla train --resume --name NAME` makes it again."
LARGEST = 1000.0  # of slope and offset, far more than a fit gives


@dataclass(frozen=True)
class CalibrationFigures:
    """A calibration, and the data on which it was fitted.

    Attributes:
        slope, offset: as of `Calibration`.
        split: on whose glosses it was fitted.
        glosses: number of glosses that were recognised in it.
        correct: number of those that are right.
        error_before, error: expected calibration error on these glosses; null without glosses.
    """

    slope: Annotated[float, Meta(ge=0, le=LARGEST)]
    offset: Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
    split: Line
    glosses: Count
    correct: Count
    error_before: Share | None
    error: Share | None

    def __post_init__(self) -> None:
        if self.correct > self.glosses or (self.error is None) != (self.error_before is None):
            raise SlaError("its figures do not fit together: glosses, correct, error_before and error")


def checked_calibration(values: Iterable[float]) -> Calibration:
    """A calibration that was read: slope and offset. Raises ValueError or TypeError for one that no fit gives."""
    if isinstance(values, (str, bytes)):  # whose characters are digits, or numbers
        raise TypeError("a calibration that is a text")
    if len(both := [float(value) for value in values]) != 2:
        raise ValueError(f"a calibration of {counted(len(both), 'number')}, not of slope and offset")
    slope, offset = both
    if not (0 <= slope <= LARGEST and -LARGEST <= offset <= LARGEST):  # also refuses NaN
        raise ValueError(f"a calibration of slope {slope} and offset {offset}")
    return Calibration(slope, offset)


def write_calibration(path: Path, figures: CalibrationFigures, weights: str) -> None:
    """Write it. `weights`: digest of the checkpoint whose confidences it is for."""
    facts = {"format": NAME, "version": VERSION, "weights": weights, **asdict(figures)}
    write_text(path, json.dumps(facts | {"digest": digest_json(facts)}, indent=1) + "\n")


def read_calibration(path: Path, weights: str) -> CalibrationFigures:
    """Read it.

    Args:
        weights: digest of the run's checkpoint.

    Raises:
        FormatError: it is damaged, was edited, or belongs to another checkpoint.
    """
    facts = read_json(path, FIT_AGAIN)
    digest = facts.pop("digest", None)
    if facts.get("format") != NAME:
        raise FormatError(f"{path}: not {NAME}", FIT_AGAIN)
    check_version(path, NAME, VERSION, facts.get("version"), FIT_AGAIN)
    if digest != digest_json(facts):
        raise FormatError(
            f"{path} is damaged or was edited: its values are not those that `sla train` wrote", FIT_AGAIN
        )
    if facts.get("weights") != weights:
        raise FormatError(f"{path} belongs to another checkpoint than the one beside it", FIT_AGAIN)
    figures = {key: value for key, value in facts.items() if key not in ("format", "version", "weights")}
    return read_values(CalibrationFigures, figures, path, FIT_AGAIN)
