"""`sla check`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clip_store import clip, make_store
from typer.testing import CliRunner, Result

from sla_cli.cli.main import app

TRAIN = [clip("t1", "A B", 12, signer="ann"), clip("t2", "B C", 25, signer="bob"), clip("t3", "A", 13, signer="bob")]
DEV = [clip("d1", "C A X", 12, signer="ann")]
SHORT = [clip(f"short{number}", "A B C", 4) for number in range(5)]
EMPTY = [clip(f"empty{number}", "", signer="bob") for number in range(5)]


def sla(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def test_the_only_store_of_the_work_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_store(Path("sla-work/stores/mine"), {"train": TRAIN, "dev": DEV})
    lines = sla().stdout.split("\n")
    assert lines[0] == "sla-work/stores/mine: mine, division corpus, labels raw"
    assert lines[-2] == "problems: 0, notes: 2; frames were not decoded (--deep)"
    assert ["dev", "1", "1", "12", "0.00", "12", "12", "12"] in [line.split() for line in lines]
    assert ["train", "5", "3", "3", "1", "2", "2"] in [line.split() for line in lines]
    make_store(Path("sla-work/stores/other"), {"train": TRAIN})
    assert "several stores" in sla(code=2).stderr


def test_problems_are_named_with_clips_and_a_way_out_and_exit_with_3(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": [*TRAIN, *EMPTY], "dev": DEV})
    text = sla(store, code=3).stdout
    problems = text[text.index("\nproblems\n") :].split("\n")[2:5]
    assert problems == [
        "  train: 5 clips without glosses",
        "    empty0, empty1, empty2 and 2 more",
        "    Annotate them, or leave them out of the table.",
    ]


def test_clips_too_short_for_the_stride_are_a_note(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": [*TRAIN, *SHORT], "dev": DEV})
    assert "train: 5 clips with too few frames for the glosses at stride 4: train.infeasible" in sla(store).stdout
    assert "too few frames" not in sla(store, "--stride", "1").stdout


def test_json_has_everything(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": [*TRAIN, *EMPTY], "dev": DEV})
    facts = json.loads(sla(store, "--json", "--deep", "-j", 1, "-q", code=3).stdout)
    assert facts["store"] == str(store)
    assert (facts["corpus"], facts["stride"], facts["deep"]) == ("mine", 4, True)
    assert facts["splits"]["dev"]["unknown"] == 1
    (problem,) = (one for one in facts["findings"] if one["problem"])
    assert (problem["about"], problem["split"], len(problem["clips"])) == ("references", "train", 5)
    assert {one["about"] for one in facts["findings"]} == {"references", "signers", "vocabulary"}
    assert sum(facts["frames"]["counts"]["train"]) == 8


def test_deep_says_that_all_is_well(tmp_path: Path) -> None:
    answer = sla(make_store(tmp_path / "store", {"train": TRAIN}), "--deep", "-j", 1)
    assert "problems: 0, notes: 0; every frame decodes as it was written\n" in answer.stdout


def test_histograms_have_a_line_a_bin_and_bars_of_the_first_split(tmp_path: Path) -> None:
    lines = sla(make_store(tmp_path / "store", {"train": TRAIN, "dev": DEV})).stdout.split("\n")
    start = next(number for number, line in enumerate(lines) if line.split() == ["frames", "train", "dev"])
    rows = [line.split() for line in lines[start + 1 : start + 9]]
    assert rows[0] == ["12-13", "2", "1", "█" * 30]
    assert rows[1] == ["14-15", "0", "0"]
    assert rows[6] == ["24-25", "1", "0", "█" * 15]


def test_a_division_and_published_counts_are_shown(tmp_path: Path) -> None:
    splits = {"train": TRAIN, "dev": [clip("d1", "C A", signer="eve")]}
    text = sla(make_store(tmp_path / "store", splits, corpus="isharah2000", division="SI"), code=3).stdout
    assert text.startswith(f"{tmp_path / 'store'}: isharah2000, division SI, labels raw\n")
    assert "published" in text and "19,500" in text
    assert "test: the test split is missing (published: 7,800 clips)" in text


def test_a_store_without_references_has_no_histogram_of_glosses(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"test": [clip("x1", "")]})
    assert not any(line.startswith("glosses  test") for line in sla(store).stdout.split("\n"))


def test_no_store_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    answer = sla(tmp_path, code=2)
    assert answer.stderr.startswith(f"error: {tmp_path} is not a store")
    assert answer.stdout == ""
