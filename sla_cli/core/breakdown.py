"""Where the errors of a score are: by signer, by length of the reference, by gloss, and the most confused pairs."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from sla_cli.core.clip import one_spelling
from sla_cli.core.clip_score import ClipScore, pooled
from sla_cli.core.edit_alignment import Counts, Pair

LENGTHS = (0, 1, 4, 7, 10, 15, 20)  # the shortest of each bin, in reference words


@dataclass(frozen=True)
class ClipGroup:
    """The clips that share a signer or a length.

    Attributes:
        name: name of the signer, or numbers of glosses such as `4-6`.
        clips: number of clips.
        counts: pooled counts of all of them.
    """

    name: str
    clips: int
    counts: Counts


@dataclass(frozen=True)
class GlossCounts:
    """How one gloss was recognised.

    Attributes:
        gloss: as the references spell it first, else as the hypotheses do.
        correct: how many of its occurrences in the references are recognised.
        substituted: in place of how many another gloss is.
        deleted: in place of how many nothing is.
        mistaken: how often it was recognised in place of another gloss.
        inserted: how often it was recognised where the reference has nothing.
    """

    gloss: str
    correct: int
    substituted: int
    deleted: int
    mistaken: int
    inserted: int

    @property
    def ref_words(self) -> int:
        return self.correct + self.substituted + self.deleted

    @property
    def hyp_words(self) -> int:
        return self.correct + self.mistaken + self.inserted

    @property
    def errors(self) -> int:
        """Steps of the alignment that are wrong and name this gloss on either side."""
        return self.substituted + self.deleted + self.mistaken + self.inserted

    @property
    def recall(self) -> float | None:
        """Correct in percent of the occurrences in the references, None if there are none."""
        return 100.0 * self.correct / self.ref_words if self.ref_words else None

    @property
    def precision(self) -> float | None:
        """Correct in percent of the occurrences in the hypotheses, None if there are none."""
        return 100.0 * self.correct / self.hyp_words if self.hyp_words else None


@dataclass(frozen=True)
class Confusion:
    """A gloss that was recognised in place of another one.

    Attributes:
        reference: what was signed.
        hypothesis: what was recognised.
        count: how often.
    """

    reference: str
    hypothesis: str
    count: int


class Breakdown:
    """Where the errors of some clips are. Each table is made when it is first asked for."""

    def __init__(self, clips: Sequence[ClipScore]) -> None:
        self._clips = clips

    @cached_property
    def signers(self) -> list[ClipGroup]:
        """Groups by signer in the order of their names; empty if no clip names its signer."""
        if not any(clip.signer for clip in self._clips):
            return []
        names = dict(zip(map(id, self._clips), one_spelling(clip.signer for clip in self._clips), strict=True))
        return _groups(self._clips, lambda clip: names[id(clip)], str)

    @cached_property
    def lengths(self) -> list[ClipGroup]:
        """Groups by number of reference words (`1-3`, `4-6`, …), from short to long; only those that have clips."""
        return _groups(self._clips, lambda clip: bisect_right(LENGTHS, clip.counts.ref_words) - 1, _bin_name)

    @cached_property
    def glosses(self) -> list[GlossCounts]:
        """Counts of each gloss of either side, most errors first. Case is ignored, as in the alignment."""
        spelling = self._spelling
        steps: dict[str, Counter[str]] = defaultdict(Counter)
        for (op, reference, hypothesis), times in self._pairs.items():
            if reference is not None:
                steps[spelling[reference]][op] += times
            if hypothesis is not None and op != "C":
                steps[spelling[hypothesis]]["mistaken" if op == "S" else "I"] += times
        glosses = [
            GlossCounts(gloss, seen["C"], seen["S"], seen["D"], seen["mistaken"], seen["I"])
            for gloss, seen in steps.items()
        ]
        return sorted(glosses, key=lambda gloss: (-gloss.errors, -gloss.ref_words, gloss.gloss))

    @cached_property
    def confusions(self) -> list[Confusion]:
        """Substituted pairs, most frequent first."""
        spelling = self._spelling
        confused: dict[tuple[str, str], int] = defaultdict(int)
        for (op, reference, hypothesis), times in self._pairs.items():
            if op == "S" and reference is not None and hypothesis is not None:
                confused[spelling[reference], spelling[hypothesis]] += times
        most_first = sorted(confused.items(), key=lambda item: (-item[1], item[0]))
        return [Confusion(*pair, times) for pair, times in most_first]

    @cached_property
    def _pairs(self) -> Counter[Pair]:
        """How often each step with its glosses occurs, in order of first occurrence."""
        return Counter(chain.from_iterable(clip.pairs for clip in self._clips))

    @cached_property
    def _spelling(self) -> dict[str, str]:
        """Each gloss to the first of its spellings that differ only in case; references come before hypotheses."""
        first: dict[str, str] = {}
        sides = zip(*((pair.reference, pair.hypothesis) for pair in self._pairs), strict=True)
        glosses = (gloss for side in sides for gloss in dict.fromkeys(side) if gloss is not None)
        return {gloss: first.setdefault(gloss.lower(), gloss) for gloss in glosses}


def _groups(clips: Sequence[ClipScore], key: Callable[[ClipScore], Any], name: Callable[[Any], str]) -> list[ClipGroup]:
    """Clips with the same key, in the order of the keys."""
    members: dict[Any, list[ClipScore]] = defaultdict(list)
    for clip in clips:
        members[key(clip)].append(clip)
    return [ClipGroup(name(one), len(members[one]), pooled(members[one])) for one in sorted(members)]


def _bin_name(i: int) -> str:
    if i + 1 == len(LENGTHS):
        return f"{LENGTHS[i]}+"
    last = LENGTHS[i + 1] - 1
    return str(last) if last == LENGTHS[i] else f"{LENGTHS[i]}-{last}"
