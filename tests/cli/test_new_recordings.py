"""A trained run on new recordings: from videos without a table to glosses with times, like a new user."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from recordings import copy_run, refused, signed, sla
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.store.division import read_division, write_division
from sla_cli.store.paths import division_path
from sla_cli.store.store import Store
from sla_cli.work.hypotheses import read_hypotheses
from sla_cli.work.run import Run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with its work folder `old`, and a folder `mine`."""
    copy_run(tmp_path)
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_video_without_a_table(folder: Path) -> None:
    signed(folder / "mine" / "hello.mkv", "NORD REGEN", 25)
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    emitted = sla("emit", "old/runs/adapter", "--store", "folder", "-q")  # test is its only split
    digest = Store(Path(store))["test"].digest[:6]
    assert (Path(emitted["emissions"]).name, emitted["clips"]) == (f"folder-test-{digest}.h5", 1)
    decoded = sla("decode", "old/runs/adapter", "--store", "folder", "-q")
    [found] = read_hypotheses(Path(decoded["hypotheses"]))
    assert (found.id, found.glosses, found.fps) == ("hello", ("NORD", "REGEN"), 25.0)
    (_, first), (second, end) = found.times
    assert first <= second and 0.3 < second < 0.6 and end <= 22 / 25


def test_times_are_right_where_frame_rates_are_mixed(folder: Path) -> None:
    """One recording at 25 and at 50 frames per second: the same glosses at the same seconds, in every format."""
    for rate in (25, 50):
        signed(folder / "mine" / f"at{rate}.mkv", "NORD REGEN", rate)
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    reported = {}
    for kind in ("ctm", "stm", "jsonl"):
        made = sla("decode", "old/runs/adapter", "--store", store, "--split", "test", "--format", kind, "-q")
        reported[kind] = Path(made["exported"][kind]).read_text(encoding="utf-8").splitlines()
    slow, fast = (json.loads(line) for line in reported["jsonl"])
    assert (slow["glosses"], slow["times"]) == (fast["glosses"], fast["times"])
    assert slow["glosses"] == ["NORD", "REGEN"]
    times = {
        name: [line.split()[2:4] for line in reported["ctm"] if line.startswith(name)] for name in ("at25", "at50")
    }
    assert times["at25"] == times["at50"]
    assert [float(start) for start, _ in times["at25"]] == [start for start, _ in slow["times"]]
    assert [line.split()[3:5] for line in reported["stm"]] == 2 * [["0.000", f"{slow['times'][-1][1]:.3f}"]]


def test_references_that_the_run_cannot_produce_are_counted_and_scored(folder: Path) -> None:
    signed(folder / "mine" / "a.mkv", "NORD REGEN", 25)
    (folder / "mine" / "mine.tsv").write_text("video\tgloss\tsplit\na.mkv\tNORD WIND REGEN\tdev\n", encoding="utf-8")
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    answer = CliRunner().invoke(app, ["decode", "old/runs/adapter", "--store", store, "-o", "a.tsv"])
    assert answer.exit_code == 0, answer.output
    assert "1 of 3 glosses" in answer.stderr and "WIND" in answer.stderr
    again = CliRunner().invoke(app, ["decode", "old/runs/adapter", "--store", store, "-o", "a.tsv"])
    assert "1 of 3 glosses" in again.stderr  # also if existing emissions are used
    scored = sla("score", "a.tsv", "--normalize", "none", "-q")
    assert (scored["ref_words"], scored["del"], scored["correct"]) == (3, 1, 2)


def test_emissions_of_the_runs_own_store_and_of_another_do_not_replace_each_other(folder: Path) -> None:
    signed(folder / "mine" / "a.mkv", "NORD", 25)
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    own = sla("emit", "old/runs/adapter", "--split", "test", "-q")["emissions"]
    other = sla("emit", "old/runs/adapter", "--split", "test", "--store", store, "-q")["emissions"]
    digest = Store(Path(store))["test"].digest[:6]
    assert (Path(own).name, Path(other).name) == ("test.h5", f"folder-test-{digest}.h5")


