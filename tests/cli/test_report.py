from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from report_work import make_work
from typer.testing import CliRunner, Result

from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.cli.main import app
from sla_cli.work.scores import read_scores, write_scores


def sla(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments])


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_work(tmp_path_factory.mktemp("command") / "work")


def test_the_newest_score_goes_into_the_work_folder(scores: list[Path]) -> None:
    work = scores[0].parents[1]
    answer = sla("--work", str(work), "--json", "-q")
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.stdout)
    assert facts["report"] == str(work / "report.html")
    assert facts["systems"] == ["lora · beam 10"]
    assert (facts["clips"], facts["missing"]) == (5, [])
    assert sla("--work", str(work)).exit_code == 0  # a report may be made again


def test_several_scores_with_names(scores: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    answer = sla(*map(str, scores), "-o", str(out), "--name", "one", "--name", "two", "--clip", "clip-3")
    assert answer.exit_code == 0, answer.output
    assert "2 systems, 5 clips" in answer.stdout
    text = out.read_text(encoding="utf-8")
    assert "one" in text and 'aria-label="time axis of clip-3"' in text
    assert "points</b> against A, 95 % interval" in text and "B is better than A" not in text, "five sentences are few"


@pytest.mark.parametrize("option", ["--title", "--name"])
@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u202eb"])
def test_headings_and_names_are_one_line_of_text(scores: list[Path], tmp_path: Path, option: str, text: str) -> None:
    answer = sla(str(scores[0]), "-o", str(tmp_path / "r.html"), option, text)
    assert answer.exit_code == 2 and f"{option} is {text!r}, not one line" in answer.stderr
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("option", [(), ("--no-signers",)])
def test_signers_are_left_out_on_request(scores: list[Path], tmp_path: Path, option: tuple[str, ...]) -> None:
    answer = sla(str(scores[0]), "-o", str(tmp_path / "r.html"), *option)
    assert answer.exit_code == 0, answer.output
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert ("/s&gt;1" in page, 'id="signers"' in page) == ((False, False) if option else (True, True))


def test_a_split_that_was_tuned_on_is_marked(scores: list[Path], tmp_path: Path) -> None:
    tuned = tmp_path / "scores" / "tuned"
    shutil.copytree(scores[1], tuned)
    receipt = read_receipt(tuned)
    assert receipt is not None
    receipt.results["digests"] = write_scores(tuned, replace(read_scores(tuned), tuned_on="test"))
    write_receipt(receipt, tuned)
    out = tmp_path / "r.html"
    answer = sla(str(scores[0]), str(tuned), "-o", str(out), "--name", "one", "--name", "two", "--clips", "0")
    assert answer.exit_code == 0, answer.output
    assert "two: the weights of the language model were tuned on test, scored here" in " ".join(answer.stdout.split())
    assert "one: the weights" not in answer.stdout
    page = out.read_text(encoding="utf-8")
    assert (
        page.count("The weights of the language model were tuned on test, scored here: this WER is too optimistic.")
        == 1
    )
    answer = sla(str(scores[0]), str(tuned), "-o", str(out), "--clips", "0", "--json")
    assert json.loads(answer.stdout)["tuned_on"] == ["", "test"]


def test_no_other_file_is_replaced(scores: list[Path], tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("precious", encoding="utf-8")
    answer = sla(str(scores[0]), "-o", str(mine))
    assert answer.exit_code == 2
    assert "mine.html is not a page of sla report" in " ".join(answer.stderr.split())
    assert mine.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["nowhere"], "nowhere"),
        (["--clip", "x"], "no clip 'x'"),
        (["--clip", "clip-3", "--clips", "0"], "--clip names the clips, so --clips has no effect"),
        (["--clip", "clip-3", "--clips", "2"], "--clip names the clips, so --clips has no effect"),
        (["--name", "a", "--name", "b"], "2 names"),
    ],
)
def test_what_is_wrong_is_said(scores: list[Path], arguments: list[str], printed: str) -> None:
    answer = sla("--work", str(scores[0].parents[1]), *arguments)
    assert answer.exit_code == 2
    assert printed in answer.stderr


def test_without_a_score_it_says_what_makes_one(tmp_path: Path) -> None:
    answer = sla("--work", str(tmp_path))
    assert answer.exit_code == 2
    assert "sla score" in answer.stderr
