"""Drawn divisions: groups stay together, shares are met, and the result depends only on seed and names."""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from clip_store import bytes_only, make_store
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sla_cli.config.settings import DivisionConfig
from sla_cli.errors import SlaError
from sla_cli.prep.draw_division import description, draw, name_of
from sla_cli.store.content import EncodedClip
from sla_cli.store.store import Store

SIGNER, SENTENCE, RANDOM = (DivisionConfig(by) for by in ("signer", "sentence", "random"))  # type: ignore[arg-type]


def clip(name: str, signer: str = "ann", text: str = "A", source: str = "") -> EncodedClip:
    return bytes_only(name, text.split(), 8, signer=signer, source=source or f"{name}.mp4")


def store_of(clips: Iterable[EncodedClip], **header: str) -> Store:
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder), {"train": clips}, **header)
        return Store(folder)  # its files stay open


def splits(clips: Iterable[EncodedClip], wanted: DivisionConfig, **header: str) -> dict[str, str]:
    return dict(draw(store_of(clips, **header).clips, wanted, "x").splits)


def key(one: EncodedClip, by: str) -> str:
    return {"signer": one.signer.casefold(), "sentence": " ".join(one.glosses), "random": one.id}[by]


CLIPS = st.lists(
    st.tuples(st.sampled_from("abcdefghABCDijkl"), st.sampled_from("ABCDEFGHIJ")), min_size=12, max_size=60
).map(lambda rows: [clip(f"c{number}", signer, text) for number, (signer, text) in enumerate(rows)])
BY = st.sampled_from(["signer", "sentence", "random"])
SEEDS = st.integers(0, 2**63)
SHARES = st.sampled_from([(80.0, 10.0, 10.0), (0.8, 0.2), (1.0, 1.0, 1.0), (5.0, 0.0, 5.0), (0.0, 1.0)])