def test_references_that_changed_since_decoding_are_not_scored_against(folder: Path) -> None:
    signed(folder / "mine" / "a.mkv", "NORD REGEN", 25)
    table = folder / "mine" / "mine.tsv"
    table.write_text("video\tgloss\tsplit\na.mkv\tNORD REGEN\tdev\n", encoding="utf-8")
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    found = sla("decode", "old/runs/adapter", "--store", store, "-q")["hypotheses"]
    assert sla("score", found, "-q")["wer"] == 0
    table.write_text("video\tgloss\tsplit\na.mkv\tWIND WIND\tdev\n", encoding="utf-8")
    sla("prep", "folder", "mine", "--size", "32", "--force", "-q")
    refusal = " ".join(refused("score", found).split())
    assert "has other clips or references than when" in refusal and "with --ref." in refusal
    assert sla("score", found, "--ref", store, "-q")["wer"] == 100
    assert sla("decode", "old/runs/adapter", "--store", store, "-q")["hypotheses"] == found
    assert sla("score", found, "-q")["wer"] == 100, "the hint helps"


def test_a_copied_work_folder_takes_its_own_store(folder: Path) -> None:
    signed(folder / "mine" / "a.mkv", "NORD REGEN", 25)
    table = folder / "mine" / "mine.tsv"
    table.write_text("video\tgloss\tsplit\na.mkv\tNORD REGEN\tdev\n", encoding="utf-8")
    store = Path(sla("prep", "folder", "mine", "--size", "32", "-q")["store"])
    sla("decode", "old/runs/adapter", "--store", str(store), "-q")
    shutil.copytree("sla-work", "copy")

    def references() -> Path:
        scored = Path(sla("score", "--work", "copy", "-q")["scores"])
        return Path(json.loads((scored / "receipt.json").read_text(encoding="utf-8"))["sources"]["ref"])

    own = Path("copy").resolve() / "stores" / store.name
    assert references() == own
    before = (store / "clips.h5").read_bytes()
    table.write_text("video\tgloss\tsplit\na.mkv\tWIND WIND\tdev\n", encoding="utf-8")
    sla("prep", "folder", "mine", "--size", "32", "--force", "-q")
    assert references() == own, "whatever becomes of the other one"
    (own / "clips.h5").write_bytes((store / "clips.h5").read_bytes())
    (store / "clips.h5").write_bytes(before)
    assert references() == store.resolve(), "its own is another one now"


def test_runs_of_a_copied_work_folder_take_its_own_store(folder: Path) -> None:
    run = Run(Path("old/runs/adapter"))
    run.create(run.config, run.glosses, replace(run.facts, store=str(Path("old/stores/phoenix2014").resolve())))
    shutil.copytree("old", "copy")
    own = Path("copy/stores/phoenix2014").resolve()
    copied = Run(Path("copy/runs/adapter"))
    assert copied.store == copied.own_store == own
    assert run.store == Path("old/stores/phoenix2014").resolve()
    sla("store", "leave-out", str(own), "--signer", "Signer01", "-q")
    assert copied.store == own, "also without somebody"


