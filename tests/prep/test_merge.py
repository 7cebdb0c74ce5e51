"""Several stores as one: nothing of a clip is lost, ids stay apart, and splits share no frames."""

from __future__ import annotations

import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_store import clip, make_store
from typer.testing import CliRunner

from sla_cli.artifact.receipt import read_receipt
from sla_cli.cli.main import app
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep import merge
from sla_cli.prep.check import check_store
from sla_cli.prep.left_out import leave_out
from sla_cli.prep.merge import merge_stores
from sla_cli.store.division import Division, write_division
from sla_cli.store.left_out import read_left_out
from sla_cli.store.paths import clips_path, division_path
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import namespace

DEAD = 2**22 + 7  # no process has such a number on Linux
A = {
    "train": [clip("t1", "A B", signer="ann"), clip("t2", "B C", 16, signer="bob")],
    "dev": [clip("d1", "C A", signer="cem")],
}
B = {
    "train": [clip("t1", "B D", seed=5, signer="ann"), clip("u2", "E", 9, translation="ein Satz")],
    "test": [clip("x1", "D", 10)],
}


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Path, Path]:
    return make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, shards=2)


def test_all_clips_of_all_stores(stores: tuple[Path, Path], tmp_path: Path) -> None:
    result = merge_stores(stores, tmp_path / "c")
    [figures] = result.divisions.values()
    assert (figures.clips, figures.vocabulary, result.clips) == ({"train": 4, "dev": 1, "test": 1}, 5, 6)
    merged = Store(tmp_path / "c")
    assert merged.vocabulary == ("A", "B", "C", "D", "E")
    assert merged["train"].ids == ["a-t1", "a-t2", "b-t1", "b-u2"]
    assert result.renamed
    for store, ids in ((stores[0], {"t1": "a-t1", "t2": "a-t2"}), (stores[1], {"t1": "b-t1", "u2": "b-u2"})):
        for old, new in ids.items():
            one, two = Store(store)["train"][old], merged["train"][new]
            for fact in ("signer", "glosses", "raw_glosses", "translation", "fps"):
                assert getattr(one, fact) == getattr(two, fact)
            assert np.array_equal(one.frames(), two.frames())
            assert one.raw().frames.data.tobytes() == two.raw().frames.data.tobytes()
    shutil.rmtree(stores[1])
    assert check_store(tmp_path / "c", stride=4, deep=True, jobs=1).problems == ()


def test_the_division_that_is_named_is_taken(stores: tuple[Path, Path], tmp_path: Path) -> None:
    write_division(stores[0], Division("other", {"t1": "test", "d1": "train"}))
    result = merge_stores([Path(f"{stores[0]}:other"), stores[1]], tmp_path / "c")
    assert result.skipped == {"a-t2": "division other of a has them in no split"}
    merged = Store(tmp_path / "c")
    assert {name: merged[name].ids for name in merged.splits} == {
        "train": ["a-d1", "b-t1", "b-u2"],
        "test": ["a-t1", "b-x1"],
    }


