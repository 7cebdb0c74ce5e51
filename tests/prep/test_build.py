"""A store has the content of its corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from prep_work import build, digests, frames_of, table_of

from sla_cli.artifact.receipt import read_receipt
from sla_cli.artifact.table import read_table
from sla_cli.config.settings import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.prep.encoding.encode import ENCODER
from sla_cli.store.paths import clips_files
from sla_cli.store.store import Store

Tree = Callable[..., Path]
INFEASIBLE = "13April_2011_Wednesday_tagesschau_default-14"


def test_the_store_holds_what_the_corpus_holds(made: Path, root: Path) -> None:
    store = Store(made)
    assert store.vocabulary == ("GRAD", "HEUTE", "MORGEN", "NORD", "NULL", "REGEN", "SONNE", "SUED")
    assert (store.clips.fps, store.header.size, store.header.quality) == (25.0, 32, 90)
    assert (store.header.corpus, store.header.codec, store.header.fit) == ("phoenix2014", "jpeg", "squash")
    for split in ("train", "dev", "test"):
        rows = list(read_table(table_of(root, split), ("id", "annotation")))
        assert store[split].ids == [row["id"] for row in rows]
        for row in rows:
            clip = store[split][row["id"]]
            assert clip.glosses == clip.raw_glosses == tuple(row["annotation"].split())
            assert clip.fps == 25.0
            sources = [cv2.imread(str(path)) for path in frames_of(root, split, clip.id)]
            for frame, source in zip(clip.frames(), sources, strict=True):
                assert cv2.PSNR(frame[..., ::-1], cv2.resize(source, (32, 32), interpolation=cv2.INTER_AREA)) > 30
    assert {path.name for path in made.iterdir()} == {"clips.h5", "divisions", "receipt.json", ".lock"}


def test_the_receipt_states_settings_inputs_and_results(made: Path, root: Path) -> None:
    receipt = read_receipt(made)
    assert receipt is not None
    assert receipt.sources == {"source": str(root)}
    assert receipt.arguments == {
        "corpus": "phoenix2014",
        **{"size": 32, "fit": "squash", "codec": "jpeg", "quality": 90, "fps": 0.0, "encoder": ENCODER},
        **{"labels": "raw", "shard_clips": 0},
    }
    assert receipt.inputs.keys() == {"train.corpus.csv", "dev.corpus.csv", "test.corpus.csv"}
    none = {"missing": 0, "glosses": 2, "types": 0}
    counts = {"train": 3, "dev": 1, "test": 1}
    assert receipt.results.pop("psnr") > 30
    assert receipt.results == {
        "clips": 5,
        "divisions": {"multisigner": {"clips": counts, "vocabulary": 8, "unknown": {"dev": none, "test": none}}},
        **{"skipped": {}, "failed": {}, "incomplete": {}, "encoded": 5, "reused": 0, "labels": "raw"},
        "files": ["clips.h5"],
    }


def test_the_loss_is_that_of_the_frames(root: Path, tmp_path: Path) -> None:
    """Pooled over pixels, not averaged over decibels; the exact frames come from a store that loses none."""
    outcome = build(root, tmp_path / "jpeg")
    assert build(root, tmp_path / "png", config=PrepConfig(32, codec="png")).psnr is None
    assert build(root, tmp_path / "raw", config=PrepConfig(32, codec="raw")).psnr is None
    exact, lossy = Store(tmp_path / "png"), Store(tmp_path / "jpeg")
    errors = []
    for clip in exact.clips:
        assert np.array_equal(clip.frames(), Store(tmp_path / "raw").clips[clip.id].frames())
        difference = lossy.clips[clip.id].frames().astype(float) - clip.frames()
        errors.append(float((difference**2).mean()))
    assert outcome.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(errors)), abs=1.0)
    assert (exact.header.codec, exact.header.quality) == ("png", 0)


def test_any_number_of_processes_gives_the_same_files(made: Path, root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "two", jobs=2)
    assert digests(tmp_path / "two") == digests(made)
    assert (tmp_path / "two" / "clips.h5").read_bytes() == (made / "clips.h5").read_bytes()


def test_shards_read_as_one_store(made: Path, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(root, out, jobs=2, config=PrepConfig(32, quality=90, shard_clips=2))
    assert [path.name for path in clips_files(out)] == ["clips-0000.h5", "clips-0001.h5", "clips-0002.h5"]
    one, many = Store(made)["train"], Store(out)["train"]
    assert (many.ids, many.lengths, many.vocabulary) == (one.ids, one.lengths, one.vocabulary)
    assert many.references() == one.references()
    for name in one.ids:
        assert np.array_equal(many[name].frames(slice(3, 9)), one[name].frames(slice(3, 9)))
    assert many.digest == one.digest


def test_real_rows_with_their_real_frame_counts(shared: Path, phoenix_tree: Tree, tmp_path: Path) -> None:
    """Also of the one clip of the release that CTC cannot align: training decides what becomes of it."""
    rows: dict[str, list[tuple[str, str, int]]] = {}
    for split in ("train", "dev"):
        folder = shared / "data" / "phoenix2014"
        lengths = read_table(folder / f"{split}.num_frames.tsv", ("id", "frames"), "\t")
        counts = {row["id"]: int(row["frames"]) for row in lengths}
        table = [(row["id"], row["annotation"]) for row in read_table(folder / f"{split}.corpus.csv", ("id",))]
        rows[split] = [(name, text, counts[name]) for number, (name, text) in enumerate(table) if number % 500 == 3]
        rows[split] += [(name, text, counts[name]) for name, text in table if name == INFEASIBLE]
    root = phoenix_tree(tmp_path, rows, size=8, alike=True)
    outcome = build(root, tmp_path / "store", config=PrepConfig(16, quality=90))
    assert (outcome.failed, outcome.skipped) == ({}, {})
    assert INFEASIBLE in Store(tmp_path / "store")["train"]
    store = Store(tmp_path / "store")
    for split in ("train", "dev"):
        assert [(clip.id, clip.glosses, len(clip)) for clip in store[split]] == [
            (name, tuple(text.split()), frames) for name, text, frames in rows[split]
        ]


def test_clips_too_short_for_ctc_are_stored(phoenix_tree: Tree, tmp_path: Path) -> None:
    """At another stride they may fit, and training can lengthen them; also where there is no other clip."""
    rows = {"train": [("repeats", "A A B", 12)], "dev": [("short", "A A A", 4)]}
    outcome = build(phoenix_tree(tmp_path, rows, size=16), tmp_path / "store")
    assert (outcome.clips, outcome.skipped) == (2, {})


def test_cleaned_labels(phoenix_tree: Tree, tmp_path: Path) -> None:
    """Raw glosses stay; training reads cleaned ones, and what is cleaned away is skipped with the reason."""
    rows = {
        "train": [("one", "__ON__ loc-NORD S0NNE", 40), ("two", "__EMOTION__ __PU__", 40), ("three", "REGEN", 8)],
        "dev": [("four", "NORD WIND SONNE WIND", 40)],
    }
    root = phoenix_tree(tmp_path, rows, size=16)
    outcome = build(root, tmp_path / "store", config=PrepConfig(16, labels="phoenix2014"))
    store = Store(tmp_path / "store")
    assert outcome.skipped == {"two": "after cleaning with phoenix2014.v1 no gloss is left: __EMOTION__ __PU__"}
    assert (outcome.labels, outcome.divisions["multisigner"].vocabulary) == ("phoenix2014.v1", 4)
    assert store.vocabulary == ("NORD", "REGEN", "SONNE", "__ON__")
    assert store["train"]["one"].glosses == ("__ON__", "NORD", "SONNE")
    assert store["train"]["one"].raw_glosses == ("__ON__", "loc-NORD", "S0NNE")
    assert store["train"].references() == {"one": ("__ON__", "loc-NORD", "S0NNE"), "three": ("REGEN",)}
    assert outcome.divisions["multisigner"].unknown == {"dev": {"missing": 2, "glosses": 4, "types": 1}}


def test_an_output_folder_that_is_a_file(root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(SlaError, match=r"cannot write .*store"):
        build(root, tmp_path / "store")
