"""Normalisation of glosses before they are compared: named, versioned profiles, each a list of steps.

Sources: `evaluatePhoenix2014.sh` of RWTH-PHOENIX-Weather 2014 and `evaluatePhoenix2014-T.sh` of 2014-T.
A rule that changes must raise its profile's version: the version is printed with every score.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

from sla_cli.core.hypothesis import Glosses
from sla_cli.errors import SlaError, suggestion

Step = Callable[[Glosses], Glosses]
GLOSSES = 1 << 16  # results that a step caches: a vocabulary is smaller than this, and its glosses repeat


@dataclass(frozen=True)
class Profile:
    """A normalisation.

    Attributes:
        name, version: printed with every score.
        on_hypothesis, on_reference: steps in their order.
        empty: replaces a hypothesis of which nothing is left.
    """

    name: str
    version: int
    on_hypothesis: tuple[Step, ...] = ()
    on_reference: tuple[Step, ...] = ()
    empty: Glosses = ()

    def __str__(self) -> str:
        return f"{self.name}.v{self.version}"

    def hypothesis(self, tokens: Sequence[str]) -> Glosses:
        """The glosses of a hypothesis in the form that is scored."""
        return self.training(tokens) or self.empty

    def training(self, tokens: Sequence[str]) -> Glosses:
        """The glosses that a recogniser should learn: cleaned like its hypotheses, () if nothing is left."""
        return _apply(self.on_hypothesis, tokens)

    def reference(self, tokens: Sequence[str]) -> Glosses:
        """The glosses of a reference in the form that is scored."""
        return _apply(self.on_reference, tokens)


def _apply(steps: tuple[Step, ...], tokens: Sequence[str]) -> Glosses:
    return reduce(lambda cleaned, step: step(cleaned), steps, tuple(tokens))


def _rewrite(*rules: tuple[str, str]) -> Step:
    """Apply each (pattern, replacement) to each token, in this order."""
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]

    @lru_cache(GLOSSES)
    def rewrite(token: str) -> str:
        for pattern, replacement in compiled:
            token = pattern.sub(replacement, token)
        return token

    return lambda tokens: tuple(map(rewrite, tokens))


def _drop(pattern: str) -> Step:
    """Drop tokens in which the pattern occurs, and empty ones."""
    compiled = re.compile(pattern)

    @lru_cache(GLOSSES)
    def is_kept(token: str) -> bool:
        return bool(token) and not compiled.search(token)

    return lambda tokens: tuple(filter(is_kept, tokens))


def _collapse(pattern: str) -> Step:
    """Drop a token that equals the one before it, if the whole of it matches."""
    match = re.compile(pattern).fullmatch
    return lambda tokens: tuple(
        token for i, token in enumerate(tokens) if i == 0 or token != tokens[i - 1] or not match(token)
    )


def _join(pattern: str, glue: str) -> Step:
    """Replace the spaces that match by `glue`; a space is put before the sentence first."""
    gap = re.compile(pattern)
    return lambda tokens: tuple(gap.sub(glue, f" {' '.join(tokens)}").split())


PHOENIX2014 = (
    _rewrite(
        *((prefix, "") for prefix in ("loc-", "cl-", "qu-", "poss-", "lh-")),
        ("S0NNE", "SONNE"),
        ("HABEN2", "HABEN"),
        ("__EMOTION__", ""),
        ("__PU__", ""),
        ("__LEFTHAND__", ""),
        (r"ZEIGEN\Z", "ZEIGEN-BILDSCHIRM"),
        ("([A-Z][A-Z])RAUM", r"\1"),
        ("-PLUSPLUS", ""),
    ),
    _drop("__EPENTHESIS__"),
)
PHOENIX2014T = (
    _drop(r"__LEFTHAND__|__EPENTHESIS__|__EMOTION__|\A__.*__\Z"),
    _rewrite((r"\Aloc-", ""), (r"-PLUSPLUS\Z", ""), (r"\Acl-", ""), (r"([A-Z]+)RAUM\Z", r"\1")),
    _drop(r"\A\Z"),
)
# Spelling: a letter is joined to a letter or NN before and after it, and to a SCH before it. As in the official
# script, SCH and NN are joined only if they are not at the end of the sentence.
SPELLING = (
    r"(?<=[ +][A-Z]) (?=[A-Z](?:[ +]|\Z)|NN[ +])"
    r"|(?<=[ +]SCH) (?=[A-Z][ +])"
    r"|(?<=[ +]NN) (?=[A-Z][ +])"
)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("phoenix2014", 1, PHOENIX2014, empty=("[EMPTY]",)),
        Profile(
            "phoenix2014t",
            1,
            (*PHOENIX2014T, _collapse(".*")),
            (*PHOENIX2014T, _join("(?<=WIE) (?=AUSSEHEN)", "-"), _join(SPELLING, "+"), _collapse("[A-Z]+")),
        ),
        # What VAC, CorrNet and AdaptSign report for 2014-T.
        Profile("phoenix2014t-vac", 1, PHOENIX2014, empty=("[EMPTY]",)),
        Profile("none", 1),
    )
}


def profile(name: str) -> Profile:
    """The profile of this name. Raises SlaError with the nearest name where there is none."""
    if name in PROFILES:
        return PROFILES[name]
    raise SlaError(f"no normalisation profile {name!r}", suggestion(name, PROFILES))
