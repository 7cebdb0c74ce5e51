"""Several stores as one: nothing of a clip is lost, ids stay apart, frames are used or copied."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from clip_store import clip, make_store
from typer.testing import CliRunner

from sla_cli.artifact.receipt import read_receipt
from sla_cli.cli.main import app
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.check import check_store
from sla_cli.prep.merge import merge_stores
from sla_cli.store.store import Store

A = {
    "train": [clip("t1", "A B", signer="ann"), clip("t2", "B C", 16, signer="bob")],
    "dev": [clip("d1", "C A", signer="cem")],
}
B = {
    "train": [clip("t1", "B D", seed=5, signer="ann"), clip("u2", "E", 9, translation="ein Satz", note="frame 3")],
    "test": [clip("x1", "D", 10)],
}


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Path, Path]:
    return make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, shards=2)


@pytest.mark.parametrize("copy", [False, True])
def test_all_clips_of_all_stores(stores: tuple[Path, Path], tmp_path: Path, copy: bool) -> None:
    result = merge_stores(stores, tmp_path / "c", copy=copy)
    assert (result.clips, result.vocabulary) == ({"train": 4, "dev": 1, "test": 1}, 5)
    merged = Store(tmp_path / "c")
    assert merged.vocabulary == ("A", "B", "C", "D", "E")
    assert merged["train"].ids == ["a-t1", "t2", "b-t1", "u2"]
    assert result.renamed == ["t1"]
    for store, ids in ((stores[0], {"t1": "a-t1", "t2": "t2"}), (stores[1], {"t1": "b-t1", "u2": "u2"})):
        for old, new in ids.items():
            one, two = Store(store)["train"][old], merged["train"][new]
            assert (one.signer, one.glosses, one.raw_glosses, one.translation, one.fps) == (
                two.signer,
                two.glosses,
                two.raw_glosses,
                two.translation,
                two.fps,
            )
            assert np.array_equal(one.frames(), two.frames())
            assert one.raw().data.tobytes() == two.raw().data.tobytes()
    assert merged["train"].files[0].notes == ["", "", "", "frame 3"]
    assert check_store(tmp_path / "c", stride=4, deep=True, jobs=1).problems == ()
    shutil.rmtree(stores[1])
    if copy:
        assert len(merged["test"][0].frames()) == 10
    else:
        with pytest.raises(FormatError, match=r"uses frames of .*b.test-0000.h5, which cannot be read"):
            Store(tmp_path / "c")["test"][0].frames()


def test_what_it_was_made_of_is_recorded(stores: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "c"
    merge_stores(stores, out)
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.inputs == {f"{p.name}/{s}": Store(p)[s].digest for p in stores for s in Store(p).splits}
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    merge_stores(stores, out)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    other = make_store(tmp_path / "other", A)
    with pytest.raises(SlaError, match="was made with other settings or inputs"):
        merge_stores([other, stores[1]], out)
    merge_stores([other, stores[1]], out, force=True)
    assert Store(out)["train"].ids[0] == "other-t1"


def test_people_of_different_corpora_stay_apart(tmp_path: Path) -> None:
    one, two = make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, corpus="yours")
    merge_stores([one, two], tmp_path / "c")
    split = Store(tmp_path / "c")["train"]
    assert (split.corpus, split.signers) == ("mine+yours", ["a-ann", "a-bob", "b-ann", ""])


def test_a_split_without_references_is_not_mixed_with_one_that_has_some(tmp_path: Path) -> None:
    one = make_store(tmp_path / "a", {**A, "test": [clip("x0", "")]}, annotated=("train", "dev"))
    result = merge_stores([one, make_store(tmp_path / "b", B)], tmp_path / "c")
    assert result.skipped == {"x0": "test of a has no references, but that of b has"}
    assert Store(tmp_path / "c")["test"].ids == ["x1"]


@pytest.mark.parametrize(
    ("header", "message"),
    [({"fit": "pad"}, "fit is 'squash' in a and 'pad' in b"), ({"labels": "phoenix2014.v1"}, "labels is 'raw' in a")],
)
def test_stores_that_one_model_cannot_take(tmp_path: Path, header: dict[str, str], message: str) -> None:
    one, two = make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, **header)
    with pytest.raises(SlaError, match=message) as caught:
        merge_stores([one, two], tmp_path / "c")
    assert "sla prep" in caught.value.hint
    assert not (tmp_path / "c").exists()


def test_one_store_twice_and_a_store_into_itself(stores: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="2 stores to merge, 1 of them different"):
        merge_stores([stores[0], stores[0]], tmp_path / "c")
    with pytest.raises(SlaError, match="nothing to merge it with"):
        merge_stores(stores[:1], tmp_path / "c")
    with pytest.raises(SlaError, match="would be made from itself"):
        merge_stores(stores, stores[0])


@pytest.mark.parametrize("copy", [False, True])
def test_a_store_is_not_replaced_by_what_takes_its_frames(tmp_path: Path, copy: bool) -> None:
    base, other = make_store(tmp_path / "base", A), make_store(tmp_path / "other", B)
    merge_stores([base, other], tmp_path / "one")
    merge_stores([tmp_path / "one", make_store(tmp_path / "third", {"dev": [clip("z", "A")]})], tmp_path / "two")
    for path in (tmp_path / "one", tmp_path / "two"):
        with pytest.raises(SlaError, match=r"base would be made from .*, which uses its frames"):
            merge_stores([path, other], base, copy=copy, force=True)
    assert [one.raw().id for split in A for one in Store(base)[split]] == ["t1", "t2", "d1"]


def test_a_merged_store_that_moved_alone_is_made_again(stores: tuple[Path, Path], tmp_path: Path) -> None:
    merge_stores(stores, tmp_path / "c")
    (tmp_path / "far" / "away").mkdir(parents=True)
    moved = (tmp_path / "c").rename(tmp_path / "far" / "away" / "c")
    with pytest.raises(FormatError, match="which cannot be read"):
        Store(moved)["train"][0].frames()
    merge_stores(stores, moved)
    assert len(Store(moved)["train"][0].frames()) == len(A["train"][0].sizes)


def test_a_file_that_is_no_stores_is_not_replaced(stores: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "dev.h5").write_text("mine")
    with pytest.raises(SlaError, match=r"dev\.h5 exists and is not a file of a store"):
        merge_stores(stores, tmp_path / "c")
    assert (tmp_path / "c" / "dev.h5").read_text() == "mine"
    assert merge_stores(stores, tmp_path / "c", force=True).clips["dev"] == 1


def test_a_new_name_that_another_clip_has(tmp_path: Path) -> None:
    a, b = (
        make_store(tmp_path / "a", {"train": [clip("x", "A")]}),
        make_store(tmp_path / "b", {"train": [clip("x", "A"), clip("a-x", "B")], "dev": [clip("x", "A")]}),
    )
    assert merge_stores([a, b], tmp_path / "c").renamed == ["a-x", "x"]
    assert Store(tmp_path / "c")["train"].ids == ["a-x", "b-x", "b-a-x"]
    ab = make_store(tmp_path / "a-b", {"train": [clip("x", "A")]})
    third = make_store(tmp_path / "third", {"train": [clip("x", "A"), clip("b-x", "A")]})
    twice = make_store(tmp_path / "a", {"train": [clip("x", "A"), clip("b-x", "A")]})
    with pytest.raises(SlaError, match="ids cannot be made unique: a-b-x"):
        merge_stores([ab, third, twice], tmp_path / "d")


def test_the_command(stores: tuple[Path, Path], tmp_path: Path) -> None:
    work = str(tmp_path / "work")
    answer = CliRunner().invoke(app, ["merge", *map(str, stores), "--work", work, "--json", "-q"])
    facts = json.loads(answer.stdout)
    assert (answer.exit_code, facts["clips"]) == (0, {"train": 4, "dev": 1, "test": 1})
    assert Store(tmp_path / "work" / "stores" / "a+b")["dev"].ids == ["d1"]
    answer = CliRunner().invoke(app, ["merge", *map(str, stores), "-o", str(tmp_path / "c"), "--copy"])
    assert answer.stdout.splitlines() == [
        f"store {tmp_path / 'c'}, clips: train 4, dev 1, test 1",
        "glosses: 5 in train",
        "renamed: 1 id that several stores have, to STORE-ID",
    ]
    assert CliRunner().invoke(app, ["merge", str(stores[0])]).exit_code == 2
