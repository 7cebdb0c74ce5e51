"""A store has the content of its corpus, and only changed parts are made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from movies import movie
from prep_work import CONFIG, DEV_CLIP, TRAIN_CLIP, build, cached, digests, frames_of, table_of, times

from sla_cli.artifact.receipt import read_receipt
from sla_cli.artifact.table import read_table
from sla_cli.config.settings import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.prep.encoding.encode import ENCODER
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.result import BrokenClips
from sla_cli.store.paths import clips_files
from sla_cli.store.store import Store

Tree = Callable[..., Path]
INFEASIBLE = "13April_2011_Wednesday_tagesschau_default-14"


def test_the_store_holds_what_the_corpus_holds(made: Path, root: Path) -> None:
    store = Store(made)
    assert store.vocabulary == ("GRAD", "HEUTE", "MORGEN", "NORD", "NULL", "REGEN", "SONNE", "SUED")
    assert (store.clips.fps, store.header.size, store.header.quality) == (25.0, 32, 90)
    assert (store.corpus, store.header.codec, store.header.fit) == ("phoenix2014", "jpeg", "squash")
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


def test_a_finished_store_is_left_alone(root: Path, out: Path) -> None:
    before = times(out, "*")
    (out / f".spool-{Store(out).header.recipe}").mkdir()  # left by a kill
    assert build(root, out).clips == 5
    assert times(out, "*") == before


def test_a_store_that_lost_a_file_gets_it_back(made: Path, root: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "store", PrepConfig(32, quality=90, shard_clips=2)
    build(root, out, config=config)
    before = times(out, "*.h5")
    (out / "clips-0001.h5").unlink()
    assert build(root, out, config=config).encoded == 2
    assert digests(out) == digests(made)
    changed = {path for path, time in times(out, "*.h5").items() if before[path] != time}
    assert changed == {str(out / "clips-0001.h5")}


def test_other_settings_are_refused_and_forced(made: Path, root: Path, out: Path) -> None:
    with pytest.raises(SlaError, match="size was 32, now 16") as caught:
        build(root, out, config=PrepConfig(16, quality=90))
    assert "--force" in caught.value.hint
    assert digests(out) == digests(made)
    build(root, out, config=PrepConfig(16, quality=90), force=True)
    assert Store(out).header.size == 16
    build(root, out, force=True)
    assert digests(out) == digests(made)


def test_force_reads_the_frames_again(made: Path, own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    assert (build(own, out).encoded, build(own, out).encoded) == (5, 0)
    outcome = build(own, out, force=True)
    assert (outcome.encoded, outcome.reused) == (5, 0)
    assert digests(out) == digests(made)


def test_a_recording_that_was_replaced_is_reported_and_only_it_is_encoded_again(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    one, two = frames_of(own, "dev", DEV_CLIP)[:2]
    one.write_bytes(two.read_bytes())
    before = digests(out)
    with pytest.raises(SlaError, match=f"1 of the recordings changed since .*: those of {DEV_CLIP}") as caught:
        build(own, out)
    assert "--force" in caught.value.hint
    assert digests(out) == before
    outcome = build(own, out, force=True)
    assert (outcome.encoded, outcome.reused) == (1, 4)
    assert digests(out)["dev"] != before["dev"]
    assert digests(out)["train"] == before["train"]
    assert build(own, out).encoded == 0


def test_a_video_that_was_replaced_is_reported(tmp_path: Path) -> None:
    """Also one of the same length in frames and bytes."""
    source, out = tmp_path / "mine", tmp_path / "store"
    source.mkdir()
    video, other = tmp_path / "one.avi", tmp_path / "two.avi"
    for path, seed in ((video, 1), (other, 2)):
        movie(path, np.stack([np.full((32, 32, 3), 10 * seed + number, np.uint8) for number in range(8)]))
    size = max(path.stat().st_size for path in (video, other))
    for path in (video, other):  # RIFF readers ignore what follows the file's end
        path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    shutil.copy(video, source / "a.avi")
    (source / "clips.tsv").write_text("video\tgloss\na.avi\tA\n")
    build(source, out, corpus="folder")
    before = digests(out)
    shutil.copy(other, source / "a.avi")
    with pytest.raises(SlaError, match=r"1 of the recordings changed since .*: those of a"):
        build(source, out, corpus="folder")
    build(source, out, corpus="folder", force=True)
    assert digests(out) != before


def test_a_corpus_that_moved_is_the_same_corpus(made: Path, own: Path, tmp_path: Path) -> None:
    """Also while it is not finished, as in a job array with a $TMPDIR for each job; a copy has times of its own."""
    out, frame = tmp_path / "store", frames_of(own, "dev", DEV_CLIP)[0]
    good = frame.read_bytes()
    frame.write_bytes(b"")
    with pytest.raises(BrokenClips):
        build(own, out)
    frame.write_bytes(good)
    second = shutil.copytree(own, tmp_path / "job2" / "corpus", copy_function=shutil.copyfile)
    shutil.rmtree(own)
    assert build(second, out).encoded == 1
    assert digests(out) == digests(made)
    third = shutil.move(second, tmp_path / "third")
    assert build(third, out).encoded == 0
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.sources["source"] == str(third)
    table_of(third, "train").write_text(table_of(third, "train").read_text().replace("NULL", "EINS"))
    assert build(third, out, force=True).encoded == 0


def test_an_archive_and_its_folder_are_two_places(root: Path, tmp_path: Path) -> None:
    """A finished store is not replaced without --force."""
    out = tmp_path / "store"
    build(root.parent, out)
    archive = Path(shutil.make_archive(str(tmp_path / "corpus"), "zip", root))
    with pytest.raises(SlaError, match="5 of the recordings are at other places than when") as caught:
        build(archive, out)
    assert "--force" in caught.value.hint
    assert build(archive, out, force=True).encoded == 5


def test_a_clip_that_waits_to_be_repaired_lets_no_other_change_through(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    frames_of(own, "train", TRAIN_CLIP)[5].write_bytes(b"")
    build(own, out, on_error="skip")
    one, two = frames_of(own, "dev", DEV_CLIP)[:2]
    one.write_bytes(two.read_bytes())
    with pytest.raises(SlaError, match=f"1 of the recordings changed since .*: those of {DEV_CLIP}"):
        build(own, out, on_error="skip")


def test_a_missing_recording_is_not_that_of_another_corpus(phoenix_tree: Tree, own: Path, tmp_path: Path) -> None:
    """With --force a store may be made of another corpus, whose clips have the same names."""
    out = tmp_path / "store"
    build(phoenix_tree(tmp_path / "other"), out)
    for path in frames_of(own, "dev", DEV_CLIP):
        path.unlink()
    with pytest.raises(BrokenClips) as caught:
        build(own, out, force=True)
    assert caught.value.failed.keys() == {DEV_CLIP}


def test_frames_of_another_encoder_are_not_taken_over(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.prep.request.ENCODER", ENCODER + 1)
    with pytest.raises(SlaError, match=f"encoder was {ENCODER}, now {ENCODER + 1}"):
        build(root, out)
    assert build(root, out, force=True).encoded == 5


def test_a_store_whose_recordings_are_gone_stays_as_it_is(made: Path, own: Path, tmp_path: Path) -> None:
    """Stores outlive the frames, which lie on a disk of their own: tables can still be corrected."""
    out = tmp_path / "store"
    build(own, out)
    for path in (own / "features").rglob("*.png"):
        path.unlink()
    assert build(own, out).encoded == 0
    table_of(own, "train").write_text(table_of(own, "train").read_text().replace("NULL", "EINS"))
    assert build(own, out, force=True).encoded == 0
    assert Store(out)["train"][TRAIN_CLIP].glosses == ("EINS", "GRAD", "REGEN", "REGEN")


def test_files_that_are_not_the_stores_are_left_alone(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(root, out, config=PrepConfig(32, quality=90, shard_clips=1))
    others = {name: out / name for name in ("train-old.h5", "clips_emissions.h5", "clips-x.h5", "clips.h5.old")}
    for name, path in others.items():
        path.write_text(name)
    build(root, out, force=True)
    assert {name: path.read_text() for name, path in others.items()} == {name: name for name in others}
    left = {path.name for path in out.glob("clips*.h5*")} - others.keys()
    assert left == {"clips.h5"}


def test_other_labels_and_shards_cost_no_frame(made: Path, own: Path, tmp_path: Path) -> None:
    """Frames are taken over from the store that is replaced, wherever they come to lie."""
    out = tmp_path / "store"
    build(own, out)
    for shards in (2, 1, 3, 2, 0):
        config = PrepConfig(32, quality=90, shard_clips=shards, labels="phoenix2014")
        assert build(own, out, config=config, force=True).encoded == 0
        store = Store(out)
        assert [len(file.ids) for file in store.files] == {1: [1] * 5, 2: [2, 2, 1], 3: [3, 2]}.get(shards, [5])
        assert store.header.labels == "phoenix2014.v1"
        assert frame_bytes(store) == frame_bytes(Store(made))
    table_of(own, "train").write_text(table_of(own, "train").read_text().replace("NULL", "EINS"))
    assert build(own, out, force=True).encoded == 0
    assert Store(out)["train"][TRAIN_CLIP].glosses == ("EINS", "GRAD", "REGEN", "REGEN")
    assert {path.name for path in out.iterdir()} == {path.name for path in made.iterdir()}


def frame_bytes(store: Store) -> list[bytes]:
    return [clip.raw().frames.data.tobytes() for clip in store.clips]


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


def test_a_split_that_the_corpus_no_longer_has_leaves_the_store(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    table_of(own, "test").unlink()
    with pytest.raises(SlaError, match=r"test\.corpus\.csv was '\w+', now None"):
        build(own, out)
    build(own, out, force=True)
    assert Store(out).splits == ["train", "dev"]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n truncated"])
def test_a_broken_frame_stops_the_store_until_it_is_repaired(
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
    frame.write_bytes(good)
    outcome = build(own, out)
    assert (outcome.encoded, outcome.reused) == (1, 4)
    assert contents(out) == contents(made)
    assert not cached(out)


def contents(out: Path) -> dict[str, list[object]]:
    """All that stores of two copies of one corpus have in common."""
    return {
        name: [
            (clip.id, clip.signer, clip.glosses, clip.raw_glosses, clip.fps, clip.raw().frames.data.tobytes())
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
    assert outcome.divisions["multisigner"].clips == {"train": 2, "dev": 1, "test": 1}
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.results["failed"] == outcome.failed
    assert TRAIN_CLIP not in Store(out)["train"]
    before = times(out, "*.h5")
    assert build(own, out, on_error="skip").failed == outcome.failed
    with pytest.raises(BrokenClips):
        build(own, out)
    assert times(out, "*.h5") == before
    assert Store(out)["train"].ids, "the store stays what it was"

    frame.write_bytes(good)
    outcome = build(own, out)
    assert (outcome.failed, outcome.encoded) == ({}, 1)
    assert contents(out) == contents(made)


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
    with pytest.raises(SlaError, match="unfinished and was begun with other settings: size was 32, now 16") as caught:
        build(own, tmp_path / "store", config=PrepConfig(16, quality=90))
    assert "--resume" in caught.value.hint
    assert cached(tmp_path / "store") == kept
    with pytest.raises(BrokenClips):
        build(own, tmp_path / "store", config=PrepConfig(16, quality=90), force=True)
    assert not kept.keys() & cached(tmp_path / "store").keys()


class Stopping(ProcessPool):
    """Stops when two clips are done."""

    def run(self, function: Any, items: Any) -> Any:
        for number, answer in enumerate(super().run(function, items), start=1):
            yield answer
            if number == 2:
                raise KeyboardInterrupt


def test_an_interrupted_force_is_continued(root: Path, out: Path) -> None:
    before = digests(out)
    with pytest.raises(KeyboardInterrupt):
        build(root, out, force=True, engine=Stopping(1))
    assert digests(out) == before, "the store stays as it was"
    assert len(cached(out)) == 2
    assert build(root, out, force=True).encoded == 3
    assert digests(out) == before


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


def test_a_store_of_an_unknown_version_is_refused_and_replaced(made: Path, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    shutil.copytree(made, out)
    for path in out.glob("*.h5"):
        with h5py.File(path, "r+") as file:
            file.attrs["version"] = 4
    with pytest.raises(SlaError, match="sla-store version 4, this sla reads version 1") as caught:
        Store(out)
    assert "sla prep" in caught.value.hint
    build(root, out, config=CONFIG, force=True)
    assert digests(out) == digests(made)


def test_what_was_encoded_from_another_recording_is_counted_as_encoded_again(own: Path, tmp_path: Path) -> None:
    """Its file lies in the cache under the name of the clip, and is of no use."""
    out = tmp_path / "store"
    build(own, out, part=(1, 1))
    one, two = frames_of(own, "dev", DEV_CLIP)[:2]
    one.write_bytes(two.read_bytes())
    outcome = build(own, out)
    assert (outcome.encoded, outcome.reused) == (1, 4)
