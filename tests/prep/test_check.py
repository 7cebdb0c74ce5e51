"""What `check_store` finds in stores that have one fault each, and in the real tables of Phoenix2014."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from clip_store import bytes_only, clip, make_store
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.prep.check import check_store
from sla_cli.prep.checks.figures import histogram
from sla_cli.prep.checks.finding import Finding
from sla_cli.prep.checks.sizes import check_sizes, published_counts
from sla_cli.prep.corpora.isharah import UNSEEN
from sla_cli.prep.left_out import left_out_reason
from sla_cli.store.content import EncodedClip
from sla_cli.store.division import Division, write_division
from sla_cli.store.store import Store

TRAIN = [clip("t1", "A B", signer="ann"), clip("t2", "B C C", 16, signer="bob")]
DEV = [clip("d1", "C A", signer="cem")]


def found(store: Path, about: str, stride: int = 4) -> list[Finding]:
    """The findings about a question. That nothing else is a problem is checked too."""
    report = check_store(store, stride=stride)
    assert {one.about for one in report.problems} <= {about}, report.problems
    return [one for one in report.findings if one.about == about]


def test_a_good_store_has_no_problems(tmp_path: Path) -> None:
    report = check_store(make_store(tmp_path / "store", {"train": TRAIN, "dev": DEV}), stride=4, deep=True, jobs=1)
    assert report.findings == ()
    train = report.splits["train"]
    assert (train.clips, train.published, train.signers, train.frames) == (2, None, 2, 28)
    assert (train.glosses, train.distinct, train.sentences, train.unknown) == (5, 3, 2, 0)
    assert (train.frame_range, train.gloss_range) == ((12, 14.0, 16), (2, 2.5, 3))
    assert train.hours == pytest.approx(28 / 25 / 3600)


def test_clips_of_a_division_that_the_store_lacks(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": DEV})
    for name, splits in (("some", {"t1": "train", "gone": "dev"}), ("none", {"gone": "train"}), ("empty", {})):
        write_division(store, Division(name, splits))
    assert [
        one.problem for one in check_store(Path(f"{store}:some"), stride=4).findings if one.about == "division"
    ] == [False]
    (finding,) = check_store(Path(f"{store}:none"), stride=4).problems
    assert (finding.about, finding.clips) == ("division", ("gone",))
    assert [one.message for one in check_store(Path(f"{store}:empty"), stride=4).problems] == [
        "division empty lists no clip"
    ]
    with pytest.raises(SlaError, match="has no split 'train'") as caught:
        Store(Path(f"{store}:none"))["train"]
    assert caught.value.hint == "It holds none of the clips of its division."


def test_shards_are_one_split(tmp_path: Path) -> None:
    clips = {"train": [clip(f"t{number}", "A B", signer="ann") for number in range(5)]}
    whole = check_store(make_store(tmp_path / "whole", clips), stride=4, deep=True, jobs=1)
    cut = check_store(make_store(tmp_path / "cut", clips, shards=2), stride=4, deep=True, jobs=1)
    assert cut == replace(whole, store=tmp_path / "cut")


@pytest.mark.parametrize(
    ("corpus", "division", "counts"),
    [
        ("phoenix2014", "multisigner", {"train": 5672, "dev": 540, "test": 629}),
        ("phoenix2014", "si5", {"train": 4376, "dev": 111, "test": 180}),
        ("phoenix2014t", "corpus", {"train": 7096, "dev": 519, "test": 642}),
        ("csl-daily", "corpus", {"train": 18401, "dev": 1077, "test": 1176}),
        ("isharah2000", "SI", {"train": 19500, "dev": 1950, "test": 7800}),
        ("mine", "corpus", {}),
    ],
)
def test_published_counts(corpus: str, division: str, counts: dict[str, int]) -> None:
    assert published_counts(corpus, division) == counts


def sizes(store: Path, published: dict[str, int], results: dict[str, object]) -> list[tuple[bool, str, str]]:
    opened = Store(store)
    findings = check_sizes({name: opened[name] for name in opened.splits}, published, results)
    return [(one.problem, one.split, one.message) for one in findings]


def written(clips: dict[str, int]) -> dict[str, object]:
    """Results of a receipt."""
    return {"divisions": {"corpus": {"clips": clips}}}


def test_sizes_against_published_counts_and_receipt(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": DEV})
    assert sizes(store, {"train": 2, "dev": 1}, written({"train": 2, "dev": 1})) == []
    assert sizes(store, {"train": 4, "dev": 1}, {}) == [(True, "train", "2 of the 4 clips that are published")]
    assert sizes(store, {"train": 2}, {}) == []
    assert sizes(store, {"train": 1}, {}) == [(True, "train", "2 clips, but only 1 are published")]
    assert sizes(store, {"test": 7}, {}) == [(True, "test", "the test split is missing (published: 7 clips)")]
    gone = sizes(store, {}, written({"train": 2, "dev": 3, "test": 4}))
    assert gone == [
        (True, "dev", "1 clip, but 3 were written"),
        (True, "test", "0 clips, but 4 were written"),
    ]


def test_what_the_receipt_names_explains_what_is_missing(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": DEV})
    skipped = {"skipped": {"x": "too short"}}
    assert sizes(store, {"train": 3}, skipped) == [(False, "", "1 clip was left out on purpose: too short")]
    left = {"skipped": {"x": left_out_reason("Bob"), "y": "too short"}}
    assert sizes(store, {"train": 3, "test": 1}, left)[1:] == [], "all of test, by somebody who left"
    for published, results in (({"test": 1}, skipped), ({"test": 2}, left), ({"train": 4, "test": 1}, left)):
        assert (True, "test") in [found[:2] for found in sizes(store, published, results)]
    assert sizes(store, {"train": 4}, skipped)[1:] == [(True, "train", "2 of the 4 clips that are published")]
    both = sizes(store, {"train": 4}, {**skipped, "failed": {"y": "y.png does not decode"}})
    assert [(problem, message) for problem, _, message in both] == [
        (False, "1 clip was left out on purpose: too short"),
        (True, "the frames of 1 clip could not be read, so they are missing"),
    ]


def test_empty_references(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": [*DEV, clip("d2", "")]})
    (one,) = found(store, "references")
    assert (one.problem, one.split, one.clips) == (True, "dev", ("d2",))


def test_references_that_the_clean_up_leaves_empty_are_a_problem_in_train_only(tmp_path: Path) -> None:
    cleaned = {
        "train": [*TRAIN, clip("t3", "", raw_glosses=("__PU__",))],
        "dev": [clip("d2", "", raw_glosses=("__ON__",))],
    }
    train, dev = found(make_store(tmp_path / "store", cleaned, labels="phoenix2014.v1"), "references")
    assert (train.problem, train.clips, dev.problem, dev.clips) == (True, ("t3",), False, ("d2",))
    assert "phoenix2014.v1" in train.message


def test_a_split_without_references_is_no_problem(tmp_path: Path) -> None:
    splits = {"train": TRAIN, "test": [clip("x1", "", 1), clip("x2", "", 2)]}
    report = check_store(make_store(tmp_path / "store", splits), stride=4)
    assert [(one.problem, one.about, one.split) for one in report.findings] == [(False, "references", "test")]
    assert list(report.glosses.counts) == ["train"]


@pytest.mark.parametrize(
    ("text", "frames", "stride", "short"),
    [
        ("A B", 8, 4, False),
        ("A B", 4, 4, True),
        ("A B", 5, 4, False),  # the last step may reach past the last frame
        ("A A", 8, 4, True),  # a blank has to part equal neighbours
        ("A A", 9, 4, False),
        ("A A", 9, 5, True),
        ("A B A B", 4, 1, False),
        ("A A A", 4, 1, True),
        ("A A A", 5, 1, False),
    ],
)
def test_clips_too_short_for_ctc(tmp_path: Path, text: str, frames: int, stride: int, short: bool) -> None:
    splits = {"train": [clip("t", text, frames)], "dev": [clip("d", text, frames)]}
    report = check_store(make_store(tmp_path / "store", splits), stride=stride)
    reported = [(one.problem, one.split, one.clips) for one in report.findings if one.about == "feasibility"]
    assert reported == ([(False, "train", ("t",)), (False, "dev", ("d",))] if short else [])


def test_sentences_of_train_in_dev_are_reported(tmp_path: Path) -> None:
    splits = {"train": TRAIN, "dev": [*DEV, clip("d2", "A B"), clip("d3", "A B", 14)], "test": [clip("x1", "C A")]}
    dev, test = found(make_store(tmp_path / "store", splits), "sentences")
    assert (dev.problem, dev.clips, dev.message) == (
        False,
        ("d2", "d3"),
        "2 of 3 clips (66.7 %) with the glosses of a clip of train",
    )
    assert (test.split, test.clips, test.message) == (
        "test",
        ("x1",),
        "1 of 1 clip (100.0 %) with the glosses of a clip of dev",
    )


def test_sentences_are_compared_as_they_are_scored(tmp_path: Path) -> None:
    splits = {"train": [clip("t1", "loc-NORD __PU__ REGEN", 20)], "dev": [clip("d1", "NORD REGEN")]}
    report = check_store(make_store(tmp_path / "store", splits, profile="phoenix2014"), stride=4)
    assert [one.clips for one in report.notes if one.about == "sentences"] == [("d1",)]
    assert found(make_store(tmp_path / "other", splits), "sentences") == []


@pytest.mark.parametrize("unseen", ["signers", "sentences", ""])
def test_a_division_is_held_to_its_promise(tmp_path: Path, unseen: str) -> None:
    """Unseen signers or unseen sentences; what is not promised is a note."""
    splits = {"train": TRAIN, "dev": [clip("d1", "A B", signer="Ann"), clip("d2", "C B", signer="eve")]}
    report = check_store(make_store(tmp_path / "store", splits, unseen=unseen), stride=4)
    assert {one.about for one in report.problems} == ({unseen} if unseen else set())
    assert {one.about for one in report.findings} == {"signers", "sentences"}
    assert all(one.clips == ("d1",) and one.hint for one in report.problems)
    messages = [one.message for one in report.findings if one.about == "signers"]
    assert messages == ["1 of its 2 signers in train too: Ann"]


PLANTED = {
    "signers": {"t1": "train", "t2": "dev", "t3": "dev"},
    "sentences": {"t1": "train", "t4": "test"},
    "": {"t1": "train", "t5": "dev"},
}


@pytest.mark.parametrize("unseen", PLANTED)
def test_a_planted_leak_is_found_in_each_division(tmp_path: Path, unseen: str) -> None:
    """By default in all of them; with a name in that one only. t5 has the frames of t1."""
    clips = [clip("t1", "A B", signer="ann", seed=1), clip("t2", "B C C", 16, signer="bob")]
    clips += [clip("t3", "C", signer="ann"), clip("t4", "A B", 14, signer="eve"), clip("t5", "A C", signer="x", seed=1)]
    store = make_store(tmp_path / "store", {"train": clips}, results={"divisions": {"corpus": {}}})
    for name, splits in (("leaking", PLANTED[unseen]), ("good", {"t1": "train", "t2": "dev"})):
        write_division(store, Division(name, splits, unseen))
    [problem] = check_store(store, stride=4).problems
    [named] = check_store(Path(f"{store}:leaking"), stride=4).problems
    assert problem.about == named.about == (unseen or "recordings")
    assert problem.message == f"in division leaking, {named.message}"
    assert problem.clips == named.clips
    assert check_store(Path(f"{store}:good"), stride=4).problems == ()


def test_one_recording_under_two_names(tmp_path: Path) -> None:
    train = [*TRAIN, clip("same", "B A", seed=1), clip("again", "B", seed=1)]
    within = found(make_store(tmp_path / "within", {"train": train}), "recordings")
    assert [(one.problem, one.clips) for one in within] == [(False, ("again", "same"))]
    twice = [clip(name, text, seed=2, source=f"{name}.mp4", stamp="2") for name, text in (("d1", "C A"), ("x1", "C B"))]
    splits = {"train": TRAIN, "dev": twice[:1], "test": twice[1:]}
    across = found(make_store(tmp_path / "across", splits), "recordings")
    assert [(one.problem, one.clips) for one in across] == [(True, ("d1", "x1"))]


def test_glosses_that_train_lacks(tmp_path: Path) -> None:
    splits = {"train": TRAIN, "dev": [clip("d1", "X A X Y"), clip("d2", "C A")]}
    store = make_store(tmp_path / "store", splits)
    (one,) = found(store, "vocabulary")
    assert (one.problem, one.split, one.clips) == (False, "dev", ("d1",))
    assert one.message.startswith("3 of 6 glosses (50.0 %) do not occur in train; ")
    assert one.message.endswith(": X (2), Y")
    dev = check_store(store, stride=4).splits["dev"]
    assert (dev.unknown, dev.distinct_unknown) == (3, 2)


def test_glosses_that_only_look_alike(tmp_path: Path) -> None:
    composed, apart = "f\u00fcr", "fu\u0308r"
    (one,) = found(make_store(tmp_path / "store", {"train": [clip("t", f"{composed} {apart} A", 20)]}), "vocabulary")
    assert one.message == f"1 pair of glosses that look equal but differ in their Unicode form: {composed}"


def test_frame_rates(tmp_path: Path) -> None:
    odd = [clip("t3", "A", fps=50.0), clip("t4", "B", fps=0.0), clip("t5", "C", fps=24.9)]
    unknown, other = found(make_store(tmp_path / "store", {"train": [*TRAIN, *odd]}), "rate")
    assert (unknown.problem, unknown.clips) == (False, ("t4",))
    assert (other.problem, other.clips) == (False, ("t3",))
    assert other.message == "1 of 5 clips (20.0 %) with 50 frames per second, not 25"


def test_a_split_of_unknown_frame_rate_is_reported_once(tmp_path: Path) -> None:
    clips = [clip("t1", "A", fps=0.0), clip("t2", "B", fps=0.0), clip("t3", "C", fps=25.0)]
    store = make_store(tmp_path / "store", {"train": clips})
    assert [one.clips for one in found(store, "rate")] == [("t1", "t2")]
    assert check_store(store, stride=4).splits["train"].hours == pytest.approx(36 / 25 / 3600)


def test_splits_of_different_frame_rates(tmp_path: Path) -> None:
    """Containers round the same rate in several ways."""
    make_store(tmp_path / "store", {"train": TRAIN, "dev": [clip("d1", "C A", fps=25.01)]})
    assert not found(tmp_path / "store", "rate")
    make_store(tmp_path / "store", {"train": TRAIN, "dev": [clip("d1", "C A", fps=0.0)]})
    assert [one.problem for one in found(tmp_path / "store", "rate")] == [False], "unknown is not another rate"
    make_store(tmp_path / "store", {"train": TRAIN, "dev": [clip("d1", "C A", fps=30.0)]})
    (one,) = found(tmp_path / "store", "rate")
    assert (one.problem, one.message) == (True, "splits differ in frames per second: train 25, dev 30")


@given(st.dictionaries(st.sampled_from(["train", "dev", "test"]), st.lists(st.integers(0, 5000)), min_size=1))
def test_a_histogram_counts_each_clip_once_in_the_bin_it_belongs_to(lengths: dict[str, list[int]]) -> None:
    drawn = histogram(lengths)
    for split, part in lengths.items():
        assert list(drawn.counts[split]) == [sum(low <= length <= high for length in part) for low, high in drawn.bins]
        assert sum(drawn.counts[split]) == len(part)
    assert all(high + 1 == low for (_, high), (low, _) in zip(drawn.bins, drawn.bins[1:], strict=False))
    assert len(drawn.bins) <= 12


def test_phoenix2014_at_full_size(tmp_path: Path, shared: Path) -> None:
    """The real tables and lengths; the figures are those published for the corpus."""
    folder, rules = shared / "data" / "phoenix2014", profile("phoenix2014")
    clips: dict[str, list[EncodedClip]] = {"train": [], "dev": []}
    for split, part in clips.items():
        with (folder / f"{split}.num_frames.tsv").open(encoding="utf-8") as file:
            frames = {row["id"]: int(row["frames"]) for row in csv.DictReader(file, delimiter="\t")}
        for line in (folder / f"{split}.corpus.csv").read_text(encoding="utf-8").splitlines()[1:]:
            name, _, signer, annotation = line.split("|")
            raw = tuple(annotation.split())
            glosses = rules.training(raw)
            part.append(bytes_only(name, glosses, frames[name], signer=signer, raw_glosses=raw))
    report = check_store(
        make_store(tmp_path / "store", clips, corpus="phoenix2014", division="multisigner", profile="phoenix2014"),
        stride=4,
    )
    train, dev = report.splits["train"], report.splits["dev"]
    assert (train.clips, train.frames, train.signers, train.distinct) == (5672, 799_006, 9, 1080)
    assert (dev.clips, dev.frames) == (540, 75_186)
    assert (train.frame_range[0], train.frame_range[2]) == (16, 299)
    assert [(one.about, one.split) for one in report.problems] == [("sizes", "test")]
    (short,) = (one for one in report.notes if one.about == "feasibility" and one.split == "train")
    assert short.clips == ("13April_2011_Wednesday_tagesschau_default-14",)
    first = clips["train"][0]
    clips["train"][0] = replace(
        first, frames=replace(first.frames, data=first.frames.data[:-4], sizes=first.frames.sizes[:-4])
    )
    report = check_store(
        make_store(tmp_path / "cut", clips, corpus="phoenix2014", division="multisigner", profile="phoenix2014"),
        stride=4,
    )
    (cut,) = (one for one in report.problems if one.about == "frames")
    assert cut.message == "799,002 frames, 799,006 are published"
    (leaked,) = (one for one in report.notes if one.about == "sentences")
    assert 0.005 < len(leaked.clips) / 540 < 0.008


@pytest.mark.parametrize(("division", "dev_signers", "shared_share"), [("SI", 1, 0.98), ("US", 11, 0.0)])
def test_the_divisions_of_isharah_keep_their_promises(
    tmp_path: Path, shared: Path, division: str, dev_signers: int, shared_share: float
) -> None:
    splits = {}
    for split in ("train", "dev"):
        table = (shared / "data" / "isharah1000" / division / f"{split}.txt").read_text(encoding="utf-8-sig")
        rows = [line.split("|") for line in table.splitlines()[1:] if line.strip()]
        splits[split] = [
            bytes_only(name, glosses.split(), 8 * len(glosses.split()), signer=name.split("_")[0])
            for name, glosses, *_ in rows
        ]
    store = make_store(tmp_path / "store", splits, corpus="isharah1000", division=division, unseen=UNSEEN[division])
    report = check_store(store, stride=4)
    assert report.problems == ()
    assert report.splits["dev"].signers == dev_signers
    leaked = sum(len(one.clips) for one in report.notes if one.about == "sentences")
    assert leaked / report.splits["dev"].clips == pytest.approx(shared_share, abs=0.005)