@pytest.mark.parametrize("name", ["copy", "t1"], ids=["other-id", "same-id"])
@pytest.mark.parametrize("split", ["dev", "train"])
def test_the_same_frames_in_two_stores(
    stores: tuple[Path, Path], tmp_path: Path, split: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In different splits they are refused."""
    third = make_store(tmp_path / "third", {split: [clip(name, "Z", signer="zoe", seed=5)]})
    if split == "train":
        assert merge_stores([stores[1], third], tmp_path / "c").clips == 4
        assert f"third has clips of b in train too, such as {name}" in caplog.text
        return
    with pytest.raises(SlaError, match=rf"clip t1 of train in b is also in third, as clip {name} of dev") as caught:
        merge_stores([stores[1], third], tmp_path / "c")
    assert "sla split" in caught.value.hint
    assert not (tmp_path / "c").exists()
    (tmp_path / "c").mkdir()
    with pytest.raises(SlaError, match="clip t1 of train in b is also in third"):
        merge_stores([stores[1], third], tmp_path / "c")
    assert list((tmp_path / "c").iterdir()) == []  # a folder that somebody made stays


def test_the_same_moment_of_a_recording_in_two_stores(tmp_path: Path) -> None:
    """At another frame rate its frames differ. Two corpora may have another recording of the same name."""
    given = {
        "one": clip("one", seed=0, source="a/talk.mp4 0.0-2.0", stamp="x"),
        "same": clip("same", seed=1, fps=20.0, source="talk.mp4 1.5-3.0", stamp="x"),
        "later": clip("later", seed=2, source="talk.mp4 2.0-3.0", stamp="x"),
        "other": clip("other", seed=3, source="a/talk.mp4 0.0-2.0", stamp="y"),
    }
    for name, made in given.items():
        make_store(tmp_path / name, {"train" if name == "one" else "dev": [made]})
    with pytest.raises(SlaError, match="clip one of train in one is also in same, as clip same of dev"):
        merge_stores([tmp_path / "one", tmp_path / "same"], tmp_path / "c")
    assert merge_stores([tmp_path / name for name in ("one", "later", "other")], tmp_path / "c").clips == 3
    assert not check_store(tmp_path / "c", stride=4, deep=True, jobs=1).problems


def test_a_merge_that_lost_its_division_is_made_again(stores: tuple[Path, Path], tmp_path: Path) -> None:
    merge_stores(stores, out := tmp_path / "c")
    before = (table := division_path(out, "corpus")).read_bytes()
    table.unlink()
    with pytest.raises(FormatError, match="own division is missing"):
        Store(out)
    merge_stores(stores, out)
    assert table.read_bytes() == before


def test_a_damaged_store_is_made_again(stores: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "both"
    clips = merge_stores(stores, out).clips
    (out / "clips.h5").write_bytes((out / "clips.h5").read_bytes()[:2000])
    with pytest.raises(FormatError, match="a damaged one") as caught:
        Store(out)
    assert "`sla merge --force`" in caught.value.hint
    assert merge_stores(stores, out, force=True).clips == len(Store(out).clips) == clips


def test_a_division_that_somebody_edited_is_not_replaced(stores: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "c"
    merge_stores(stores, out)
    path = division_path(out, "corpus")
    path.write_text("clip\tsplit\na-t1\tdev\n")
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    with pytest.raises(SlaError, match="was edited, and would be replaced by the merged store's own division"):
        merge_stores(stores, out, force=True)
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before


def test_a_signer_who_is_left_out_while_the_stores_are_merged(
    stores: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any) -> None:
        leave_out(stores[0], ["bob"], tmp_path)
        write_clips(*arguments)

    monkeypatch.setattr(merge, "write_clips", late)
    with pytest.raises(SlaError, match=r"signer bob was left out of .*a\n"):
        merge_stores(stores, tmp_path / "c")
    monkeypatch.undo()
    merge_stores(stores, tmp_path / "c")
    assert "bob" not in Store(tmp_path / "c").clips.signers


def test_an_earlier_store_stays_until_all_clips_are_copied(
    stores: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if somebody edits its division meanwhile."""
    out = tmp_path / "c"
    merge_stores(stores, out)

    def late(*arguments: Any) -> None:
        division_path(out, "corpus").write_text("clip\tsplit\na-t1\tdev\n")
        write_clips(*arguments)

    monkeypatch.setattr(merge, "write_clips", late)
    with pytest.raises(SlaError, match="was edited, and would be replaced"):
        merge_stores(stores, out, force=True)
    assert Store(out)["dev"].ids == ["a-t1"]


@pytest.mark.parametrize(("unseen", "other"), [("signers", "mine"), ("signers", "yours"), ("sentences", "mine")])
def test_what_the_divisions_promise_must_be_true_of_the_merged_one(tmp_path: Path, unseen: str, other: str) -> None:
    """Each is as it promises; ann signs in train of one and in dev of the other. In another corpus she is another."""
    one = make_store(tmp_path / "a", {"train": [clip("t", "A B", signer="ann")], "dev": [clip("d", "C", signer="bob")]})
    two = make_store(
        tmp_path / "b",
        {"train": [clip("u", "D", signer="cem", seed=5)], "dev": [clip("e", "A B", signer="ann", seed=6)]},
        corpus=other,
    )
    for store in (one, two):
        write_division(store, replace(Store(store).division, unseen=unseen))
    if other == "yours":
        assert merge_stores([one, two], tmp_path / "c").clips == 4
        return
    with pytest.raises(SlaError, match=r"division corpus: dev: .*(ann|glosses of a clip of train)") as caught:
        merge_stores([one, two], tmp_path / "c")
    assert f"no split should share {unseen} with train" in caught.value.hint


def test_a_promise_is_checked_as_the_merged_store_will_be_scored(tmp_path: Path) -> None:
    """Whichever store is named first: one is scored with another normalisation, in which the glosses are equal."""
    one = make_store(tmp_path / "a", {"train": [clip("t", "loc-A")]}, unseen="sentences", profile="phoenix2014")
    two = make_store(tmp_path / "b", {"train": [clip("u", "B")], "dev": [clip("e", "A")]}, unseen="sentences")
    for number, stores in enumerate(([one, two], [two, one])):
        merge_stores(stores, tmp_path / str(number))
        assert not check_store(tmp_path / str(number), stride=4).problems


def test_an_id_of_somebody_who_left_may_be_a_clip_of_another_corpus(tmp_path: Path) -> None:
    one = make_store(tmp_path / "a", A)
    leave_out(one, ["bob"], tmp_path)
    two = make_store(tmp_path / "b", {"train": [clip("t2", "D", seed=5)]}, corpus="yours")
    for _ in range(2):
        assert merge_stores([one, two], tmp_path / "c", force=True).clips == 3


def test_a_signer_who_was_left_out_does_not_come_back(stores: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "c"
    merge_stores(stores, out)
    leave_out(out, ["bob"], tmp_path)
    (out / "left-out.txt").write_text("BOB\n")
    before = clips_path(out).read_bytes()
    with pytest.raises(SlaError, match=r"signer bob was left out of .*c, but .*a has clips of this person") as caught:
        merge_stores(stores, out, force=True)
    assert "sla store leave-out" in caught.value.hint and clips_path(out).read_bytes() == before
    leave_out(stores[0], ["bob"], tmp_path)
    merge_stores(stores, out, force=True)
    assert "bob" not in Store(out).clips.signers


def test_a_signer_who_may_have_been_left_out_under_the_former_name_of_a_store_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two, out = make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, corpus="yours"), tmp_path / "c"
    merge_stores([one, two], out)
    leave_out(out, ["a-bob"], tmp_path)
    merge_stores([one.rename(tmp_path / "z"), two], out, force=True)
    assert "a-bob was left out of" in caplog.text and "if bob of" in caplog.text


@pytest.mark.parametrize("other", ["mine", "yours"])
def test_a_signer_who_was_left_out_of_one_store_does_not_come_with_another(tmp_path: Path, other: str) -> None:
    """Of the same corpus; in another one the name is another person."""
    one = make_store(tmp_path / "a", A, corpus="mine")
    two = make_store(tmp_path / "b", {"train": [clip("u", "D", signer="Bob", seed=5)]}, corpus=other)
    leave_out(one, ["bob"], tmp_path)
    if other == "mine":
        with pytest.raises(SlaError, match=r"signer Bob was left out of .*a, but .*b has clips of this person"):
            merge_stores([one, two], tmp_path / "c")
        leave_out(
            make_store(tmp_path / "b", {"train": [clip("u", "D"), clip("v", "D", signer="Bob")]}, corpus=other),
            ["Bob"],
            tmp_path,
        )
    names = (one / "left-out.txt").read_text()
    (one / "left-out.txt").write_text("")
    with pytest.raises(SlaError, match=r"has clips of bob, whom left-out\.txt does not name"):
        merge_stores([one, two], tmp_path / "c")
    (one / "left-out.txt").write_text(names)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "left-out.txt").write_text("x\n")  # as a merge leaves it that was killed
    merge_stores([one, two], tmp_path / "c")
    assert read_left_out(tmp_path / "c")[:2] == ("x", "bob" if other == "mine" else "a-bob"), "the next one knows it"


