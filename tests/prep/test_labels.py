"""Training glosses: the cleaning has a name, and changes nothing of how hypotheses are scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.artifact.table import read_table
from sla_cli.core.clip import Clip, Source, unknown_glosses
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.prep.corpus import Listing
from sla_cli.prep.labels import find_labels, label_clips

TABLES = {
    "phoenix2014": ("phoenix2014/train.corpus.csv", "annotation", 1231, 1080),
    "phoenix2014t": ("phoenix2014t/PHOENIX-2014-T.train.corpus.csv", "orth", 1085, None),
}


def sentences(shared: Path, name: str) -> list[tuple[str, ...]]:
    path, column, _, _ = TABLES[name]
    return [tuple(row[column].split()) for row in read_table(shared / "data" / path, (column,))]


@pytest.mark.parametrize("name", [*TABLES, "phoenix2014t-vac"])
def test_what_a_model_learns_is_scored_as_what_was_annotated(shared: Path, name: str) -> None:
    """Cleaning twice is cleaning once: a hypothesis of cleaned glosses scores as one of raw glosses does."""
    rules, labels = profile(name), find_labels(name, "")
    for text in sentences(shared, name.removesuffix("-vac")):
        learnt = labels.clean(text)
        assert labels.clean(learnt) == learnt
        assert rules.hypothesis(learnt) == rules.hypothesis(text)


def test_names() -> None:
    assert find_labels("auto", "raw").name == find_labels("raw", "phoenix2014").name == "raw"
    assert find_labels("auto", "phoenix2014").name == "phoenix2014.v1"
    assert find_labels("raw", "").clean(["loc-A", "__ON__"]) == ("loc-A", "__ON__")
    assert find_labels("phoenix2014", "").clean(["__PU__"]) == (), "no [EMPTY], which is for scoring"
    with pytest.raises(SlaError, match="no normalisation profile 'phonix2014'") as caught:
        find_labels("phonix2014", "")
    assert "'phoenix2014'" in caught.value.hint


@pytest.mark.parametrize(
    ("annotated", "learnt", "kept"),
    [
        ("A B C", "A B C", "012"),
        ("__ON__ A loc-B C __OFF__", "A B C", "123"),  # without those that are left out
        ("A A B", "A B", ""),  # two became one
        ("A __PU__ A", "A", ""),
    ],
)
def test_times_stay_with_their_glosses(annotated: str, learnt: str, kept: str) -> None:
    glosses = tuple(annotated.split())
    times = tuple((float(place), place + 0.5) for place in range(len(glosses)))
    listing = Listing([Clip("a", "", glosses, Source(Path(), "a.mp4"), times=times)])
    (found,) = label_clips(listing, find_labels("phoenix2014t", ""))
    assert (found.training, found.times) == (tuple(learnt.split()), tuple(times[int(place)] for place in kept))


def test_unknown_glosses_are_counted() -> None:
    assert unknown_glosses([("A", "B", "C", "B"), ("A",)], {"A"}) == {"B": 2, "C": 1}
    assert unknown_glosses([], {"A"}) == {}


@pytest.mark.parametrize("name", TABLES)
def test_vocabularies_of_the_releases(shared: Path, name: str) -> None:
    """As published, and for Phoenix2014 what its own clean-up leaves of it."""
    _, _, raw, cleaned = TABLES[name]
    texts = sentences(shared, name)
    for labels, expected in (("raw", raw), (name, cleaned)):
        found = {gloss for text in texts for gloss in find_labels(labels, "").clean(text)}
        assert expected is None or len(found) == expected


def test_not_all_of_many_tables_are_named() -> None:
    listing = Listing(tables={f"{name}.eaf": "" for name in "abcdefg"})
    with pytest.raises(SlaError, match=r"^a\.eaf, b\.eaf, c\.eaf, d\.eaf, e\.eaf and 2 more: no usable clip"):
        label_clips(listing, find_labels("raw", ""))
