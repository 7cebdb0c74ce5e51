"""The Dockerfiles, read: no engine runs them here. What they copy is there and is enough; what they install exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def lines(request: pytest.FixtureRequest) -> list[list[str]]:
    """The words of each instruction."""
    text = request.param.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if not line.startswith("#")]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def test_there_is_one_for_a_cpu_and_one_for_a_gpu() -> None:
    assert [path.stem for path in FILES] == ["cpu", "cuda"]


def test_the_python_of_the_base_image_is_one_that_is_tested(lines: list[list[str]], project: dict[str, Any]) -> None:
    [image] = [words[1] for words in lines if words[:1] == ["FROM"]]
    python = re.fullmatch(r"python:(3\.\d+)-slim", image)
    assert python is not None
    assert SpecifierSet(project["requires-python"]).contains(python[1])
    assert f"Programming Language :: Python :: {python[1]}" in project["classifiers"]


def test_what_is_copied_is_there_and_is_enough(lines: list[list[str]], project: dict[str, Any]) -> None:
    copied = [name for words in lines if words[:1] == ["COPY"] for name in words[1:-1]]
    assert all((ROOT / name).exists() for name in copied)
    assert set(copied) == {"pyproject.toml", "sla_cli", project["readme"], *project["license-files"]}
    let_through = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(let_through) == sorted(copied)


def test_what_is_installed_is_a_documented_extra(lines: list[list[str]], project: dict[str, Any]) -> None:
    [command] = [words for words in lines if words[:1] == ["RUN"]]
    own = Requirement(command[-1].replace(".", project["name"], 1))
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert own.extras == {"torch", "archives", "web"} <= set(project["optional-dependencies"])
    assert all(f"| `{extra}` |" in page for extra in own.extras)
    assert lines[-1] == ["ENTRYPOINT", "[sla]"]
    assert "sla" in project["scripts"]
