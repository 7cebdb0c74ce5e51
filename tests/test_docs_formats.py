"""The code in docs/formats.md that reads sla's files without sla works, and its tables name what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from prep_work import build

from sla_cli.store.store import Store
from sla_cli.store.write import write_split
from sla_cli.work.emissions import Emission, EmissionHeader, write_emissions

DOCS = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
STORE, EMISSIONS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


@pytest.fixture
def store(tmp_path: Path, phoenix_tree: Callable[..., Path]) -> Store:
    build(phoenix_tree(tmp_path), tmp_path / "store")
    return Store(tmp_path / "store")


@pytest.fixture
def emissions(tmp_path: Path) -> Path:
    header = EmissionHeader("phoenix2014", "dev", ("NULL", "REGEN"), 4, "/store", "/run", "phoenix2014")
    probabilities = np.eye(3)[[0, 2, 2, 0, 2, 1, 0]] * 0.8 + 0.05
    write_emissions(tmp_path / "emissions.h5", header, [Emission("a/b", np.log(probabilities, dtype=np.float32), 27)])
    return tmp_path / "emissions.h5"


def run(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    assert "sla_cli" not in code
    names: dict[str, Any] = {}
    exec(compile(code, "docs/formats.md", "exec"), names)
    return names


def test_a_clip_is_read_without_us(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run(STORE, store.path, monkeypatch)
    clip = store["dev"][0]
    assert names["name"] == clip.id
    assert names["glosses"] == list(clip.raw_glosses)
    assert np.array_equal(np.stack(names["frames"])[..., ::-1], clip.frames())


def test_emissions_are_read_without_us(emissions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(EMISSIONS, emissions.parent, monkeypatch)["answer"] == ["REGEN", "REGEN", "NULL"]


def section(title: str) -> str:
    return DOCS.partition(f"\n## {title}")[2].partition("\n## ")[0]


def documented(title: str, kind: str) -> set[str]:
    """First cells of the table under a title whose header begins with `kind`."""
    table = section(title).partition(f"| {kind} |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_tables_name_what_is_in_a_store(store: Store, tmp_path: Path) -> None:
    """Also in one that takes its frames from another."""
    own = store["dev"].files[0]
    clips = [replace(own.raw(0), data=np.empty(0, np.uint8), place=own.place(0), checksum=int(own.checksums[0]))]
    write_split(tmp_path / "dev.h5", own.header, clips, 0)
    with (
        h5py.File(store.path / "dev.h5", locking=False) as file,
        h5py.File(tmp_path / "dev.h5", locking=False) as sharing,
    ):
        assert documented("Store", "dataset") == set(sharing)
        assert documented("Store", "attribute") == set(sharing.attrs)
        assert set(sharing) - set(file) == {"frame_file", "frame_clip"}
        assert set(sharing.attrs) - set(file.attrs) == {"frames_from"}


def test_the_table_and_the_text_name_what_is_in_emissions(emissions: Path) -> None:
    with h5py.File(emissions) as file:
        assert documented("Emissions", "dataset") == set(file)
        attributes = section("Emissions").partition("Attributes:")[2]
        assert all(f"`{name}`" in attributes for name in file.attrs)


def test_the_table_names_what_is_in_a_receipt(store: Store) -> None:
    facts = json.loads((store.path / "receipt.json").read_text(encoding="utf-8"))
    assert documented("Receipts", "key") == set(facts)
