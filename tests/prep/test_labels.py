"""Training glosses: the cleaning has a name, and changes nothing of how hypotheses are scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sla_cli.artifact.table import read_table
from sla_cli.core.clip import Clip, Source, unknown_glosses
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.prep.corpus import Listing
from sla_cli.prep.labels import find_labels
from sla_cli.prep.plan import make_plan

TABLES = {
    "phoenix2014": ("phoenix2014/train.corpus.csv", "annotation", 1231, 1080),
    "phoenix2014t": ("phoenix2014t/PHOENIX-2014-T.train.corpus.csv", "orth", 1085, None),
}


def sentences(shared: Path, name: str) -> list[tuple[str, ...]]:
    path, column, _, _ = TABLES[name]
    return [tuple(row[column].split()) for row in read_table(shared / "data" / path, (column,))]


def listing(texts: list[tuple[str, ...]]) -> Listing:
    clips = [
        Clip(str(number), "train", "", text, Source(Path("/x"), str(number)), "", f"train.csv, line {number + 2}")
        for number, text in enumerate(texts)
    ]
    return Listing(clips, {"train.csv": ""}, {}, {"train"})


@pytest.mark.parametrize("name", TABLES)
def test_vocabularies_of_the_releases(shared: Path, name: str) -> None:
    """As published, and for Phoenix2014 what its own clean-up leaves of it."""
    _, _, raw, cleaned = TABLES[name]
    texts = sentences(shared, name)
    assert len(make_plan(listing(texts), find_labels("raw", "")).vocabulary) == raw
    if cleaned:
        assert len(make_plan(listing(texts), find_labels(name, "")).vocabulary) == cleaned


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
    with pytest.raises(SlaError, match="unknown cleaning 'phonix2014' of training glosses") as caught:
        find_labels("phonix2014", "")
    assert "'phoenix2014'" in caught.value.hint


def test_unknown_glosses_are_counted_as_they_run() -> None:
    assert unknown_glosses([("A", "B", "C", "B"), ("A",)], {"A"}) == {"B": 2, "C": 1}
    assert unknown_glosses([], {"A"}) == {}
    found = listing([("A",), ("A", "B", "C", "B"), ("A",)])
    found.clips[1:] = [replace(clip, split="dev") for clip in found.clips[1:]]
    found.annotated.add("dev")
    assert make_plan(found, find_labels("raw", "")).unknown == {"dev": {"missing": 3, "glosses": 5, "types": 2}}


def test_a_clip_without_glosses_is_no_training_clip() -> None:
    plan = make_plan(listing([("A",), ()]), find_labels("raw", ""))
    assert plan.skipped == {"1": "after cleaning with raw no gloss is left: none"}
    with pytest.raises(SlaError, match=r"train\.csv: no usable clip"):
        make_plan(listing([(), ()]), find_labels("raw", ""))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "val"}, "clip '0' has split 'val'; splits are train, dev, test"),
        ({"id": " "}, "clip ' ' has an empty id"),
        ({"id": "a/b"}, "clip 'a/b': an id must not contain '/'"),
        ({"id": "a\x85b"}, "an id must not contain '/', tab, NUL"),
        ({"id": "é" * 256}, "an id of 256 characters; at most 255 are allowed"),
        ({"translation": "a\0b"}, "a tab, NUL or similar character in signer, glosses or translation"),
    ],
)
def test_what_no_store_holds_is_refused_by_line(change: dict[str, str], message: str) -> None:
    found = listing([("A",)])
    found.clips[0] = replace(found.clips[0], **change)  # type: ignore[arg-type]
    with pytest.raises(SlaError) as caught:
        make_plan(found, find_labels("raw", ""))
    assert caught.value.message.startswith("train.csv, line 2: ")
    assert message in caught.value.message