@settings(deadline=None, max_examples=10)
@given(CLIPS, BY, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_groups_are_whole_shares_are_met_and_the_order_does_not_matter(
    clips: list[EncodedClip], by: str, shares: tuple[float, ...], seed: int, random: object
) -> None:
    wanted = DivisionConfig(by, shares, seed=seed)  # type: ignore[arg-type]
    groups = Counter(key(one, by) for one in clips)
    full = {split: share for split, share in zip(("train", "dev", "test"), shares, strict=False) if share}
    assume(len(groups) >= len(full))
    found = splits(clips, wanted)
    where = defaultdict(set)
    for one in clips:
        where[key(one, by)].add(found[one.id])
    assert all(len(names) == 1 for names in where.values()), "a group is in two splits"
    sizes = Counter(found.values())
    assert set(sizes) == set(full), "no split that has a share is empty"
    parts = Counter(next(iter(names)) for names in where.values())
    for split, share in full.items():
        over = sizes[split] - len(clips) * share / sum(full.values())
        assert over < max(groups.values()) or parts[split] == 1, "more than its last group could have brought"
    shuffled = list(clips)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert splits(shuffled, wanted) == found


@settings(deadline=None, max_examples=10)
@given(CLIPS, BY, st.integers(3, 6), SEEDS)
def test_over_all_folds_every_clip_is_once_in_test_and_once_in_dev(
    clips: list[EncodedClip], by: str, folds: int, seed: int
) -> None:
    groups = Counter(key(one, by) for one in clips)
    assume(len(groups) >= folds)
    store = store_of(clips).clips
    tests, devs = Counter[str](), Counter[str]()
    previous: set[str] = set()
    for part in range(folds, 0, -1):
        wanted = DivisionConfig(by, fold=f"{part}/{folds}", seed=seed)  # type: ignore[arg-type]
        found = draw(store, wanted, "x").splits
        assert len({(key(one, by), found[one.id]) for one in clips}) == len(groups)
        test, dev = ({name for name, split in found.items() if split == wanted} for wanted in ("test", "dev"))
        tests.update(test)
        devs.update(dev)
        assert not previous or dev == previous, "dev is the fold after it"
        previous = test
        assert test and dev and len(test) + len(dev) < len(clips)
    assert tests == devs == Counter(one.id for one in clips)


@settings(deadline=None, max_examples=10)
@given(CLIPS, CLIPS, BY, SEEDS)
def test_a_continued_division_moves_no_clip_and_leaves_out_none(
    before: list[EncodedClip], added: list[EncodedClip], by: str, seed: int
) -> None:
    """Known groups stay; new ones fill the splits that lack most; two stores of the same clips are divided alike."""
    wanted = DivisionConfig(by, seed=seed)  # type: ignore[arg-type]
    assume(len({key(one, by) for one in before}) >= 3)
    clips = [*before, *(clip(f"new-{one.id}", one.signer, " ".join(one.glosses)) for one in added)]
    old = splits(before, wanted)
    found = dict(draw(store_of(clips).clips, wanted, "x", old).splits)
    assert old.items() <= found.items()
    assert found.keys() == {one.id for one in clips}
    where = defaultdict(set)
    for one in clips:
        where[key(one, by)].add(found[one.id])
    assert all(len(names) == 1 for names in where.values()), "a group is in two splits"


def test_new_signers_go_where_clips_are_missing() -> None:
    """To dev, which has fewer than its share since the signers of train and test got more clips."""
    old = {"a0": "train", "b0": "dev", "c0": "test"}
    grown = [clip(f"a{n}", "a") for n in range(8)] + [clip(f"c{n}", "c") for n in range(8)] + [clip("b0", "b")]
    for seed in range(5):
        new = [*grown, clip("x0", "x"), clip("y0", "y")]
        found = draw(store_of(new).clips, DivisionConfig("signer", (1, 1, 1), seed=seed), "x", old).splits
        assert found == {one.id: {"a": "train", "c": "test"}.get(one.signer, "dev") for one in new}


def test_shares_of_many_clips_are_exact_and_seeds_differ() -> None:
    store = store_of(clip(f"c{number}") for number in range(1000)).clips
    found = [draw(store, replace(RANDOM, seed=seed), "x").splits for seed in (0, 0, 1)]
    assert Counter(found[0].values()) == {"train": 800, "dev": 100, "test": 100}
    assert found[0] == found[1]
    test = [{name for name, split in one.items() if split == "test"} for one in found]
    assert len(test[0] & test[2]) < 40, "another seed draws other clips"
    numbers = sorted(int(name[1:]) for name in test[0])
    assert 400 < sum(numbers) / len(numbers) < 600, "drawn from the whole store"


def test_the_draw_stays_as_it_is() -> None:
    """A change here makes other splits of everybody's corpora under the same name."""
    signers = splits([clip(f"{signer}{n}", signer) for signer in "abcdefgh" for n in range(4)], SIGNER)
    assert {split: [s for s in "abcdefgh" if signers[f"{s}0"] == split] for split in ("dev", "test")} == {
        "dev": ["h"],
        "test": ["d"],
    }


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 20), min_size=3, max_size=7), SEEDS)
def test_shares_are_met_nearly_as_well_as_can_be(sizes: list[int], seed: int) -> None:
    """Compared with all divisions of the groups."""
    clips = [clip(f"{number}-{n}", f"s{number}") for number, size in enumerate(sizes) for n in range(size)]
    targets = [share * len(clips) for share in (0.8, 0.1, 0.1)]

    def off(of_split: Sequence[int]) -> float:
        return sum(abs(count - target) for count, target in zip(of_split, targets, strict=True))

    best = min(
        off([sum(size for size, to in zip(sizes, chosen, strict=True) if to == split) for split in range(3)])
        for chosen in product(range(3), repeat=len(sizes))
        if set(chosen) == {0, 1, 2}
    )
    found = Counter(splits(clips, replace(SIGNER, seed=seed)).values())
    assert off([found[split] for split in ("train", "dev", "test")]) <= best + max(sizes)


def test_sentences_are_equal_if_they_are_scored_as_equal() -> None:
    texts = ["loc-NORD REGEN", "NORD REGEN", "__EMOTION__ NORD REGEN", "SUED", "WEST", "OST"]
    clips = [clip(f"c{number}", text=text) for number, text in enumerate(texts)]
    scored, raw = store_of(clips, profile="phoenix2014").clips, store_of(clips).clips
    apart = set()
    for seed in range(20):
        wanted = replace(SENTENCE, seed=seed)
        assert len({draw(scored, wanted, "x").splits[name] for name in ("c0", "c1", "c2")}) == 1
        apart.add(len({draw(raw, wanted, "x").splits[name] for name in ("c0", "c1", "c2")}) > 1)
    assert True in apart


