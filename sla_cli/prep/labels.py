"""Training glosses: annotated ones after a cleaning that has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sla_cli.core.normalize import PROFILES, profile
from sla_cli.errors import SlaError, suggestion

AUTO, RAW = "auto", "raw"


@dataclass(frozen=True)
class Labels:
    """A cleaning.

    Attributes:
        name: `raw`, or a scoring profile with its version.
        clean: annotated glosses to training glosses; () where all are cleaned away.
    """

    name: str
    clean: Callable[[Sequence[str]], tuple[str, ...]]


def find_labels(name: str, of_corpus: str) -> Labels:
    """The cleaning of a name; `auto` is the corpus's own. Raises SlaError with the nearest name."""
    name = of_corpus if name == AUTO else name
    if name == RAW:
        return Labels(RAW, tuple)
    if name not in PROFILES:
        raise SlaError(f"no cleaning {name!r} of training glosses", suggestion(name, (AUTO, RAW, *PROFILES)))
    rules = profile(name)
    return Labels(str(rules), rules.training)


@dataclass(frozen=True)
class OutOfVocabulary:
    """Training glosses of a split that the vocabulary lacks: `missing` of `glosses` running ones, `types` of them."""

    missing: int
    glosses: int
    types: int


def out_of_vocabulary(sentences: Iterable[Sequence[str]], vocabulary: Iterable[str]) -> OutOfVocabulary:
    """Count the glosses that a model of this vocabulary cannot produce."""
    known, total, missing = set(vocabulary), 0, []
    for sentence in sentences:
        total += len(sentence)
        missing += [gloss for gloss in sentence if gloss not in known]
    return OutOfVocabulary(len(missing), total, len(set(missing)))
