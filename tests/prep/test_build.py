"""A store holds what its corpus holds, and is made again only as far as something has changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from prep_work import CONFIG, DEV_CLIP, TRAIN_CLIP, build, cached, digests, frames_of, table_of, times

from sla_cli.config import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.formats.receipt import read_receipt
from sla_cli.formats.store import Split, Store, split_files
from sla_cli.formats.table import read_table
from sla_cli.prep.build import BrokenClips

Tree = Callable[..., Path]
INFEASIBLE = "13April_2011_Wednesday_tagesschau_default-14"


def test_the_store_holds_what_the_corpus_holds(made: Path, root: Path) -> None:
    store = Store(made)
    assert store.vocabulary == ("GRAD", "HEUTE", "MORGEN", "NORD", "NULL", "REGEN", "SONNE", "SUED")
    for split in ("train", "dev", "test"):
        assert (store[split].fps, store[split].size, store[split].quality) == (25.0, 32, 90)
        assert (store[split].corpus, store[split].codec, store[split].fit) == ("phoenix2014", "jpeg", "squash")
        rows = list(read_table(table_of(root, split), ("id", "annotation")))
        assert store[split].ids == [row["id"] for row in rows]
        for row in rows:
            clip = store[split][row["id"]]
            assert clip.glosses == clip.raw_glosses == tuple(row["annotation"].split())
            assert clip.fps == 25.0
            sources = [cv2.imread(str(path)) for path in frames_of(root, split, clip.id)]
            for frame, source in zip(clip.frames(), sources, strict=True):
                assert cv2.PSNR(frame[..., ::-1], cv2.resize(source, (32, 32), interpolation=cv2.INTER_AREA)) > 30
    names = {path.name for path in made.iterdir()}
    assert names == {"train.h5", "dev.h5", "test.h5", "receipt.json", ".lock"}


def test_the_receipt_tells_settings_inputs_and_results(made: Path, root: Path) -> None:
    receipt = read_receipt(made)
    assert receipt is not None
    frames = {"source": str(root), "size": 32, "fit": "squash", "codec": "jpeg", "quality": 90, "fps": 0.0}
    assert receipt.arguments == {
        "corpus": "phoenix2014",
        "protocol": "",
        **frames,
        "labels": "raw",
        "shard_clips": 0,
    }
    assert receipt.inputs.keys() == {"train.corpus.csv", "dev.corpus.csv", "test.corpus.csv"}
    none = {"missing": 0, "glosses": 2, "types": 0}
    assert receipt.results.pop("psnr") > 30
    assert receipt.results == {
        "clips": {"train": 3, "dev": 1, "test": 1},
        "skipped": {},
        "failed": {},
        "labels": "raw",
        "vocabulary": 8,
        "unknown": {"dev": none, "test": none},
        "files": ["train.h5", "dev.h5", "test.h5"],
    }


def test_the_loss_is_that_of_the_frames(root: Path, tmp_path: Path) -> None:
    """Pooled over pixels, not averaged over decibels; the exact frames come from a store that loses none."""
    outcome = build(root, tmp_path / "jpeg")
    assert build(root, tmp_path / "png", config=PrepConfig(32, codec="png")).psnr is None
    assert build(root, tmp_path / "raw", config=PrepConfig(32, codec="raw")).psnr is None
    exact, lossy = Store(tmp_path / "png"), Store(tmp_path / "jpeg")
    errors = []
    for split in exact.splits:
        for clip in exact[split]:
            assert np.array_equal(clip.frames(), Store(tmp_path / "raw")[split][clip.id].frames())
            difference = lossy[split][clip.id].frames().astype(float) - clip.frames()
            errors.append(float((difference**2).mean()))
    assert outcome.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(errors)), abs=1.0)
    assert (exact["dev"].codec, exact["dev"].quality) == ("png", 0)


def test_any_number_of_processes_gives_the_same_files(made: Path, root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "two", jobs=2)
    assert digests(tmp_path / "two") == digests(made)
    for name in ("train.h5", "dev.h5", "test.h5"):
        assert (tmp_path / "two" / name).read_bytes() == (made / name).read_bytes()


def test_a_finished_store_is_left_alone(root: Path, out: Path) -> None:
    before = times(out, "*")
    (out / f".spool-{Store(out)['dev'].recipe}").mkdir()  # left by a kill
    assert build(root, out).clips == {"train": 3, "dev": 1, "test": 1}
    assert times(out, "*") == before


@pytest.mark.parametrize("name", ["train.h5", "test.h5"])
def test_a_store_that_lost_a_file_gets_it_back(made: Path, root: Path, out: Path, name: str) -> None:
    before = times(out, "*.h5")
    (out / name).unlink()
    build(root, out)
    assert digests(out) == digests(made)
    changed = {path for path, time in times(out, "*.h5").items() if before[path] != time}
    assert changed == {str(out / name)}


def test_other_settings_are_refused_and_forced(made: Path, root: Path, out: Path) -> None:
    with pytest.raises(SlaError, match="size was 32, now 16") as caught:
        build(root, out, config=PrepConfig(16, quality=90))
    assert "--force" in caught.value.hint
    assert digests(out) == digests(made)
    build(root, out, config=PrepConfig(16, quality=90), force=True)
    assert Store(out)["train"].size == 16
    build(root, out, force=True)
    assert digests(out) == digests(made)


def test_force_reads_the_frames_again(made: Path, own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    one, two = frames_of(own, "dev", DEV_CLIP)[:2]
    one.write_bytes(two.read_bytes())
    before = digests(out)
    build(own, out)
    assert digests(out) == before, "the tables are the same, so nothing is done"
    build(own, out, force=True)
    assert digests(out)["dev"] != before["dev"]
    assert digests(out)["train"] == before["train"]


def spoil_frames(root: Path) -> None:
    for path in (root / "features").rglob("*.png"):
        path.write_bytes(b"not to be read again")


def test_other_labels_and_shards_cost_no_frame(made: Path, own: Path, tmp_path: Path) -> None:
    """Frames are taken over from the store that is replaced, wherever they come to lie."""
    out = tmp_path / "store"
    build(own, out)
    spoil_frames(own)
    for shards in (2, 1, 3, 2, 0):
        build(own, out, config=PrepConfig(32, quality=90, shard_clips=shards, labels="phoenix2014"), force=True)
        store = Store(out)
        assert [len(file.ids) for file in store["train"].files] == {1: [1, 1, 1], 2: [2, 1]}.get(shards, [3])
        assert store["train"].labels == "phoenix2014.v1"
        for split in store.splits:
            assert [clip.raw().data.tobytes() for clip in store[split]] == [
                clip.raw().data.tobytes() for clip in Store(made)[split]
            ]
    table_of(own, "train").write_text(table_of(own, "train").read_text().replace("NULL", "EINS"))
    build(own, out, force=True)
    assert Store(out)["train"][TRAIN_CLIP].glosses == ("EINS", "GRAD", "REGEN", "REGEN")
    assert {path.name for path in out.iterdir()} == {path.name for path in made.iterdir()}


def test_shards_read_as_one_split(made: Path, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(root, out, jobs=2, config=PrepConfig(32, quality=90, shard_clips=2))
    names = [path.name for path in split_files(out, "train")]
    assert names == ["train-0000.h5", "train-0001.h5"]
    one, many = Store(made)["train"], Store(out)["train"]
    assert (many.ids, many.lengths, many.vocabulary) == (one.ids, one.lengths, one.vocabulary)
    assert many.references() == one.references()
    for name in one.ids:
        assert np.array_equal(many[name].frames(slice(3, 9)), one[name].frames(slice(3, 9)))
    (out / "train-0001.h5").unlink()
    with pytest.raises(SlaError, match="shard 0 of 2, and 1 of them are there"):
        Split(*split_files(out, "train"))
    build(root, out, config=PrepConfig(32, quality=90, shard_clips=2))
    assert Store(out)["train"].digest == many.digest


def test_a_split_that_the_corpus_no_longer_has_leaves_the_store(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    table_of(own, "test").unlink()
    with pytest.raises(SlaError, match=r"test\.corpus\.csv was '\w+', now None"):
        build(own, out)
    build(own, out, force=True)
    assert Store(out).splits == ["train", "dev"]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n truncated"])
def test_a_broken_frame_stops_the_store_until_it_is_mended(
    made: Path, own: Path, tmp_path: Path, content: bytes
) -> None:
    """Then only that clip is encoded, and the store equals one that was never broken."""
    frame, out = frames_of(own, "train", TRAIN_CLIP)[5], tmp_path / "store"
    good = frame.read_bytes()
    frame.write_bytes(content)
    for _ in range(2):
        with pytest.raises(BrokenClips, match="1 of 5 clips cannot be read") as caught:
            build(own, out)
        assert caught.value.failed.keys() == {TRAIN_CLIP}
        assert str(frame) in caught.value.message
        assert "train.corpus.csv, line 4" in caught.value.message
        assert len(cached(out)) == 4
        with pytest.raises(SlaError, match="is not a store"):
            Store(out)
    before = cached(out)
    spoil_frames(own)
    for name, content in zip(frames_of(own, "train", TRAIN_CLIP), originals(made, own), strict=True):
        name.write_bytes(content)
    frame.write_bytes(good)
    build(own, out)
    assert contents(out) == contents(made)
    assert before.keys() and not cached(out)


def originals(made: Path, own: Path) -> list[bytes]:
    """The frames of TRAIN_CLIP in the corpus that the store `made` was made of."""
    receipt = read_receipt(made)
    assert receipt is not None
    return [path.read_bytes() for path in frames_of(Path(receipt.arguments["source"]), "train", TRAIN_CLIP)]


def contents(out: Path) -> dict[str, list[object]]:
    """All that stores of two copies of one corpus have in common."""
    return {
        name: [
            (clip.id, clip.signer, clip.glosses, clip.raw_glosses, clip.fps, clip.raw().data.tobytes())
            for clip in Store(out)[name]
        ]
        for name in Store(out).splits
    }


def test_a_broken_clip_is_left_out_where_it_is_to_be_skipped(made: Path, own: Path, tmp_path: Path) -> None:
    frame, out = frames_of(own, "train", TRAIN_CLIP)[5], tmp_path / "store"
    good = frame.read_bytes()
    frame.write_bytes(b"")
    outcome = build(own, out, on_error="skip")
    assert outcome.failed.keys() == {TRAIN_CLIP}
    assert outcome.clips == {"train": 2, "dev": 1, "test": 1}
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.results["failed"] == outcome.failed
    assert TRAIN_CLIP not in Store(out)["train"]
    assert "NULL" in Store(out).vocabulary, "the vocabulary is that of the whole table"
    before = times(out, "*.h5")
    assert build(own, out, on_error="skip").failed == outcome.failed
    with pytest.raises(BrokenClips):
        build(own, out)
    assert times(out, "*.h5") == before
    assert Store(out)["train"].ids, "the store stays what it was"

    frame.write_bytes(good)
    others = [path for path in (own / "features").rglob("*.png") if TRAIN_CLIP not in str(path)]
    for path in others:
        path.write_bytes(b"not to be read again")
    assert build(own, out).failed == {}
    assert contents(out) == contents(made)
    after = times(out, "*.h5")
    assert [path for path in before if before[path] != after[path]] == [str(out / "train.h5")]


def test_a_split_of_which_nothing_can_be_read_makes_no_store(own: Path, tmp_path: Path) -> None:
    frame = frames_of(own, "dev", DEV_CLIP)[0]
    frame.write_bytes(b"")
    with pytest.raises(SlaError, match="no clip of dev can be stored") as caught:
        build(own, tmp_path / "store", on_error="skip")
    assert str(frame) in caught.value.message
    with pytest.raises(SlaError, match="is not a store"):
        Store(tmp_path / "store")


def test_an_unfinished_store_of_other_settings_is_not_dropped_unasked(own: Path, tmp_path: Path) -> None:
    frames_of(own, "dev", DEV_CLIP)[0].write_bytes(b"")
    with pytest.raises(BrokenClips):
        build(own, tmp_path / "store")
    kept = cached(tmp_path / "store")
    with pytest.raises(SlaError, match="not finished: size was 32, now 16") as caught:
        build(own, tmp_path / "store", config=PrepConfig(16, quality=90))
    assert "--resume" in caught.value.hint
    assert cached(tmp_path / "store") == kept
    with pytest.raises(BrokenClips):
        build(own, tmp_path / "store", config=PrepConfig(16, quality=90), force=True)
    assert not kept.keys() & cached(tmp_path / "store").keys()


def test_an_unfinished_store_lies_on_disk_as_in_earlier_versions(own: Path, tmp_path: Path) -> None:
    """So that a prep which an earlier version began goes on."""
    frame, out = frames_of(own, "dev", DEV_CLIP)[0], tmp_path / "store"
    frame.write_bytes(b"")
    with pytest.raises(BrokenClips):
        build(own, out)
    (folder,) = out.glob(".spool-*")
    begun = json.loads((folder / "begun.json").read_text(encoding="utf-8"))
    assert begun == {
        "corpus": "phoenix2014",
        "source": str(own),
        "protocol": "",
        "config": asdict(CONFIG),
        "on_error": "stop",
        "force": False,
        "replaces": "",
    }
    for path in map(Path, cached(out)):
        assert path.parent.parent == folder
        assert path.name.startswith(path.parent.name)
        with np.load(path) as arrays:
            assert {name: arrays[name].dtype for name in arrays} == {"data": "u1", "sizes": "i8", "facts": "f8"}
            assert arrays["facts"].shape == (2,)
            assert arrays["facts"][0] == 25.0


def test_force_that_was_stopped_goes_on_where_it_was(own: Path, tmp_path: Path) -> None:
    out, frame = tmp_path / "store", frames_of(own, "dev", DEV_CLIP)[0]
    build(own, out)
    good = frame.read_bytes()
    frame.write_bytes(b"")
    before = digests(out)
    with pytest.raises(BrokenClips):
        build(own, out, force=True)
    assert digests(out) == before, "the store stays what it was"
    first = cached(out)
    assert len(first) == 4
    with pytest.raises(BrokenClips):
        build(own, out, force=True)
    assert cached(out) == first
    frame.write_bytes(good)
    build(own, out, force=True)
    assert digests(out) == before


def test_real_rows_with_their_real_frame_counts(shared: Path, phoenix_tree: Tree, tmp_path: Path) -> None:
    """The one clip of the release that CTC cannot align is skipped with its reason, the others are kept."""
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
    assert outcome.failed == {}
    assert outcome.skipped.keys() == {INFEASIBLE}
    assert outcome.skipped[INFEASIBLE].startswith("16 frames are 4 steps at stride 4, 17 are needed")
    receipt = read_receipt(tmp_path / "store")
    assert receipt is not None
    assert receipt.results["skipped"] == outcome.skipped
    store = Store(tmp_path / "store")
    for split in ("train", "dev"):
        kept = [row for row in rows[split] if row[0] != INFEASIBLE]
        assert [(clip.id, clip.glosses, len(clip)) for clip in store[split]] == [
            (name, tuple(text.split()), frames) for name, text, frames in kept
        ]


def test_infeasible_clips_of_dev_are_kept(phoenix_tree: Tree, tmp_path: Path) -> None:
    """They are to be scored; repeats need a blank between them."""
    rows = {"train": [("fits", "A B A", 9), ("repeats", "A A B", 12)], "dev": [("short", "A A A", 4)]}
    outcome = build(phoenix_tree(tmp_path, rows, size=16), tmp_path / "store")
    assert outcome.clips == {"train": 1, "dev": 1}
    assert outcome.skipped.keys() == {"repeats"}


def test_cleaned_labels(phoenix_tree: Tree, tmp_path: Path) -> None:
    """Raw glosses stay; training reads cleaned ones, and what is cleaned away is skipped with the reason."""
    rows = {
        "train": [("one", "__ON__ loc-NORD S0NNE", 40), ("two", "__EMOTION__ __PU__", 40), ("three", "REGEN", 8)],
        "dev": [("four", "NORD WIND SONNE WIND", 40)],
    }
    root = phoenix_tree(tmp_path, rows, size=16)
    outcome = build(root, tmp_path / "store", config=PrepConfig(16, labels="phoenix2014"))
    store = Store(tmp_path / "store")
    assert outcome.skipped == {"two": "phoenix2014.v1 leaves nothing of its glosses: __EMOTION__ __PU__"}
    assert (outcome.labels, outcome.vocabulary) == ("phoenix2014.v1", 4)
    assert store.vocabulary == ("NORD", "REGEN", "SONNE", "__ON__")
    assert store["train"]["one"].glosses == ("__ON__", "NORD", "SONNE")
    assert store["train"]["one"].raw_glosses == ("__ON__", "loc-NORD", "S0NNE")
    assert store["train"].references() == {"one": ("__ON__", "loc-NORD", "S0NNE"), "three": ("REGEN",)}
    assert outcome.unknown == {"dev": {"missing": 2, "glosses": 4, "types": 1}}


def test_an_output_folder_that_is_a_file(root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(SlaError, match=r"cannot write .*store"):
        build(root, tmp_path / "store")


def test_a_store_of_an_unknown_version_is_refused_and_replaced(made: Path, root: Path, tmp_path: Path) -> None:
    import h5py

    out = tmp_path / "store"
    shutil.copytree(made, out)
    for path in out.glob("*.h5"):
        with h5py.File(path, "r+") as file:
            file.attrs["version"] = 4
    with pytest.raises(SlaError, match="sla-store version 4, this sla reads version 1 and 2 and 3") as caught:
        Store(out)["dev"]
    assert "sla prep" in caught.value.hint
    build(root, out, config=CONFIG, force=True)
    assert digests(out) == digests(made)
