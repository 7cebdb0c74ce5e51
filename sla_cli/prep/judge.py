"""What encoded clips are good for: what CTC cannot align, what encoding lost, how fast they run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sla_cli.core.ctc import feasible, minimum_steps
from sla_cli.log import log
from sla_cli.prep.plan import Planned
from sla_cli.prep.spool import Made

STRIDE = 4  # of the lineage's temporal head; what training clips are checked against


def infeasible(planned: Sequence[Planned], made: Mapping[str, Made]) -> dict[str, str]:
    """Clips that CTC cannot align, with the reason; those that are not made are not judged."""
    reasons = {}
    for item in planned:
        if item.clip.id not in made:
            continue
        frames = made[item.clip.id].frames
        steps = -(-frames // STRIDE)
        if not feasible(steps, item.glosses):
            needed = minimum_steps(item.glosses)
            reason = f"{frames} frames are {steps} steps at stride {STRIDE}, {needed} are needed for its glosses"
            reasons[item.clip.id] = reason
            log.warning("skipping clip %s of train: %s", item.clip.id, reason)
    return reasons


def psnr(made: Sequence[Made]) -> float | None:
    """Peak signal-to-noise ratio of 8-bit frames in dB, pooled over clips (not averaged); None where none is lost."""
    mean = math.fsum(clip.squared_error for clip in made) / max(1, len(made))
    return round(10 * math.log10(255**2 / mean), 2) if mean else None


def common_fps(split: str, made: Sequence[Made], nominal: float | None) -> float:
    """Frames a second of most clips; `nominal` where none tells, 0 where nothing does."""
    rates = sorted(clip.fps for clip in made if clip.fps)
    if not rates:
        return nominal or 0.0
    if rates[-1] - rates[0] > 0.01 * rates[-1]:
        log.warning("clips of %s have %.4g to %.4g frames a second; --fps makes them equal", split, rates[0], rates[-1])
    return rates[len(rates) // 2]
