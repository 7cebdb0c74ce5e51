"""`sla prep` with divisions, parts and frames of another store, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from movies import movie, pictures
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.prep.check import check_store
from sla_cli.store.store import Store

Tree = Callable[..., Path]


def sla(*arguments: object) -> str:
    """The output of a command, which must succeed."""
    answer = CliRunner().invoke(app, [*map(str, arguments)])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def refused(*arguments: object) -> str:
    answer = CliRunner().invoke(app, [*map(str, arguments)])
    assert answer.exit_code == 2, answer.output
    return " ".join(answer.output.split())


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Videos of six people in a folder, and the work folder next to it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = ["video\tgloss\tsigner"]
    for number in range(12):
        movie(folder / f"v{number}.mp4", pictures(12 + number))
        rows.append(f"v{number}.mp4\tA B {'C' * (number % 3)}\tperson{number % 6}")
    (folder / "clips.tsv").write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    return folder


def test_five_folds_over_one_set_of_frames(mine: Path, tmp_path: Path) -> None:
    """Named after their division, with the settings of the first store, each person in test once, and no overlap."""
    sla("prep", "folder", "mine", "--size", 32, "--quality", 80, "-j1")
    base, tested = Path("sla-work/stores/folder"), []
    for fold in range(1, 4):
        text = sla("prep", "--frames-from", base, "--split-by", "signer", "--fold", f"{fold}/3", "-j1")
        assert "encoded now: 0 clips; taken over: 12" in text
        store = Store(Path(f"sla-work/stores/folder-signer-{fold}of3"))
        assert (store["train"].size, store["train"].quality, store["train"].corpus) == (32, 80, "folder")
        assert check_store(store.path, stride=4).problems == ()
        described = sla("info", store.path)
        assert f"{store.path}: store (sla-store 3), complete" in described
        assert f"frames from  {base.resolve()}" in described
        tested += sorted(set(store["test"].signers))
    assert sorted(tested) == [f"person{number}" for number in range(6)]


def test_a_division_is_read_as_the_first_store_was(phoenix_tree: Tree, tmp_path: Path) -> None:
    """Also its labels, otherwise folds would differ from it without a message."""
    phoenix_tree(tmp_path, {"train": [(f"clip{n}", f"loc-NORD A{n}", 12) for n in range(6)]})
    work, base = tmp_path / "work", tmp_path / "work" / "stores" / "phoenix2014"
    sla("prep", "phoenix2014", tmp_path, "--size", 32, "--labels", "phoenix2014", "--work", work, "-j1")
    options = ("--split-by", "random", "--fold", "1/3", "--work", work, "-j1")
    sla("prep", "--frames-from", base, *options)
    split = Store(work / "stores" / "phoenix2014-random-1of3")["train"]
    assert split.labels == "phoenix2014.v1"
    assert "NORD" in split.vocabulary
    sla("prep", "--frames-from", base, "--labels", "raw", "--name", "raw", *options)
    assert "loc-NORD" in Store(work / "stores" / "raw").vocabulary


def test_who_replaces_a_store_that_lends_its_frames_is_told(mine: Path) -> None:
    base = Path("sla-work/stores/folder")
    sla("prep", "folder", "mine", "--size", 32, "-j1")
    sla("prep", "--frames-from", base, "--split-by", "random", "--name", "divided", "-j1")
    answer = CliRunner().invoke(app, ["prep", "folder", "mine", "--size", "32", "-j1", "--force"])
    assert "is used by divided" in " ".join(answer.stderr.split())
    assert len(Store(Path("sla-work/stores/divided"))["train"][0].frames()) > 0, "the same frames came out"


def test_a_division_that_was_changed_by_hand_is_refused(mine: Path) -> None:
    """By definition the store has people in dev and test who are not in train."""
    sla("prep", "folder", "mine", "--size", 32, "--split-by", "signer", "-j1")
    path = Path("sla-work/stores/folder-signer-80-10-10")
    signer = Store(path)["train"].signers[0]
    with h5py.File(path / "test.h5", "r+", locking=False) as file:
        file["signers"][0] = signer
    assert "not as they were written" in refused("check", path)


def test_parts_and_a_last_call(mine: Path) -> None:
    text = sla("prep", "folder", "mine", "--size", 32, "-j1", "--part", "2/3")
    assert text.splitlines() == [
        "part 2 of 3: 4 clips encoded, 0 there before",
        f"When all parts are done, the same command without --part writes {Path('sla-work/stores/folder')}.",
    ]
    facts = json.loads(sla("prep", "folder", "mine", "--size", 32, "-j1", "--part", "2/3", "--json", "-q"))
    assert (facts["store"], facts["encoded"], facts["reused"]) == (None, 0, 4)
    assert "encoded now: 8 clips; taken over: 4" in sla("prep", "--resume", "-j1")


def test_frames_missing_in_a_folder_of_pictures_are_reported(phoenix_tree: Tree, tmp_path: Path) -> None:
    root = phoenix_tree(tmp_path, {"train": [("whole", "A", 12), ("holey", "B", 12)], "dev": [("cut", "A", 12)]})
    pictures_of = {path.name: path for path in root.rglob("*.png")}
    for name in ("holey.avi_pid0_fn000005-0.png", "cut.avi_pid0_fn000000-0.png", "cut.avi_pid0_fn000001-0.png"):
        pictures_of[name].unlink()
    work = tmp_path / "work"
    text = sla("prep", "phoenix2014", tmp_path, "--size", 32, "-j1", "--work", work)
    assert "in the store, but frames are missing: 2 clips" in text
    assert "holey: train.corpus.csv, line 3: frame 5 is missing" in text
    facts = json.loads(sla("prep", "phoenix2014", tmp_path, "--size", 32, "-j1", "--work", work, "--json", "-q"))
    assert facts["incomplete"].keys() == {"holey", "cut"}
    assert (facts["encoded"], facts["reused"]) == (0, 3)
    report = check_store(work / "stores" / "phoenix2014", stride=4)
    (found,) = (one for one in report.problems if one.about == "frames")
    assert found.clips == ("holey", "cut")
    whole = next(path for name, path in pictures_of.items() if name.endswith("fn000004-0.png") and "holey" in name)
    pictures_of["holey.avi_pid0_fn000005-0.png"].write_bytes(whole.read_bytes())
    again = sla("prep", "phoenix2014", tmp_path, "--size", 32, "-j1", "--work", work)
    assert "encoded now: 1 clip; taken over: 2" in again
    assert "holey" not in again


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["folder", "mine", "--shares", "8,1,1"], "have no effect without --split-by"),
        (["folder", "mine", "--split-by", "signer", "--fold", "0/5"], "--fold '0/5' is not a fold"),
        (["folder", "mine", "--split-by", "signer", "--shares", "a,b"], "--shares 'a,b' is not a list of numbers"),
        (["folder", "mine", "--split-by", "signer", "--shares", "5"], "--shares 5 does not define a division"),
        (["folder", "mine", "--part", "4/3"], "--part '4/3' is not a part"),
        (["folder", "mine", "--part", "1/3", "--force"], "a part cannot replace an existing store"),
        (["folder", "mine", "--tier", "SIGN"], "folder takes no --tier"),
        (["phoenix2014", "mine", "--media", "x"], "phoenix2014 takes no --media"),
        (["folder", "mine", "--list-tiers"], "folder has no tiers"),
        (["--split-by", "signer"], "which corpus, and where is it?"),
        (["--frames-from", "nowhere"], "nowhere is not a store"),
        (["--resume", "--fold", "1/5"], "--resume uses the arguments of the unfinished store"),
    ],
)
def test_options_that_do_not_go_together(mine: Path, options: list[str], message: str) -> None:
    assert message in refused("prep", *options)
    assert not Path("sla-work").exists()