def test_a_list_of_who_was_left_out_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    one, out, letter = make_store(tmp_path / "a", A), tmp_path / "c", tmp_path / "letter.txt"
    leave_out(one, ["bob"], tmp_path)
    out.mkdir()
    letter.write_text("mine")
    (out / "left-out.txt").symlink_to(letter)
    with pytest.raises(SlaError, match=r"left-out\.txt is a link"):
        merge_stores([one, make_store(tmp_path / "b", {"train": [clip("u", "D", seed=5)]})], out)
    assert letter.read_text() == "mine"


def test_a_signer_who_was_left_out_of_a_merged_store_and_may_come_with_its_source_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, corpus="yours")
    merge_stores([one, two], tmp_path / "m")
    leave_out(tmp_path / "m", ["a-bob"], tmp_path)
    merge_stores([tmp_path / "m", one], tmp_path / "c")
    assert f"a-bob was left out of {tmp_path / 'm'}: if bob of" in caplog.text
    leave_out(one, ["ann"], tmp_path)
    merge_stores([tmp_path / "m", one], tmp_path / "d")
    assert f"ann was left out of {one}: if a-ann of" in caplog.text


def test_a_clip_that_was_left_out_does_not_come_back_under_another_name_of_its_signer(tmp_path: Path) -> None:
    one, out = make_store(tmp_path / "a", A), tmp_path / "c"
    two = make_store(tmp_path / "b", {"train": [clip("u", "D", seed=5)]}, corpus="yours")
    merge_stores([one, two], out)
    leave_out(out, ["a-bob"], tmp_path)
    before, other = clips_path(out).read_bytes(), one.rename(tmp_path / "z")
    with pytest.raises(SlaError, match=r"clip t2 of .*z was left out of .*c with signer a-bob") as caught:
        merge_stores([other, two], out, force=True)
    assert "sla store leave-out" in caught.value.hint and clips_path(out).read_bytes() == before
    leave_out(other, ["bob"], tmp_path)
    merge_stores([other, two], out, force=True)
    with pytest.raises(SlaError, match=r"clip t2 of .*b was left out of"):  # the next one knows it too
        merge_stores(
            [other, make_store(tmp_path / "e" / "b", {"train": A["train"][1:]}, corpus="yours")], out, force=True
        )


