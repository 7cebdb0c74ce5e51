"""`sla score` without arguments scores the hypotheses that were decoded last, wherever they are, or refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from decode_work import write_store
from typer.testing import CliRunner

from sla_cli.cli.main import app


@pytest.fixture(autouse=True)
def store(folder: Path) -> None:
    write_store(folder)


def sla(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_score_takes_what_was_decoded_last_wherever_it_lies(folder: Path) -> None:
    sla("decode", "dev.h5")
    sla("decode", "dev.h5", "--nbest", "2", "-o", "x.tsv")
    assert "taking hypotheses x.tsv" in sla("score").stderr
    sla("decode", "dev.h5", "--nbest", "3", "-o", "sla-work/y.tsv")
    assert "taking hypotheses sla-work/y.tsv" in sla("score").stderr
    sla("decode", "dev.h5", "--nbest", "2", "-o", "x.tsv")
    assert "taking hypotheses x.tsv" in sla("score").stderr, "it is up to date, and the newest again"
    inside = json.loads(sla("decode", "dev.h5", "--json", "-q").stdout)["hypotheses"]
    assert f"taking hypotheses {inside}" in sla("score").stderr


def test_score_never_falls_back_to_older_hypotheses(folder: Path) -> None:
    sla("decode", "dev.h5")
    sla("decode", "dev.h5", "--nbest", "2", "-o", "x.tsv")
    Path("x.tsv").write_bytes(Path("x.tsv").read_bytes().replace(b"NORD", b"NULL"))
    assert "x.tsv is damaged or was edited" in sla("decode", "dev.h5", "--nbest", "2", "-o", "x.tsv").stderr
    for printed in ("changed since they were decoded: x.tsv", "are gone: x.tsv"):
        answer = sla("score")
        assert answer.exit_code == 2
        assert answer.stderr.splitlines()[-2].endswith(printed)
        assert "hint: Name the hypotheses to score" in answer.stderr
        Path("x.tsv").unlink(missing_ok=True)
    sla("decode", "dev.h5")
    assert sla("score").exit_code == 0
    Path("sla-work/hypotheses/newest-elsewhere.json").write_text("{")
    assert "newest-elsewhere.json, line 1: not JSON" in sla("score").stderr
    Path("sla-work/hypotheses/newest-elsewhere.json").write_text('{"path": 3, "finished": ""}')
    assert "newest-elsewhere.json: it does not say where hypotheses are\n" in sla("score").stderr


def test_a_moved_folder_keeps_what_was_written_beside_the_work_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sla("decode", "dev.h5", "-o", "x.tsv")
    moved = folder.with_name(f"{folder.name}-moved")
    folder.rename(moved)
    monkeypatch.chdir(moved)
    assert "taking hypotheses x.tsv" in sla("score", "--ref", "store").stderr
    monkeypatch.chdir(moved / "store")
    assert f"taking hypotheses {moved / 'x.tsv'}" in sla("score", "--work", "../sla-work", "--ref", ".").stderr
