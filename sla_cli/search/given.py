"""Options of a search as a user gave them: fills in those left out, and refuses those that would have no effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sla_cli.errors import SlaError
from sla_cli.search.beam_decoder import BeamOptions

# Options that have no effect without another; what is missing then, and how to give it.
NEEDS = {
    "alpha": ("lm", "without a language model", "Give one with --lm."),
    "beta": ("lm", "without a language model", "Give one with --lm."),
    "hotword_weight": ("hotwords", "without a hot word", "Name one with --hotword."),
}
THRESHOLDS = ("prune_logp", "token_min_logp")


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
    found = {name: value for name, value in given.items() if value is not None}
    for needed, missing, hint in NEEDS.values():
        unused = [called(name) for name, need in NEEDS.items() if need[0] == needed and name in found]
        if unused and not found.get(needed):
            raise SlaError(f"{' and '.join(unused)} {missing}", hint)
    options = BeamOptions(**found)
    options.check()
    if "beam" in found or options.lm is None:  # otherwise a tuned beam may be used, which may be wider
        options.check_nbest()
    if options.greedy and (unused := [called(name) for name in THRESHOLDS if name in found]):
        raise SlaError(
            f"{' and '.join(unused)} with a beam of 1 and neither language model nor hot words: nothing is pruned",
            "This search takes the best path. Leave the option out, or give a wider --beam.",
        )
    return options
