"""docs/architecture.md is followed: a corpus is added by one module. It names what is there."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from movies import movie, pictures
from typer.testing import CliRunner

from sla_cli.cli.main import app, imported
from sla_cli.prep import corpora as package
from sla_cli.prep.corpora import corpora
from sla_cli.store.store import Store

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PREP = "sla_cli.cli.prep"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module of the page, as a file that stands among the corpora."""
    code = re.search(r"## A corpus\n.*?```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "mycorpus.py").write_text(code[1], encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.chdir(tmp_path)
    corpora.cache_clear()
    imported.cache_clear()
    monkeypatch.delitem(sys.modules, PREP, raising=False)  # it makes a command for each corpus when it is imported
    yield tmp_path
    corpora.cache_clear()
    imported.cache_clear()
    sys.modules.pop(PREP, None)


def test_a_corpus_is_added_by_one_module(added: Path) -> None:
    rows = [("one", "train", "HELLO WORLD"), ("two", "train", "WORLD"), ("three", "dev", "HELLO")]
    (added / "mine" / "side").mkdir(parents=True)
    table = "".join(f"{name}\t{split}\t{glosses}\n" for name, split, glosses in rows)
    (added / "mine" / "clips.tsv").write_text(table, encoding="utf-8")
    for number, (name, *_) in enumerate(rows):
        movie(added / "mine" / "side" / f"{name}.mp4", pictures(20 + number))
    explained = sla("prep", "mycorpus", "--help")
    assert "My corpus: recordings of my own" in explained and "Folder with the videos of one camera." in explained
    made = sla("prep", "mycorpus", "mine", "--camera", "side", "--size", "32", "-q", "-j", "1", "--json")
    store = Store(Path(json.loads(made)["store"]))
    assert store["train"].references() == {"one": ("HELLO", "WORLD"), "two": ("WORLD",)}
    assert (store.header.preset, store.division.name, store["dev"].profile) == ("base", "corpus", "none")
    facts = json.loads(sla("check", "--json", "-q"))
    assert {name: split["published"] for name, split in facts["splits"].items()} == {"train": 2, "dev": 1}


def sla(*arguments: str) -> str:
    answer = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120"})
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_what_the_page_names_is_there() -> None:
    for file, name in re.findall(r"\b([a-z_]+(?:/[a-z_]+)*\.py): (\w+)", PAGE):
        module = importlib.import_module("sla_cli." + file.removesuffix(".py").replace("/", "."))
        assert hasattr(module, name), f"{file}: {name}"
    for file in re.findall(r"`(?:sla_cli/)?((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", PAGE):
        assert any((root / file).exists() for root in (ROOT / "sla_cli", ROOT)), file
