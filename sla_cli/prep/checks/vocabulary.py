"""Do the glosses of train cover the others? The vocabulary, glosses outside it, and glosses that look equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from unicodedata import normalize

from sla_cli.core.clip import unknown_glosses
from sla_cli.core.counted import counted
from sla_cli.errors import some
from sla_cli.prep.checks.finding import Finding
from sla_cli.store.clips import Split


def check_vocabulary(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Glosses of other splits that do not occur in train."""
    for split, clips in splits.items():
        unknown = unknown_glosses(clips.glosses, clips.vocabulary)
        if not unknown or not clips.vocabulary:
            continue
        names = some(f"{gloss} ({count})" if count > 1 else gloss for gloss, count in unknown.most_common())
        total = sum(map(len, clips.glosses))
        what = f"{unknown.total():,} of {counted(total, 'gloss')} ({100 * unknown.total() / total:.1f} %)"
        message = f"{what} do not occur in train; no model can recognise them: {names}"
        having = zip(clips.ids, clips.glosses, strict=True)
        affected = tuple(clip for clip, glosses in having if not unknown.keys().isdisjoint(glosses))
        yield Finding("vocabulary", split, message, "", affected, problem=False)


def check_spelling(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Glosses that differ only in their Unicode normal form: they look the same, but count as different."""
    forms: dict[str, set[str]] = defaultdict(set)
    for clips in splits.values():
        for gloss in {gloss for glosses in clips.glosses for gloss in glosses}:
            forms[normalize("NFC", gloss)].add(gloss)
    if alike := sorted(gloss for gloss, spellings in forms.items() if len(spellings) > 1):
        message = f"{counted(len(alike), 'pair')} of glosses that look equal but differ in their Unicode form"
        hint = "Convert the corpus's tables to one normal form (NFC)."
        yield Finding("vocabulary", "", f"{message}: {some(alike)}", hint)
