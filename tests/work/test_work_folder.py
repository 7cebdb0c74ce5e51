"""Which artifact a stage uses if none is named: the newest finished one, never a guess."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sla_cli.artifact.receipt import Receipt, receipt_path, write_receipt
from sla_cli.errors import FormatError, SlaError
from sla_cli.work.folder import Work, store_now
from sla_cli.work.output import check_folder

TRAINED = {"best_epoch": 1, "dev_wer": 50.0}  # results of a finished run

Take = Callable[[Work], Path]
RUN: Take = Work.newest_run
HYPOTHESES: Take = Work.newest_hypotheses


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "sla-work")


def folder(path: Path, *, begun: int = 0, finished: bool = True) -> Path:
    path.mkdir(parents=True)
    header = path / "run.toml"
    header.touch()
    os.utime(header, (begun, begun))
    if finished:
        write_receipt(Receipt("train", {}, {}, results=TRAINED), path)
    return path


def file(path: Path, *, finished: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if finished:
        write_receipt(Receipt("decode", {}, {}), path)
    return path


def test_looking_creates_nothing(work: Work) -> None:
    for take in (Work.only_store, Work.newest_run, Work.newest_hypotheses, Work.newest_unfinished_run):
        with pytest.raises(SlaError, match=r"no (un)?finished") as caught:
            take(work)
        assert "sla " in caught.value.hint
        assert "makes it" not in caught.value.hint, "which hypotheses are not"
    assert not work.root.exists()


def test_a_folder_that_has_the_name_of_a_run_or_a_store_by_chance_does_not_hide_it(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    name = Path("mine")
    run, store = folder(work.runs / name), folder(work.stores / name)
    name.mkdir()
    (name / "video.mp4").touch()
    assert (work.run_given(name), work.store_given(name)) == (run, store)
    assert work.store_given(Path("mine:by-signer")) == store.with_name("mine:by-signer")
    with pytest.raises(SlaError, match=r"^mine: names no division"):
        work.store_given(Path("mine:"))
    shutil.rmtree(name)
    name.touch()
    assert work.store_given(name) == name
    assert f"taking mine, not the store {store}: give its path to take that" in caplog.text
    name.unlink()
    folder(name)
    assert (work.run_given(name), work.store_given(name)) == (name, name)
    for here in (".", "..", "mine/..", ".:SI"):
        assert work.store_given(Path(here)) == Path(here), "this is no name of a store"


def test_a_name_of_several_seeds_is_no_run(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seeds = [folder(work.runs / f"base-seed{seed}") for seed in (0, 1)]
    for seed in seeds:
        (seed / "run.toml").touch()
    for find in (lambda: work.run_given(Path("base")), lambda: work.one_run("base")):
        with pytest.raises(SlaError, match="base means several runs: base-seed0, base-seed1"):
            find()
        Path("base").mkdir(exist_ok=True)  # by chance
        with pytest.raises(SlaError, match="base means several runs: base-seed0, base-seed1"):
            find()
    assert (work.run_given(Path("base-seed1")), work.run_given(Path("bas"))) == (seeds[1], Path("bas"))


@pytest.mark.parametrize("mark", ["", "video.mp4", "receipt.json", "run.toml", "config.json"])
def test_all_commands_take_the_same_for_the_name_of_a_run(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run, here = folder(work.runs / "mine"), Path("mine")
    if mark:
        file(here / mark, finished=False)
    taken = here if mark in ("receipt.json", "run.toml", "config.json") else run
    assert (work.run_given(here), work.runs_called("mine"), work.one_run("mine")) == (taken, [taken], taken)


def test_a_link_to_a_run_from_elsewhere_is_the_run(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made of it has the run's name, and is looked for by it."""
    monkeypatch.chdir(tmp_path)
    run, disk = folder(work.runs / "mine"), folder(tmp_path / "disk" / "x")
    Path("best").symlink_to(run)
    (work.runs / "other").symlink_to(disk)
    assert (work.run_given(Path("best")), work.runs_called("best")) == (run, [run])
    assert work.run_given(Path("other")) == work.runs / "other", "which is a name of it"


def test_the_run_that_finished_last_is_taken(work: Work) -> None:
    first = folder(work.runs / "z-begun-first")
    assert work.newest_run() == first
    second = folder(work.runs / "a-begun-second")
    assert work.newest_run() == second
    folder(work.runs / "unfinished", finished=False)
    (work.runs / "stray.txt").touch()
    assert work.newest_run() == second
    write_receipt(Receipt("train", {}, {}, results=TRAINED), first)
    (work.runs / "link").symlink_to(first)
    assert work.newest_run() == first


