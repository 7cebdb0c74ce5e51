"""Tunings: the weights of a language model that `sla tune` chose for a run, a folder for each model.

A tuning is in the folder of its run, so it goes with a run that is copied: RUN/tuning/DIGEST, the first digits of the
digest of the language model. If emissions are used without their run, it is next to them: tuning/DIGEST.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.artifact.version import check_version
from sla_cli.config.bounds import WEIGHT
from sla_cli.config.checks import read_values
from sla_cli.core.quantities import Amount, Count, Positive
from sla_cli.core.result import Interval
from sla_cli.errors import FormatError
from sla_cli.log import log
from sla_cli.work.emissions import Emissions, made_with
from sla_cli.work.folder import find_source
from sla_cli.work.model_folder import find_trained
from sla_cli.work.run import Run

NAME, VERSION = "sla-tuned", 1
CHOICE = "tuned.json"
DIGESTS = "digests"  # in the receipt's results: digests of the files
AGAIN = "Make it again with `sla tune --force`."


@dataclass(frozen=True)
class Tuned:
    """The choice, and the data on which it was made.

    Attributes:
        beam: chosen beam width
        alpha: chosen weight of the language model
        beta: chosen bonus for each gloss, a natural logarithm
        wer: word error rate with these three, in percent
        errors: number of errors
        ref_words: number of glosses in the references
        split: the split that was decoded
        profile: the scoring profile
        weights: digest of the weights of the run; for emissions that record none, of their run, corpus, glosses and
            stride
        lm: digest of the language model
        split_digest: digest of the clips; empty if unknown
        lowest_wer: word error rate of the setting with the fewest errors, in percent
        wer_without: word error rate without a language model, in percent
        difference: `wer` minus `wer_without`, in points
        interval: interval of the difference, allowing for the choice; null if no language model was chosen, or if all
            clips have the same reference
    """

    beam: Positive
    alpha: Amount
    beta: Annotated[float, Meta(ge=-WEIGHT, le=WEIGHT)]
    wer: Amount
    errors: Count
    ref_words: Count
    split: str
    profile: str
    weights: str
    lm: str
    split_digest: str
    lowest_wer: Amount
    wer_without: Amount
    difference: float
    interval: Interval | None

    @property
    def finds_no_gain(self) -> bool:
        """Whether the choice is to use no language model."""
        return (self.alpha, self.beta) == (0, 0)


def tunings_of(emissions: Path, run: Run | None = None) -> Path:
    """The folder of all tunings of the run or model that made emissions; without one it is next to the emissions.

    Args:
        run: the run, if it is known; else the one that the emissions record is looked for.
    """
    if run is None:
        opened = Emissions(emissions)

        def is_it(place: Path) -> bool:
            trained = find_trained(place)
            return trained.best.is_file() and trained.weights_digest == made_with(opened)

        found = find_source(Path(opened.header.run), emissions, is_it)
        run = find_trained(found) if found is not None and is_it(found) else None  # where it was may be another now
    return emissions.parent / "tuning" if run is None else run.tunings


def tuning_of(tunings: Path, lm: str) -> Path:
    """The folder of the tuning of a language model with this digest."""
    return tunings / lm[:6]


def find_tuned(tunings: Path, lm: Path, weights: str) -> Tuned | None:
    """The choice for a language model, None if there is none, or only one for other weights.

    Args:
        tunings: the folder of all tunings of the run.
        weights: digest of the run's weights, or as `made_with`.
    """
    out = tuning_of(tunings, digest_file(lm))
    if read_receipt(out, "tune") is None:
        if out.is_dir():
            log.warning("%s is not complete, so it is not used: `sla tune` completes it", out)
        return None
    tuned = read_tuned(out)
    if tuned.weights != weights:
        log.warning("%s was tuned for other weights, so it is not used", out)
        return None
    return tuned


def read_tuned(folder: Path) -> Tuned:
    """A choice. Raises FormatError if it cannot be read, or is not as it was written."""
    path, receipt = folder / CHOICE, read_receipt(folder, "tune")
    if not path.is_file():
        raise FormatError(f"{folder} has lost {CHOICE}", AGAIN)
    facts = read_json(path, AGAIN, names=True)
    if (name := facts.pop("format", "")) != NAME:
        raise FormatError(f"{path}: {name or 'no format'}, not {NAME}", AGAIN)
    check_version(path, NAME, VERSION, facts.pop("version", None), AGAIN)
    tuned = read_values(Tuned, facts, path, AGAIN)
    if receipt is not None and facts != {key: receipt.results.get(key) for key in facts}:
        raise FormatError(f"{path} is damaged or was edited: it is not what `sla tune` wrote", AGAIN)
    return tuned