@pytest.mark.parametrize("wanted", [RANDOM, SENTENCE])
def test_clips_of_the_same_moment_or_the_same_frames_stay_together(wanted: DivisionConfig) -> None:
    """d spans b and c, which do not touch; a ends where b begins; e has no end. copy has the frames of x0.

    all and none, without glosses, are in no split: they neither join others nor hide that others overlap.
    """
    times = {"a": "0.0-2.0", "b": "2.0-4.0", "c": "5.0-6.0", "d": "3.0-5.5", "e": "9.0-", "f": "20.0-21.0"}
    clips = [clip(name, text=name, source=f"long.mp4 {times[name]}") for name in "fedcba"]
    clips += [clip(f"x{n}", text=f"X{n}", source=f"{n}.mp4 0.0-9.0") for n in range(4)]
    clips += [replace(clips[-4], id="copy", glosses=("COPY",), source="copy.mp4")]
    clips = [clip("all", text="", source="long.mp4"), replace(clips[-1], id="none", glosses=()), *clips]
    clips += [clip("whole", text="W", source="w.mp4"), clip("again", text="V", source="w.mp4")]
    store, apart = store_of(clips).clips, set()
    for seed in range(40):
        found = draw(store, replace(wanted, seed=seed), "x").splits
        assert found["b"] == found["c"] == found["d"]
        assert (found["e"], found["copy"], found["whole"]) == (found["f"], found["x0"], found["again"])
        apart |= {found["a"] != found["b"], found["x0"] != found["x1"]}
    assert apart == {True, False}, "others are drawn one by one"


def test_clips_without_glosses_are_in_no_split() -> None:
    clips = [*(clip(f"c{n}") for n in range(5)), clip("new", text="", signer="")]
    for wanted in (replace(SIGNER, shares=(1.0, 0.0)), RANDOM):
        assert splits(clips, wanted).keys() == {f"c{n}" for n in range(5)}
    with pytest.raises(SlaError, match=r"none of 1 clip of .* has glosses"):
        splits(clips[-1:], RANDOM)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (SIGNER, "2 signers cannot fill train, dev, test: nothing would be left for test"),
        (
            replace(SENTENCE, shares=(1, 1)),
            "1 different sentence cannot fill train, dev: nothing would be left for dev",
        ),
        (replace(SIGNER, fold="1/3"), "--fold 1/3: 2 signers cannot fill 3 folds"),
        (replace(RANDOM, fold="0/5"), "--fold '0/5' is not K/N"),
        (replace(RANDOM, fold="6/5"), "--fold '6/5' is not K/N"),
        (replace(RANDOM, fold="1/2"), "--fold '1/2' is not K/N with N from 3 to 999999"),
        (replace(RANDOM, fold="1/1000000"), "--fold '1/1000000' is not K/N with N from 3 to 999999"),
        (replace(RANDOM, fold="2 of 5"), "--fold '2 of 5' is not K/N"),
        (replace(RANDOM, fold="1/5", shares=(90.0, 10.0)), "--fold makes parts of equal size"),
        (replace(RANDOM, shares=(0.0, 0.0)), "--shares 0,0 does not define a division"),
        (replace(RANDOM, shares=(90.0, -10.0)), "--shares 90,-10 does not define a division"),
        (replace(RANDOM, shares=(100.0,)), "--shares 100 does not define a division"),
        (replace(RANDOM, shares=(1.0, 1.0, 1.0, 1.0)), "--shares 1,1,1,1 does not define a division"),
        (replace(RANDOM, shares=(1.0, float("nan"))), "--shares 1,nan does not define a division"),
    ],
)
def test_divisions_that_cannot_be_drawn(wanted: DivisionConfig, message: str) -> None:
    clips = [clip("a", "ann"), clip("b", "ann"), clip("c", "bob"), clip("d", "bob"), clip("e", "bob")]
    with pytest.raises(SlaError) as caught:
        splits(clips, wanted)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "signers"),
    [
        (SIGNER, "ab"),
        (SIGNER, "a"),
        (replace(SIGNER, shares=(1, 1)), "a"),
        (replace(SIGNER, shares=(0, 50, 50)), "a"),
        (replace(SIGNER, fold="2/9"), "ab"),
        (replace(SIGNER, fold="1/3"), "a"),
    ],
)
def test_the_shares_of_a_hint_divide(wanted: DivisionConfig, signers: str) -> None:
    clips = [clip(f"{signer}{n}", signer) for signer in signers for n in range(3)]
    with pytest.raises(SlaError, match="cannot fill") as caught:
        splits(clips, wanted)
    shares = re.search(r"--shares ([\d,]+\d)", caught.value.hint)
    assert shares is not None
    found = splits(clips, replace(SIGNER, shares=tuple(map(float, shares[1].split(",")))))
    assert len(set(found.values())) == len(signers)


