"""Answers one call of ELAN."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sla_cli.annotation.recognizer_tiers import CURVE, TIERS
from sla_cli.elan.align import align
from sla_cli.elan.call import HINT, Call, read_call
from sla_cli.elan.parameters import RECOGNIZERS, ElanRecognizer
from sla_cli.elan.recognize import recognize
from sla_cli.elan.report import tell
from sla_cli.errors import SlaError
from sla_cli.work.folder import Work
from sla_cli.work.output import check_output

LARGEST = 1 << 20  # bytes of a call
ANSWERS = {"recognize": recognize, "align": align}


def serve(name: str) -> None:
    """Read a call from standard input and write the files that it names.

    Args:
        name: of a recogniser, `recognize` or `align`.

    Raises:
        SlaError: the call is not one from ELAN, or names something that is missing or wrong, or a file to write that
            is neither new, empty nor from a recogniser of sla.
    """
    recognizer = next(one for one in RECOGNIZERS if one.name == name)
    data = sys.stdin.buffer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise SlaError(f"the call from ELAN has more than {LARGEST >> 20} MiB", HINT)
    call = read_call(data, recognizer)
    video, run = call.path("video"), call.path("run")
    if run is None:
        raise SlaError("no run is named", "Write the folder of a run or model into the field `run`.")
    if video is None or not video.is_file():
        raise SlaError(f"no such video: {video}", "Link the video in ELAN: Edit, Linked Files.")
    _check_outputs(call, recognizer)
    tell("PROGRESS: 0.00 opening the model")
    ANSWERS[name](call, Work(Path()).run_given(run), video)


def _check_outputs(call: Call, recognizer: ElanRecognizer) -> None:
    """ELAN makes an empty file, or names the one that its user has chosen, which may be any."""
    tiers, curve = call.path("glosses"), call.path("curve")
    if tiers and curve and os.path.realpath(tiers) == os.path.realpath(curve):
        raise SlaError(f"{tiers} is chosen for the glosses and for the curve", "Choose two files.")
    inputs = [call.path(one.name) for one in recognizer.parameters if one.element == "input"]
    check_output(tiers, TIERS, inputs=inputs, replace=True)
    check_output(curve, CURVE, inputs=inputs, replace=True)
