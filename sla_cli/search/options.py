"""The options of a search, decided in one place: given by the user, else tuned, else the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.arguments import as_plain
from sla_cli.core.result import left_out
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.work.tuning import Tuned, find_tuned, tuning_of

# Options that have no effect without another; what is missing then, and how to give it.
NEEDS = {
    "alpha": ("lm", "no language model is given", "Give one with --lm."),
    "beta": ("lm", "no language model is given", "Give one with --lm."),
    "max_oov": ("lm", "no language model is given", "Give one with --lm."),
    "hotword_weight": ("hotwords", "no hot word is given", "Name one with --hotword."),
}
OF_BEAM = ("prune_logp", "token_min_logp", "engine")  # of no effect on the best path
CONDITIONS = ("hotwords", "hotword_weight", "prune_logp", "token_min_logp", "engine")  # of a tuning


@dataclass(frozen=True)
class Settled:
    """Options of a search, and how they were tuned.

    Attributes:
        tuned_on: the split on which the weights were tuned, "" if they were not.
        no_gain_on: the split on which the tuning found no gain of the language model, so that it is left out of
            `options`; "" otherwise.
        lm: digest of the language model for which they were tuned, "" if they were not.
    """

    options: BeamOptions
    tuned_on: str = ""
    no_gain_on: str = ""
    lm: str = field(default="", compare=False)

    def __str__(self) -> str:
        """The description of the search in a transcript."""
        options = self.options
        unused = f", {left_out(self.no_gain_on)}" if self.no_gain_on else ""
        if options.greedy:
            return f"best path{unused}"
        weights = f"alpha {options.alpha:g}, beta {options.beta:g}"
        lm = f", language model {options.lm.name}, {weights}" if options.lm else unused
        words = ", ".join(sorted(set(options.hotwords)))
        hot = f", hot words {words} (weight {options.hotword_weight:g})" if words else ""
        pruned = f", prune_logp {options.prune_logp:g}, token_min_logp {options.token_min_logp:g}"
        return f"beam {options.beam}{lm}{hot}{pruned}"


def flag(name: str) -> str:
    """The name of an option on the command line."""
    return f"--{name.replace('_', '-')}"


def options_given(given: Mapping[str, Any], called: Callable[[str], str] = str) -> BeamOptions:
    """Options of a search; those left out have their defaults.

    Args:
        given: options of `BeamOptions` by name; None for one that was left out.
        called: gives the name of an option in error messages.

    Raises:
        SlaError: a value out of bounds, or an option that would have no effect.
    """
    found = {name: as_plain(value) for name, value in given.items() if value is not None}
    for needed, missing, hint in NEEDS.values():
        unused = [called(name) for name, need in NEEDS.items() if need[0] == needed and name in found]
        if unused and not found.get(needed):
            raise SlaError(f"{missing} for {some(unused)}", hint)
    options = BeamOptions(**found)
    options.check()
    if "beam" in found or options.lm is None:  # otherwise a tuned beam may be used, which may be wider
        options.check_nbest()
    _check_effect(options, found, called)
    return options


def _check_effect(options: BeamOptions, given: Mapping[str, Any], called: Callable[[str], str] = str) -> None:
    """Raise SlaError for options that have no effect on the best path."""
    if options.greedy and (unused := [called(name) for name in OF_BEAM if given.get(name) is not None]):
        raise SlaError(
            f"{some(unused)}: no effect on a beam of 1 with neither language model nor hot words",
            "This search takes the best path. Leave the option out, or give a wider --beam.",
        )


def settle(
    given: Mapping[str, Any],
    tunings: Path,
    weights: str,
    *,
    split: str = "",
    digest: str = "",
    called: Callable[[str], str] = str,
) -> Settled:
    """Options of a search: those given, else those tuned for the same run and language model, else the defaults.

    A tuned alpha and beta belong together: both are used, or neither.

    Args:
        given: as for `options_given`.
        tunings: the folder of all tunings of the run.
        weights: digest of the run's weights, or as `made_with`.
        split, digest: the split that is decoded, and the digest of its clips, as far as they are known.
        called: as for `options_given`.

    Raises:
        SlaError: as `options_given`, also with the tuned beam and without the model, or a tuning that cannot be read.
    """
    options = options_given(given, called)
    take_beam = given.get("beam") is None
    take_weights = given.get("alpha") is None and given.get("beta") is None
    if options.lm is None or not (take_beam or take_weights):
        return Settled(options)
    tuned = find_tuned(tunings, options.lm, weights)
    if tuned is None:
        return Settled(options)
    others = split == tuned.split and len({tuned.split_digest, digest} - {""}) > 1
    where = tuned.split + " (other clips)" * others
    if take_weights:
        _warn_of_another_search(options, tuning_of(tunings, tuned.lm))
    if take_beam:
        log.info("beam %d as tuned on %s", tuned.beam, where)
        options = replace(options, beam=tuned.beam)
    settled = _with_weights(options, tuned, where, same=where == split) if take_weights else Settled(options)
    settled = replace(settled, lm=tuned.lm)
    settled.options.check_nbest()  # again, and as `options_given`: the tuned beam may be narrower
    _check_effect(settled.options, given, called)
    return settled


def _with_weights(options: BeamOptions, tuned: Tuned, where: str, *, same: bool) -> Settled:
    """With the tuned alpha and beta. `same`: the clips that are decoded are those of the tuning."""
    if tuned.finds_no_gain:
        text = "%s (%s). alpha and beta of `sla decode`, or in Python, give it a weight"
        log.warning(text, left_out(where), options.lm)
        return Settled(replace(options, lm=None), no_gain_on=where)
    log.info("alpha %g, beta %g as tuned on %s", tuned.alpha, tuned.beta, where)
    if same:
        log.warning("the weights were tuned on these same clips: their WER is lower than that of new clips")
    return Settled(replace(options, alpha=tuned.alpha, beta=tuned.beta), tuned_on=where)


def _warn_of_another_search(options: BeamOptions, tuning: Path) -> None:
    """Warn of settings of the search that had other values during tuning."""
    made = read_receipt(tuning)
    if made is None:
        return
    before = made.arguments
    now = {**asdict(options), "hotwords": sorted(set(options.hotwords))}
    unused = () if before.get("hotwords") or options.hotwords else ("hotword_weight",)
    others = [name for name in CONDITIONS if name in before and name not in unused and before[name] != now[name]]
    if others:
        differences = ", ".join(f"{name} {before[name]} (now {now[name]})" for name in others)
        log.warning(
            "the weights were tuned with %s: run `sla tune` with the options of this search to tune for it", differences
        )