def test_the_hypotheses_decoded_last_are_taken_of_whatever_run(work: Work) -> None:
    one = file(work.hypotheses / "adapter-1" / "dev-greedy.tsv")
    two = file(work.hypotheses / "lora-1" / "dev-beam10.tsv")
    file(work.hypotheses / "lora-1" / "dev-half.tsv", finished=False)
    assert work.newest_hypotheses() == two
    receipt_path(two).unlink()
    assert work.newest_hypotheses() == one


@pytest.mark.parametrize("take", [RUN, HYPOTHESES])
def test_two_that_finished_at_the_same_time_are_listed(work: Work, take: Take) -> None:
    if take is RUN:
        original = folder(work.runs / "adapter-1")
        shutil.copytree(original, copy := work.runs / "copy")
    else:
        original = file(work.hypotheses / "adapter-1" / "dev.tsv")
        shutil.copytree(original.parent, work.hypotheses / "copy")
        copy = work.hypotheses / "copy" / "dev.tsv"
    with pytest.raises(SlaError, match="finished at the same time") as caught:
        take(work)
    assert str(original) in caught.value.message
    assert str(copy) in caught.value.message


def test_several_stores_are_listed_never_chosen_from(work: Work) -> None:
    folder(work.stores / "unfinished", finished=False)
    only = folder(work.stores / "phoenix2014")
    assert work.only_store() == only
    folder(work.stores / "csl-daily")
    with pytest.raises(SlaError, match="several stores") as caught:
        work.only_store()
    assert "phoenix2014" in caught.value.message
    assert "csl-daily" in caught.value.message
    assert "unfinished" not in caught.value.message


def test_the_unfinished_run_begun_last_is_resumed(work: Work) -> None:
    folder(work.runs / "b", begun=2000, finished=False)
    folder(work.runs / "a", begun=1000, finished=False)
    folder(work.runs / "c", begun=3000)
    (work.runs / "never-begun").mkdir()
    assert work.newest_unfinished_run().name == "b"


def test_new_runs_never_share_a_folder(work: Work) -> None:
    names = [work.new_run("adapter").name for _ in range(3)]
    assert names == ["adapter-1", "adapter-2", "adapter-3"]
    assert work.new_run("lora").name == "lora-1"
    shutil.rmtree(work.runs / "adapter-2")
    assert work.new_run("adapter").name == "adapter-2"


def test_a_receipt_that_cannot_be_read_is_named_not_passed_over(work: Work) -> None:
    folder(work.runs / "good")
    bad = folder(work.runs / "bad")
    (bad / "receipt.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(FormatError, match=r"bad/receipt\.json"):
        work.newest_run()


def test_a_file_is_no_work_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SlaError, match="file is a file") as caught:
        Work(tmp_path / "file")
    assert "--work" in caught.value.hint


def test_a_file_in_the_place_of_a_folder_of_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    for folder in (tmp_path / "runs", tmp_path / "runs" / "a"):
        with pytest.raises(SlaError, match=r"runs is a file, and .* is to be a folder"):
            check_folder(folder)


def test_a_moved_work_folder_finds_its_store_and_not_the_corpus_of_that_name(tmp_path: Path) -> None:
    for folder in ("mine", "moved/stores/mine", "moved/runs/a"):
        (tmp_path / folder).mkdir(parents=True)
    found = store_now(tmp_path / "sla-work" / "stores" / "mine", tmp_path / "moved" / "runs" / "a", "--store")
    assert found == tmp_path / "moved" / "stores" / "mine"
    deep = Path("/", *["a"] * 100_000, "stores", "mine")  # from a stranger's file, in time that does not grow with it
    assert store_now(deep, tmp_path / "moved" / "runs" / "a", "--store") == found
    (tmp_path / "moved" / "stores" / "mine").rmdir()
    with pytest.raises(SlaError, match=r"the store of .* is gone"):
        store_now(tmp_path / "mine" / "mine", tmp_path / "moved" / "runs" / "a", "--store", is_it=lambda _: False)


def test_a_copied_work_folder_uses_its_own_store_before_an_equal_one_beside_it(tmp_path: Path) -> None:
    for folder in ("x/w/stores/mine", "x/v/stores/mine", "x/v/runs/a"):
        (tmp_path / folder).mkdir(parents=True)
    gone, run = tmp_path / "gone" / "w" / "stores" / "mine", tmp_path / "x" / "v" / "runs" / "a"
    assert store_now(gone, run, "--store", is_it=lambda _: True) == tmp_path / "x" / "v" / "stores" / "mine"
