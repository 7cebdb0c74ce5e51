"""An installation without the extra `torch`: what needs no model works, the rest names the extra. In a process of its
own, which cannot import what the extra installs."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from limited_python import LimitedPython
from packaging.requirements import Requirement
from tiny_work import tiny_work

from sla_cli.cli.main import COMMANDS
from sla_cli.errors import ONNX, TORCH, WEB, not_installed

ROOT = Path(__file__).parents[1]
STORE, RUN = "work/stores/phoenix2014", "work/runs/adapter"


@pytest.fixture
def limited(tmp_path: Path) -> LimitedPython:
    """In a folder with the artifacts of every stage."""
    shutil.copytree(tiny_work(), tmp_path / "work")
    (tmp_path / "video.mp4").touch()
    (tmp_path / "signs.csv").write_text("id,gloss\none,NORD REGEN\ntwo,SONNE\n")
    (tmp_path / "signs.txt").write_text("NORD REGEN\nSONNE\n")
    return LimitedPython(tmp_path, (*TORCH, "torchvision"))


def test_what_needs_no_model_works(limited: LimitedPython, phoenix_tree: Callable[..., Path], tmp_path: Path) -> None:
    phoenix_tree(tmp_path)
    commands = [
        "--version",
        *(f"{name} --help" for name in COMMANDS),
        f"info {RUN}",
        f"info {STORE} --sheet clips.png",
        "prep phoenix2014 phoenix-2014-multisigner --size 32 --quality 90 -j 1 --name other",
        f"merge {STORE} work/stores/other",
        f"store export {STORE} --layout phoenix2014 -o folders",
        "lm estimate signs.txt --order 2 --fallback -o two.arpa",
        "lm score two.arpa signs.txt",
        f"tune {RUN} --lm work/gloss.arpa --alphas 0,0.5 --betas 0",
        f"decode {RUN} --beam 1 -o greedy.tsv",
        f"decode {RUN} --lm work/gloss.arpa --jobs 2 -o lm.tsv",
        f"align {RUN} --split dev",
        f"next {STORE} --split dev --budget 1 --run {RUN}",
        f"next {STORE} --split dev --budget 1 --run {RUN} --strategy uncertainty",
        "score signs.csv --ref signs.csv",
        "score greedy.tsv lm.tsv",
        "compare greedy.tsv lm.tsv",
        "table adapter lora --search greedy",
        "report -o page.html",
        "doctor",
    ]
    for command, (code, output) in zip(commands, limited.sla(*commands), strict=True):
        assert code == 0, f"{command}: {output}"
    assert (tmp_path / "clips.png").stat().st_size > 1000
    assert "WER" in (tmp_path / "page.html").read_text()


def test_what_computes_with_a_model_names_the_extra(limited: LimitedPython, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "work" / "emissions")
    commands = ["train", f"emit {RUN}", "transcribe video.mp4", "demo", "decode adapter", "align adapter --split dev"]
    commands += [f"export {RUN} -o m", "publish m somebody/signs", "info hf://somebody/signs@v1"]
    for command, (code, output) in zip(commands, limited.sla(*commands), strict=True):
        assert code == 2, f"{command}: {output}"
        assert re.search(r"error: computing with a model needs \w+, which is not installed\n", output), output
        assert "hint: Install it with `pip install 'sla-cslr[torch]'`." in output


@pytest.mark.parametrize("error", ["OSError", "ImportError"])
def test_a_torch_that_lacks_a_library_is_no_bug_of_sla(error: str, tmp_path: Path) -> None:
    shutil.copytree(tiny_work(), tmp_path / "work")
    (tmp_path / "video.mp4").touch()
    broken = LimitedPython(tmp_path, ())
    (tmp_path / "site" / "torch.py").write_text(f"raise {error}('libcudart.so.12: cannot open it')")
    commands = ["train", "transcribe video.mp4 --run adapter", f"export {RUN} -o m", f"serve {RUN} --port 0"]
    for command, (code, output) in zip(commands, broken.sla(*commands), strict=True):
        assert code == 2, f"{command}: {output}"
        assert "needs torch, which cannot be loaded: libcudart.so.12: cannot open it\n" in output, output
        assert "hint: Install it again; `sla doctor` says" in output


def test_the_doctor_says_what_is_missing_and_how_to_get_it(limited: LimitedPython) -> None:
    [(code, output)] = limited.sla("doctor --json")
    found = json.loads(output)
    assert (code, found["problems"], found["torch"]) == (0, [], None)
    assert found["missing"][0] == {
        "commands": "sla train, emit, transcribe, live, serve, export, publish, demo, annotate --run",
        "packages": list(TORCH),
        "get": "pip install 'sla-cslr[torch]'",
    }


def test_from_python(limited: LimitedPython) -> None:
    code = """
import sla_cli
from pathlib import Path
assert sla_cli.wer({"a": "NORD"}, {"a": "NORD REGEN"}).total.wer == 50
assert len(sla_cli.Store(Path("work/stores/phoenix2014"))["dev"])
try:
    sla_cli.Recognizer.open("work/runs/adapter")
except sla_cli.SlaError as error:
    print(error.hint)
"""
    assert "pip install 'sla-cslr[torch]'" in limited.run(code)


def test_the_names_are_those_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["torch"]
    assert {Requirement(line).name for line in extra} == set(TORCH)
    onnx = {Requirement(line).name for line in project["optional-dependencies"]["onnx"]}
    assert onnx == {*ONNX, "huggingface_hub"}
    assert {Requirement(line).name for line in project["optional-dependencies"]["web"]} == set(WEB)
    assert not {Requirement(line).name for line in project["dependencies"]} & {*TORCH, *ONNX}
    assert "torch" in Requirement(project["optional-dependencies"]["dev"][0]).extras


def test_another_module_that_is_missing_stays_a_fault() -> None:
    assert not_installed(ModuleNotFoundError("No module named 'torchette'", name="torchette")) is None
    assert not_installed(raised_by("import torchette", {})) is None


@pytest.mark.parametrize(
    ("code", "modules", "message"),
    [
        ("import onnxscript_", ("torch.onnx",), "needs torch, which cannot be loaded: No module named 'onnxscript_'"),
        ("raise OSError", ("torch", "onnx"), "needs onnx, which cannot be loaded: OSError"),
        (r"raise ImportError('\n\nlib\ngone')", ("onnx", "torch"), "needs torch, which cannot be loaded: lib gone"),
        ("raise ModuleNotFoundError(name='onnxscript')", ("torch.onnx",), "needs onnxscript, which is not installed"),
    ],
)
def test_the_innermost_package_that_cannot_be_loaded_is_named(
    code: str, modules: tuple[str, ...], message: str
) -> None:
    for module in reversed(modules):
        code = f"exec({code!r}, {{'__name__': {module!r}}})"
    error = not_installed(raised_by(code, {"__name__": "__main__"}))
    assert error is not None and error.message.endswith(message)


def raised_by(code: str, names: dict[str, str]) -> ImportError | OSError:
    try:
        exec(code, names)  # a frame of a module
    except (ImportError, OSError) as error:
        return error
    raise AssertionError(code)