def test_a_clip_that_was_left_out_of_one_store_does_not_come_with_another_of_the_corpus(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """There, its signer has another name, or none."""
    one = make_store(tmp_path / "a", A)
    leave_out(one, ["bob"], tmp_path)
    for signer in ("", "S2"):
        two = make_store(tmp_path / f"b{signer}", {"train": [clip("t2", "B C", 16, signer=signer)]})
        with pytest.raises(SlaError, match=r"^t2: left out of .*a with the signer, whom .*b.* no longer names"):
            merge_stores([one, two], tmp_path / "c")
    merge_stores([one, make_store(tmp_path / "d", {"train": [clip("u", "B", 16)]})], tmp_path / "c")
    assert f"1 clip without a signer in {tmp_path / 'd'}: whether somebody is among them" in caplog.text
    with pytest.raises(SlaError, match=r"^t2: left out of .*c with the signer"):  # the merged store knows it too
        merge_stores([tmp_path / "c", tmp_path / "bS2"], tmp_path / "e")


def test_clips_of_somebody_that_appear_while_it_copies_stay(
    stores: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, copied = tmp_path / "c", merge._clips
    theirs = clips_path(make_store(tmp_path / "other", {"train": [clip("x", "A")]}))

    def meanwhile(*given: Any, **more: Any) -> Any:
        yield from copied(*given, **more)
        shutil.copyfile(theirs, clips_path(out))

    monkeypatch.setattr(merge, "_clips", meanwhile)
    with pytest.raises(SlaError, match=r"is not a finished store, and contains clips\.h5"):
        merge_stores(stores, out)
    assert clips_path(out).read_bytes() == theirs.read_bytes()


def test_what_it_was_made_of_is_recorded(stores: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "c"
    merge_stores(stores, out)
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.inputs == {f"{p.name}/{s}": Store(p)[s].digest for p in stores for s in Store(p).splits}
    before = clips_path(out).stat().st_mtime_ns
    merge_stores(stores, out)
    assert clips_path(out).stat().st_mtime_ns == before
    other = make_store(tmp_path / "other", A)
    with pytest.raises(SlaError, match="was made with other settings or inputs"):
        merge_stores([other, stores[1]], out)
    merge_stores([other, stores[1]], out, force=True)
    assert Store(out)["train"].ids[0] == "other-t1"


def test_people_of_different_corpora_stay_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Equal names in stores of one corpus, such as two tables of `sla prep folder`, are one person, which is said."""
    one, two = make_store(tmp_path / "a", A), make_store(tmp_path / "b", B, corpus="yours")
    merge_stores([one, two], tmp_path / "c")
    assert "taken as one person" not in caplog.text
    merge_stores([one, make_store(tmp_path / "mine", B)], tmp_path / "d")
    assert "1 signer is in more than one of the stores, each taken as one person: ann; if they are" in caplog.text
    split = Store(tmp_path / "c")["train"]
    assert (split.corpus, split.signers) == ("mine+yours", ["a-ann", "a-bob", "b-ann", ""])


def test_people_of_one_corpus_are_one_also_beside_another_corpus(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In stores that were merged themselves, too. However a table writes capitals."""
    spelt = {"train": [clip("v1", "A", signer="Ann"), clip("v2", "B", signer="bea")]}
    one, two = make_store(tmp_path / "a", A), make_store(tmp_path / "e", spelt)
    other = make_store(tmp_path / "b", B, corpus="yours")
    merge_stores([one, two, other], tmp_path / "c")
    assert "1 signer is in more than one of the stores, each taken as one person: Ann, ann" in caplog.text
    assert Store(tmp_path / "c")["train"].signers == ["a-ann", "a-bob", "a-ann", "a-bea", "b-ann", ""]
    last = make_store(tmp_path / "last", {"train": [clip("w1", "C", signer="a-ann")]}, corpus="mine+yours")
    merge_stores([tmp_path / "c", last], tmp_path / "d")
    assert "each taken as one person: a-ann" in caplog.text
    assert Store(tmp_path / "d")["train"].signers[-1] == "a-ann"


def test_a_split_without_references_is_not_mixed_with_one_that_has_some(tmp_path: Path) -> None:
    one = make_store(tmp_path / "a", {**A, "test": [clip("x0", "")]})
    two = make_store(tmp_path / "two", {"test": [clip("x0", "", seed=9)]})
    result = merge_stores([one, make_store(tmp_path / "b", B), two], tmp_path / "c")
    reasons = {f"{name}-x0": f"test of {name} has no references, but that of b has" for name in ("a", "two")}
    assert result.skipped == reasons
    assert Store(tmp_path / "c")["test"].ids == ["b-x1"]


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
    with pytest.raises(SlaError, match="a is given twice"):
        merge_stores([stores[0], stores[0]], tmp_path / "c")
    with pytest.raises(SlaError, match="nothing to merge it with"):
        merge_stores(stores[:1], tmp_path / "c")
    with pytest.raises(SlaError, match=r"^no such store: away\n"):
        merge_stores([stores[0], Path("away")], tmp_path / "c")
    with pytest.raises(SlaError, match="would be made from itself"):
        merge_stores(stores, stores[0])
    with pytest.raises(SlaError, match=r"c\.Features: a store's name must not end in \.features"):
        merge_stores(stores, tmp_path / "c.Features")
    renamed = stores[0].rename(tmp_path / "b.features")
    with pytest.raises(SlaError, match=r"b\.features: a store's name must not end in \.features"):
        Store(renamed)


def test_a_folder_with_other_files_is_not_replaced(stores: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "clips.h5").write_text("mine")
    for force in (False, True):
        with pytest.raises(SlaError, match=r"c is not a finished store, and contains clips\.h5"):
            merge_stores(stores, tmp_path / "c", force=force)
    assert [path.read_text() for path in (tmp_path / "c").iterdir()] == ["mine"]  # also no lock is left


def test_a_merge_that_was_killed_is_ended_by_the_same_command(stores: tuple[Path, Path], tmp_path: Path) -> None:
    """Before its division was written, and before its receipt was, which is removed before files are replaced."""
    for left in (("clips.h5",), ("clips.h5", "divisions")):
        merge_stores(stores, out := tmp_path / "c")
        (out / "receipt.json").unlink()
        if "divisions" not in left:
            shutil.rmtree(out / "divisions")
        merge_stores(stores, out)
        assert len(Store(out).clips) == 6 and (out / "receipt.json").is_file()


def test_a_store_of_other_clips_without_a_receipt_needs_force(stores: tuple[Path, Path], tmp_path: Path) -> None:
    """Its replacement was killed, or it is a copy that lacks the receipt."""
    merge_stores(stores, out := tmp_path / "c")
    (out / "receipt.json").unlink()
    before = (out / "clips.h5").read_bytes()
    other = make_store(tmp_path / "other", {"train": [clip("y", "A")]})
    with pytest.raises(SlaError, match="is not a finished store") as caught:
        merge_stores([stores[0], other], out)
    assert "Use --force if a merge was killed here" in caught.value.hint
    assert (out / "clips.h5").read_bytes() == before
    merge_stores([stores[0], other], out, force=True)
    assert len(Store(out).clips) == 4 and (out / "receipt.json").is_file()
    (out / "receipt.json").unlink()
    same_ids = make_store(tmp_path / "other", {"train": [clip("y", "A", seed=7)]})
    with pytest.raises(SlaError, match="is not a finished store"):
        merge_stores([stores[0], same_ids], out)


def left_by_a_kill(path: Path) -> Path:
    """What a process that was killed has left of a file."""
    left = path.with_name(f".{path.name}.{socket.gethostname()}-{namespace()}-{DEAD}-0123abcd.partial")
    left.write_bytes(b"x")
    return left


def test_what_a_killed_merge_has_left_is_in_nobodys_way(stores: tuple[Path, Path], tmp_path: Path) -> None:
    """Killed while it copied, before the first store and before another one, and while it wrote the receipt."""
    (out := tmp_path / "c").mkdir()
    for force in (False, True):
        left = [left_by_a_kill(out / name) for name in ("clips.h5", "receipt.json")]
        merge_stores(stores, out, force=force)
        assert len(Store(out).clips) == 6
        assert not any(path.exists() for path in left)
        (out / "receipt.json").unlink()
    (out / ".clips.h5.of-mine-1-2.partial").write_text("years")
    with pytest.raises(SlaError, match=r"is not a finished store, and contains \.clips\.h5\.of-mine"):
        merge_stores(stores, out, force=True)


def test_a_file_of_somebody_among_those_of_a_store_is_not_removed(stores: tuple[Path, Path], tmp_path: Path) -> None:
    merge_stores(stores, out := tmp_path / "c")
    shutil.copy(clips_path(stores[1], 0, 2), out)  # of a store that had other files
    (out / "clips-0001.h5").write_text("years")
    with pytest.raises(SlaError, match=r"clips-0001\.h5 is not a file of a store, and is not replaced"):
        merge_stores(stores, out, force=True)
    assert (out / "clips-0001.h5").read_text() == "years"
    (out / "clips-0001.h5").unlink()
    merge_stores(stores, out, force=True)
    assert not (out / "clips-0000.h5").exists()


def test_without_an_id_in_common_ids_stay(tmp_path: Path) -> None:
    a = make_store(tmp_path / "a", {"train": [clip("x", "A")]})
    b = make_store(tmp_path / "b", {"train": [clip("y", "A"), clip("a-x", "B")]})
    assert not merge_stores([a, b], tmp_path / "c").renamed
    assert Store(tmp_path / "c")["train"].ids == ["x", "y", "a-x"]


def test_ids_that_become_equal_are_refused(tmp_path: Path) -> None:
    a = make_store(tmp_path / "a", {"train": [clip("b-c", "A"), clip("x", "B", seed=1)]})
    b = make_store(tmp_path / "a-b", {"train": [clip("c", "A", seed=2), clip("x", "B", seed=3)]})
    with pytest.raises(SlaError, match="clip b-c of a and clip c of a-b would both become a-b-c"):
        merge_stores([a, b], tmp_path / "c")
    assert not clips_path(tmp_path / "c").exists()


def test_the_command(stores: tuple[Path, Path], tmp_path: Path) -> None:
    work = str(tmp_path / "work")
    answer = CliRunner().invoke(app, ["merge", *map(str, stores), "--work", work, "-q"])
    out = tmp_path / "work" / "stores" / "a+b"
    assert answer.exit_code == 0, answer.output
    assert Store(out)["dev"].ids == ["a-d1"]
    assert answer.stdout.splitlines() == [
        f"store {out}, clips: train 4, dev 1, test 1",
        "glosses: 5 in train",
        "ids are now STORE-ID, since two stores have an id in common",
    ]
    assert CliRunner().invoke(app, ["merge", str(stores[0])]).exit_code == 2
