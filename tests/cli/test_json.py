"""Each result of `--json` is described by its schema, with all keys that only some results have.

Every test that runs a command with `--json` compares the output with the schemas too: conftest.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from decode_work import SENTENCES, write_store
from json_schemas import names_of, result_name
from report_work import make_work
from typer.testing import CliRunner

from sla_cli.cli.main import COMMANDS, app
from sla_cli.cli.schema import result_schema

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
INNER = ("prep phoenix2014", "lm estimate", "lm score", "store export", "store leave-out")
LM = ("lm", "estimate", "text.txt", "--order", "2", "--fallback")


def facts(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json", "-q"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def optional(name: str) -> set[str]:
    """Keys that stand in some results only."""
    schema = result_schema(name)
    return set(schema["properties"]) - set(schema["required"])


@pytest.fixture(autouse=True)
def work(folder: Path) -> None:
    write_store(folder)
    (folder / "text.txt").write_text("".join(f"{' '.join(sentence)}\n" for sentence in SENTENCES), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("decode", "decode dev.h5"),
        ("tune", "tune dev.h5 --lm gloss.arpa --alphas 0 --betas 0"),
        ("lm-estimate", " ".join(LM)),
        ("lm-estimate", " ".join((*LM, "--dev", "text.txt"))),
        ("lm-score", "lm score gloss.arpa text.txt"),
        ("info", "info dev.h5"),
        ("info", "info gloss.arpa"),
    ],
)
def test_the_result_is_that_of_its_name(name: str, arguments: str) -> None:
    words = arguments.split()
    assert result_name(" ".join(words[: 2 if words[0] in ("lm", "store") else 1]), facts(*words)) == name


def test_keys_that_stand_in_some_results_only() -> None:
    assert set(facts("lm", "estimate", "text.txt", "-o", "small.arpa")) >= optional("lm-estimate") == {"lowered"}


def test_scores() -> None:
    hypotheses = facts("decode", "dev.h5")["hypotheses"]
    best = facts("decode", "dev.h5", "--nbest", "3")["hypotheses"]
    one = facts("score", hypotheses)
    [plain, listed] = facts("score", hypotheses, best)["files"]
    assert set(one) == {"files", *plain}
    of_lists = {"nbest", "oracle_wer", "oracle"}
    assert set(listed) - set(plain) == of_lists == optional("score") - {"tuned_on", "no_gain_on"}
    assert result_name("compare", facts("compare", hypotheses, best)) == "compare"


@pytest.mark.parametrize("command", [*COMMANDS, *INNER])
def test_every_command_that_prints_json_has_a_schema(command: str) -> None:
    text = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}).stdout
    named = "prep" if command.startswith("prep ") else command
    own = [name for name in names_of(named) if command not in ("lm", "prep", "store")]
    assert ("Print the result as one JSON object" in text) == bool(own)


def test_a_report(folder: Path) -> None:
    make_work(folder / "sla-work")
    assert result_name("report", facts("report")) == "report"


def test_the_example_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        answer = CliRunner().invoke(app, words[1:])
        return subprocess.CompletedProcess(words, answer.exit_code, answer.stdout_bytes)

    monkeypatch.setattr(subprocess, "run", run)
    [example] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)
    with pytest.raises(names["jsonschema"].ValidationError):
        names["jsonschema"].validate({"path": "gloss.arpa"}, names["sla"]("schema", "info"))
