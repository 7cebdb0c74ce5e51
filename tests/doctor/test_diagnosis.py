"""`sla doctor` shows what is installed, compared with other ways to determine it, and what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import shim
from json_schemas import result_name
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.doctor.place import look_at


def doctor(*options: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["doctor", "--json", *options])
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout))


def test_what_is_there(tmp_path: Path) -> None:
    found = doctor("--work", str(tmp_path / "work"))
    assert (found["problems"], found["versions"]["numpy"]) == ([], version("numpy"))
    assert 1 <= found["cores"]["usable"] <= found["cores"]["machine"] == os.cpu_count()
    assert 0 < found["memory"]["free"] <= found["memory"]["total"]
    free = shutil.disk_usage(tmp_path).free
    assert found["work"].pop("free") == pytest.approx(free, rel=0.2)
    assert found["work"] == {"folder": str(tmp_path / "work"), "writable": True, "locks": True}
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_a_folder_with_a_line_feed_in_its_name(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--work", str(tmp_path / "a\nproblem: b")])
    assert f"work      {tmp_path}/a\\nproblem: b: " in result.stdout


@pytest.mark.needs("torch")
def test_torch(tmp_path: Path) -> None:
    import torch

    found = doctor("--work", str(tmp_path))
    assert (found["torch"]["cuda"], len(found["torch"]["gpus"])) == (torch.version.cuda, torch.cuda.device_count())
    text = CliRunner().invoke(app, ["doctor"]).stdout
    assert f"torch     {torch.__version__}" in text


@pytest.mark.needs("torch")
def test_a_package_beside_torch_that_does_not_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "accelerate.py").write_text("raise RuntimeError('another torch')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "accelerate", raising=False)
    assert doctor(code=3)["problems"] == ["accelerate cannot be imported: another torch"]


def test_a_disk_without_locks(tmp_path: Path) -> None:
    code = "from pathlib import Path; from sla_cli.doctor.place import look_at; print(look_at(Path.cwd()))"
    environment = shim.environment(shim.built(tmp_path), ENOLCK=1)
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "writable=True, locks=False" in answer.stdout


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody may write")
def test_a_work_folder_that_cannot_be_written(tmp_path: Path) -> None:
    place = look_at(Path("/proc/work"))
    assert (place.writable, place.locks) == (False, None)
    found = doctor("--work", "/proc/work", code=3)
    assert found["problems"] == ["the work folder /proc/work cannot be written: name another with --work or SLA_WORK"]


def test_a_work_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "loop", "file/below", f"new/{'x' * 300}", "x/" * 2500):
        place = look_at(tmp_path / name)
        assert (place.writable, place.locks) == (False, None)
        assert doctor("--work", str(tmp_path / name), code=3)["problems"]


def test_packages_that_do_not_import(tmp_path: Path) -> None:
    faults = {
        "torch": ("import nonexistent_dep", "No module named 'nonexistent_dep'"),
        "h5py": ("raise ImportError('libsomething.so.1: not found')", "libsomething.so.1: not found"),
        "matplotlib": ("raise ValueError('numpy.dtype size changed\\n...')", "numpy.dtype size changed"),
        "kenlm": ("raise ImportError()", "ImportError"),
        "onnxruntime": ("raise RuntimeError('another numpy')", "another numpy"),
    }
    for module, (code, _) in faults.items():
        (tmp_path / f"{module}.py").write_text(f"{code}\n")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "sla_cli", "doctor", "--json"]
    environment = {**os.environ, "PYTHONPATH": paths}
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 3, answer.stderr
    found = dict(json.loads(answer.stdout))
    assert result_name("doctor", found) == "doctor"
    for module, (_, reason) in faults.items():
        name = "torch is installed, but it" if module == "torch" else module
        assert f"{name} cannot be imported: {reason}" in found["problems"]
