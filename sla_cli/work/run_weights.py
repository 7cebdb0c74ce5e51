"""The header of a run's weights, read without torch: a safetensors file begins with its length and a JSON object."""

from __future__ import annotations

from math import prod
from typing import Any

from sla_cli.artifact.json_file import parse_json
from sla_cli.errors import FormatError, cannot_read
from sla_cli.store.store import vocabulary_digest
from sla_cli.system.regular_file import open_regular
from sla_cli.work.run import AGAIN, Run

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of normalisation: stored, not trained
METADATA, TRAINED = "__metadata__", "trained"  # keys in the header; the second in a model, which has several parts
LONGEST = 100_000_000  # maximum bytes of a header, as in safetensors


def trained_parameters(run: Run) -> int:
    """Number of parameters that training changed by gradients. Raises as `_header`."""
    tensors = _header(run)
    try:
        return sum(
            prod(map(int, facts["shape"]))
            for name, facts in tensors.items()
            if name != METADATA and name.rpartition(".")[2] not in STATISTICS
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(run) from error


def check_vocabulary(run: Run) -> None:
    """Raise FormatError if the glosses of a run are not those with which its weights were trained, or as `_header`.

    A run without weights is not checked.
    """
    if not run.best.is_file():
        return
    try:
        facts = _header(run).get(METADATA, {})
        if TRAINED in facts:
            facts = parse_json(facts[TRAINED], str(run.best), run.again or AGAIN)
        trained = facts.get("glosses")
    except (AttributeError, TypeError) as error:
        raise _damaged(run) from error
    if trained not in (None, vocabulary_digest(run.glosses)):
        own = run.path / "glosses.txt"  # a model has no such file
        file = own if own.is_file() else run.path / "config.json"
        fault = f"{file} is damaged or was edited: its glosses are not those of the weights"
        raise FormatError(fault, "Restore it from a copy.")


def _header(run: Run) -> Any:
    """The header of the best weights.

    Raises:
        SlaError: the run has no weights. FormatError if they cannot be read.
    """
    run.check_weights()
    try:
        with open_regular(run.best) as file:
            header = file.read(min(int.from_bytes(file.read(8), "little"), LONGEST))
        return parse_json(header.decode(), str(run.best), run.again or AGAIN)
    except OSError as error:
        raise cannot_read(run.best, error) from error
    except (FormatError, ValueError) as error:
        raise _damaged(run) from error


def _damaged(run: Run) -> FormatError:
    return FormatError(f"{run.best}: not a safetensors file, or a damaged one", run.again or AGAIN)