def test_a_run_with_the_name_of_its_store_is_not_taken_for_a_copy(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Path("old/stores/phoenix2014").resolve()
    caplog.set_level("INFO", "sla")
    run = Run(Path("old/runs/adapter").rename("old/runs/phoenix2014"))
    run.create(run.config, run.glosses, replace(run.facts, store=str(store)))
    assert run.store == store
    assert not caplog.messages


def test_after_leave_out_in_a_copied_work_folder_nothing_takes_the_other_store(folder: Path) -> None:
    """The other one still has the person."""
    run, store = Run(Path("old/runs/adapter")), Path("old/stores/phoenix2014").resolve()
    run.create(run.config, run.glosses, replace(run.facts, store=str(store)))
    sla("decode", "old/runs/adapter", "--split", "train", "--work", "old", "-q")
    shutil.copytree("old", "copy")
    with_person = Store(store)["train"]
    signer = with_person.signers[0]
    sla("store", "leave-out", "phoenix2014", "--signer", signer, "--work", "copy", "-q")
    answer = CliRunner().invoke(app, ["decode", "copy/runs/adapter", "--split", "train", "--work", "copy", "--json"])
    assert "signers were left out of the store" in answer.stderr and "train again" in answer.stderr
    made = json.loads(answer.stdout)
    gone = {clip for clip, name in zip(with_person.ids, with_person.signers, strict=True) if name == signer}
    assert gone and not gone & {one.id for one in read_hypotheses(Path(made["hypotheses"]))}


def test_a_store_that_was_copied_to_a_node_is_the_one_in_the_work_folder_afterwards(folder: Path) -> None:
    run = Run(Path("old/runs/adapter"))
    run.create(run.config, run.glosses, replace(run.facts, store=str(folder / "node-stores" / "phoenix2014")))
    assert run.store == run.own_store == Path("old/stores/phoenix2014").resolve()
    shutil.rmtree("old/stores/phoenix2014/divisions")
    assert run.own_store is None, "not any store of this name"


def test_a_store_or_division_that_has_changed_since_training_is_reported(folder: Path) -> None:
    def reported(*arguments: str) -> str:
        answer = CliRunner().invoke(app, ["decode", "old/runs/adapter", *arguments])
        assert answer.exit_code == 0, answer.output
        return answer.stderr

    run = Run(Path("old/runs/adapter"))
    run.create(run.config, run.glosses, replace(run.facts, store=str(Path("old/stores/phoenix2014").resolve())))
    assert "has changed" not in reported("--split", "test")
    signed(folder / "mine" / "a.mkv", "NORD REGEN", 25)
    (folder / "mine" / "mine.tsv").write_text("video\tgloss\tsplit\na.mkv\tNORD REGEN\tdev\n", encoding="utf-8")
    other = Path(sla("prep", "folder", "mine", "--size", "32", "-q")["store"])
    assert "has changed" not in reported("--store", str(other)), "another store, which was named"
    store = Path("old/stores/phoenix2014")
    division = read_division(division_path(store, "multisigner"))
    write_division(store, replace(division, splits={**division.splits, "dev_0": "test"}))
    shutil.rmtree("sla-work/emissions")
    for _ in range(2):  # with new emissions, and with existing ones
        told = reported("--split", "test")
        assert f"{store.resolve()}, or its division multisigner, has changed since run adapter was trained" in told
        assert "so dev and test may hold clips of training; restore it, draw the division as before, or name" in told
        assert "or name another store" in told, "sla next takes it without --store"


def test_clips_of_training_in_another_division_are_reported(folder: Path) -> None:
    run, store = Run(Path("old/runs/adapter")), Path("old/stores/phoenix2014")
    run.create(run.config, run.glosses, replace(run.facts, store=str(store.resolve())))
    division = read_division(division_path(store, "multisigner"))
    trained = [name for name, split in division.splits.items() if split == "train"]
    moved = dict.fromkeys(trained[:2], "dev")
    write_division(store, replace(division, name="other", splits={**division.splits, **moved}))
    for arguments, reported in [((), False), ((":other",), True), ((":other", "--split", "test"), False)]:
        given = f"{store}{arguments[0]}" if arguments else str(store)
        answer = CliRunner().invoke(app, ["decode", "old/runs/adapter", "--store", given, *arguments[1:]])
        assert answer.exit_code == 0, answer.output
        said = " ".join(answer.stderr.split())
        assert ("run adapter was trained on 2 clips of" in said) == reported, said
    run.create(run.config, run.glosses, replace(run.facts, division="renamed"))
    answer = CliRunner().invoke(app, ["decode", "old/runs/adapter", "--store", f"{store}:other"])
    said = " ".join(answer.stderr.split())
    assert answer.exit_code == 0 and "whether run adapter was trained on clips of dev of" in said, answer.output


def test_stores_of_one_name_do_not_replace_each_other(folder: Path) -> None:
    stores = []
    for sentence in ("NORD REGEN", "SONNE"):
        (folder / sentence).mkdir()
        signed(folder / sentence / "a.mkv", sentence, 25)
        stores.append(sla("prep", "folder", sentence, "--size", "32", "-q", "--work", f"work {sentence}")["store"])
    made = [sla("emit", "old/runs/adapter", "--store", store, "-q")["emissions"] for store in stores]
    assert len(set(made)) == 2 and all(Path(path).is_file() for path in made)


def test_a_file_that_the_user_named_is_replaced_with_force_only(folder: Path) -> None:
    signed(folder / "mine" / "a.mkv", "NORD", 25)
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    sla("emit", "old/runs/adapter", "-o", "e.h5", "-q")
    sla("emit", "old/runs/adapter", "-o", "e.h5", "-q")  # the same emissions
    before = Path("e.h5").read_bytes()
    assert "e.h5 exists" in refused("emit", "old/runs/adapter", "--store", store, "-o", "e.h5")
    assert Path("e.h5").read_bytes() == before
    assert sla("emit", "old/runs/adapter", "--store", store, "-o", "e.h5", "--force", "-q")["clips"] == 1
    assert "--store has no effect" in refused("decode", "e.h5", "--store", store)


def test_tuning_needs_dev_and_emits_nothing_else(folder: Path) -> None:
    signed(folder / "mine" / "a.mkv", "NORD", 25)
    store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
    assert "dev" in refused("tune", "old/runs/adapter", "--store", store, "--lm", "old/gloss.arpa")
    assert not list(folder.rglob("folder-test-*"))
