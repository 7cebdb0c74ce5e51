"""Options of the search as in `sla decode`: given values, else tuned ones, else defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import digest_file
from sla_cli.config.settings import DecodeConfig
from sla_cli.core.result import left_out
from sla_cli.decode.tuned import Settled, find_tuned, with_tuned
from sla_cli.lm.kenlm_model import check_oov
from sla_cli.search.given import options_given
from sla_cli.work.run import Run
from sla_cli.work.work import Work


def search_options(folder: Work, run: Run, lm: Path | str | None, given: dict[str, Any]) -> Settled:
    """Options of the search as in `sla decode`: given values, else tuned ones, else defaults.

    Args:
        given: options of `BeamOptions` by name, except `lm`; None for one that was left out.
    """
    options = options_given({**given, "lm": None if lm is None else folder.find_lm(Path(lm))})
    if options.lm is None:
        return Settled(options)
    check_oov(options.lm, run.glosses, DecodeConfig.max_oov)
    beam, weights = given["beam"] is None, given["alpha"] is None and given["beta"] is None
    name = str(run.path.resolve())
    tuned = find_tuned(folder.tuning, name, options.lm, digest_file(run.best))
    if tuned is None or not (beam or weights):
        return Settled(options)
    return with_tuned(options, tuned, folder.tuning, name, tuned.split, beam=beam, weights=weights)


def described(settled: Settled) -> str:
    """The description of the search in a transcript."""
    options = settled.options
    unused = f", {left_out(settled.no_gain_on)}" if settled.no_gain_on else ""
    if options.greedy:
        return f"best path{unused}"
    lm = f", language model {options.lm.name}, alpha {options.alpha:g}, beta {options.beta:g}" if options.lm else unused
    words = ", ".join(sorted(set(options.hotwords)))
    hot = f", hot words {words} (weight {options.hotword_weight:g})" if words else ""
    pruned = f", prune_logp {options.prune_logp:g}, token_min_logp {options.token_min_logp:g}"
    return f"beam {options.beam}{lm}{hot}{pruned}"
