"""Tries a language model's weights over a grid: the errors of each clip at every point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from sla_cli.config.bounds import GRID
from sla_cli.config.checks import annotations_of, check_setting
from sla_cli.config.settings import DecodeConfig
from sla_cli.core.clip_score import ClipScore, pooled, score_clip
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.normalize import Profile
from sla_cli.decode.processes import CHUNK, EmissionSource, map_clips
from sla_cli.errors import SlaError
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.work.emissions import Emission


@dataclass(frozen=True)
class GridPoint:
    """A combination of the values that are tried."""

    beam: int
    alpha: float
    beta: float

    @property
    def without(self) -> GridPoint:
        """No language model with the same beam: with alpha and beta 0 the score is ln P_ctc alone."""
        return GridPoint(self.beam, 0.0, 0.0)


@dataclass(frozen=True)
class Trial:
    """A point of the grid and how each clip scored there, in the order of the emissions."""

    point: GridPoint
    clips: tuple[ClipScore, ...]

    @cached_property
    def counts(self) -> Counts:
        """Pooled over the clips."""
        return pooled(self.clips)


def grid(alphas: Sequence[float], betas: Sequence[float], beams: Sequence[int]) -> list[GridPoint]:
    """All combinations, without repeats. Raises SlaError for an empty list, values out of bounds, and too many."""
    if not (alphas and betas and beams):
        raise SlaError("an empty grid", "Give at least one value each with --alphas, --betas and --beams.")
    bounds = annotations_of(DecodeConfig)
    for name, values in (("alpha", alphas), ("beta", betas), ("beam", beams)):
        for value in values:
            check_setting(name, value, bounds[name], f"--{name}s")
    if (points := math.prod(len(set(values)) for values in (alphas, betas, beams))) > GRID:
        raise SlaError(f"a grid of {points:,} points, more than {GRID:,}", "Try fewer values, then more near the best.")
    return list(dict.fromkeys(GridPoint(beam, alpha, beta) for beam, alpha, beta in product(beams, alphas, betas)))


def search_grid(
    emissions: EmissionSource,
    glosses: Sequence[str],
    references: Mapping[str, Glosses],
    rules: Profile,
    options: BeamOptions,
    points: Sequence[GridPoint],
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Trial]:
    """Decode each clip at every point of the grid; the language model is loaded once.

    Args:
        emissions, glosses, jobs, progress: as for `decode_split`.
        references: glosses of every clip as annotated, by clip id.
        rules: how both sides are normalised before they are compared.
        options: language model and hot words; its beam, alpha and beta are not used.

    Returns:
        A trial for each point, in their order.

    Raises:
        SlaError: as `decode_split` does.
    """
    with BeamDecoder(glosses, options) as decoder:

        def try_clip(emission: Emission) -> list[ClipScore]:
            reference = rules.reference(references[emission.id])
            known: dict[Glosses, ClipScore] = {}  # hypotheses that are equal are aligned once
            scores = []
            for point in points:
                decoder.weigh(point.alpha, point.beta, point.beam)
                hypothesis = decoder.best_glosses(emission.log_probs)
                if hypothesis not in known:
                    known[hypothesis] = score_clip(emission.id, reference, rules.hypothesis(hypothesis))
                scores.append(known[hypothesis])
            return scores

        least = max(1, CHUNK // len(points))
        clips = list(map_clips(try_clip, emissions, jobs, progress, least=least))
    return [Trial(point, tuple(scores)) for point, scores in zip(points, zip(*clips, strict=True), strict=True)]
