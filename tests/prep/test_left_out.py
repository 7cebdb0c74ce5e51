"""After consent was withdrawn: a signer's frames and ids are gone from a store, and prep does not bring them back."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clip_store import clip, make_store
from left_out_store import CLIPS, make_signed
from prep_work import DEV_CLIP, TRAIN_CLIP, build, frames_of

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import read_receipt, receipt_path, renew, write_receipt
from sla_cli.config.settings import DivisionConfig, PrepConfig
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep import left_out, make_division
from sla_cli.prep.check import check_store
from sla_cli.prep.left_out import leave_out
from sla_cli.prep.make_division import split_store
from sla_cli.store.division import Division, read_division, write_division
from sla_cli.store.left_out import add_clips_left_out, add_left_out, clips_left_out, left_out_among, read_left_out
from sla_cli.store.paths import division_path
from sla_cli.store.store import Store
from sla_cli.system import atomic


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return make_signed(tmp_path / "work" / "stores" / "s")


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def frames_in(folder: Path, clips: list[str]) -> bool:
    """Whether a frame of these clips is anywhere in the bytes of a store's files."""
    data = everything(folder)
    taken = [one for one in CLIPS if one.id in clips]
    return any(one.frames.data[-200:].tobytes() in data for one in taken)  # its first bytes are those of every JPEG


def test_frames_ids_and_rows_are_gone(store: Path) -> None:
    assert frames_in(store, ["first-of-bob"]) and frames_in(store, ["second-of-bob"])
    made = read_receipt(store)
    assert made is not None
    made.results |= {"failed": {"first-of-bob": "cut off"}, "incomplete": {"second-of-bob": "a gap"}}
    made.started = "2026-01-01T00:00:00+00:00"
    renew(made, store)
    removed = leave_out(store, ["bob"], store.parents[1])
    assert (set(removed.clips), removed.divisions) == ({"first-of-bob", "second-of-bob"}, {"corpus": 2, "drawn": 1})
    assert not frames_in(store, ["first-of-bob", "second-of-bob"]) and frames_in(store, ["a1"])
    for path in [*store.glob("*.h5"), *store.glob("divisions/*")]:
        assert b"first-of-bob" not in path.read_bytes() and b"second-of-bob" not in path.read_bytes()
    left = Store(store)
    assert (left.clips.ids, left.vocabulary) == (["a1", "x"], ("A",))
    assert [one.raw().frames.data.tobytes() for one in left.clips] == [
        CLIPS[0].frames.data.tobytes(),
        CLIPS[3].frames.data.tobytes(),
    ]
    drawn = Store(store, "drawn").division
    assert (dict(drawn.splits), drawn.unseen, drawn.drawn) == ({"a1": "train", "x": "dev"}, "signers", "by hand")
    receipt = read_receipt(store)
    assert receipt is not None and receipt.results["clips"] == 2
    assert receipt.seconds == made.seconds, "how long it took to make it"
    assert receipt.results["skipped"].keys() == {"first-of-bob", "second-of-bob"}
    assert receipt.results["divisions"]["corpus"]["clips"] == {"train": 1, "dev": 1}
    assert not check_store(store, stride=4, deep=True).problems


def test_several_signers_are_left_out_at_once(store: Path) -> None:
    removed = leave_out(store.with_name(f"{store.name}:drawn"), ["ann", "BOB", "Ann"], store.parents[1])
    assert removed.store == store, "they leave all divisions"
    assert (removed.signers, set(removed.clips)) == (("ann", "bob"), {one.id for one in CLIPS[:3]}), "each once"
    assert Store(store).clips.ids == ["x"] and read_left_out(store) == ("ann", "BOB", "Ann", "bob")


