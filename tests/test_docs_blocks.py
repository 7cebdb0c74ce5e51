"""Every `sh` block of README and docs is run, in order, in a separate folder, on drawn data.

Some things are smaller than as pasted: the demo, which is made once for all pages, training, which takes one epoch, and
the number of processes, since each takes a second to start.
The README's first block, install and demo, is run as it stands by .ci/run.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from docs_blocks import ROOT, Shell, blocks, statements
from docs_world import make_world

from sla_cli.demo.figures import DemoFigures

pytestmark = [pytest.mark.long, pytest.mark.ci]

SHORTER = {"train": ("--epochs", "1"), **dict.fromkeys(("prep", "check", "store export", "decode"), ("-j", "1"))}
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
WITH_BLOCKS = [page for page in PAGES if blocks(page)]
FINDS_PROBLEMS = 3  # what `sla check` exits with, as the pages say: drawn corpora are smaller than the published ones


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, phoenix_tree: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, phoenix_tree)
    return folder


@pytest.fixture
def fresh(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Shell]:
    """A shell in a folder for a page: empty if the page makes its own files, else with those of the world."""

    def shell(text: str) -> Shell:
        folder = tmp_path / "folder"
        if "sla demo --keep" in text or "cat > " in text:
            folder.mkdir()
        else:
            made_here = (
                shutil.ignore_patterns("sla-work") if "sla prep phoenix2014 phoenix2014-release" in text else None
            )
            shutil.copytree(request.getfixturevalue("world"), folder, ignore=made_here)

        def smaller(arguments: list[str]) -> list[str] | None:
            if arguments[:2] == ["demo", "--keep"]:
                made: DemoFigures = request.getfixturevalue("demo")
                assert made.kept is not None
                shutil.copytree(made.kept, folder / arguments[2])
                return None
            command = " ".join(arguments[: 2 if arguments[0] == "store" else 1])
            return [*arguments, *SHORTER.get(command, ())]

        return Shell(folder, smaller)

    return shell


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page: Path, fresh: Callable[[str], Shell]) -> None:
    own = blocks(page)[1:] if page == README else blocks(page)
    shell = fresh("\n".join(own))
    for statement in (one for block in own for one in statements(block)):
        code, printed = shell.run(statement)
        wanted = {0, FINDS_PROBLEMS} if statement.startswith("sla check") else {0}
        assert code in wanted, f"{statement}\n{printed}"


def test_the_first_block_of_the_readme_is_what_ci_runs() -> None:
    install, suite = blocks(README)[0].splitlines()
    assert install.endswith(".venv/bin/sla demo") and suite == ".venv/bin/pytest"


def test_what_the_page_on_scoring_shows_is_what_is_printed(fresh: Callable[[str], Shell]) -> None:
    page = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^```sh\n([^`]*)^```\n[^`]*^```text\n([^`]*)^```", page, re.MULTILINE)
    assert len(pairs) == 2
    shell = fresh("\n".join(block for block, _ in pairs))
    for block, text in pairs:
        assert text in "".join(shell.run(statement)[1] for statement in statements(block))
