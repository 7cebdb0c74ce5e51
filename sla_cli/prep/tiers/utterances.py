"""Utterances of the people in an annotation file, with their glosses and translations."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sla_cli.annotation.eaf_times import SUBDIVISION, part
from sla_cli.annotation.hands import merge_hands
from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.core.clip import signer_key
from sla_cli.prep.tiers.choose import Chosen
from sla_cli.prep.tiers.names import people, person_of, with_parents


@dataclass(frozen=True)
class Utterance:
    """The signs of a person without a pause; times in milliseconds on the file's timeline, end exclusive.

    Attributes:
        line: line of the file on which its annotation begins, or that of its first sign.
        times: start and end of each sign, within the utterance; () if the annotations do not say when each is signed.
    """

    person: str
    start: int
    end: int
    glosses: tuple[str, ...]
    translation: str
    line: int
    times: tuple[tuple[int, int], ...] = ()


@dataclass
class Counts:
    """Counts of annotations, for messages.

    Attributes:
        empty: annotations of gloss tiers without text.
        joined: glosses that contained white space, by the joined form.
        two_handed, overlapping: as in `Merged`.
        outside: glosses outside all utterances.
        untranslated: annotations of translation tiers outside all utterances.
    """

    glosses: int = 0
    empty: int = 0
    joined: Counter[str] = field(default_factory=Counter)
    two_handed: int = 0
    overlapping: int = 0
    outside: int = 0
    untranslated: int = 0


def read_utterances(file: AnnotationFile, chosen: Chosen, pause: float, counts: Counts) -> Iterator[Utterance]:
    """The utterances of each person, in order of their starts, including those without glosses.

    Args:
        pause: seconds without a sign that end an utterance, if no tier defines utterances.
        counts: updated.
    """
    by_name = {tier.name: tier for tier in file.tiers}
    persons = people(chosen.glosses, file.tiers)
    sentences = {tier.name for tier in chosen.utterances or ()}

    def of(person: str, tiers: Sequence[Tier]) -> list[Mark]:
        """The marks of this person's tiers and of those without a person; for a single person, of all tiers."""
        own = [tier for tier in tiers if signer_key(person_of(tier, by_name)) in ("", signer_key(person))]
        return [mark for tier in own or (tiers if len(persons) == 1 else ()) for mark in tier.marks]

    for person, tiers in persons.items():
        merged = merge_hands([_signs(tier, tier.name in sentences, counts) for tier in tiers])
        counts.two_handed += merged.two_handed
        counts.overlapping += merged.overlapping
        translations = of(person, chosen.translations)
        if chosen.utterances is None:
            signs = _between_pauses(merged.signs, round(pause * 1000))
            spans = [Mark(own[0].start, max(sign.end for sign in own), "", own[0].line) for own in signs]
            texts, lost = assign_nearest(translations, spans)
        else:
            spans = _distinct(of(person, chosen.utterances))
            texts, lost = assign(translations, spans)
            signs, outside = assign(merged.signs, spans)
            counts.outside += outside
        divided = any(one.constraint == SUBDIVISION for tier in tiers for one in with_parents(tier, by_name))
        timed = not (divided or any(tier.name in sentences for tier in tiers))  # not those of a parent, divided evenly
        counts.untranslated += lost
        for span, own, translation in zip(spans, signs, texts, strict=True):
            glosses = tuple(sign.text for sign in own)
            text = " ".join(filter(None, (mark.text for mark in translation)))
            times = tuple(_within(sign, span) for sign in own) if timed else ()
            yield Utterance(person, span.start, span.end, glosses, text, span.line, times)


def assign(marks: Sequence[Mark], spans: Sequence[Mark]) -> tuple[list[list[Mark]], int]:
    """For each span the marks whose midpoint it contains, in their order; and the number of marks in no span.

    Args:
        spans: in order of their starts; if several contain a midpoint, the first gets the mark.
    """
    found: list[list[int]] = [[] for _ in spans]
    open_spans: list[int] = []
    following = outside = 0
    for place in sorted(range(len(marks)), key=lambda place: marks[place].start + marks[place].end):
        twice = marks[place].start + marks[place].end
        while following < len(spans) and 2 * spans[following].start <= twice:
            heapq.heappush(open_spans, following)
            following += 1
        while open_spans and 2 * spans[open_spans[0]].end <= twice:
            heapq.heappop(open_spans)
        if open_spans:
            found[open_spans[0]].append(place)
        else:
            outside += 1
    return [[marks[place] for place in sorted(places)] for places in found], outside


def assign_nearest(marks: Sequence[Mark], spans: Sequence[Mark]) -> tuple[list[list[Mark]], int]:
    """For each span the marks whose midpoint is nearest to it and that overlap it; and the number of other marks.

    A sentence may begin long before its first sign, or end long after its last.

    Args:
        spans: in order of time; none overlaps another.
    """
    found: list[list[Mark]] = [[] for _ in spans]
    starts = [2 * span.start for span in spans]
    outside = 0
    for mark in marks:
        twice = mark.start + mark.end
        after = bisect_right(starts, twice)
        near = [place for place in (after - 1, after) if 0 <= place < len(spans)]
        near = [place for place in near if mark.start < spans[place].end and spans[place].start < mark.end]
        if near:
            found[min(near, key=lambda place: max(starts[place] - twice, twice - 2 * spans[place].end))].append(mark)
        outside += not near
    return found, outside


def _within(sign: Mark, span: Mark) -> tuple[int, int]:
    """Its times from the start of the span on; a sign may begin before the span or end after it."""
    return max(0, sign.start - span.start), min(sign.end, span.end) - span.start


def _signs(tier: Tier, sentences: bool, counts: Counts) -> list[Mark]:
    """A sign for each annotation with text.

    Args:
        sentences: whether an annotation contains all glosses of an utterance, which then get equal parts of its time.
    """
    signs = []
    for mark in tier.marks:
        words = mark.text.split()
        counts.empty += not words
        if sentences:
            times = (part((mark.start, mark.end), place, len(words)) for place in range(len(words)))
            signs += [Mark(*time, word, mark.line) for time, word in zip(times, words, strict=True)]
        elif words:
            signs.append(mark._replace(text=mark.gloss))
            counts.joined.update([signs[-1].text] * (len(words) > 1))
    counts.glosses += len(signs)
    return signs


def _between_pauses(signs: Sequence[Mark], pause: int) -> list[list[Mark]]:
    """The signs from one pause of at least `pause` milliseconds to the next."""
    found, end = list[list[Mark]](), 0
    for sign in signs:
        if not found or sign.start - end >= pause:
            found.append([])
            end = sign.end
        found[-1].append(sign)
        end = max(end, sign.end)
    return found


def _distinct(marks: Sequence[Mark]) -> list[Mark]:
    """One mark for each start and end, in order of time."""
    found = {(mark.start, mark.end): mark for mark in reversed(marks)}
    return [found[times] for times in sorted(found)]
