"""The weights of a language model, chosen on dev: word error rates over a grid of alpha, beta and beam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from sla_cli.core.align import Counts, align, count
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.normalize import Profile
from sla_cli.decode.clips import BeamOptions, open_decoder
from sla_cli.decode.processes import Clips, map_clips
from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission
from sla_cli.search.decoder import BeamDecoder


@dataclass(frozen=True)
class Setting:
    """A point of the grid."""

    beam: int
    alpha: float
    beta: float


@dataclass(frozen=True)
class Trial:
    """A setting and the errors it makes, pooled over the clips."""

    setting: Setting
    counts: Counts


def grid(alphas: Sequence[float], betas: Sequence[float], beams: Sequence[int]) -> list[Setting]:
    """All combinations, without repeats. Raises SlaError where one of the lists is empty."""
    if not (alphas and betas and beams):
        raise SlaError("an empty grid", "Give at least one value each with --alphas, --betas and --beams.")
    return list(dict.fromkeys(Setting(beam, alpha, beta) for beam, alpha, beta in product(beams, alphas, betas)))


def tune(
    emissions: Clips,
    glosses: Sequence[str],
    references: Mapping[str, Glosses],
    rules: Profile,
    options: BeamOptions,
    settings: Sequence[Setting],
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> list[Trial]:
    """Decode each clip with every setting; the language model is loaded once.

    Args:
        emissions: clips with log-probabilities float (T, V + 1), by index; each process reads its own, one at a time.
        references: glosses as annotated, by clip id.
        rules: how both sides are normalised before they are compared.
        options: language model and hot words; its beam, alpha and beta are not used.
        progress: called with 1 after each clip.

    Returns:
        A trial a setting, in their order.

    Raises:
        SlaError: a clip without reference; or as `decode_split` does.
    """
    totals = [Counts()] * len(settings)
    with open_decoder(glosses, options) as decoder:
        try_clip = _Trier(decoder, tuple(settings), references, rules)
        for counts in map_clips(try_clip, emissions, jobs):
            totals = [total + more for total, more in zip(totals, counts, strict=True)]
            if progress is not None:
                progress(1)
    return [Trial(setting, counts) for setting, counts in zip(settings, totals, strict=True)]


@dataclass(frozen=True)
class _Trier:
    decoder: BeamDecoder
    settings: tuple[Setting, ...]
    references: Mapping[str, Glosses]
    rules: Profile

    def __call__(self, emission: Emission) -> list[Counts]:
        """The counts of one clip under every setting; many settings read it alike and are aligned once."""
        if emission.id not in self.references:
            raise SlaError(f"clip {emission.id} has no reference", "Give the store that it comes from with --store.")
        reference = self.rules.reference(self.references[emission.id])
        known: dict[Glosses, Counts] = {}
        counts = []
        for setting in self.settings:
            self.decoder.weigh(setting.alpha, setting.beta, setting.beam)
            glosses = self._decode(emission)
            if glosses not in known:
                known[glosses] = count(align(reference, self.rules.hypothesis(glosses)))
            counts.append(known[glosses])
        return counts

    def _decode(self, emission: Emission) -> Glosses:
        try:
            return self.decoder.best_glosses(emission.log_probs)
        except SlaError as error:
            raise SlaError(f"clip {emission.id}: {error.message}", error.hint) from error


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The fewest errors; of several, the narrowest beam, then the least alpha, then the beta nearest to 0."""
    return min(
        trials,
        key=lambda trial: (
            trial.counts.errors, trial.setting.beam, trial.setting.alpha, abs(trial.setting.beta), trial.setting.beta
        ),
    )  # fmt: skip
