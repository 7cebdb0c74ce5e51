"""`sla store export`: its options, where it writes, what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clip_store import clip, make_store
from typer.testing import CliRunner, Result

from sla_cli.cli.main import app

TRAIN = [clip("t1", "A B", 5, signer="ann"), clip("t2", "B", 12, signer="bob")]
DEV = [clip("d1", "C A", 3, signer="ann")]


def sla(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["store", "export", "-j", "1", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_store(Path("sla-work/stores/mine"), {"train": TRAIN, "dev": DEV})


def test_the_only_store_goes_into_the_work_folder() -> None:
    lines = sla().stdout.splitlines()
    place = "sla-work/exports/mine-phoenix2014/phoenix-2014-multisigner"
    assert lines == [f"export {place}, clips: train 2, dev 1", "20 frames as png, 24 px"]
    assert len(list(Path(place).glob("features/fullFrame-210x260px/train/t2/1/*.png"))) == 12
    assert sla().stderr.splitlines()[-1] == "sla-work/exports/mine-phoenix2014 is up to date"


def test_options_reach_the_export() -> None:
    options = ("--layout", "phoenix2014t", "-o", "T", "--split", "dev", "--image", "jpg")
    facts = json.loads(sla("sla-work/stores/mine", *options, "--json").stdout)
    assert facts == {
        "export": "T",
        "root": "T/PHOENIX-2014-T",
        "layout": "phoenix2014t",
        "image": "jpg",
        "size": 24,
        "clips": {"dev": 1},
        "frames": 3,
    }
    assert [path.name for path in sorted(Path("T").rglob("*.jpg"))] == [f"images000{n}.jpg" for n in (1, 2, 3)]


def test_info_knows_an_export_and_whether_it_is_complete() -> None:
    sla("-o", "out")
    found = json.loads(CliRunner().invoke(app, ["info", "out", "--json"]).stdout)
    assert (found["kind"], found["complete"], found["facts"]["frames"]) == ("export", True, 20)
    Path("out/receipt.json").unlink()
    Path("out/.export.json").write_text("{}", encoding="utf-8")
    assert json.loads(CliRunner().invoke(app, ["info", "out", "--json"]).stdout)["complete"] is False


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("--layout", "csl"), "'csl' is not one of 'phoenix2014', 'phoenix2014t'"),
        (("--split", "test"), "has no split 'test'"),
        (("nowhere",), "no such store: nowhere"),
        (("-o", "sla-work/stores/mine"), "contains other files"),
        (("-o", "sla-work/stores/mine", "--force"), "contains other files"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], reported: str) -> None:
    assert reported in " ".join(sla(*arguments, code=2).stderr.split())
    assert not Path("sla-work/exports").exists()
    assert (Path("sla-work/stores/mine") / "receipt.json").is_file()
