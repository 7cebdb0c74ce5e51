"""docs/settings.md is what config/settings.py says, docs/json.md what the schemas say, and docs/licences.md names what
pyproject.toml installs."""

from __future__ import annotations

import html
import re
import sys
import tomllib
from pathlib import Path

from sla_cli.cli.main import COMMANDS
from sla_cli.config.settings import Config, settings_of

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from figures import pages  # noqa: E402
from json_page import json_page  # noqa: E402
from reference import commands_page, comments_of, settings_page  # noqa: E402

SCREEN = 25  # rows
EXTRAS_OF_DEVELOPERS = {"dev", "docs", "test"}


def test_settings_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run `python docs/reference.py`"


def test_results_for_machines_are_those_of_the_schemas() -> None:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    assert page == json_page(), "run `python docs/reference.py`"
    assert "| `frame_range` | list of 3 numbers |" in page  # a median lies between two whole numbers at times


def test_every_setting_is_described() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.+?) \| (.+?) \| (.*?) \|$", settings_page(), re.MULTILINE)
    assert [name for name, *_ in rows] == list(settings_of(Config))
    assert [name for name, *cells in rows if not all(cells)] == []


def test_a_comment_beside_a_field_and_those_above_it_describe_it() -> None:
    source = (
        "class A:\n    one: int = 1  # first\n    # second,\n    # in two lines\n    two: int = 2\n    three: int = 3\n"
    )
    assert comments_of(source) == {("A", "one"): "first", ("A", "two"): "second, in two lines", ("A", "three"): ""}


def test_every_command_is_in_the_command_reference() -> None:
    page = commands_page()
    assert "## sla lm estimate\n" in page and "## sla prep elan\n" in page
    assert set(re.findall(r"^## sla (\w+)", page, re.MULTILINE)) == set(COMMANDS)
    assert "`--batch " in page and "`--utterance-tier " in page


def test_licences_name_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [
        *project["dependencies"],
        *(line for name in extras.keys() - EXTRAS_OF_DEVELOPERS for line in extras[name]),
    ]
    wanted = {re.split(r"[\[<>=;, ]", line)[0] for line in lines} - {"sla-cslr"}
    table = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8").partition("## Dependencies")[2]
    named = set(re.findall(r"[\w-]+", " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
    assert wanted <= named, wanted - named


def test_badges_of_the_readme_are_true() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for badge, said in (("licence", project["license"]), ("python", project["requires-python"])):
        assert f"{badge}: {said}" in (ROOT / "README.md").read_text(encoding="utf-8")
        assert f">{html.escape(said)}</text>" in (ROOT / "docs" / "_static" / f"{badge}.svg").read_text(
            encoding="utf-8"
        )


def test_no_table_that_people_write_is_longer_than_a_screen() -> None:
    for page in pages():
        tables = re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert [lines for lines in tables if lines.count("\n") - 2 > SCREEN] == [], page
