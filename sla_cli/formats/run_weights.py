"""What the header of a run's weights tells without torch."""

from __future__ import annotations

from math import prod

from safetensors import SafetensorError, safe_open

from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.run import AGAIN, Run

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of normalisation: kept, and not trained


def trained_parameters(run: Run) -> int:
    """How many numbers training has changed by gradients.

    Raises:
        SlaError: the run has no weights yet. FormatError where they cannot be read.
    """
    if not run.best.is_file():
        raise SlaError(f"{run.path} has no weights yet", "`sla train` writes them at the end of the first epoch.")
    try:
        with safe_open(run.best, framework="np") as file:
            trained = [name for name in file.keys() if name.rpartition(".")[2] not in STATISTICS]  # noqa: SIM118
            return sum(prod(file.get_slice(name).get_shape()) for name in trained)
    except SafetensorError as error:
        raise FormatError(f"{run.best}: not a safetensors file, or a damaged one ({error})", AGAIN) from error
