"""The documentation site builds without a warning, is searched, and suits a phone and the dark."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.ci

ROOT = Path(__file__).parents[1]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
WIDE_PAGES = (
    "index.html",
    "settings.html",
    "commands.html",
    "scoring.html",
    "decoding.html",
    "json.html",
    "python.html",
    "experiments/tuning.html",
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since the build writes the command reference beside its pages."""
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason="needs the docs extra")
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "examples"):
        leave_out = shutil.ignore_patterns("_build", "commands.md", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
    for page in ROOT.glob("*.md"):  # that those of docs link
        shutil.copy(page, folder)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "html"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """Its address: the search reads its index by requests, which a file has not."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_every_page_can_be_reached_from_the_first(site: Path) -> None:
    """Sphinx warns of a page that stands in no list; here the other way round: each page of the folder is built."""
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    first = (site / "index.html").read_text(encoding="utf-8")
    assert {str(page) for page in pages if f'href="{page}"' not in first} <= {"index.html"}


def test_commands_and_settings_are_in_their_references(site: Path) -> None:
    commands = (site / "commands.html").read_text(encoding="utf-8")
    assert 'id="sla-lm-estimate"' in commands and "--utterance-tier" in commands
    assert "train.accumulate" in (site / "settings.html").read_text(encoding="utf-8")


def test_the_python_reference_is_made_of_docstrings(site: Path) -> None:
    page = (site / "python.html").read_text(encoding="utf-8")
    assert 'id="sla_cli.Recognizer.transcribe"' in page and "a gloss is not tried in a step" in page
    assert "_opened" not in page, "what is not public"


def test_the_search_finds_a_page(served: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{served}/search.html?q=distillation")
    page.wait_for_selector("#search-results li a")
    assert any("method.html" in link.get_attribute("href") for link in page.query_selector_all("#search-results li a"))
    page.close()


@pytest.mark.parametrize("name", WIDE_PAGES)
def test_no_page_is_wider_than_a_phone(served: str, browser: Any, name: str) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto(f"{served}/{name}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_it_follows_the_readers_scheme(served: str, browser: Any, scheme: str, is_dark: bool) -> None:
    page = browser.new_page(viewport=DESK, color_scheme=scheme)
    page.goto(f"{served}/index.html")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    assert (red + green + blue < 3 * 64) == is_dark
    page.close()
