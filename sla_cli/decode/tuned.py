"""The choice of `sla tune`: stored as tuned.json, and used by `sla decode` for the same run and language model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.config.bounds import WEIGHT
from sla_cli.config.checks import read_values
from sla_cli.core.quantities import Amount, Count, Positive
from sla_cli.core.result import Interval, left_out
from sla_cli.errors import FormatError
from sla_cli.log import log
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.work.describe import Description
from sla_cli.work.emissions import Emissions

NAME, VERSION = "sla-tuned", 2
DIGESTS = "digests"  # in the receipt's results: digests of the tables and the picture
SEARCH = ("hotwords", "hotword_weight", "prune_logp", "token_min_logp", "engine")  # conditions of a choice


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
        weights: digest of the weights of the run; empty if unknown
        lm: digest of the language model
        split_digest: digest of the clips; empty if unknown
        lowest_wer: word error rate of the setting with the fewest errors, in percent; null in a tuning of an earlier
            version
        wer_without: word error rate without a language model, in percent; null if `lowest_wer` is null
        difference: `wer` minus `wer_without`, in points; null if `lowest_wer` is null
        interval: interval of the difference, allowing for the choice; null if no language model was chosen, if all
            clips have the same reference, or if `lowest_wer` is null
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
    split_digest: str = ""
    lowest_wer: Amount | None = None
    wer_without: Amount | None = None
    difference: float | None = None
    interval: Interval | None = None

    @property
    def finds_no_gain(self) -> bool:
        """Whether the choice is to use no language model."""
        return (self.alpha, self.beta) == (0, 0)


@dataclass(frozen=True)
class Settled:
    """Options of a search, and how they were tuned.

    Attributes:
        tuned_on: the split on which the weights were tuned, "" if they were not.
        no_gain_on: the split on which the tuning found no gain of the language model, so that it is left out of
            `options`; "" otherwise.
    """

    options: BeamOptions
    tuned_on: str = ""
    no_gain_on: str = ""


def tuned_options(options: BeamOptions, emissions_path: Path, folder: Path, *, beam: bool, weights: bool) -> Settled:
    """Options with the values tuned for the same recogniser and language model, if there is such a choice.

    Args:
        beam: use the tuned beam.
        weights: use the tuned alpha and beta, which belong together.
    """
    if options.lm is None or not (beam or weights):
        return Settled(options)
    header, inputs = Emissions(emissions_path).header, emission_inputs(emissions_path)
    tuned = find_tuned(folder, header.run, options.lm, inputs.get("weights", ""))
    if tuned is None:
        return Settled(options)
    others = header.split == tuned.split and len({tuned.split_digest, inputs.get("split", "")} - {""}) > 1
    where = tuned.split + " (other clips)" * others
    settled = with_tuned(options, tuned, folder, header.run, where, beam=beam, weights=weights)
    if settled.tuned_on == header.split:
        log.warning("the weights were tuned on these same clips: their WER is lower than that of new clips")
    return settled


def _warn_of_another_search(options: BeamOptions, out: Path) -> None:
    """Warn of settings of the search that had other values during tuning; earlier receipts do not record all."""
    made = read_receipt(out)
    before = made.arguments if made is not None else {}
    now = {**asdict(options), "hotwords": sorted(set(options.hotwords))}
    unused = () if before.get("hotwords") or options.hotwords else ("hotword_weight",)
    others = [name for name in SEARCH if name not in unused and before.get(name, now[name]) != now[name]]
    if others:
        differences = ", ".join(f"{name} {before[name]} (now {now[name]})" for name in others)
        log.warning(
            "the weights were tuned with %s: run `sla tune` with the options of this search to tune for it", differences
        )


def find_tuned(folder: Path, run: str, lm: Path, weights: str) -> Tuned | None:
    """The choice for a run and a language model, None if there is none, or only one for other weights of the run.

    Args:
        folder: the folder of all tunings.
        run: the run's folder; only its name is used.
        weights: digest of the recogniser's weights.
    """
    out = tuned_folder(folder, run, digest_file(lm))
    if read_receipt(out) is None:
        return None
    tuned = read_tuned(out)
    if tuned.weights != weights:
        log.warning("%s was tuned for other weights of this run, so it is not used", out)
        return None
    return tuned


def with_tuned(
    options: BeamOptions, tuned: Tuned, folder: Path, run: str, where: str, *, beam: bool, weights: bool
) -> Settled:
    """Options with the tuned beam, or the tuned alpha and beta, or both.

    Args:
        folder, run: as for `find_tuned`.
        where: the name of the split on which they were tuned, for messages.
    """
    if weights:
        _warn_of_another_search(options, tuned_folder(folder, run, tuned.lm))
    lm, unused = options.lm, weights and tuned.finds_no_gain
    if beam:
        options = replace(options, beam=tuned.beam)
    if unused:
        options = replace(options, lm=None)
        log.warning("%s (%s). --alpha and --beta give it a weight", left_out(where), lm)
    elif weights:
        options = replace(options, alpha=tuned.alpha, beta=tuned.beta)
    taken = [f"alpha {tuned.alpha:g}, beta {tuned.beta:g}"] * (weights and not unused) + [f"beam {tuned.beam}"] * beam
    if taken:
        log.info("%s as tuned on %s", ", ".join(taken), where)
    return Settled(options, where * (weights and not unused), where * unused)


def tuned_folder(folder: Path, run: str, lm: str) -> Path:
    """The path of the choice for a run and a language model."""
    return folder / f"{Path(run).name}-{lm[:6]}"


def emission_inputs(emissions_path: Path) -> dict[str, str]:
    """Digests of the inputs of emissions: `weights`, `split` and others; empty if they are not recorded."""
    receipt = read_receipt(emissions_path)
    return receipt.inputs if receipt is not None else {}


def read_tuned(folder: Path) -> Tuned:
    """An earlier choice. Raises FormatError if it cannot be read, or is not as it was written."""
    path, receipt = folder / "tuned.json", read_receipt(folder)
    hint = "Make it again with `sla tune --force`."
    try:
        facts = read_json(path, hint)
        if facts.pop("format") != NAME or facts.pop("version") not in (VERSION - 1, VERSION):
            raise FormatError(f"{path}: not {NAME} version {VERSION - 1} or {VERSION}", hint)
        tuned = read_values(Tuned, facts, path, hint)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path}: cannot be read ({error})", hint) from error
    results = receipt.results if receipt is not None else {}
    recorded = {name: value for name, value in results.items() if name != DIGESTS}
    if {**asdict(tuned), **recorded} != asdict(tuned):
        raise FormatError(f"{path} is damaged or was edited: it is not what `sla tune` wrote", hint)
    return tuned


def describe_tuning(folder: Path) -> Description | None:
    """The choice in a folder of `sla tune`, None for another folder. Raises FormatError if it cannot be read."""
    if not (folder / "tuned.json").is_file():
        return None
    receipt = read_receipt(folder)
    facts = {key: value for key, value in asdict(read_tuned(folder)).items() if value is not None}
    version = read_json(folder / "tuned.json")["version"]
    return Description(folder, "tuning", f"{NAME} {version}", receipt is not None, facts, receipt)