def test_unknown_signers_are_counted_and_named() -> None:
    clips = [clip("a", "ann"), *(clip(f"b{n}", "") for n in range(7))]
    with pytest.raises(SlaError, match=r"the signer of 7 of 8 clips is not known: b0, b1, b2, b3, b4 and 2 more"):
        splits(clips, SIGNER)


def test_folds_cannot_be_continued() -> None:
    clips = [clip(f"{signer}{n}", signer) for signer in "abcdef" for n in range(2)]
    fold = replace(SIGNER, fold="1/3")
    old = splits(clips, fold)
    assert draw(store_of([*clips, clip("a2", "a")]).clips, fold, "x", old).splits["a2"] == old["a0"]
    with pytest.raises(SlaError, match=r"1 signer of .* in no fold yet: new") as caught:
        draw(store_of([*clips, clip("n", "new")]).clips, fold, "x", old)
    assert "--force" in caught.value.hint


@pytest.mark.parametrize("wanted", [SIGNER, replace(SIGNER, fold="1/3")])
def test_a_division_that_lost_a_signer_stays_as_it_is(wanted: DivisionConfig) -> None:
    clips = [clip(f"{signer}{n}", signer) for signer in "abc" for n in range(2)]
    left = {name: split for name, split in splits(clips, wanted).items() if not name.startswith("a")}
    assert len(set(left.values())) == 2
    assert draw(store_of(clips[2:]).clips, wanted, "x", left).splits == left


def test_a_group_that_was_in_two_splits_is_not_continued() -> None:
    clips = [clip("a1", "a"), clip("a2", "a"), clip("b", "b"), clip("c", "c")]
    with pytest.raises(
        SlaError, match=r"a is in 2 splits of the division that is continued \(.* in train, .* in dev\)"
    ):
        draw(store_of(clips).clips, SIGNER, "x", {"a1": "dev", "a2": "train", "b": "test"})


@pytest.mark.parametrize(
    ("wanted", "name", "unseen", "how"),
    [
        (SIGNER, "signer-80-10-10", "signers", "by signer, shares 80,10,10, seed 0"),
        (replace(SENTENCE, shares=(0.8, 0.2)), "sentence-0.8-0.2", "sentences", "by sentence, shares 0.8,0.2, seed 0"),
        (replace(SIGNER, fold="2/5"), "signer-2of5", "signers", "by signer, fold 2/5, seed 0"),
        (replace(SIGNER, fold="02/05"), "signer-2of5", "signers", "by signer, fold 2/5, seed 0"),
        (replace(RANDOM, seed=7), "random-80-10-10-seed7", "", "by random, shares 80,10,10, seed 7"),
        (replace(RANDOM, fold="1/3", seed=7), "random-1of3-seed7", "", "by random, fold 1/3, seed 7"),
    ],
)
def test_names_and_facts_of_a_drawn_division(wanted: DivisionConfig, name: str, unseen: str, how: str) -> None:
    clips = [clip(f"{signer}{text}", signer, text) for signer in "abcdef" for text in "ABCDEF"]
    drawn = draw(store_of(clips).clips, wanted, name_of(wanted))
    assert (drawn.name, drawn.unseen, drawn.drawn) == (name, unseen, how)
    assert description(wanted) == how
