"""The files of a store are found by name and content, and in the order of their shards."""

from __future__ import annotations

from pathlib import Path

from sla_cli.store.paths import split_files


def test_shards_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("train-0002.h5", "train-10000.h5", "train-0010.h5", "train-x.h5", "train-1.h5", "dev-0000.h5"):
        (tmp_path / name).touch()
    assert [path.name for path in split_files(tmp_path, "train")] == [
        "train-0002.h5",
        "train-0010.h5",
        "train-10000.h5",
    ]
