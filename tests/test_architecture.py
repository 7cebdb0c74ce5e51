"""The architecture is kept: import contract, small files, and a page that shows what exists."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sla_cli"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("import-linter is not installed; it comes with the dev extra")
    environment = {"PYTHONPATH": str(folder), "PATH": str(Path(sys.executable).parent)}
    return subprocess.run([command], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_import_contract() -> None:
    answer = lint_imports(ROOT)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("core/ctc.py", "import sla_cli.store.store", "sla_cli.core is not allowed to import sla_cli.store"),
        ("score/score.py", "import sla_cli.report.page", "sla_cli.score is not allowed to import sla_cli.report"),
        ("video/tree.py", "import sla_cli.video.source", "No circle of imports anywhere"),
        ("search/decoder.py", "import torch", "Rooms that need no torch"),
        ("model/weights.py", "import timm", "One file knows timm: model/backbone.py BROKEN"),
    ],
)
def test_the_contract_refuses_a_planted_fault(tmp_path: Path, module: str, line: str, broken: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "sla_cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / "sla_cli" / module
    planted.write_text(f"{planted.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    answer = lint_imports(tmp_path)
    assert answer.returncode != 0
    assert broken in " ".join(answer.stdout.split())


def test_files_stay_small() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {str(path.relative_to(ROOT)): lines for path, lines in sizes.items() if lines > 350} == {}


def test_every_room_and_every_file_beside_them_stands_in_the_tree_of_the_docs() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = re.search(r"```\nsla_cli/\n(.*?)```", page, re.DOTALL)
    assert tree is not None
    shown = set(re.findall(r"^  (\S+)", tree[1].partition("\ntests/")[0], re.MULTILINE))
    rooms = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    files = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert shown == rooms | files
    for folder in re.findall(r"^(\w+)/", tree[1], re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_the_floors_of_the_docs_are_those_of_the_contract() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    floors = {room: int(floor) for room, floor in re.findall(r"^  (\w+)/ +(\d+)  ", page, re.MULTILINE)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(one["layers"] for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    rooms = [[room for room in layer.split(" | ") if room in floors] for layer in reversed(layers)]
    assert floors == {room: floor for floor, layer in enumerate(filter(None, rooms), start=1) for room in layer}
