"""The weights of a language model, chosen on dev: word error rates over a grid of alpha, beta and beam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from sla_cli.core.edit_alignment import Counts, align, count
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.normalize import Profile
from sla_cli.decode.processes import CHUNK, EmissionSource, map_clips
from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions


@dataclass(frozen=True)
class GridPoint:
    """A combination of the values that are tried."""

    beam: int
    alpha: float
    beta: float


@dataclass(frozen=True)
class Trial:
    """A point of the grid and the errors made there, pooled over the clips."""

    point: GridPoint
    counts: Counts


def grid(alphas: Sequence[float], betas: Sequence[float], beams: Sequence[int]) -> list[GridPoint]:
    """All combinations, without repeats. Raises SlaError where one of the lists is empty."""
    if not (alphas and betas and beams):
        raise SlaError("an empty grid", "Give at least one value each with --alphas, --betas and --beams.")
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
        references: glosses as annotated of every clip, by clip id.
        rules: how both sides are normalised before they are compared.
        options: language model and hot words; its beam, alpha and beta are not used.

    Returns:
        A trial for each point, in their order.

    Raises:
        SlaError: as `decode_split` does.
    """
    totals = [Counts()] * len(points)
    with BeamDecoder(glosses, options) as decoder:

        def try_clip(emission: Emission) -> list[Counts]:
            reference = rules.reference(references[emission.id])
            known: dict[Glosses, Counts] = {}  # hypotheses that are equal are aligned once
            counts = []
            for point in points:
                decoder.weigh(point.alpha, point.beta, point.beam)
                hypothesis = decoder.best_glosses(emission.log_probs)
                if hypothesis not in known:
                    known[hypothesis] = count(align(reference, rules.hypothesis(hypothesis)))
                counts.append(known[hypothesis])
            return counts

        least = max(1, CHUNK // len(points))
        for counts in map_clips(try_clip, emissions, jobs, progress, least=least):
            totals = [total + more for total, more in zip(totals, counts, strict=True)]
    return [Trial(point, counts) for point, counts in zip(points, totals, strict=True)]


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The fewest errors; of several, the narrowest beam, then the least alpha, then the beta nearest to 0.

    Raises ValueError where `trials` is empty.
    """
    return min(
        trials,
        key=lambda trial: (
            trial.counts.errors, trial.point.beam, trial.point.alpha, abs(trial.point.beta), trial.point.beta
        ),
    )  # fmt: skip
