"""The strategies: how much a candidate is worth, by what is annotated, and why. docs/experiments/next.md compares them.

A score never rises when more is annotated; `choose` depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sla_cli.choose.candidate import Annotated, Candidate, Peaks
from sla_cli.core.counted import counted
from sla_cli.errors import some

UNSURE = 0.4  # confidence below which a gloss is named in a reason
NAMED = 3  # most glosses that a reason names


class Worth(NamedTuple):
    """How much a candidate is worth: the higher, the sooner it is chosen; and why, in a phrase."""

    score: float
    reason: str


def random(candidate: Candidate, annotated: Annotated) -> Worth:
    """All are worth the same, and `choose` draws among equals."""
    return Worth(0.0, "drawn at random")


def uncertainty(candidate: Candidate, annotated: Annotated) -> Worth:
    """1 minus the probability of the hypothesis, as a geometric mean over its glosses."""
    sure = math.exp(min(candidate.log_likelihood, 0.0) / max(1, len(candidate.glosses)))
    if not candidate.glosses:
        return Worth(1 - sure, f"no gloss is recognised, with probability {sure:.2f}")
    by_confidence = sorted(zip(candidate.confidence, candidate.glosses, strict=True))
    least, gloss = by_confidence[0]
    which = f"least sure: {gloss}, {least:.2f}"
    if unsure := [gloss for confidence, gloss in by_confidence if confidence < UNSURE]:
        which = f"{counted(len(unsure), 'gloss')} below {UNSURE}: {some(unsure, NAMED)}"
    return Worth(1 - sure, f"probability {sure:.2f} a gloss; {which}")


def novelty(candidate: Candidate, annotated: Annotated) -> Worth:
    """Mean over its glosses of the cosine distance of their features to the nearest of the same gloss."""
    assert candidate.peaks is not None  # the table of strategies says that they are needed
    if not candidate.glosses:
        return Worth(0.0, "no gloss is recognised")
    distances = [
        _distance(peak, annotated.peaks(gloss)) for gloss, peak in zip(candidate.glosses, candidate.peaks, strict=True)
    ]
    farthest, gloss = max(zip(distances, candidate.glosses, strict=True))
    return Worth(float(np.mean(distances)), f"{gloss} looks most unlike the annotated ones, distance {farthest:.2f}")


def rare(candidate: Candidate, annotated: Annotated) -> Worth:
    """Mean over its glosses of 1 / (1 + how often each is annotated)."""
    if not candidate.glosses:
        return Worth(0.0, "no gloss is recognised")
    found = {gloss: annotated.glosses[gloss] for gloss in candidate.glosses}
    score = float(np.mean([1 / (1 + found[gloss]) for gloss in candidate.glosses]))
    by_number = sorted(found, key=lambda gloss: (found[gloss], gloss))
    return Worth(score, f"times annotated or chosen: {some((f'{gloss} {found[gloss]}' for gloss in by_number), NAMED)}")


def signers(candidate: Candidate, annotated: Annotated) -> Worth:
    """1 / (1 + how many minutes of its signer are annotated)."""
    seconds = annotated.signers[candidate.signer]
    score = 1 / (1 + seconds / 60)
    name = f"signer {candidate.signer}" if candidate.signer else "an unknown signer"
    what = f"has {seconds / 60:.1f} min annotated or chosen" if seconds else "has nothing annotated"
    return Worth(score, f"{name} {what}")


@dataclass(frozen=True)
class Strategy:
    """A way to choose.

    Attributes:
        worth: of a candidate.
        needs: what it needs of a clip: only its length and signer, what the run recognises, or also its features.
        compares: whether it compares with what is annotated.
        in_recordings: whether it can choose in recordings, of which neither signers nor features are known.
    """

    worth: Callable[[Candidate, Annotated], Worth]
    needs: Literal["facts", "hypothesis", "peaks"]
    compares: bool
    in_recordings: bool


STRATEGIES: Mapping[str, Strategy] = {
    "random": Strategy(random, "facts", compares=False, in_recordings=True),
    "uncertainty": Strategy(uncertainty, "hypothesis", compares=False, in_recordings=True),
    "novelty": Strategy(novelty, "peaks", compares=True, in_recordings=False),
    "rare": Strategy(rare, "hypothesis", compares=True, in_recordings=True),
    "signers": Strategy(signers, "facts", compares=True, in_recordings=False),
}


def _distance(peak: Peaks, others: NDArray[np.float32] | None) -> float:
    """From 0 to 1, which is also the distance of opposite features, and that from none."""
    if others is None:
        return 1.0
    # Not a product by BLAS, whose rounding depends on the number of rows: the score would depend on the order of clips.
    nearest = np.einsum("ij,j->i", others, peak.astype(np.float32)).max()
    return 1 - max(0.0, float(nearest))
