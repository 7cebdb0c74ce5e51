"""The files of a store are found by name, and in the order of their shards."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest
from clip_store import bytes_only, make_store

from sla_cli.config.settings import DivisionConfig
from sla_cli.errors import SlaError
from sla_cli.prep.make_division import split_store
from sla_cli.store.division import Division, write_division
from sla_cli.store.paths import clips_files, division_names, split_name, stored_files
from sla_cli.store.store import Store


def test_shards_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("clips-0002.h5", "clips-10000.h5", "clips-0010.h5", "clips-x.h5", "clips-1.h5", "dev-0000.h5"):
        (tmp_path / name).touch()
    shards = ["clips-0002.h5", "clips-0010.h5", "clips-10000.h5"]
    assert [path.name for path in clips_files(tmp_path)] == shards
    (tmp_path / "clips.h5").touch()
    assert [path.name for path in clips_files(tmp_path)] == ["clips.h5"]
    assert [path.name for path in stored_files(tmp_path)] == ["clips.h5", *shards]


def test_divisions_are_the_tables_of_their_folder(tmp_path: Path) -> None:
    assert division_names(tmp_path) == []
    (tmp_path / "divisions").mkdir()
    for name in ("us.tsv", "SI.tsv", ".SI.tsv.tmp.tsv", "notes.txt"):
        (tmp_path / "divisions" / name).touch()
    assert division_names(tmp_path) == ["SI", "us"]


@pytest.mark.parametrize("name", ["s" * 200, "é" * 100])
def test_a_folder_and_a_division_that_are_longer_together_than_a_name(tmp_path: Path, name: str) -> None:
    store = tmp_path / name
    assert split_name(Path(f"{store}:{name}")) == (store, name)
    make_store(store, {"train": [bytes_only("a", "A", 1)]})
    split_store(store, draws=DivisionConfig(by="random", shares=(1, 0)), name=name)
    assert Store(Path(f"{store}:{name}")).division.name == name


@pytest.mark.parametrize(
    ("given", "folder", "division"),
    [
        ("s:SI", "s", "SI"),
        ("s", "s", ""),
        ("a:b/s:SI", "a:b/s", "SI"),
        ("there:1", "there:1", ""),
        (":SI", ":SI", ""),
        ("a:b/s", "a:b/s", ""),
    ],
)
def test_folder_and_division(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, folder: str, division: str
) -> None:
    """A folder whose name has a colon is a folder."""
    monkeypatch.chdir(tmp_path)
    Path("there:1").mkdir()
    assert split_name(Path(given)) == (Path(folder), division)
    with pytest.raises(SlaError, match="s: names no division"):
        split_name(Path("s:"))


@pytest.mark.parametrize(("there", "given"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_store_and_a_division_are_found_in_the_other_form_of_unicode(tmp_path: Path, there: str, given: str) -> None:
    """A Mac writes names in another form than most keyboards."""
    (mine, by), (store, name) = ([normalize(form, text) for text in ("Léa", "für")] for form in (there, given))
    make_store(tmp_path / mine, {"train": [bytes_only("a", "A", 1)]})
    write_division(tmp_path / mine, Division(by, {"a": "train"}))
    assert Store(tmp_path / f"{store}:{name}").name == f"{tmp_path / mine}:{by}"
    assert split_name(tmp_path / store) == (tmp_path / mine, "")
    table = tmp_path / "table.tsv"
    table.write_text("clip\tsplit\na\tdev\n")
    with pytest.raises(SlaError, match=f"has a division {by}, made from another table"):
        split_store(tmp_path / store, table=table, name=name)
    split_store(tmp_path / store, table=table, name=name, force=True)
    assert division_names(tmp_path / mine) == ["corpus", by]
