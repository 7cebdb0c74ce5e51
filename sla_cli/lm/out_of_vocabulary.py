"""Which glosses a language model lacks, and how many are too many."""

from __future__ import annotations

from pathlib import Path

from sla_cli.errors import SlaError, some
from sla_cli.lm.kenlm_model import open_lm, out_of_vocabulary
from sla_cli.log import log


def check_oov(lm: Path, glosses: tuple[str, ...], most: float) -> None:
    """Say how many glosses a language model lacks. Raises SlaError where they are more than `most` percent."""
    unknown = out_of_vocabulary(open_lm(lm), glosses)
    if not unknown:
        return
    share = 100 * len(unknown) / len(glosses)
    said = f"{lm} does not know {len(unknown)} of {len(glosses)} glosses ({share:.1f} %): {some(unknown)}"
    if share > most:
        raise SlaError(said, f"Is it a model of another corpus? --max-oov {min(100, int(share) + 1)} takes it anyway.")
    log.warning("%s", said)
