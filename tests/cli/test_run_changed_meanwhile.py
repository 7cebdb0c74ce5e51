"""A run or a language model that another command makes again meanwhile: nothing is made of two of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recordings import copy_run, refused, signed

from sla_cli.decode import decode_file
from sla_cli.errors import FormatError, SlaError
from sla_cli.model import checkpoint, open_run
from sla_cli.work.run import Run

FAULT = "was changed by another command while it was read"


def replace(path: Path) -> None:
    shutil.copy(path, path.with_name("new"))
    path.with_name("new").replace(path)


@pytest.mark.parametrize("name", ["run.toml", "config.toml", "glosses.txt", "best.safetensors", "calibration.json"])
@pytest.mark.parametrize("damaged", [False, True])
def test_what_was_read_of_a_run_is_of_one(tmp_path: Path, name: str, damaged: bool) -> None:
    run = Run(copy_run(tmp_path))
    with run.as_one():
        replace(run.metrics)  # of no influence
    with pytest.raises(SlaError, match=FAULT), run.as_one():
        replace(run.path / name)
        if damaged:
            raise FormatError("it looks damaged")
    with pytest.raises(FormatError, match="is damaged"), run.as_one():
        raise FormatError("it is damaged")


@pytest.mark.parametrize(
    ("module", "function", "command"),
    [
        (open_run, "load_scorer", ("transcribe", "v.avi", "--run", "old/runs/adapter", "-o", "out.json")),
        (open_run, "place", ("emit", "old/runs/adapter", "--split", "test", "-o", "out.h5")),
        (checkpoint, "read_weights", ("export", "old/runs/adapter", "-o", "out")),
    ],
)
def test_a_command_whose_run_is_trained_again_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, function: str, command: tuple[str, ...]
) -> None:
    run = Run(copy_run(tmp_path))
    monkeypatch.chdir(tmp_path)
    signed(Path("v.avi"), "NORD REGEN")
    real: Callable[..., Any] = getattr(module, function)

    def replacing(*given: Any) -> Any:
        replace(run.best)
        return real(*given)

    monkeypatch.setattr(module, function, replacing)
    assert f"{run.path.relative_to(tmp_path)} {FAULT}" in refused(*command)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("function", ["check_oov", "unchanged_digest", "decode_split"])
def test_a_language_model_that_is_estimated_again_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """Its tuned weights are of what it was."""
    work = copy_run(tmp_path).parent.parent
    real: Callable[..., Any] = getattr(decode_file, function)

    def replacing(*given: Any) -> Any:
        found = real(*given)
        text = (work / "gloss.arpa").read_text()
        (work / "new").write_text(f"{text}\n")
        (work / "new").replace(work / "gloss.arpa")
        (work / "gloss.arpa.receipt.json").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(decode_file, function, replacing)
    command = ("decode", str(work / "emissions" / "adapter" / "dev.h5"), "--lm", str(work / "gloss.arpa"), "-j", "1")
    assert "gloss.arpa was changed while it was used" in refused(*command, "-o", str(tmp_path / "out.tsv"))
    assert not list(tmp_path.glob("out*"))
