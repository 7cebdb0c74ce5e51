"""The code in docs/formats.md that reads sla's files without sla works, and its tables name what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from prep_work import build
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.core.place import FrameScores
from sla_cli.store.division import Division, write_division
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emission, EmissionHeader, write_emissions
from sla_cli.work.onnx_graphs import GraphFacts

DOCS = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
STORE, EMISSIONS, FOREIGN = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


@pytest.fixture
def store(tmp_path: Path, phoenix_tree: Callable[..., Path]) -> Path:
    build(phoenix_tree(tmp_path), tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def emissions(tmp_path: Path) -> Path:
    header = EmissionHeader("phoenix2014", "dev", ("NULL", "REGEN"), 4, "/store", "/run", "phoenix2014", "multisigner")
    probabilities = np.eye(3)[[0, 2, 2, 0, 2, 1, 0]] * 0.8 + 0.05
    shown = FrameScores(np.zeros((27, 3), np.int8), 7)
    clip = Emission("a/b", np.log(probabilities, dtype=np.float32), 27, shown=shown)
    write_emissions(tmp_path / "emissions.h5", header, [clip])
    return tmp_path / "emissions.h5"


def run(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    assert "sla_cli" not in code
    names: dict[str, Any] = {}
    exec(compile(code, "docs/formats.md", "exec"), names)
    return names


def test_a_clip_is_read_without_us(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run(STORE, store, monkeypatch)
    clip = Store(store).clips[0]
    assert names["name"] == clip.id
    assert names["glosses"] == list(clip.raw_glosses)
    assert np.array_equal(np.stack(names["frames"])[..., ::-1], clip.frames())


def test_emissions_are_read_without_us(emissions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(EMISSIONS, emissions.parent, monkeypatch)["answer"] == ["REGEN", "REGEN", "NULL"]


def test_emissions_of_another_system_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(FOREIGN, tmp_path, monkeypatch)
    with h5py.File("foreign.h5") as file:
        attributes = section("Emissions").partition("Attributes:")[2]
        assert all(f"`{name}`" in attributes for name in file.attrs)
    answer = CliRunner().invoke(app, ["decode", "foreign.h5", "-o", "out.tsv", "-j", "1"])
    assert answer.exit_code == 0, answer.output
    assert Path("out.tsv").read_text(encoding="utf-8").endswith("REGEN NORD\n")


def section(title: str) -> str:
    return DOCS.partition(f"\n## {title}")[2].partition("\n## ")[0]


def documented(title: str, kind: str) -> set[str]:
    """First cells of the table under a title whose header begins with `kind`."""
    table = section(title).partition(f"| {kind} |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_tables_name_what_is_in_a_store(store: Path) -> None:
    with h5py.File(store / "clips.h5", locking=False) as file:
        assert documented("Store", "dataset") == set(file)
        assert documented("Store", "attribute") == set(file.attrs)
    named = section("Store").partition("| file |")[2].partition("\n\n")[0].replace("NAME", "multisigner")
    files = [path for path in store.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert [path for path in files if f"`{path.relative_to(store)}`" not in named] == []


def test_a_division_is_as_the_example_shows(store: Path) -> None:
    """Its lines stand in the order of the page."""
    example = section("Store").partition("### Division")[2].partition("```\n")[2].partition("```")[0]
    splits, signers = (
        {"monday": "train", "tuesday": "dev"},
        {"monday": "62fe442482c82bdd", "tuesday": "8956c8b0bf4d5d6b"},
    )
    drawn = "by signer, shares 80,10,10, seed 0"
    write_division(store, Division("drawn", splits, "signers", drawn, signers=signers))
    written = (store / "divisions" / "drawn.tsv").read_text(encoding="utf-8")
    assert written == example.replace("<TAB>", "\t")


def test_the_table_and_the_text_name_what_is_in_emissions(emissions: Path) -> None:
    with h5py.File(emissions) as file:
        assert documented("Emissions", "dataset") == set(file)
        attributes = section("Emissions").partition("Attributes:")[2]
        assert all(f"`{name}`" in attributes for name in file.attrs)


def test_the_table_names_what_is_in_a_receipt(store: Path) -> None:
    facts = json.loads((store / "receipt.json").read_text(encoding="utf-8"))
    assert documented("Receipts", "key") == set(facts)


def test_the_page_names_the_metadata_of_graphs() -> None:
    section = DOCS.partition("### Metadata of the ONNX graphs")[2].partition("\n## ")[0]
    assert [one.name for one in fields(GraphFacts) if f"`{one.name}`" not in section] == []
