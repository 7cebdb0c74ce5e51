"""`sla split`, `sla store leave-out`, and `sla prep` in parts, as they are typed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from clip_store import clip, make_store
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


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of six people in a folder."""
    folder = tmp_path_factory.mktemp("mine")
    rows = ["video\tgloss\tsigner"]
    for number in range(12):
        movie(folder / f"v{number}.mp4", pictures(12 + number))
        rows.append(f"v{number}.mp4\tA B {'C' * (number % 3)}\tperson{number % 6}")
    (folder / "clips.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def mine(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the videos, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(videos, tmp_path / "mine"))


def test_folds_of_one_store(mine: Path) -> None:
    """Each person is in test once, and no person is in two splits."""
    sla("prep", "folder", "mine", "--size", 32, "-j1")
    tested = []
    for fold in range(1, 4):
        facts = json.loads(sla("split", "--by", "signer", "--fold", f"{fold}/3", "--json"))
        store = Store(Path(facts["store"]))
        assert facts["store"] == f"sla-work/stores/folder:signer-{fold}of3"
        assert facts["clips"] == {name: len(store[name]) for name in store.splits}
        assert check_store(Path(facts["store"]), stride=4).problems == ()
        tested += facts["signers"]["test"]
    assert sorted(tested) == [f"person{number}" for number in range(6)]
    assert json.loads(sla("info", "sla-work/stores/folder", "--json"))["facts"]["divisions"].keys() == {
        *("signer-1of3", "signer-2of3", "signer-3of3")
    }
    assert "several divisions" in refused("check")


def test_a_table_of_ones_own_is_a_division(mine: Path) -> None:
    sla("prep", "folder", "mine", "--size", 32, "-j1")
    Path("two.tsv").write_text("clip\tsplit\nv0\ttrain\nv1\tdev\n", encoding="utf-8")
    text = sla("split", "--from", "two.tsv", "--name", "mine")
    assert text.splitlines()[:3] == [
        "division sla-work/stores/folder:mine",
        "  train 1, signers: 1",
        "  dev 1, signers: 1",
    ]
    assert "in no split: 10" in text
    assert Store(Path("sla-work/stores/folder:mine"))["dev"].ids == ["v1"]


def test_a_signer_is_left_out_and_stays_out(mine: Path) -> None:
    sla("prep", "folder", "mine", "--size", 32, "-j1")
    sla("split", "--by", "random")
    facts = json.loads(sla("store", "leave-out", "--signer", "person3", "--json"))
    assert (facts["clips"], sum(facts["divisions"].values())) == (["v3", "v9"], 2)
    assert "v3: signer person3 was left out of this store" in sla("prep", "folder", "mine", "--size", 32, "-j1")
    assert "person3" not in Store(Path("sla-work/stores/folder")).clips.signers
    assert json.loads(sla("store", "leave-out", "--signer", "person3", "--json"))["clips"] == []  # it is repeatable
    assert "no clip of" in refused("store", "leave-out", "--signer", "person33")


def test_parts_and_a_last_call(mine: Path) -> None:
    text = sla("prep", "folder", "mine", "--size", 32, "-j1", "--part", "2/3")
    assert text.splitlines() == [
        "part 2 of 3: 4 clips encoded, 0 there before",
        f"When all parts are done, the same command without --part writes {Path('sla-work/stores/folder')}.",
    ]
    facts = json.loads(sla("prep", "folder", "mine", "--size", 32, "-j1", "--part", "2/3", "--json", "-q"))
    assert (facts["store"], facts["encoded"], facts["reused"]) == (None, 0, 4)
    assert "encoded now: 8 clips; taken over: 4" in sla("prep", "folder", "--resume", "-j1")


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
    ("line", "message"),
    [
        ("prep folder mine --part 4/3", "--part '4/3' is not K/N"),
        ("prep folder mine --part 1/3 --force", "--part and --force do not go together"),
        ("prep folder mine --resume --part 1/3", "--resume uses the options of the unfinished store"),
        ("split store", "a division is drawn with --by, or taken with --from"),
        ("split store --from two.tsv --seed 1", "a division is drawn with --by, or taken with --from"),
        ("split store --by signer --fold 0/5", "fold '0/5'"),
        ("split store --by signer --shares a,b", "--shares 'a,b' is not a list of numbers"),
        ("split store --by signer --shares -1,50,51", "--shares -1,50,51: a share is not from 0 to 1,000,000,000"),
        ("split store --by signer --shares 8_0,20", "--shares '8_0,20' is not a list of numbers"),
        ("split store --by signer --shares 5", "shares 5"),
        ("split nowhere --by signer", "no such store: nowhere"),
    ],
)
def test_options_that_do_not_go_together(mine: Path, line: str, message: str) -> None:
    make_store(Path("store"), {"train": [clip(f"c{number}", signer=f"p{number}") for number in range(6)]})
    assert message in refused(*line.split())
    assert not Path("sla-work").exists()
