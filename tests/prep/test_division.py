"""Drawn divisions: groups stay together, shares are met, and the result depends only on seed and names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sla_cli.config.settings import DivisionConfig
from sla_cli.core.clip import Clip, Source
from sla_cli.errors import SlaError
from sla_cli.prep.division import divide, name_of, unseen_of

DATA = Path("/data")
SIGNER, SENTENCE, RANDOM = (DivisionConfig(split_by=by) for by in ("signer", "sentence", "random"))  # type: ignore[arg-type]


def clip(name: str, signer: str = "ann", text: str = "A", **source: object) -> Clip:
    place = Source(DATA, **{"path": f"{name}.mp4", **source})  # type: ignore[arg-type]
    return Clip(name, "train", signer, tuple(text.split()), place)


def splits(clips: Sequence[Clip], wanted: DivisionConfig, profile: str = "none") -> dict[str, str]:
    divided, skipped = divide(clips, wanted, profile)
    assert [one.id for one in divided] == [one.id for one in clips if one.id not in skipped], "in the order as listed"
    assert [replace(one, split="train") for one in divided] == [one for one in clips if one.id not in skipped]
    return {one.id: one.split for one in divided}


def key(one: Clip, split_by: str) -> str:
    return {"signer": one.signer, "sentence": " ".join(one.glosses), "random": one.id}[split_by]


CLIPS = st.lists(
    st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("ABCDEFGHIJ")), min_size=12, max_size=60
).map(lambda rows: [clip(f"c{number}", signer, text) for number, (signer, text) in enumerate(rows)])
BY = st.sampled_from(["signer", "sentence", "random"])
SEEDS = st.integers(0, 2**64 - 1)
SHARES = st.sampled_from([(80.0, 10.0, 10.0), (0.8, 0.2), (1.0, 1.0, 1.0), (5.0, 0.0, 5.0), (0.0, 1.0)])


@given(CLIPS, BY, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_groups_are_whole_shares_are_met_and_the_listing_does_not_matter(
    clips: list[Clip], by: str, shares: tuple[float, ...], seed: int, random: object
) -> None:
    wanted = DivisionConfig(by, shares, split_seed=seed)  # type: ignore[arg-type]
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
    whole, parts = len(clips), Counter(next(iter(names)) for names in where.values())
    for split, share in full.items():
        over = sizes[split] - whole * share / sum(full.values())
        assert over < max(groups.values()) or parts[split] == 1, "more than its last group could have brought"
    shuffled = list(clips)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    moved = [replace(one, source=replace(one.source, root=Path("/mnt/elsewhere"))) for one in shuffled]
    assert splits(moved, wanted) == found


@given(CLIPS, BY, st.integers(3, 6), SEEDS)
def test_over_all_folds_every_clip_is_in_test_once_and_in_dev_once(
    clips: list[Clip], by: str, folds: int, seed: int
) -> None:
    groups = Counter(key(one, by) for one in clips)
    assume(len(groups) >= folds)
    tests, devs = Counter[str](), Counter[str]()
    previous: set[str] = set()
    for part in range(folds, 0, -1):
        found = splits(clips, DivisionConfig(by, fold=f"{part}/{folds}", split_seed=seed))  # type: ignore[arg-type]
        assert len({(key(one, by), found[one.id]) for one in clips}) == len(groups)
        test, dev = ({name for name, split in found.items() if split == wanted} for wanted in ("test", "dev"))
        tests.update(test)
        devs.update(dev)
        assert not previous or dev == previous, "dev is the fold after it"
        previous = test
        assert test and dev and len(test) + len(dev) < len(clips)
    assert tests == devs == Counter(one.id for one in clips)


def test_shares_of_many_clips_are_exact_and_seeds_differ() -> None:
    clips = [clip(f"c{number}") for number in range(1000)]
    found = [splits(clips, replace(RANDOM, split_seed=seed)) for seed in (0, 0, 1)]
    assert Counter(found[0].values()) == {"train": 800, "dev": 100, "test": 100}
    assert found[0] == found[1]
    test = [{name for name, split in one.items() if split == "test"} for one in found]
    assert len(test[0] & test[2]) < 40, "another seed draws other clips"
    numbers = sorted(int(name[1:]) for name in test[0])
    assert 400 < sum(numbers) / len(numbers) < 600, "drawn from the whole listing"


def test_the_draw_stays_what_it_is() -> None:
    """A change here makes other splits of everybody's corpora under the same name."""
    signers = splits([clip(f"{signer}{n}", signer) for signer in "abcdefgh" for n in range(4)], SIGNER)
    assert {split: [s for s in "abcdefgh" if signers[f"{s}0"] == split] for split in ("dev", "test")} == {
        "dev": ["h"],
        "test": ["d"],
    }


def test_signers_of_unequal_size() -> None:
    rows = {"a": 40, "b": 30, "c": 20, "d": 10}
    clips = [clip(f"{signer}{n}", signer) for signer, count in rows.items() for n in range(count)]
    for seed in range(20):
        sizes = Counter(splits(clips, replace(SIGNER, split_seed=seed)).values())
        assert sizes["train"] == 70, "the nearest to 80 that leaves a signer each for dev and test"
        assert {sizes["dev"], sizes["test"]} == {10, 20}


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
    found = Counter(splits(clips, replace(SIGNER, split_seed=seed)).values())
    assert off([found[split] for split in ("train", "dev", "test")]) <= best + max(sizes)


