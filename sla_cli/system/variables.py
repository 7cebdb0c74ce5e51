"""Numbers in the environment of a job, which torchrun, Slurm or a user has set."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sla_cli.errors import SlaError

DIGITS = 9  # no job has more processes, cores or ports than a number of these can count


def number_given(name: str, least: int = 1, environment: Mapping[str, str] = os.environ) -> int | None:
    """The whole number in a variable; None if it is not set, or empty.

    Raises:
        SlaError: it holds anything else than a number from `least` up.
    """
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS and int(text) >= least):
        shown = repr(text if len(text) < 40 else f"{text[:40]}…")
        raise SlaError(
            f"the environment variable {name} is {shown}, not a whole number from {least} up",
            f"What starts the job sets it, such as torchrun or Slurm; elsewhere `unset {name}`.",
        )
    return int(text)
