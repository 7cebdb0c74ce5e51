"""Which training clips are too short for CTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sla_cli.core.ctc import feasible, minimum_steps
from sla_cli.log import log
from sla_cli.prep.plan import PlannedClip

STRIDE = 4  # of the lineage's temporal head; what training clips are checked against


def infeasible(planned: Sequence[PlannedClip], frames: Mapping[str, int]) -> dict[str, str]:
    """Id of each clip that CTC cannot align with its glosses, and the reason.

    Args:
        frames: number of frames by clip id; a clip that is not there is not checked.
    """
    reasons = {}
    for clip, glosses in ((item.clip, item.glosses) for item in planned if item.clip.id in frames):
        steps = -(-frames[clip.id] // STRIDE)
        if not feasible(steps, glosses):
            needed = f"{minimum_steps(glosses)} are needed for its glosses"
            reasons[clip.id] = f"{frames[clip.id]} frames are {steps} steps at stride {STRIDE}, {needed}"
            log.warning("skipping clip %s of train: %s", clip.id, reasons[clip.id])
    return reasons
