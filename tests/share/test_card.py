"""The card of a model says what artifacts say, and asks for the rest."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from recordings import copy_run, refused, sla
from tiny_work import tiny_work
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.work.run import Run

RUN, HYPOTHESES = "old/runs/adapter", "old/hypotheses/adapter"
ANSWERS = ("--language", "gsg", "--licence", "other", "--corpus-licence", "only here", "--contact", "a@example.org")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def card(*options: str) -> ModelCard:
    """As the hub's own client reads it."""
    sla("export", RUN, "-o", "m", "-q", *options)
    return ModelCard.load(Path("m", "README.md"))


def test_error_rates_are_those_of_sla_score(folder: Path) -> None:
    (hypotheses,) = Path(HYPOTHESES).glob("*.tsv")
    scored = sla("score", str(hypotheses), "-q")
    made = card("--language", "gsg", "--licence", "cc-by-4.0")
    (result,) = made.data.eval_results
    assert (result.metric_value, result.dataset_split) == (round(scored["wer"], 2), "dev")
    assert (made.data.language, made.data.license, made.data.library_name) == ("gsg", "cc-by-4.0", "sla")
    assert scored["signature"] in made.text
    assert "so the WER on dev is lower than on other clips" in made.text
    assert "| dev | 4 | 2 | 8 |" in made.text
    assert "for the signer whom the model recognises worst (number" in made.text


def test_a_link_to_a_run_is_called_by_its_own_name(folder: Path) -> None:
    """As by the commands that file what they make of it."""
    Path(RUN).with_name("ln").symlink_to("adapter")
    Path(HYPOTHESES).rename(Path(HYPOTHESES).with_name("ln"))
    sla("export", str(Path(RUN).with_name("ln")), "-o", "m", "-q")
    found = ModelCard.load(Path("m", "README.md")).data
    assert found.model_name == "ln" and len(found.eval_results) == 1


@pytest.mark.parametrize("linked", [RUN, "old/runs"])
def test_a_run_that_was_moved_to_a_larger_disk_has_the_hypotheses_of_its_work_folder(folder: Path, linked: str) -> None:
    moved = Path(linked).rename(folder / "disk")
    Path(linked).symlink_to(moved)
    assert len(card().data.eval_results) == 1


def test_hypotheses_of_other_weights_are_not_on_it(folder: Path) -> None:
    shutil.rmtree(HYPOTHESES)
    shutil.copytree(Path(HYPOTHESES).with_name("lora"), HYPOTHESES)
    made = card()
    assert made.data.eval_results is None
    assert "Not measured" in made.text


def test_hypotheses_of_another_division_are_not_on_it(folder: Path) -> None:
    """Its dev may be clips that the run was trained on."""
    (store,) = Path("old/stores").iterdir()
    sla("split", str(store), "--by", "random", "--name", "drawn", "-q")
    shutil.rmtree(HYPOTHESES)
    sla("decode", RUN, "--store", f"{store}:drawn", "--split", "dev", "--work", "old", "-q")
    assert list(Path(HYPOTHESES).glob("dev-*.tsv"))
    assert card().data.eval_results is None
    shutil.rmtree(HYPOTHESES)
    sla("decode", RUN, "--split", "dev", "--work", "old", "-q")
    (result,) = card("--force").data.eval_results
    assert result.dataset_split == "dev"


def test_hypotheses_of_another_store_are_not_on_it(folder: Path) -> None:
    """Its train and dev may be those of the run's store, and its test fewer clips."""
    table = next(Path(shutil.copytree(tiny_work().with_name("corpus"), "fewer")).rglob("test.corpus.csv"))
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    sla("prep", "phoenix2014", "fewer", "--size", "32", "--quality", "90", "--name", "other", "--work", "old", "-q")
    sla("decode", RUN, "--store", "other", "--split", "test", "--work", "old", "-q")
    assert [one.dataset_split for one in card().data.eval_results] == ["dev"]
    result = CliRunner().invoke(app, ["table", RUN, "--split", "test", "--work", "old"])
    said = "not known to be of the store and the division on which run adapter was trained"
    assert said in " ".join(result.stderr.split())


def test_of_a_store_that_has_changed_since_training_it_says_nothing(folder: Path) -> None:
    """The clips that are there now are not those that the run was trained on, and test may have clips of train."""
    (store,) = Path("old/stores").iterdir()
    sla("decode", RUN, "--split", "test", "--beam", "1", "--work", "old", "-q")
    assert [one.dataset_split for one in card().data.eval_results] == ["dev", "test"]
    run = Run(Path(RUN))
    run.create(run.config, run.glosses, replace(run.facts, digests=run.facts.digests | {"train": "0123"}))
    assert [one.dataset_split for one in card("--force").data.eval_results] == ["dev"], "train had other clips"
    sla("store", "leave-out", str(store), "--signer", "Signer01", "--work", "old", "-q")
    result = CliRunner().invoke(app, ["export", RUN, "-o", "m", "--force"])
    said, made = " ".join(result.stderr.split()), ModelCard.load(Path("m", "README.md"))
    assert "the card says nothing of the recordings, nor of test: signers were left out" in said
    assert "the card lacks the error rate of dev-" in said and made.data.eval_results is None
    assert "Numbers of clips, signers and hours: unknown" in made.text and "| clips | signers |" not in made.text


def test_it_asks_what_no_artifact_knows(folder: Path) -> None:
    assert card().text.count("**To be answered:**") == 4
    assert sla("export", RUN, "-o", "m", "--force", "-q", *ANSWERS[2:])["open_questions"] == ["language"]
    made = card("--force", *ANSWERS)
    assert "To be answered" not in made.text
    assert "a@example.org" in made.text


@pytest.mark.parametrize("language", ["english", "GSG", "de", "gsg\nlicense: mit"])
def test_a_language_has_its_code(folder: Path, language: str) -> None:
    assert "--language" in refused("export", RUN, "-o", "m", "--language", language)
    assert not Path("m").exists()


def test_a_blank_answer_is_none(folder: Path) -> None:
    made = sla("export", RUN, "-o", "m", *ANSWERS[:4], "--corpus-licence", " ", "--contact", " ")
    assert made["open_questions"] == ["corpus_licence", "contact"]


@pytest.mark.parametrize("licence", ["MIT", "my licence", "http://x"])
def test_a_licence_is_named_as_on_the_hub(folder: Path, licence: str) -> None:
    assert "--licence" in refused("export", RUN, "-o", "m", "--licence", licence)
    assert not Path("m").exists()


@pytest.mark.parametrize("option", ANSWERS[2::2])
@pytest.mark.parametrize("answer", ["a\n---\n# b", "a\x1b[31mb", "a\u202eb"])
def test_an_answer_is_one_line_of_text(folder: Path, option: str, answer: str) -> None:
    assert f"{option} " in refused("export", RUN, "-o", "m", option, answer)
    assert not Path("m").exists()


def test_what_is_gone_is_unknown(folder: Path) -> None:
    """run.toml names the store of tiny_work, which is moved in a copy that was trained elsewhere."""
    shutil.rmtree(folder / "old" / "stores")
    facts = Path(RUN, "run.toml")
    lines = facts.read_text().replace('store = "', 'store = "/gone').splitlines()
    facts.write_text("\n".join(line for line in lines if not line.startswith("digest = ")))
    made = card()
    assert "Numbers of clips, signers and hours: unknown" in made.text
    assert "| clips | signers |" not in made.text
