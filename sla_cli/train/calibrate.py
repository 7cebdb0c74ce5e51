"""Fits the calibration of a trained run's confidences on its dev split, decoded as `sla decode` does by default."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict

from sla_cli.config.settings import EmitConfig
from sla_cli.core.calibration import calibration_error, fit
from sla_cli.core.edit_alignment import align
from sla_cli.data.seen import SeenClips
from sla_cli.emit.inference import batches_by_length, emit_batches
from sla_cli.log import progress
from sla_cli.model.open_run import open_model
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.store.clips import Split
from sla_cli.system.atomic import write_text
from sla_cli.work.run import CalibrationFigures, Run


def calibrate(run: Run, split: Split, device: str, between: Callable[[], None] = lambda: None) -> None:
    """Write the run's calibration, unless it is there.

    Args:
        between: called between batches; an exception from it ends this with nothing written.
    """
    if run.calibration.is_file():
        return
    opened, clips = open_model(run, device=device), SeenClips(split)
    batches = batches_by_length(clips.lengths, EmitConfig.max_frames)
    confidences, correct = list[float](), list[bool]()
    emitted = emit_batches(opened.network, clips, opened.config, opened.placement, batches)
    with (
        closing(emitted),
        BeamDecoder(opened.glosses, BeamOptions()) as decoder,
        progress(f"calibrating on {split.name}", len(split)) as advance,
    ):
        for batch, emissions in zip(batches, emitted, strict=True):
            for index, emission in zip(batch, emissions, strict=True):
                found = decoder.decode(emission.log_probs)
                confidences += found.confidence
                pairs = align(split.glosses[index], found.glosses)
                correct += [pair.op == "C" for pair in pairs if pair.hypothesis is not None]
            advance(len(batch))
            between()
    calibration = fit(confidences, correct)
    figures = CalibrationFigures(
        calibration.slope,
        calibration.offset,
        split.name,
        len(correct),
        sum(correct),
        calibration_error(confidences, correct),
        calibration_error(calibration(confidences), correct),
    )
    write_text(run.calibration, json.dumps(asdict(figures), indent=1) + "\n")
