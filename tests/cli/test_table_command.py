"""`sla table`: its figures are those of score and compare, in Markdown, LaTeX and JSON; what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from seed_work import decode, make_run, note_weights, write_seed_work
from typer.testing import CliRunner, Result

from sla_cli.cli.main import app
from sla_cli.config.settings import resolve
from sla_cli.store.store import Store
from sla_cli.work.run import Run

RUNS = {"frozen-1": 0.5, "adapter-1-seed0": 0.1, "adapter-1-seed1": 0.2, "lora_a%|<>-1": 0.3}
WORK = Path("sla-work")


def sla(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def write_weights(run: Run, numbers: int) -> None:
    values = {"head.weight": np.zeros((numbers, 10), np.float32), "norm.running_mean": np.zeros(7, np.float32)}
    save_file(values, run.best)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    found = write_seed_work(WORK, {name: wrong for name, wrong in RUNS.items() if "%" not in name})
    for run in WORK.joinpath("runs").iterdir():
        write_weights(Run(run), 2000)
        note_weights(WORK, Run(run))
    return found


def test_a_model_that_has_the_name_of_a_run_here_is_taken_and_refused(store: Store) -> None:
    Path("frozen-1").mkdir()
    Path("frozen-1", "config.json").write_text('{"format": "sla-model"}')
    for command in ("table", "compare"):
        error = " ".join(sla(command, "frozen-1", "adapter-1", code=2).stderr.split())
        assert "taking frozen-1, not the run sla-work/runs/frozen-1" in error
        assert "frozen-1 is a model, and this takes runs only" in error


def test_figures_are_those_of_the_other_commands(store: Store) -> None:
    lines = sla("table", "frozen-1", "adapter-1").stdout.splitlines()
    assert lines[0] == (
        "| run | search | variant | trained parameters | dev del / ins | dev WER | test del / ins | test WER |"
    )
    assert lines[1] == "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"
    frozen, adapter = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:4])
    assert (frozen[:3], adapter[:3]) == (["frozen-1", "greedy", "frozen"], ["adapter-1", "greedy", "adapter"])
    assert frozen[3] == adapter[3] == "0.02 M"
    for column, split in ((5, "dev"), (7, "test")):
        scored = json.loads(
            sla("score", f"sla-work/hypotheses/frozen-1/{split}-greedy-abc123.tsv", "--json", "-q").stdout
        )
        low, high = scored["interval"]["low"], scored["interval"]["high"]
        assert frozen[column] == f"{scored['wer']:.2f} [{low:.2f}, {high:.2f}]"
        shares = [100 * scored[kind] / scored["ref_words"] for kind in ("del", "ins")]
        assert frozen[column - 1] == f"{shares[0]:.1f} / {shares[1]:.1f}"
        found = json.loads(sla("compare", "frozen-1", "adapter-1", "--split", split, "--json", "-q").stdout)["b"]
        low, high = found["interval"]["low"], found["interval"]["high"]
        assert adapter[column] == f"{found['wer']:.2f} ± {found['spread']:.2f} [{low:.2f}, {high:.2f}]"
    assert lines[-1] == (
        "WER, deletions and insertions in percent, scored under profile none.v1. In brackets 95 % bootstrap intervals "
        "over 27 to 30 sentences, in rows with ± also over seeds. Mean ± standard deviation of 2 seeds."
    )


def test_the_note_states_over_what_the_intervals_are(store: Store) -> None:
    answers = [sla("table", *rows, "--split", "dev") for rows in (["frozen-1"], ["adapter-1"])]
    assert [answer.stdout.splitlines()[-1].partition(" over ")[2] for answer in answers] == [
        "30 sentences.",
        "30 sentences and seeds. Mean ± standard deviation of 2 seeds.",
    ]
    # Each command names the profile, once for all files.
    assert [answer.stderr.count("normalisation profile none\n") for answer in answers] == [1, 1]


def test_one_split_is_shown_if_a_run_of_a_group_lacks_the_other(store: Store) -> None:
    for path in WORK.glob("hypotheses/adapter-1-seed1/test-*"):
        path.unlink()
    error = " ".join(sla("table", "adapter-1", code=2).stderr.split())
    assert "adapter-1: no hypotheses of test of adapter-1-seed1 in sla-work/hypotheses, but of other runs" in error
    assert "`sla decode sla-work/runs/adapter-1-seed1 --split test` makes them; --split of `sla table`" in error
    error = " ".join(sla("table", "adapter-1", "--search", "greedy", code=2).stderr.split())
    assert "--split test` with the options of greedy makes them; --split of" in error
    lines = sla("table", "frozen-1", "adapter-1", "--split", "dev").stdout.splitlines()
    assert lines[0] == "| run | search | variant | trained parameters | dev del / ins | dev WER |"
    found = json.loads(sla("table", "adapter-1", "--split", "dev", "--json", "-q").stdout)
    assert list(found["rows"][0]["scores"]) == ["dev"]
    WORK.rename("our work")
    error = sla("table", "frozen-1", "--split", "train", "--work", "our work", code=2).stderr
    assert "no hypotheses of train of run frozen-1" in error
    hint = "`sla decode 'our work/runs/frozen-1' --split train --work 'our work'` makes them."
    assert hint in " ".join(error.split())
    error = sla("table", "adapter-1", "--work", "our work", code=2).stderr
    assert "--split test --work 'our work'` makes them" in " ".join(error.split())


def test_json_has_them_unrounded(store: Store) -> None:
    found = json.loads(sla("table", "frozen-1", "adapter-1", "--json", "-q").stdout)
    assert (found["rows"][0]["trained"], found["output"]) == (20_000, None)
    (path,) = Path("sla-work/hypotheses/adapter-1-seed1").glob("test-*.tsv")
    scored = json.loads(sla("score", str(path), "--json", "-q").stdout)
    assert found["rows"][1]["scores"]["test"]["runs"][1]["wer"] == scored["wer"]


def test_names_in_markdown_are_no_markup(store: Store) -> None:
    write_weights(make_run(WORK, "a|b<i>", store, variant="lora"), 1)
    decode(WORK, "a|b<i>", store, "dev", 0.3)
    assert sla("table", "a|b<i>", "--split", "dev").stdout.splitlines()[2].startswith("| a\\|b\\<i> | greedy | ")


def test_latex_is_escaped(store: Store) -> None:
    run = make_run(WORK, "lora_a%|<>-1", store, variant="lora")
    write_weights(run, 1)
    decode(WORK, "lora_a%|<>-1", store, "dev", 0.3)
    sla("table", "adapter-1", "lora_a%|<>-1", "--format", "latex", "-o", "t.tex", "--cluster", "signer")
    text = Path("t.tex").read_text(encoding="utf-8")
    assert text.startswith("\\begin{table}\n") and text.endswith("\\end{table}\n")
    rows = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert rows[0].startswith("adapter-1 & greedy & adapter & 0.02 M & ") and " $\\pm$ " in rows[0]
    assert rows[1].startswith(r"lora\_a\%\textbar{}\textless{}\textgreater{}-1 & greedy & lora & 10 & ")
    assert rows[1].endswith("& - & - \\\\")
    assert all(row.count(" & ") == 7 for row in rows)
    assert r"bootstrap intervals over 5 signers, in rows with $\pm$ also over seeds" in text
    assert "exists" in sla("table", "adapter-1", "--format", "latex", "-o", "t.tex", code=2).stderr
    assert "its ending .tex promises" in sla("table", "adapter-1", "-o", "t.tex", "--force", code=2).stderr
    shutil.copyfile("t.tex", "t.md")
    sla("table", "adapter-1", "-o", "t.md", "--force")


def test_what_has_no_meaning_is_refused(store: Store) -> None:
    other = Run(WORK / "runs" / "adapter-1-seed1")
    other.create(
        resolve("tiny", flags={"model.variant": "adapter", "train.seed": 1, "train.lr": 0.5}),
        other.glosses,
        other.facts,
    )
    error = sla("table", "adapter-1", code=2).stderr
    assert "adapter-1-seed0 and adapter-1-seed1 differ in train.lr, so they are no group of seeds" in error
    assert "no such run" in sla("table", "nothing", code=2).stderr
    make_run(WORK, "frozen-5", store)
    assert "no hypotheses of dev of run frozen-5" in sla("table", "frozen-5", code=2).stderr
    decode(WORK, "frozen-5", store, "dev", 0.5)
    Run(WORK / "runs" / "frozen-5").best.unlink()  # as of a run that is trained again
    assert "no hypotheses of dev of run frozen-5" in sla("table", "frozen-5", code=2).stderr
    decode(WORK, "frozen-1", store, "dev", 0.5, search="beam10-lm")
    error = sla("table", "frozen-1", code=2).stderr
    assert "several hypotheses of dev of run frozen-1" in error and "Choose with --search" in error
    assert sla("table", "frozen-1", "--search", "greedy").stdout.startswith("| run |")
    both = sla("table", "frozen-1", *["--search", "greedy"] * 2, "--search", "beam10-lm").stdout
    assert [line.split(" | ")[1] for line in both.splitlines()[2:4]] == ["greedy", "beam10-lm"]
    assert both.splitlines()[3].endswith(" | - | - |"), "test is not decoded by it"
    error = " ".join(sla("table", "frozen-1", "--search", "beam3", code=2).stderr.split())
    assert "no hypotheses of dev by beam3 of run frozen-1" in error
    assert "There are those by beam10-lm (of dev), greedy (of dev), greedy (of test); `sla decode" in error
    hypotheses = WORK / "hypotheses" / "frozen-1"
    for ending in ("tsv", "tsv.receipt.json"):
        shutil.copyfile(hypotheses / f"dev-greedy-abc123.{ending}", hypotheses / f"dev-greedy-def456.{ending}")
    error = " ".join(sla("table", "frozen-1", "--search", "greedy", code=2).stderr.split())
    assert "several hypotheses of dev by greedy of run frozen-1: dev-greedy-" in error and "Choose" not in error
    assert f"Move those that you do not want out of {hypotheses}, each with its .receipt.json" in error
    for path in hypotheses.glob("*-def456.*"):
        path.rename(WORK / path.name)
    assert sla("table", "frozen-1", "--search", "greedy").stdout.startswith("| run |")


def test_without_a_run_all_that_were_decoded_are_shown(store: Store) -> None:
    Path("frozen-1").touch()  # something else of this name
    lines = sla("table", "--split", "dev").stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| adapter-1-seed0", "| adapter-1-seed1", "| frozen-1"]
    for path in WORK.glob("hypotheses/frozen-1/test-*"):
        path.unlink()
    lines = sla("table", "--split", "test").stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| adapter-1-seed0", "| adapter-1-seed1", ""]
    decode(WORK, "frozen-1", store, "dev", 0.1, "beam10")
    lines = sla("table", "--search", "beam10", "--search", "greedy", "--split", "dev").stdout.splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:6]] == [
        ["| adapter-1-seed0", "greedy"],
        ["| adapter-1-seed1", "greedy"],
        ["| frozen-1", "beam10"],
        ["| frozen-1", "greedy"],
    ]
    for searches in (("--search", "beam5"), ("--search", "greedy", "--search", "beam5")):
        assert "There are those by greedy" in sla("table", *searches, code=2).stderr
    error = sla("table", "--split", "test", "--work", "nowhere", code=2).stderr
    assert "`sla decode --split test --work nowhere` makes them." in " ".join(error.split())
    error = sla("table", "--work", "nowhere", code=2).stderr
    assert "no hypotheses of dev or test of a run in nowhere" in error
    assert "`sla decode --work nowhere` makes them." in error


def test_a_run_or_a_seed_counts_once(store: Store) -> None:
    twice = "adapter-1-seed0,adapter-1-seed0"
    assert f"error: sla-work/runs/adapter-1-seed0 is named twice in {twice}" in sla("table", twice, code=2).stderr
    make_run(WORK, "adapter-2-seed0", store)
    error = sla("table", "adapter-1-seed0,adapter-2-seed0", code=2).stderr
    assert "adapter-1-seed0 and adapter-2-seed0 have the same seed, 0" in error


def test_rows_on_other_clips_are_refused(store: Store, tmp_path: Path) -> None:
    text = "".join(f"{clip.id}\t{' '.join(clip.raw_glosses)}\n" for clip in store["dev"])
    few = tmp_path / "few.tsv"
    few.write_text(text.replace("dev-0\t", "dev-99\t"), encoding="utf-8")
    assert "no hypothesis for 1" in sla("table", "frozen-1", "--ref", str(few), code=2).stderr
