"""What `sla decode` and `sla tune` refuse before emissions are computed."""

from __future__ import annotations

from pathlib import Path

import pytest
from decode_work import write_emissions_and_lm
from seed_work import write_seed_work
from typer.testing import CliRunner

from sla_cli.cli.main import app


@pytest.mark.parametrize("command", ["decode", "tune"])
def test_a_hot_word_that_the_run_lacks(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_emissions_and_lm(tmp_path)
    write_seed_work(Path("sla-work"), {"frozen-1": 0.1}, splits=("dev",))
    result = CliRunner().invoke(app, [command, "frozen-1", "--lm", "gloss.arpa", "--hotword", "NOWHERE"])
    assert result.exit_code == 2, result.output
    assert "hot word 'NOWHERE' is not a gloss of the vocabulary" in result.stderr
    Path("folder").mkdir()
    result = CliRunner().invoke(app, [command, "folder", "--lm", "gloss.arpa", "--hotword", "NOWHERE"])
    assert "folder is not a run or a model: no run.toml or config.json in it" in result.stderr
