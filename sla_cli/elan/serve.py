"""Answers one call of ELAN."""

from __future__ import annotations

import sys
from pathlib import Path

from sla_cli.elan.align import align
from sla_cli.elan.call import read_call
from sla_cli.elan.parameters import RECOGNIZERS
from sla_cli.elan.recognize import recognize
from sla_cli.elan.report import tell
from sla_cli.errors import SlaError
from sla_cli.work.folder import Work

ANSWERS = {"recognize": recognize, "align": align}


def serve(name: str) -> None:
    """Read a call from standard input and write the files that it names.

    Args:
        name: of a recogniser, `recognize` or `align`.

    Raises:
        SlaError: the call is not one from ELAN, or names something that is missing or wrong.
    """
    recognizer = next(one for one in RECOGNIZERS if one.name == name)
    call = read_call(sys.stdin.buffer.read(), recognizer)
    video, run = call.path("video"), call.path("run")
    if run is None:
        raise SlaError("no run is named", "Write the folder of a run or model into the field `run`.")
    if video is None or not video.is_file():
        raise SlaError(f"no such video: {video}", "Link the video in ELAN: Edit, Linked Files.")
    tell("PROGRESS: 0.00 opening the model")
    ANSWERS[name](call, Work(Path()).run_given(run), video)
