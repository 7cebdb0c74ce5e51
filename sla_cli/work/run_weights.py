"""The header of a run's weights, read without torch: a safetensors file begins with its length and a JSON object."""

from __future__ import annotations

from math import prod

from sla_cli.artifact.json_file import parse_json
from sla_cli.errors import FormatError, SlaError, cannot_read
from sla_cli.system.regular_file import open_regular
from sla_cli.work.run import AGAIN, Run

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of normalisation: stored, not trained
LONGEST = 100_000_000  # maximum bytes of a header, as in safetensors


def trained_parameters(run: Run) -> int:
    """Number of parameters that training changed by gradients.

    Raises:
        SlaError: the run has no weights yet. FormatError if they cannot be read.
    """
    if not run.best.is_file():
        raise SlaError(f"{run.path} has no weights yet", "`sla train` writes them at the end of the first epoch.")
    try:
        with open_regular(run.best) as file:
            header = file.read(min(int.from_bytes(file.read(8), "little"), LONGEST))
        tensors = parse_json(header.decode(), str(run.best), AGAIN)
        return sum(
            prod(map(int, facts["shape"]))
            for name, facts in tensors.items()
            if name != "__metadata__" and name.rpartition(".")[2] not in STATISTICS
        )
    except OSError as error:
        raise cannot_read(run.best, error) from error
    except (UnicodeDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{run.best}: not a safetensors file, or a damaged one ({error})", AGAIN) from error