def test_a_signer_whom_another_process_leaves_out_just_before_stays_out(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening the store and taking its lock; also a division that is drawn then does not name the clips."""

    def late(*arguments: Any, **options: Any) -> Any:
        for module in (left_out, make_division):
            monkeypatch.setattr(module, "locked", locked)
        leave_out(store, ["bob"], store.parents[1])
        return locked(*arguments, **options)

    monkeypatch.setattr(make_division, "locked", late)
    split_store(store, draws=DivisionConfig(by="random", shares=(50.0, 50.0, 0.0)), name="new")
    assert set(Store(store, "new").division.splits) <= {"a1", "x"}
    (store / "left-out.txt").unlink()
    make_store(store, {"train": CLIPS[:3], "dev": CLIPS[3:]}, shards=2)
    monkeypatch.setattr(left_out, "locked", late)
    assert leave_out(store, ["bob"], store.parents[1]).clips == ()
    assert Store(store).clips.ids == ["a1", "x"]


@pytest.mark.parametrize("name", ["Zoe\u0308", "ZO\u00cb", " zoE\u0308"])
def test_the_name_may_have_another_unicode_form_or_other_capitals(tmp_path: Path, name: str) -> None:
    clips = [clip("a", "A", signer="Zo\u00eb"), clip("b", "A", signer="ann"), clip("c", "A")]
    store = make_store(tmp_path / "work" / "stores" / "s", {"train": clips})
    removed = leave_out(store, [name], store.parents[1])
    assert removed.clips == ("a",) and "Zo\u00eb" in removed.signers
    (store / "left-out.txt").write_text(f"{name}\n \n")
    make_store(store, {"train": clips})
    problem, _ = check_store(store, stride=4).problems  # the other is that no split has the clip
    assert problem.clips == ("a",)


def test_nobody_is_called_nothing(store: Path) -> None:
    with pytest.raises(SlaError, match=r"no clip of .* is by a signer ''"):
        leave_out(store, [""], store.parents[1])


def test_prep_does_not_bring_them_back(root: Path, out: Path, caplog: pytest.LogCaptureFixture) -> None:
    signer = Store(out).clips[TRAIN_CLIP].signer
    gone = Store(out).clips[TRAIN_CLIP].encoded()[-1].tobytes()
    leave_out(out, [signer], out.parent)
    assert gone not in everything(out)
    (out / "left-out.txt").write_text(f"{signer.swapcase()}\n")
    with caplog.at_level("INFO", "sla"):
        assert build(root, out).encoded == 0
    assert f"taken out of this store: {signer}" in caplog.text
    build(root, out, force=True)
    build(root, out, force=True, config=PrepConfig(32, quality=90, shard_clips=1))
    assert gone not in everything(out)
    assert TRAIN_CLIP not in Store(out).clips and TRAIN_CLIP not in Store(out).division.splits
    assert read_left_out(out) == (signer.swapcase(),)


def test_prep_does_not_bring_them_back_without_their_names_or_with_others(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor with the id in another Unicode form."""
    corpus, out = tmp_path / "corpus", tmp_path / "work" / "store"
    for name, clip_id in (("a", TRAIN_CLIP), ("b", DEV_CLIP)):
        split = "train" if clip_id == TRAIN_CLIP else "dev"
        shutil.copytree(frames_of(root, split, clip_id)[0].parent, corpus / name)
    (corpus / "clips.tsv").write_text("frames\tid\tgloss\tsigner\na\ta\u0308\tA\tAnn\nb\tb\tB\tBob\n")
    build(corpus, out, corpus="folder")
    leave_out(out, ["Ann"], out.parent)
    for table in (
        "frames\tid\tgloss\tsinger\na\t\u00e4\tA\tAnn\nb\tb\tB\tBob\n",
        "frames\tid\tgloss\tsigner\na\ta\u0308\tA\tS1\nb\tb\tB\tS2\n",
    ):
        (corpus / "clips.tsv").write_text(table)
        for force in (False, True):
            with pytest.raises(
                SlaError, match=r"^a?.: left out of .* with the signer, whom the corpus no longer names"
            ):
                build(corpus, out, corpus="folder", force=force)
    assert Store(out).clips.ids == ["b"]
    (corpus / "clips.tsv").write_text("frames\tid\tgloss\nb\tb\tB\n")
    build(corpus, out, corpus="folder", force=True)
    assert "1 clip without a signer in the corpus: whether somebody is among them who was left out" in caplog.text


def test_prep_knows_their_clips_without_a_receipt_and_those_that_came_later(root: Path, tmp_path: Path) -> None:
    """As after a killed prep. Of clips that came later, the corpus had named the signer when it was made last."""
    corpus, out = tmp_path / "corpus", tmp_path / "work" / "store"
    for name in "abcd":
        shutil.copytree(frames_of(root, "dev", DEV_CLIP)[0].parent, corpus / name)

    def make(rows: str, **options: Any) -> None:
        (corpus / "clips.tsv").write_text("frames\tgloss\tsigner\n" + rows)
        build(corpus, out, corpus="folder", **options)

    make("a\tA\tAnn\nb\tB\tBob\n")
    leave_out(out, ["Ann"], out.parent)
    make("b\tB\tBob\nc\tA\tAnn\n", force=True)
    make("b\tB\tBob\n", force=True)
    receipt_path(out).unlink()
    ids = out / "left-out-clips.txt"
    whole = ids.read_text()
    for edited in (whole.replace("\t", " "), whole.replace("\n", "\t\n")):  # as an editor may leave it
        ids.write_text(edited)
        with pytest.raises(FormatError, match=r"left-out-clips\.txt, line 1: no clip and signer with one tab between"):
            make("b\tB\tBob\na\tA\tS1\n", force=True)
    (tmp_path / "ids.txt").write_text(whole)
    ids.unlink()
    ids.symlink_to(tmp_path / "ids.txt")
    with pytest.raises(SlaError, match=r"left-out-clips\.txt is a link"):
        make("b\tB\tBob\nd\tA\tAnn\n", force=True)
    ids.unlink()
    ids.write_text(whole)
    for one in "ac":
        with pytest.raises(SlaError, match=f"^{one}: left out of .* with the signer, whom the corpus no longer names"):
            make(f"b\tB\tBob\n{one}\tA\tS1\n", force=True)


def test_clips_without_the_name_of_their_signer_are_refused(root: Path, out: Path) -> None:
    signer = Store(out).clips[TRAIN_CLIP].signer
    leave_out(out, [signer], out.parent)
    for change in (lambda path: path.write_text(""), Path.unlink):
        change(out / "left-out.txt")
        with pytest.raises(SlaError, match=rf"has clips of {signer}, whom left-out.txt does not name"):
            build(root, out, force=True)
    (out / "left-out-clips.txt").unlink()  # as the hint says
    assert build(root, out, force=True).encoded


def test_a_list_that_was_written_by_hand(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "left-out.txt"
    path.write_text("\ufeff\ufeffAnn\nMüller, Bob\n")
    assert left_out_among(tmp_path, ["ann", "Müller, Bob", "Cy"]) == {"ann", "Müller, Bob"}
    assert not caplog.text
    path.write_text("Ann,Bob\n")
    assert left_out_among(tmp_path, ["Ann", "Bob", "Cy"]) == set()
    assert "left-out.txt: 'Ann,Bob' is read as one name" in caplog.text


def test_a_name_that_stands_twice_in_the_list_hides_no_other(store: Path) -> None:
    (store / "left-out.txt").write_text("somebody\nsomebody\n")
    leave_out(store, ["bob"], store.parents[1])
    assert read_left_out(store) == ("somebody", "bob")


def test_a_list_that_is_no_file_is_not_taken_for_an_empty_one(root: Path, out: Path) -> None:
    (out / "left-out.txt").mkdir()
    with pytest.raises(SlaError, match=r"cannot read .*left-out\.txt") as caught:
        build(root, out)
    assert "put one there" in caught.value.hint, "the file of a store has no other name"


def test_a_division_loses_them_after_a_kill_and_prep(root: Path, out: Path) -> None:
    """Killed when the name was written; then prep made the store again, without the clips."""
    signer = Store(out).clips[TRAIN_CLIP].signer
    write_division(out, Division("mine", {TRAIN_CLIP: "train", DEV_CLIP: "dev"}))
    (out / "left-out.txt").write_text(f"{signer}\n")
    build(root, out, force=True)
    leave_out(out, [signer], out.parent)
    assert read_division(division_path(out, "mine")).splits == {DEV_CLIP: "dev"}


@pytest.mark.parametrize("division", ["corpus", "drawn", ""])
def test_no_split_has_clips_of_somebody_who_was_left_out(
    store: Path, caplog: pytest.LogCaptureFixture, division: str
) -> None:
    """As after a killed `leave_out`, or where a file of clips was copied back: what is trained is what it would be."""
    if not division:
        shutil.rmtree(store / "divisions")
        receipt = read_receipt(store)
        assert receipt is not None
        write_receipt(replace(receipt, results={}), store)
    shutil.copytree(store, store.parent / "done")
    leave_out(store.parent / "done", ["bob"], store.parents[1])
    (store / "left-out.txt").write_text("BOB\n")
    caplog.clear()
    opened, done = Store(store, division), Store(store.parent / "done", division)
    assert opened.splits == done.splits and opened.vocabulary == done.vocabulary
    for name, part in opened.parts.items():
        assert (part.ids, part.digest) == (done[name].ids, done[name].digest)
    assert "still has clips of bob, left out of it" in caplog.text


def test_check_finds_clips_of_signers_who_were_left_out(store: Path) -> None:
    """As of a copy of the files from before; also where an editor has written the list of names."""
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    leave_out(store, ["bob"], store.parents[1])
    assert check_store(store, stride=4).problems == ()
    for path, content in before.items():
        path.write_bytes(content)
    for names in ("bob\n", "zoe\r\nbob"):
        (store / "left-out.txt").write_text(names, newline="")
        problem, *_ = check_store(store, stride=4).problems
        assert problem.message == "2 clips by signers who were left out: bob"
        assert problem.clips == ("first-of-bob", "second-of-bob")


def test_signers_that_cannot_be_left_out(store: Path) -> None:
    before = everything(store)
    with pytest.raises(SlaError, match=r"no clip of .* is by a signer 'bo'") as caught:
        leave_out(store, ["bo"], store.parents[1])
    assert "ann, bob" in caught.value.hint
    with pytest.raises(SlaError, match="has no division 'none'"):
        leave_out(store.with_name(f"{store.name}:none"), ["bob"], store.parents[1])
    leave = make_store(store.parent / "one", {"train": [CLIPS[0]]})
    copy = shutil.copytree(leave, store.parent / "two")
    with pytest.raises(SlaError, match=r"all clips of .* are by ann: nothing would be left") as caught:
        leave_out(leave, ["ann"], store.parents[1])
    assert caught.value.hint.endswith(f"; prep {copy}.")
    three = make_store(store.parent / "three", {"train": [replace(CLIPS[0], id=name, signer=name) for name in "abc"]})
    with pytest.raises(SlaError, match="are by a, b, c: nothing"):
        leave_out(three, ["a", "b", "c"], store.parents[1])
    assert everything(store) == before


def test_the_default_division_stays_the_default(store: Path) -> None:
    """Where its name is not the first in the alphabet, and where its table is lost."""
    receipt = read_receipt(store)
    assert receipt is not None
    receipt.results["divisions"] = {name: {} for name in ("without", "drawn", "corpus")}
    write_receipt(receipt, store)
    leave_out(store, ["ann"], store.parents[1])
    assert Store(store).division.name == "without"
    division_path(store, "without").unlink()
    leave_out(store, ["bob"], store.parents[1])
    with pytest.raises(FormatError, match=r"own division is missing: .*without\.tsv"):
        Store(store)


def no_table(store: Path) -> Path:
    path = store / "divisions" / "notes.tsv"
    path.write_text("notes\n")
    return path


def changed(store: Path) -> Path:
    path = store / "divisions" / "drawn.tsv"
    path.write_text(path.read_text().replace("x\tdev", "x\ttest"))
    return path


def linked(store: Path) -> Path:
    (store.parent / "letter.txt").write_text("mine\n")
    (store / "left-out.txt").symlink_to(store.parent / "letter.txt")
    return store / "left-out.txt"


def read_only(name: str) -> Callable[[Path], Path]:
    def protect(store: Path) -> Path:
        (store / name).chmod(0o444)
        return store / name

    return protect


@pytest.mark.parametrize(
    "fault",
    [
        no_table,
        changed,
        linked,
        *map(read_only, ("divisions/drawn.tsv", "clips-0001.h5", "receipt.json")),
    ],
)
def test_nothing_is_changed_where_something_cannot_be(store: Path, fault: Callable[[Path], Path]) -> None:
    path = fault(store)
    before = everything(store)
    with pytest.raises(SlaError, match=re.escape(str(path))):
        leave_out(store, ["bob"], store.parents[1])
    assert everything(store) == before
    path.chmod(0o644)
    if path.suffix in (".tsv", ".txt"):
        path.unlink()
    leave_out(store, ["bob"], store.parents[1])
    assert not frames_in(store, ["first-of-bob", "second-of-bob"])


def test_divisions_that_are_those_of_another_store_are_not_changed(store: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(store / "receipt.json", tmp_path / "elsewhere")
    (store / "divisions").rename(tmp_path / "elsewhere" / "divisions")
    (store / "divisions").symlink_to(tmp_path / "elsewhere" / "divisions")
    before = everything(tmp_path)
    with pytest.raises(SlaError, match="is a link to a file of the store"):
        leave_out(store, ["bob"], store.parents[1])
    assert everything(tmp_path) == before


def test_frames_that_cannot_be_removed_are_not_said_to_be_unchanged_with_all_else(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *rest: Any) -> None:
        raise SlaError(f"cannot write {path}: No space left on device", "a file that was there is unchanged")

    with monkeypatch.context() as patch, pytest.raises(SlaError, match="No space left") as caught:
        patch.setattr(left_out, "write_clips", full)
        leave_out(store, ["bob"], store.parents[1])
    assert "frames of theirs may still be in the store" in caught.value.hint
    leave_out(store, ["bob"], store.parents[1])
    assert not frames_in(store, ["first-of-bob", "second-of-bob"])


@pytest.mark.parametrize("done", range(7))
def test_the_same_command_completes_an_interrupted_one(
    store: Path, done: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It ends after `done` of its changes."""
    expected = Path(shutil.copytree(store, tmp_path / "other" / "s"))
    leave_out(expected, ["bob"], tmp_path)
    changes = iter(range(done))

    def interrupted(name: str) -> Callable[..., None]:
        original = getattr(left_out, name)

        def change(*arguments: Any, **named: Any) -> None:
            if next(changes, None) is None:
                raise KeyboardInterrupt
            original(*arguments, **named)

        return change

    with monkeypatch.context() as patch:
        for name in (
            "add_digests_before",
            "add_clips_left_out",
            "add_left_out",
            "renew",
            "write_without",
            "write_clips",
        ):
            patch.setattr(left_out, name, interrupted(name))
        with pytest.raises(KeyboardInterrupt):
            leave_out(store, ["bob"], store.parents[1])
    leave_out(store, ["bob"], store.parents[1])
    for path in (path for path in store.rglob("*") if path.is_file() and path.name != "receipt.json"):
        assert path.read_bytes() == (expected / path.relative_to(store)).read_bytes(), path
    found, wanted = read_receipt(store), read_receipt(expected)
    assert found is not None and wanted is not None and found.results == wanted.results


@pytest.mark.parametrize("name", ["divisions/{}.tsv", "left-out.txt", "left-out-clips.txt", "left-out-splits.txt"])
def test_what_somebody_writes_meanwhile_is_not_lost(out: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The files are written again; the same command goes on then."""
    signer = Store(out).clips[TRAIN_CLIP].signer
    path = out / name.format(Store(out).own[0])
    text = path.read_text().replace("# digest", "# was") if path.exists() else ""
    flush = atomic._flush

    def edited(temporary: Path, how: int = os.O_RDWR) -> None:
        if path.name in temporary.name and "mine" not in (path.read_text() if path.exists() else ""):
            path.write_text(f"# mine\n{text}" if text else "mine\tmine\n")
        flush(temporary, how)

    monkeypatch.setattr(atomic, "_flush", edited)
    with pytest.raises(SlaError, match="was changed while it was used"):
        leave_out(out, [signer], out.parent)
    leave_out(out, [signer], out.parent)
    assert "mine" in path.read_text()
    assert TRAIN_CLIP not in Store(out).clips and signer in read_left_out(out)


def test_a_division_that_somebody_edited_stays_theirs(root: Path, out: Path) -> None:
    """So `sla prep --force` does not replace it."""
    path = division_path(out, Store(out).own[0])
    own = [line for line in path.read_text().split("\n") if line and "digest" not in line]
    own.append("not-in-the-store\ttrain")
    edited = ["# checked by Eva", *(line if line[0] == "#" else f"{line}\tremark {line[:2]}" for line in own)]
    path.write_text("\n".join(edited))
    leave_out(out, [Store(out).clips[TRAIN_CLIP].signer], out.parent)
    assert path.read_text() == "\n".join(line for line in edited if TRAIN_CLIP not in line)
    assert read_division(path).edited
    with pytest.raises(SlaError, match="was edited, and would be replaced"):
        build(root, out, force=True)


def test_names_that_begin_with_a_byte_order_mark_are_read_back(tmp_path: Path) -> None:
    add_left_out(tmp_path, ["\ufeffanna"])
    add_left_out(tmp_path, ["bob"])
    add_clips_left_out(tmp_path, {"\ufeffa1": "bob"})
    assert read_left_out(tmp_path) == ("\ufeffanna", "bob")
    assert clips_left_out(tmp_path, ["bob"]) == {"\ufeffa1": "bob"}
