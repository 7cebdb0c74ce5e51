"""Training glosses: annotated glosses after a named cleaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sla_cli.core.normalize import PROFILES, profile
from sla_cli.errors import SlaError, suggestion

AUTO, RAW = "auto", "raw"


@dataclass(frozen=True)
class Labels:
    """A cleaning.

    Attributes:
        name: `raw`, or a scoring profile with its version.
        clean: annotated glosses to training glosses; () if all are cleaned away.
    """

    name: str
    clean: Callable[[Sequence[str]], tuple[str, ...]]


def find_labels(name: str, of_corpus: str) -> Labels:
    """The cleaning with a name; `auto` is that of the corpus. Raises SlaError with the nearest name."""
    name = of_corpus if name == AUTO else name
    if name == RAW:
        return Labels(RAW, tuple)
    if name not in PROFILES:
        raise SlaError(f"unknown cleaning {name!r} of training glosses", suggestion(name, (AUTO, RAW, *PROFILES)))
    rules = profile(name)
    return Labels(str(rules), rules.training)
