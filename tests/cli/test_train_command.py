"""`sla train` as typed: presets, dry run, options that contradict each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic import SENTENCES, tiny, write_store
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.config.presets import PRESETS
from sla_cli.config.settings import to_toml


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    write_store(folder / "stores" / "phoenix2014")
    (folder / "c.toml").write_text(to_toml(tiny(train__epochs=1, model__variant="frozen")), encoding="utf-8")
    return folder


def sla(work: Path, *arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(app, ["train", "--work", str(work), "--device", "cpu", *arguments])
    return answer.exit_code, answer.stdout, answer.stderr


def test_list_names_each_preset_and_what_it_is_for(tmp_path: Path) -> None:
    code, out, _ = sla(tmp_path, "--list")
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(PRESETS)
    assert all(preset.description in line for preset, line in zip(PRESETS.values(), lines, strict=True))


def test_a_dry_run_prints_a_table_and_leaves_no_run(work: Path) -> None:
    code, out, err = sla(work, "--config", str(work / "c.toml"), "--dry-run")
    assert code == 0, err
    assert out.startswith("module")
    assert "one epoch: 6 clips" in out
    code, out, _ = sla(work, "--config", str(work / "c.toml"), "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["steps"] == 3
    assert not (work / "runs").exists()


def test_the_stores_corpus_chooses_the_preset(work: Path) -> None:
    code, _, err = sla(work, "--config", str(work / "c.toml"), "--name", "a")
    assert code == 0, err
    assert 'preset = "base"' in (work / "runs" / "a" / "run.toml").read_text(encoding="utf-8")
    code, _, err = sla(work, "--config", str(work / "c.toml"), "--name", "b", "--preset", "tiny")
    assert code == 0, err
    assert 'preset = "tiny"' in (work / "runs" / "b" / "run.toml").read_text(encoding="utf-8")
    assert (work / "runs" / "b" / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("extra", [["--preset", "tiny"], ["--dry-run"], ["--epochs", "3"]])
def test_resuming_takes_no_settings(work: Path, extra: list[str]) -> None:
    code, _, err = sla(work, "--resume", *extra)
    assert code == 2
    assert f"its own settings, so {extra[0]} cannot be given" in err


def test_a_run_is_not_both_continued_and_replaced(tmp_path: Path) -> None:
    code, _, err = sla(tmp_path, "--resume", "--force")
    assert code == 2
    assert "--resume continues a run, and --force replaces one" in err
    code, _, err = sla(tmp_path, "--force")
    assert code == 2 and "--force replaces a run, but --name names none" in err


@pytest.mark.parametrize(
    ("setting", "reported"),
    [
        ("model.backbone_args={mlp_ratio=1e9}", ["mlp_ratio is 1000000000.0", "It must be a number above 0 to 1000."]),
        ("train.lr=\udcff", [r"train.lr is '\udcff'", "It must be a number from 0 to"]),
    ],
)
def test_a_setting_out_of_its_bounds_is_named_with_them(work: Path, setting: str, reported: list[str]) -> None:
    code, _, err = sla(work, "--preset", "tiny", "--dry-run", "--set", setting)
    assert code == 2
    assert all(part in err for part in reported), err


def test_what_is_mistyped_is_refused_before_the_store_is_opened(tmp_path: Path) -> None:
    code, _, err = sla(tmp_path, "--set", "train.epoch=3")
    assert code == 2
    assert "'epochs'" in err


@pytest.mark.parametrize(
    ("splits", "reported"),
    [(["train"], "has no dev split, only train"), (["test"], "has no train and no dev split, only test")],
)
def test_a_store_that_lacks_dev_is_told_what_to_do_before_torch_is_loaded(
    tmp_path: Path, splits: list[str], reported: str
) -> None:
    write_store(tmp_path / "stores" / "mine", dict.fromkeys(splits, SENTENCES["train"]))
    for extra in ([], ["--dry-run"]):
        code, _, err = sla(tmp_path, *extra)
        assert code == 2
        assert reported in err
        assert "--by signer` (or sentence, or random)" in err
    assert not (tmp_path / "runs").exists(), "no run was begun"
    script = f"""
import sys
from typer.testing import CliRunner
from sla_cli.cli.main import app
answer = CliRunner().invoke(app, ["train", "--work", {str(tmp_path)!r}])
print(answer.exit_code, "torch" in sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "2 False\n"
