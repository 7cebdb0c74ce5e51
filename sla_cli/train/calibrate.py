"""Fits the calibration of a trained run's confidences on its dev split, decoded as `sla decode` does by default."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sla_cli.core.calibration import calibration_error, fit
from sla_cli.core.edit_alignment import align
from sla_cli.model.open_run import OpenedModel
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.train.clip_features import ClipFeatures
from sla_cli.work.calibration import CalibrationFigures


def calibrate(
    opened: OpenedModel, clips: ClipFeatures, between: Callable[[], None] = lambda: None
) -> CalibrationFigures:
    """The calibration of a run, from features of its dev split.

    Args:
        between: called between clips; an exception from it ends this.
    """
    confidences, correct = list[float](), list[bool]()
    with BeamDecoder(opened.glosses, BeamOptions()) as decoder:
        for rows, glosses in zip(clips.rows, clips.split.glosses, strict=True):
            with torch.inference_mode():
                logits = opened.network.head(rows.to(opened.placement.device), torch.tensor([len(rows)]))
            found = decoder.decode(logits.sequence.log_softmax(-1).cpu().numpy())
            confidences += found.confidence
            correct += [pair.op == "C" for pair in align(glosses, found.glosses) if pair.hypothesis is not None]
            between()
    calibration = fit(confidences, correct)
    return CalibrationFigures(
        calibration.slope,
        calibration.offset,
        clips.split.name,
        len(correct),
        sum(correct),
        calibration_error(confidences, correct),
        calibration_error(calibration(confidences), correct),
    )
