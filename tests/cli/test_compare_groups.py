"""`sla compare` of groups: runs of several seeds, by name, with commas, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from seed_work import decode, make_run, write_seed_work
from typer.testing import CliRunner, Result

from sla_cli.cli.main import app
from sla_cli.store.store import Store

RUNS = {f"frozen-1-seed{seed}": 0.5 for seed in (0, 2, 10)} | {f"adapter-1-seed{seed}": 0.1 for seed in (0, 2, 10)}


def sla(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return write_seed_work(Path("sla-work"), RUNS)


def test_runs_of_several_seeds_by_their_name(store: Store) -> None:
    text = sla("compare", "frozen-1", "adapter-1", "--split", "dev").stdout
    assert "A frozen-1: mean WER " in text and " of 3 runs, 95 % interval " in text
    assert ", spread between seeds " in text
    pairs = text.partition("Pairs of runs\n")[2].splitlines()[1:4]
    assert [line.split()[:2] for line in pairs] == [
        [f"frozen-1-seed{seed}", f"adapter-1-seed{seed}"] for seed in (0, 2, 10)
    ]
    assert text.rstrip().endswith("points, more than chance explains.")
    assert "adapter-1 is better than frozen-1 by" in text


def test_as_json_a_group_is_its_runs_one_by_one(store: Store) -> None:
    found = json.loads(sla("compare", "frozen-1", "adapter-1", "--split", "test", "--json", "-q").stdout)
    for side, name in (("a", "frozen-1"), ("b", "adapter-1")):
        for one, seed in zip(found[side]["runs"], (0, 2, 10), strict=True):
            assert one["name"] == f"{name}-seed{seed}"
            (path,) = Path("sla-work/hypotheses", one["name"]).glob("test-*.tsv")
            scored = json.loads(sla("score", str(path), "--json", "-q").stdout)
            assert {key: scored[key] for key in one if key != "name"} == {key: one[key] for key in one if key != "name"}
        rates = [one["wer"] for one in found[side]["runs"]]
        assert found[side]["wer"] == pytest.approx(sum(rates) / 3)
    assert found["pairs"] == [b["wer"] - a["wer"] for a, b in zip(found["a"]["runs"], found["b"]["runs"], strict=True)]
    assert found["interval"]["low"] < found["difference"] < found["interval"]["high"]
    by_signer = json.loads(
        sla("compare", "frozen-1", "adapter-1", "--split", "test", "--cluster", "signer", "--json", "-q").stdout
    )
    assert (by_signer["interval"]["cluster"], by_signer["interval"]["units"]) == ("signer", 5)
    assert "5 signers are too few" in by_signer["verdict"]


def test_files_with_commas_are_the_same_group(store: Store) -> None:
    by_name = json.loads(sla("compare", "frozen-1", "adapter-1", "--split", "dev", "--json", "-q").stdout)
    sides = [
        ",".join(f"sla-work/hypotheses/{name}-1-seed{seed}/dev-greedy-abc123.tsv" for seed in (0, 2, 10))
        for name in ("frozen", "adapter")
    ]
    by_file = json.loads(sla("compare", *sides, "--json", "-q").stdout)
    assert (by_file["interval"], by_file["pairs"]) == (by_name["interval"], by_name["pairs"])
    folder = json.loads(sla("score", sides[0].split(",")[0], "--json", "-q").stdout)["scores"]
    mixed = json.loads(sla("compare", ",".join([folder, *sides[0].split(",")[1:]]), sides[1], "--json", "-q").stdout)
    assert mixed["interval"] == by_name["interval"]


def test_other_seeds_or_numbers_of_them_are_not_paired(store: Store) -> None:
    make_run(Path("sla-work"), "adapter-2-seed7", store)
    decode(Path("sla-work"), "adapter-2-seed7", store, "dev", 0.1)
    one = sla("compare", "frozen-1", "adapter-2", "--split", "dev").stdout
    assert "Runs, not paired by seed" in one
    assert "but 1 seed is too few" in one
    others = json.loads(
        sla("compare", "frozen-1-seed0,frozen-1-seed2", "adapter-1-seed0,adapter-2", "--split", "dev", "--json").stdout
    )
    assert (others["paired"], others["pairs"]) == (False, [])


def test_two_runs_by_name_are_compared_as_their_files_are(store: Store) -> None:
    options = ("--split", "dev", "--json", "-q")
    by_name = json.loads(sla("compare", "frozen-1-seed0", "sla-work/runs/adapter-1-seed0", *options).stdout)
    files = [f"sla-work/hypotheses/{name}-1-seed0/dev-greedy-abc123.tsv" for name in ("frozen", "adapter")]
    by_file = json.loads(sla("compare", *files, "--json", "-q").stdout)
    assert by_name["interval"] == by_file["interval"]
    assert by_name["a"]["name"] == "frozen-1-seed0"


def test_what_is_not_clear_is_refused(store: Store) -> None:
    error = sla("compare", "frozen-1", "adapter-1", code=2).stderr
    assert "several hypotheses of run frozen-1-seed0: " in error and "--split" in error
    decode(Path("sla-work"), "frozen-1-seed0", store, "dev", 0.4, search="beam10-lm")
    error = sla("compare", "frozen-1", "adapter-1", "--split", "dev", code=2).stderr
    assert "several hypotheses of dev of run frozen-1-seed0" in error and "Choose with --search" in error
    assert sla("compare", "frozen-1", "adapter-1", "--split", "dev", "--search", "greedy").exit_code == 0
    error = sla("compare", "frozen-1", "adapter-1", "--split", "dev", "--search", "beam5", code=2).stderr
    assert "no hypotheses of dev by beam5 of run frozen-1-seed0" in error
    assert "`sla decode sla-work/runs/frozen-1-seed0 --split dev` with the options of beam5 makes them." in error
    assert "is named twice" in sla("compare", "frozen-1-seed2,frozen-1", "adapter-1", "--split", "test", code=2).stderr
    error = sla("compare", "frozen-1-seed0,adapter-1-seed2", "frozen-1", "--split", "test", code=2).stderr
    assert "frozen-1-seed0 and adapter-1-seed2 differ in model.variant, so they are no group of seeds" in error
    assert "no run of this name" in sla("compare", "frozen-3", "adapter-1", code=2).stderr
    for group in (",", "frozen-1-seed0,", "frozen-1-seed0,,frozen-1-seed2"):
        for command in ("compare", "table"):
            assert f"'{group}' has an empty name where" in sla(command, group, "adapter-1", code=2).stderr
    error = sla("compare", "frozen-1", "adapter-1", "--split", "test", "-o", "d.tsv", code=2).stderr
    assert "a group has several" in error and not Path("d.tsv").exists()
