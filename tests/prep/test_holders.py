"""What is listed after a signer was left out of a store: what was made from it before, and may hold their clips."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from clip_store import clip, make_store
from left_out_store import CLIPS, make_signed
from typer.testing import CliRunner

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.cli.main import app
from sla_cli.config.settings import resolve
from sla_cli.prep.holders import holders
from sla_cli.prep.left_out import leave_out
from sla_cli.prep.merge import merge_stores
from sla_cli.store.store import Store
from sla_cli.train.init_from import init_from
from sla_cli.work.model_folder import Stored, stored_digest
from sla_cli.work.run import Run
from sla_cli.work.run_facts import InitFrom, RunFacts

TRAINED = {"best_epoch": 1, "dev_wer": 50.0}  # results of a finished run


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return make_signed(tmp_path / "work" / "stores" / "s")


def test_what_was_made_from_it_is_listed_in_a_moved_and_in_a_copied_work_folder(store: Path, tmp_path: Path) -> None:
    work = store.parents[1]
    run, features = work / "runs" / "r", store.with_name("s.features")
    run.mkdir(parents=True)
    features.mkdir()
    write_receipt(Receipt("train", {}, {}, results=TRAINED, sources={"store": f"{store}:drawn"}), run)
    copied = Path(shutil.copytree(work, tmp_path / "copied"))
    moved = Path(shutil.move(Path(shutil.copytree(work, tmp_path / "before")), tmp_path / "moved"))
    for now in (work, copied, moved):
        listed = [(one.kind, one.path) for one in holders(now / "stores" / "s", now)]
        assert listed == [("cache", str(now / "stores" / "s.features")), ("train", str(now / "runs" / "r"))]


@pytest.mark.parametrize("linked", ["runs", "runs/r", "stores"])
def test_what_lies_behind_a_link_is_listed_once(store: Path, tmp_path: Path, linked: str) -> None:
    """As of a folder that was moved to a larger disk."""
    work = store.parents[1]
    run = work / "runs" / "r"
    run.mkdir(parents=True)
    write_receipt(Receipt("train", {}, {}, results=TRAINED, sources={"store": f"{store}:drawn"}), run)
    moved = Path(shutil.move(work / linked, tmp_path / "disk"))
    (work / linked).symlink_to(moved)
    (work / "again").symlink_to(work)
    assert [(one.kind, one.path) for one in holders(store, work)] == [("train", str(run.resolve()))]


def test_a_folder_that_cannot_be_read_is_listed(
    store: Path, close_folder: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    work = store.parents[1]
    runs = work / "runs"
    (runs / "r").mkdir(parents=True)
    close_folder(runs)
    assert [(one.kind, one.path) for one in holders(store, work)] == [("unreadable", str(runs))]
    assert f"what {runs} holds cannot be known: Permission denied" in caplog.text


def test_all_that_was_made_from_the_store_is_listed(store: Path) -> None:
    """Runs, what was made from these, and caches; other stores and their runs are not."""
    work = store.parents[1]
    (store / ".spool-0123").mkdir()
    other = make_store(work / "stores" / "other", {"train": CLIPS[:1]})
    run, foreign = work / "runs" / "r", work / "runs" / "foreign"
    for folder, of in ((run, f"{store}:drawn"), (foreign, str(other))):
        folder.mkdir(parents=True)
        write_receipt(Receipt("train", {}, {}, results=TRAINED, sources={"store": of}), folder)
    (run / "best.safetensors").write_bytes(b"weights")
    later = Run(work / "runs" / "begun-from-its-model")
    facts = replace(RunFacts.of(Store(store), "tiny"), store=str(other))
    later.create(
        resolve("tiny"), ("A",), replace(facts, init_from=InitFrom("/elsewhere/model", Run(run).weights_digest))
    )
    begun = Run(work / "runs" / "unfinished")
    begun.create(resolve("tiny"), ("A",), RunFacts.of(Store(store), "tiny"))
    export, weights = work / "exports" / "s-phoenix", work / ".model.x7.partial"
    begun_emissions = work / "emissions" / "r" / ".train.h5.parts"
    for folder in (export, weights, begun_emissions):
        folder.mkdir(parents=True)
    (export / ".partial").mkdir()
    (export / ".export.json").write_text(json.dumps({"layout": "phoenix2014", "store": str(store)}))
    renamed = shutil.copytree(other, store.with_name("s.features"))  # a name that no store can have
    emissions = work / "emissions" / "r"
    write_receipt(Receipt("emit", {}, {}, sources={"run": str(run)}), emissions)
    of_models = []  # of another store, by models that were exported from it
    for number, stored in enumerate(get_args(Stored)):
        of_models.append(work / "emissions" / "model" / str(number))
        of_models[-1].mkdir(parents=True)
        digest = {"weights": stored_digest(Run(run).weights_digest, stored)}
        write_receipt(Receipt("emit", {}, digest, sources={"run": "/a/model", "store": str(other)}), of_models[-1])
    (work / ".features").mkdir()  # names that no artifact has
    (work / ".receipt.json").write_text("{}")
    listed = [(one.kind, one.path) for one in holders(store, work)]
    rest = [("unreadable", str(renamed)), ("unfinished", str(weights)), ("unfinished", str(begun_emissions))]
    made = [("train", str(run)), ("train", str(begun.path)), ("export", str(export))]
    made += [*(("emit", str(folder)) for folder in (*of_models, emissions)), ("train", str(later.path))]
    assert listed == [("cache", str(store / ".spool-0123")), *made, *rest]

    answer = CliRunner().invoke(app, ["store", "leave-out", "s", "--signer", "bob", "--work", str(work), "-q"])
    assert answer.exit_code == 0, answer.output
    lines = answer.stdout.splitlines()
    assert lines[0] == f"2 clips of bob removed from {store}"
    assert sorted(lines[-len(listed) :]) == sorted(f"  {kind} {path}" for kind, path in listed)


def test_the_work_folder_of_a_store_is_searched_whichever_is_given(store: Path, tmp_path: Path) -> None:
    run, other = store.parents[1] / "runs" / "r", tmp_path / "other" / "runs" / "o"
    for folder in (run, other):
        folder.mkdir(parents=True)
        write_receipt(Receipt("train", {}, {}, results=TRAINED, sources={"store": str(store)}), folder)
    for work, found in ((tmp_path / "nowhere", [run]), (store.parents[1], [run]), (tmp_path / "other", [other, run])):
        removed = leave_out(store, ["bob"], work)
        assert [Path(one.path) for one in removed.held_by] == found
        assert removed.searched == tuple(one.parents[1] for one in found)
    answer = CliRunner().invoke(app, ["store", "leave-out", str(store), "--signer", "bob", "--work", str(tmp_path)])
    assert f"\nSearched: {tmp_path}\n" in answer.stdout, "also the folder within it in which the store lies"
    stores = tmp_path / "mount" / "stores"  # in no work folder: what is beside it is of others
    alone = Path(shutil.copytree(store, stores / "s"))
    assert leave_out(alone, ["bob"], tmp_path / "nowhere").searched == (stores,)
    (stores.parent / "exports").mkdir()
    assert leave_out(alone, ["bob"], tmp_path / "nowhere").searched == (stores.parent,)
    moved = Path(shutil.move(store, tmp_path / "moved"))
    answer = CliRunner().invoke(app, ["store", "leave-out", str(moved), "--signer", "bob", "--work", "gone", "-q"])
    assert answer.stdout.endswith("Nothing that was made from the store was found in gone, which does not exist.\n")


def test_what_learned_through_stores_and_runs_that_are_gone_is_listed(store: Path, tmp_path: Path) -> None:
    """From a copy of the store, a merged one, one merged from that, and a run that began from such a run."""
    work = store.parents[1]
    other, third = (make_store(work / "stores" / name, {"train": [clip(name, "A")]}) for name in ("other", "third"))
    copy, both, all_three = Path(shutil.copytree(store, tmp_path / "node")), tmp_path / "both", tmp_path / "three"
    merge_stores([store, other], both)
    merge_stores([third, both], all_three)
    clean = make_store(tmp_path / "clean", {"train": [clip("c", "A")], "dev": [clip("d", "A")]})

    def begun(name: str, of: Path, begin: Run | None = None) -> Run:
        run, config = Run(work / "runs" / name), resolve("tiny")
        start = None if begin is None else init_from(begin, config)
        run.create(config, ("A",), RunFacts.of(Store(of), "tiny", start))
        run.best.write_bytes(name.encode())
        return run

    runs = [begun("copied", copy), begun("merged", both), begun("twice", all_three)]
    runs += [later := begun("later", clean, runs[2]), begun("last", clean, later)]
    begun("foreign", clean)
    decoded = work / "hypotheses" / "of-a-copy.tsv"  # its emissions and its run are gone
    decoded.parent.mkdir()
    write_receipt(Receipt("decode", {}, {}, sources={"split_digest": Store(copy)["train"].digest}), decoded)
    for gone in (copy, both, all_three):
        shutil.rmtree(gone)
    for gone in (runs.pop(2), runs.pop(2)):
        shutil.rmtree(gone.path)
    for _ in range(2):
        found = leave_out(store, ["bob"], work)
        assert {one.path for one in found.held_by} == {str(decoded), *(str(run.path) for run in runs)}


def test_copies_of_the_store_and_caches_of_all_are_listed(store: Path) -> None:
    """Also where the store is gone or has another name by now; not those of other stores."""
    work, stores = store.parents[1], store.parent
    copy = Path(shutil.copytree(store, stores / "copy"))
    make_store(stores / "other", {"train": CLIPS[:1]})
    cut = Path(shutil.copytree(store, stores / "cut-off", ignore=shutil.ignore_patterns("receipt.json")))
    one_division = Path(shutil.copytree(store, work / "of-colleague", ignore=shutil.ignore_patterns("corpus.tsv")))
    receipt = Receipt("prep", {}, {}, results={"clips": 4})
    write_receipt(receipt, one_division)
    for name in ("copy.features", "other.features", "gone.features", "copy/.spool-01", "begun/.spool-02"):
        (stores / name).mkdir(parents=True)
    found = leave_out(store, ["bob"], work).held_by
    listed = [("cache", stores / "copy" / ".spool-01"), ("cache", stores / "copy.features")]
    listed += [("cache", stores / "gone.features"), ("prep", one_division), ("prep", copy)]
    listed += [("unfinished", stores / "begun" / ".spool-02"), ("unfinished", cut)]
    assert [(one.kind, Path(one.path)) for one in found] == listed
    moved, features = Path(shutil.move(store, stores / "moved")), stores / "s.features"
    features.mkdir()
    assert {Path(one.path) for one in holders(moved, work)} == {features, *(path for _, path in listed)}


def test_a_copy_is_listed_if_the_list_named_the_signer_before(store: Path) -> None:
    """By hand, or by a killed prep: no split of the store has the clips then."""
    copy = Path(shutil.copytree(store, store.parent / "copy"))
    (store / "left-out.txt").write_text("bob\n")
    assert [Path(one.path) for one in leave_out(store, ["bob"], store.parents[1]).held_by] == [copy]


@pytest.mark.parametrize("damaged", ["clips-0001.h5", "receipt.json", "divisions/drawn.tsv"])
def test_a_damaged_store_is_listed_too(store: Path, damaged: str, caplog: pytest.LogCaptureFixture) -> None:
    """The clips are removed by then."""
    copy = Path(shutil.copytree(store, store.parent / "copy"))
    (copy / damaged).write_bytes((copy / damaged).read_bytes()[:-40])
    found = leave_out(store, ["bob"], store.parents[1]).held_by
    assert [(one.kind, one.path) for one in found] == [("unreadable", str(copy))]
    assert f"whether {copy} was made from {store} cannot be known: {copy}" in caplog.text
