"""`--json` prints one object with the keys in docs/json.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from decode_work import SENTENCES, write_store
from docs_json import documented
from report_work import make_work
from typer.testing import CliRunner

from sla_cli.cli.main import COMMANDS, app

LM = ("lm", "estimate", "text.txt", "--order", "2", "--fallback")


def facts(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json", "-q"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture(autouse=True)
def work(folder: Path) -> None:
    write_store(folder)
    (folder / "text.txt").write_text("".join(f"{' '.join(sentence)}\n" for sentence in SENTENCES), encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("sla decode", "decode dev.h5"),
        ("sla tune", "tune dev.h5 --lm gloss.arpa --alphas 0 --betas 0"),
        ("sla lm estimate", " ".join(LM)),
        ("sla lm estimate", " ".join((*LM, "--dev", "text.txt"))),
        ("sla lm score", "lm score gloss.arpa text.txt"),
        ("sla info", "info dev.h5"),
        ("sla info", "info gloss.arpa"),
    ],
)
def test_the_keys_are_those_of_the_page(command: str, arguments: str) -> None:
    assert set(facts(*arguments.split())) == documented(command)


def test_keys_that_stand_in_some_results_only() -> None:
    formats = documented("sla decode", optional=True) - {"tuned_on", "no_gain_on"}
    for kind in formats:
        assert set(facts("decode", "dev.h5", "--format", kind)) == {*documented("sla decode"), kind}
    assert formats == {"ctm", "stm", "trn", "csv", "jsonl"}


def test_a_lowered_order_is_said() -> None:
    found = facts("lm", "estimate", "text.txt", "-o", "small.arpa")
    assert set(found) - documented("sla lm estimate") == documented("sla lm estimate", optional=True) == {"lowered"}


def test_what_is_said_of_dev_is_what_the_scorer_says() -> None:
    dev = facts(*LM, "--dev", "text.txt")["dev"]
    assert set(dev) == documented("sla lm score") - {"lm", "order"}


def test_scores() -> None:
    hypotheses = facts("decode", "dev.h5")["hypotheses"]
    best = facts("decode", "dev.h5", "--nbest", "3")["hypotheses"]
    figures, oracle = documented("sla score, each of files"), {"nbest", "oracle_wer", "oracle"}
    assert set(facts("score", hypotheses)) == {"files"} | figures
    found = facts("score", hypotheses, best)
    assert set(found) == documented("sla score")
    assert [set(one) for one in found["files"]] == [figures, figures | oracle]
    assert documented("sla score, each of files", optional=True) == oracle | {"tuned_on", "no_gain_on"}
    assert set(facts("compare", hypotheses, best)) == documented("sla compare")


def test_a_check_of_a_store() -> None:
    result = CliRunner().invoke(app, ["check", "store", "--json", "-q"])
    assert set(json.loads(result.stdout)) == documented("sla check")


@pytest.mark.parametrize("command", [*COMMANDS, "lm estimate", "lm score"])
def test_every_command_that_prints_json_is_on_the_page(command: str) -> None:
    text = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}).stdout
    assert ("--json" in text) == bool(documented(f"sla {command}"))


def test_a_report(folder: Path) -> None:
    make_work(folder / "sla-work")
    assert set(facts("report")) == documented("sla report")
