"""How to search, as `sla decode` would: what was given, else what was tuned, else defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sla_cli.config import DecodeConfig
from sla_cli.decode.tuned import find_tuned, with_tuned
from sla_cli.errors import SlaError
from sla_cli.formats.receipt import digest_file
from sla_cli.formats.run import Run
from sla_cli.formats.work import Work
from sla_cli.lm.kenlm_model import check_oov
from sla_cli.search.beam_decoder import BeamOptions


def search_options(folder: Work, run: Run, lm: Path | str | None, given: dict[str, Any]) -> BeamOptions:
    """Options of the search as `sla decode` takes them: what was given, else what was tuned, else defaults."""
    given = {name: value for name, value in given.items() if value is not None}
    if lm is None:
        if unused := sorted({"alpha", "beta"} & given.keys()):
            raise SlaError(f"{' and '.join(unused)} without a language model", "Give one with --lm.")
        return BeamOptions(**given)
    options = BeamOptions(lm=folder.find_lm(Path(lm)), **given)
    assert options.lm is not None
    check_oov(options.lm, run.glosses, DecodeConfig.max_oov)
    beam, weights = "beam" not in given, not {"alpha", "beta"} & given.keys()
    tuned = find_tuned(folder.tuning, str(run.path.resolve()), options.lm, digest_file(run.best))
    if tuned is None or not (beam or weights):
        return options
    return with_tuned(options, tuned, tuned.split, beam=beam, weights=weights)


def described(options: BeamOptions) -> str:
    if options.greedy:
        return "best path"
    lm = f", language model {options.lm.name}, alpha {options.alpha:g}, beta {options.beta:g}" if options.lm else ""
    return f"beam {options.beam}{lm}"