def test_sentences_are_equal_that_are_scored_as_equal() -> None:
    texts = ["loc-NORD REGEN", "NORD REGEN", "__EMOTION__ NORD REGEN", "SUED", "WEST", "OST"]
    clips = [clip(f"c{number}", text=text) for number, text in enumerate(texts)]
    for seed in range(20):
        found = splits(clips, replace(SENTENCE, split_seed=seed), "phoenix2014")
        assert found["c0"] == found["c1"] == found["c2"]
    raw = [splits(clips, replace(SENTENCE, split_seed=seed), "none") for seed in range(20)]
    assert any(len({found["c0"], found["c1"], found["c2"]}) > 1 for found in raw)


@pytest.mark.parametrize("wanted", [RANDOM, SENTENCE])
def test_clips_that_show_the_same_moment_stay_together(wanted: DivisionConfig) -> None:
    """d spans b and c, which do not touch; a ends where b begins; e has no end."""
    times = {"a": (0.0, 2.0), "b": (2.0, 4.0), "c": (5.0, 6.0), "d": (3.0, 5.5), "e": (9.0, None), "f": (20.0, 21.0)}
    names = "fedcba"
    clips = [clip(name, text=name, path="long.mp4", start=times[name][0], end=times[name][1]) for name in names]
    clips += [clip(f"x{n}", text=f"X{n}", path=f"{n}.mp4", start=0.0, end=9.0) for n in range(4)]
    apart = set()
    for seed in range(40):
        found = splits(clips, replace(wanted, split_seed=seed))
        assert found["b"] == found["c"] == found["d"]
        assert found["e"] == found["f"]
        apart |= {found["a"] != found["b"], found["x0"] != found["x1"]}
    assert apart == {True, False}, "others are drawn one by one"


def test_two_names_of_whole_recordings_of_one_file_stay_together() -> None:
    clips = [clip("one", path="v.mp4"), clip("two", path="v.mp4"), *(clip(f"c{n}") for n in range(6))]
    for seed in range(20):
        found = splits(clips, replace(RANDOM, split_seed=seed))
        assert found["one"] == found["two"]


def test_clips_without_glosses_are_reported_and_not_divided() -> None:
    clips = [*(clip(f"c{n}") for n in range(5)), clip("new", text="", signer="")]
    for wanted in (replace(SIGNER, shares=(1.0, 0.0)), RANDOM):
        divided, skipped = divide(clips, wanted, "none")
        assert "new" not in {one.id for one in divided}
        assert list(skipped) == ["new"]
        assert "no glosses" in skipped["new"]
    with pytest.raises(SlaError, match="none of 1 clip has glosses"):
        divide(clips[-1:], RANDOM, "none")


def test_no_division_leaves_the_corpuss_own() -> None:
    clips = [clip("a"), replace(clip("b", text=""), split="test")]
    assert divide(clips, DivisionConfig(), "none") == (clips, {})


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (SIGNER, "2 signers cannot fill train, dev, test: nothing would be left for test"),
        (
            replace(SENTENCE, shares=(1, 1)),
            "1 different sentence cannot fill train, dev: nothing would be left for dev",
        ),
        (replace(SIGNER, fold="1/3"), "--fold 1/3: 2 signers cannot fill 3 folds"),
        (replace(RANDOM, fold="0/5"), "--fold '0/5' is not a fold"),
        (replace(RANDOM, fold="6/5"), "--fold '6/5' is not a fold"),
        (replace(RANDOM, fold="1/2"), "--fold '1/2' is not a fold"),
        (replace(RANDOM, fold="2 of 5"), "--fold '2 of 5' is not a fold"),
        (replace(RANDOM, fold="1/5", shares=(90.0, 10.0)), "--fold makes parts of equal size"),
        (replace(RANDOM, shares=(0.0, 0.0)), "--shares 0,0 does not define a division"),
        (replace(RANDOM, shares=(90.0, -10.0)), "--shares 90,-10 does not define a division"),
        (replace(RANDOM, shares=(100.0,)), "--shares 100 does not define a division"),
        (replace(RANDOM, shares=(1.0, 1.0, 1.0, 1.0)), "--shares 1,1,1,1 does not define a division"),
        (replace(RANDOM, shares=(1.0, float("nan"))), "--shares 1,nan does not define a division"),
        (DivisionConfig(fold="1/5"), "have no effect without --split-by"),
        (DivisionConfig(split_seed=3), "have no effect without --split-by"),
    ],
)
def test_what_is_no_division_is_refused(wanted: DivisionConfig, message: str) -> None:
    clips = [clip("a", "ann"), clip("b", "ann"), clip("c", "bob"), clip("d", "bob"), clip("e", "bob")]
    with pytest.raises(SlaError) as caught:
        divide(clips, wanted, "none")
    assert message in caught.value.message
    assert caught.value.hint


def test_signers_that_are_not_known_are_counted_and_named() -> None:
    clips = [clip("a", "ann"), *(clip(f"b{n}", "") for n in range(7))]
    with pytest.raises(SlaError, match=r"the signer of 7 of 8 clips is not known: b0, b1, b2, b3, b4 and 2 more"):
        divide(clips, SIGNER, "none")


@pytest.mark.parametrize(
    ("wanted", "name", "unseen"),
    [
        (DivisionConfig(), "", ""),
        (SIGNER, "signer-80-10-10", "signers"),
        (replace(SENTENCE, shares=(0.8, 0.2)), "sentence-0.8-0.2", "sentences"),
        (replace(SIGNER, fold="2/5"), "signer-2of5", "signers"),
        (replace(RANDOM, split_seed=7), "random-80-10-10-seed7", ""),
        (replace(RANDOM, fold="1/3", split_seed=7), "random-1of3-seed7", ""),
    ],
)
def test_names_and_promises(wanted: DivisionConfig, name: str, unseen: str) -> None:
    assert (name_of(wanted), unseen_of(wanted)) == (name, unseen)
