"""Artifacts of earlier versions are read, and give the numbers that they gave (tests/artifacts/make.py made them)."""

from __future__ import annotations

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sla_cli.artifact.table import read_table
from sla_cli.cli.main import app
from sla_cli.emit.emit import emit
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emissions
from sla_cli.work.hypotheses import read_nbest
from sla_cli.work.run import Run

PYCTCDECODE = pytest.mark.needs("pyctcdecode")
SAME_ENGINE = ("--engine", "pyctcdecode")
COLUMNS = ("epoch", "lr", "loss", "ctc", "conv_ctc", "frame_ctc", "distillation")  # of metrics.tsv
ARTIFACTS = Path(__file__).parent / "artifacts"
SETS = sorted(path.parent for path in ARTIFACTS.glob("*/recorded.json"))


@pytest.fixture(params=SETS, ids=lambda folder: folder.name)
def recorded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the commands printed then, in a copy of their work folder."""
    shutil.copytree(request.param / "work", tmp_path / "work")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLA_WORK", "work")
    return dict(json.loads((request.param / "recorded.json").read_text(encoding="utf-8")))


def sla(*arguments: str) -> dict[str, Any]:
    answer = CliRunner().invoke(app, [*arguments, "--json", "-q"])
    assert answer.exit_code == 0, answer.output
    return dict(json.loads(answer.stdout))


@pytest.mark.parametrize("artifact", ["stores/phoenix2014", "runs/adapter", "emissions/adapter/dev.h5", "gloss.arpa"])
def test_info(recorded: dict[str, Any], artifact: str) -> None:
    then, now = recorded[f"info {artifact}"], sla("info", f"work/{artifact}")
    for part in ("facts", "receipt"):
        reported = then.pop(part)
        assert now[part] == (reported and {**now[part], **reported}), "what was reported then is reported now"
    assert {key: now[key] for key in then} == then


@pytest.mark.parametrize("run", ["adapter", "lora"])
def test_emitted_again_a_run_gives_the_same_log_probabilities(recorded: dict[str, Any], run: str) -> None:
    then, again = Emissions(Path(f"work/emissions/{run}/dev.h5")), Path("again.h5")
    assert sla("emit", f"work/runs/{run}", "--device", "cpu")["steps"] == recorded[f"emit {run}"]["steps"]
    emit(Run(Path(f"work/runs/{run}")), Store(Path("work/stores/phoenix2014"))["dev"], again, device="cpu")
    for one, two in zip(then, Emissions(again), strict=True):
        assert (one.id, one.frames, one.fps) == (two.id, two.frames, two.fps)
        np.testing.assert_allclose(one.log_probs, two.log_probs, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("greedy", ["work/runs/adapter", "--beam", "1"]),
        pytest.param("nbest", ["work/runs/adapter", "--nbest", "3", *SAME_ENGINE], marks=PYCTCDECODE),
        pytest.param("tuned", ["work/runs/adapter", "--lm", "work/gloss.arpa", *SAME_ENGINE], marks=PYCTCDECODE),
        ("lora", ["work/runs/lora", "--beam", "1"]),
    ],
)
def test_decoded_again_emissions_give_the_same_hypotheses(
    recorded: dict[str, Any], name: str, options: list[str]
) -> None:
    """The search of that time pruned as pyctcdecode does."""
    old = Path(recorded[f"decode {name}"]["hypotheses"])
    sla("decode", *options, "-o", "again.tsv")
    then, now = read_nbest(old), read_nbest(Path("again.tsv"))
    assert [[one.glosses for one in clip] for clip in then.values()] == [
        [one.glosses for one in clip] for clip in now.values()
    ]
    for one, two in zip(chain(*then.values()), chain(*now.values()), strict=True):
        assert (one.id, one.rank, one.spans, one.fps) == (two.id, two.rank, two.spans, two.fps)
        assert one.score == pytest.approx(two.score, abs=1e-6)
        assert one.confidence == pytest.approx(two.confidence, abs=1e-4)


@pytest.mark.parametrize(("name", "options"), [("nbest", ["--nbest", "3"]), ("tuned", ["--lm", "work/gloss.arpa"])])
def test_a_search_of_today_gives_the_same_glosses_and_loses_fewer_paths(
    recorded: dict[str, Any], name: str, options: list[str]
) -> None:
    sla("decode", "work/runs/adapter", *options, "-o", "again.tsv")
    then, now = read_nbest(Path(recorded[f"decode {name}"]["hypotheses"])), read_nbest(Path("again.tsv"))
    for one, two in zip(chain(*then.values()), chain(*now.values()), strict=True):
        assert (one.id, one.rank, one.glosses, one.spans) == (two.id, two.rank, two.glosses, two.spans)
        assert two.score >= one.score - 1e-6


def test_a_best_path_of_then_counts_as_made(recorded: dict[str, Any]) -> None:
    """Its receipt keeps the default weights of that time, which had no part in it."""
    then = recorded["decode greedy"]["hypotheses"]
    written = Path(then).stat().st_mtime_ns
    assert sla("decode", "work/runs/adapter", "--beam", "1")["hypotheses"] == then
    assert Path(then).stat().st_mtime_ns == written


@pytest.mark.parametrize("name", ["greedy", "nbest", "tuned", "lora"])
def test_scored_again_hypotheses_give_the_same_figures(recorded: dict[str, Any], name: str) -> None:
    then = recorded[f"score {name}"]
    now = sla("score", then["hypotheses"])
    assert {key: now[key] for key in then if key != "scores"} == {key: then[key] for key in then if key != "scores"}


def test_compared_again_scores_give_the_same_difference(recorded: dict[str, Any]) -> None:
    then = recorded["compare"]
    pair = [recorded[f"score {name}"]["scores"] for name in ("greedy", "lora")]
    now = sla("compare", *pair)
    assert {key: now[key] for key in then} == then


def test_a_report_finds_everything_that_it_shows(recorded: dict[str, Any]) -> None:
    then = recorded["report"]
    pair = [recorded[f"score {name}"]["scores"] for name in ("greedy", "lora")]
    now = sla("report", *pair, "-o", "report.html")
    assert now["missing"] == []
    assert (now["systems"], now["clips"]) == (then["systems"], then["clips"])


def test_a_store_of_version_1_gives_the_frames_and_references_that_it_gave(recorded: dict[str, Any]) -> None:
    """Commit d870519 made it of the very corpus and settings of which b94205a made one of version 2."""
    store = Store(ARTIFACTS / "d870519" / "work" / "stores" / "phoenix2014")
    later = Store(Path("work/stores/phoenix2014"))
    assert (store.corpus, store.vocabulary) == (later.corpus, later.vocabulary)
    for name in ("train", "dev", "test"):
        one, two = store[name], later[name]
        assert one.references() == two.references()
        assert (one.ids, one.signers, one.glosses) == (two.ids, two.signers, two.glosses)
        assert (one.translations, one.profile, one.preset, one.labels) == (
            two.translations,
            two.profile,
            two.preset,
            two.labels,
        )
        np.testing.assert_array_equal(one.clip_fps, two.clip_fps)
        for clip, same in zip(one, two, strict=True):
            np.testing.assert_array_equal(clip.frames(), same.frames())
            assert clip.raw().data.tobytes() == same.raw().data.tobytes()
    assert sla("info", str(store.path))["format"] == "sla-store 1"
    answer = sla("decode", "work/runs/adapter", "--store", str(store.path), "--beam", "1")
    then, now = (read_nbest(Path(path)) for path in (recorded["decode greedy"]["hypotheses"], answer["hypotheses"]))
    assert {clip: ranked[0].glosses for clip, ranked in now.items()} == {
        clip: ranked[0].glosses for clip, ranked in then.items()
    }


def test_a_run_of_version_2_emits_and_goes_on_as_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit 6efe406 stopped it within its fifth epoch, emitted dev, and trained on to its end."""
    made = ARTIFACTS / "6efe406"
    shutil.copytree(made / "work", tmp_path / "work")
    monkeypatch.chdir(tmp_path)
    run = Run(Path("work/runs/adapter"))
    assert run.version == 2
    emit(run, Store(Path("work/stores/phoenix2014"))["dev"], Path("again.h5"), device="cpu")
    for one, two in zip(Emissions(Path("work/emissions/adapter/dev.h5")), Emissions(Path("again.h5")), strict=True):
        assert (one.id, one.frames, one.fps) == (two.id, two.frames, two.fps)
        np.testing.assert_allclose(one.log_probs, two.log_probs, rtol=0, atol=1e-4)
    sla("train", "--resume", "--name", "adapter", "--device", "cpu", "--work", "work")
    then, now = (read_table(path, COLUMNS, "\t") for path in (made / "finished.tsv", run.metrics))
    for one, two in zip(then, now, strict=True):  # another kind of CPU may round the last bits otherwise
        assert [float(two[name]) for name in COLUMNS] == pytest.approx([float(one[name]) for name in COLUMNS], rel=1e-3)


def test_a_score_of_version_1_is_compared_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit 96529e9 printed WER 25.00 for it: 2 errors in 8 reference words."""
    monkeypatch.chdir(tmp_path)
    [folder] = (ARTIFACTS / "96529e9" / "work" / "scores").iterdir()
    found = sla("info", str(folder))
    assert (found["format"], found["facts"]["wer"], found["facts"]["interval"]) == ("sla-score 1", 25.0, None)
    assert sla("compare", str(folder), str(folder))["difference"] == 0
    sla("report", str(folder), "-o", "page.html")
    assert "25.0" in Path("page.html").read_text(encoding="utf-8")


def test_a_run_is_known_by_its_name_in_the_work_folder(recorded: dict[str, Any]) -> None:
    then = recorded["decode greedy"]["hypotheses"]
    assert sla("decode", "adapter", "--beam", "1")["hypotheses"] == then
    Path("adapter").mkdir()
    result = CliRunner().invoke(app, ["decode", "adapter", "--beam", "1"])
    assert result.exit_code == 2 and "adapter is not a run" in result.stderr, "what lies here goes first"
