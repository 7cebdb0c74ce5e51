"""What a later stage reads is what the earlier one wrote, or it is refused: emissions, hypotheses, models, scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import pytest
from click.testing import Result
from decode_work import write_store
from typer.testing import CliRunner

from sla_cli.artifact.receipt import digest_file, read_receipt, write_receipt
from sla_cli.cli.main import app

TUNE = ("tune", "dev.h5", "--lm", "gloss.arpa", "--alphas", "0.5", "--betas", "0", "--beams", "2")


@pytest.fixture(autouse=True)
def store(folder: Path) -> None:
    write_store(folder)


def sla(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def made(*arguments: str) -> Result:
    answer = sla(*arguments)
    assert answer.exit_code == 0, answer.stderr
    return answer


def refused(what: str, stage: str, *arguments: str) -> None:
    answer = sla(*arguments)
    assert answer.exit_code == 2, answer.stdout
    assert f"{what} is damaged or was edited: it is not what `sla {stage}` wrote" in answer.stderr
    assert f"hint: Make it again with `sla {stage}" in answer.stderr


def edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def test_edited_hypotheses(folder: Path) -> None:
    made("decode", "dev.h5", "-o", "x.tsv")
    good, wer = Path("x.tsv").read_bytes(), json.loads(made("score", "x.tsv", "--json", "-q").stdout)["wer"]
    edit(Path("x.tsv"), b"\tNORD REGEN", b"\tNORD NORD")
    for command in (("decode", "dev.h5", "-o", "x.tsv"), ("score", "x.tsv"), ("times", "x.tsv", "--ref", "x.tsv")):
        refused("x.tsv", "decode", *command)
    refused("x.tsv", "decode", "compare", "x.tsv", "x.tsv")
    shutil.copy("x.tsv", "mine.tsv")
    mine = json.loads(made("score", "mine.tsv", "--ref", "store", "--json", "-q").stdout)["wer"]
    assert mine > wer, "a file of somebody else has no receipt"
    shutil.copytree("store", "sla-work/stores/named")
    assert json.loads(made("score", "mine.tsv", "--ref", "named", "--json", "-q").stdout)["wer"] == mine
    made("compare", "mine.tsv", "mine.tsv", "--ref", "named")
    scored = json.loads(made("score", "mine.tsv", "--ref", "named", "--json", "-q").stdout)["scores"]
    for artifact, *option in ((scored, "--ref", "store"), (scored, "--nfc"), ("mine.tsv", "--split", "dev")):
        answer = sla("compare", artifact, artifact, *option)
        assert answer.exit_code == 2 and f"{option[0]}: no effect on" in answer.stderr, answer.output
    shutil.rmtree("sla-work/stores")
    made("decode", "dev.h5", "-o", "x.tsv", "--force")
    assert Path("x.tsv").read_bytes() == good


@pytest.mark.parametrize("command", [("decode", "dev.h5"), ("align", "dev.h5"), TUNE])
def test_other_emissions(folder: Path, command: tuple[str, ...]) -> None:
    receipt = read_receipt(Path("dev.h5"))
    assert receipt is not None
    receipt.results["digest"] = digest_file(Path("dev.h5"))  # as `sla emit` does, see tests/emit
    write_receipt(receipt, Path("dev.h5"))
    made(*command)
    with h5py.File("dev.h5", "r+") as file:
        file["log_probs"][3, 1] -= 1
    refused("dev.h5", "emit", *command)


def test_an_edited_score(folder: Path) -> None:
    """Its counts follow from its glosses, and are those of score.json."""
    made("decode", "dev.h5", "-o", "x.tsv")
    score = json.loads(made("score", "x.tsv", "--json", "-q").stdout)["scores"]
    made("compare", score, score)
    edit(Path(score, "clips.tsv"), b"dev-0", b"dev-9")
    for command in (("compare", score, score), ("report", score, "-o", "page.html"), ("info", score)):
        refused(f"{score}/clips.tsv", "score", *command)
    made("score", "x.tsv")
    made("compare", score, score)
    Path(score, "clips.tsv").unlink()
    assert "has lost clips.tsv\nhint: Make it again with `sla score`." in sla("report", score, "-o", "page.html").stderr


def test_an_edited_choice(folder: Path) -> None:
    made(*TUNE)
    made("decode", "dev.h5", "--lm", "gloss.arpa")
    [choice] = Path("tuning").rglob("tuned.json")
    edit(choice, b'"alpha": 0.5', b'"alpha": 4.5')
    for command in (("decode", "dev.h5", "--lm", "gloss.arpa"), TUNE):
        refused(f"{choice}", "tune", *command)
    choice.unlink()
    for command in (("decode", "dev.h5", "--lm", "gloss.arpa"), TUNE):
        assert "has lost tuned.json\nhint: Make it again with `sla tune --force`." in sla(*command).stderr
    made(*TUNE, "--force")
    made("decode", "dev.h5", "--lm", "gloss.arpa")


def test_an_edited_language_model(folder: Path) -> None:
    Path("text").write_text("NORD REGEN\nNULL NORD\nREGEN NORD NULL\nNORD\n")
    estimated = ("lm", "estimate", "text", "-o", "own.arpa", "--order", "2", "--fallback")
    made(*estimated)
    scored = ("lm", "score", "own.arpa", "text")
    made("decode", "dev.h5", "--lm", "own.arpa", "--max-oov", "100")
    assert json.loads(made("info", "own.arpa", "--json").stdout)["complete"] is True
    edit(Path("own.arpa"), b"-0.", b"-1.")
    for command in (
        ("decode", "dev.h5", "--lm", "own.arpa", "--max-oov", "100"),
        estimated,
        ("info", "own.arpa"),
        scored,
    ):
        refused("own.arpa", "lm estimate", *command)
    shutil.copy("own.arpa", "mine.arpa")
    made("decode", "dev.h5", "--lm", "mine.arpa", "--max-oov", "100")


@pytest.mark.parametrize(
    ("artifact", "stage", "commands"),
    [
        ("store", "prep", [("check", "store"), ("info", "store")]),
        ("s", "score", [("info", "s"), ("compare", "s", "s")]),
        ("t", "tune", [("info", "t")]),
    ],
)
def test_the_receipt_of_another_stage(folder: Path, artifact: str, stage: str, commands: list[tuple[str, ...]]) -> None:
    made("decode", "dev.h5", "-o", "x.tsv")
    shutil.move(json.loads(made("score", "x.tsv", "--json", "-q").stdout)["scores"], "s")
    made(*TUNE)
    [choice] = Path("tuning").rglob("tuned.json")
    shutil.move(choice.parent, "t")
    for command in commands:
        assert "decode" not in sla(*command).stderr
    shutil.copy("x.tsv.receipt.json", f"{artifact}/receipt.json")
    for command in commands:
        answer = sla(*command)
        assert answer.exit_code == 2
        assert f"receipt.json is of `sla decode`, not of `sla {stage}`" in answer.stderr
