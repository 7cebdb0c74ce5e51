"""Only changed parts of a store are made again, and never another store without being asked."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from movies import movie
from prep_work import CONFIG, DEV_CLIP, TRAIN_CLIP, build, digests, frames_of, table_of, times

from sla_cli.artifact.receipt import read_receipt, renew
from sla_cli.config.settings import PrepConfig
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep import build as prep_build
from sla_cli.prep.encoding.encode import ENCODER
from sla_cli.prep.encoding.encode_missing import encode_missing
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.left_out import leave_out
from sla_cli.prep.merge import merge_stores
from sla_cli.prep.result import BrokenClips
from sla_cli.prep.write import PlannedFile
from sla_cli.store.division import Division, write_division
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import division_names, division_path
from sla_cli.store.store import Store
from sla_cli.work.describe import describe


def test_a_finished_store_is_left_alone(root: Path, out: Path) -> None:
    before = times(out, "*")
    (out / f".spool-{Store(out).header.recipe}").mkdir()  # left by a kill
    assert build(root, out).clips == 5
    assert times(out, "*") == before


def test_a_store_of_other_settings_that_lost_its_receipt_is_not_replaced(root: Path, out: Path) -> None:
    (out / "receipt.json").unlink()
    before, other = (out / "clips.h5").read_bytes(), replace(CONFIG, size=CONFIG.size * 2)
    with pytest.raises(SlaError, match=r"clips\.h5 was made with other settings, and its receipt is gone"):
        build(root, out, config=other)
    assert (out / "clips.h5").read_bytes() == before
    build(root, out)  # of the same settings: it gets its receipt again
    (out / "receipt.json").unlink()
    assert build(root, out, config=other, force=True).encoded == 5


@pytest.mark.parametrize("force", [False, True])
def test_a_file_of_somebody_is_not_replaced(root: Path, tmp_path: Path, force: bool) -> None:
    """A folder that no command has begun holds a file with the name of a store's."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "clips.h5").write_text("years")
    with pytest.raises(SlaError, match=r"clips\.h5 is not a file of a store"):
        build(root, tmp_path / "store", force=force)
    assert (tmp_path / "store" / "clips.h5").read_text() == "years"


@pytest.mark.parametrize("receipt", [True, False])
def test_a_store_is_not_written_into_a_run(root: Path, tmp_path: Path, receipt: bool) -> None:
    """Its receipt would be replaced."""
    run = tmp_path / "store"
    run.mkdir()
    for name in ("run.toml", "best.safetensors", *(["receipt.json"] if receipt else [])):
        (run / name).write_text("trained")
    (run / ".spool-0").mkdir()  # begun there by an earlier sla
    with pytest.raises(SlaError, match=r"store is another artifact of sla \(run\)"):
        build(root, run, force=True)
    assert {path.name for path in run.iterdir()} - {".lock", ".spool-0"} == {"run.toml", "best.safetensors"} | (
        {"receipt.json"} if receipt else set()
    )


def test_a_file_of_somebody_among_those_of_a_store_is_not_replaced(root: Path, out: Path) -> None:
    (out / "clips-0007.h5").write_text("years")
    with pytest.raises(SlaError, match=r"clips-0007\.h5 is not a file of a store"):
        build(root, out, force=True)
    assert (out / "clips-0007.h5").read_text() == "years"


def test_a_link_to_a_file_of_somebody_in_a_store_is_not_written_through(root: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("years")
    (out / "clips.h5").unlink()
    (out / "clips.h5").symlink_to(tmp_path / "notes")
    with pytest.raises(SlaError, match=r"clips\.h5 is not a file of a store"):
        build(root, out, force=True)
    assert (tmp_path / "notes").read_text() == "years"


@pytest.mark.parametrize("name", ["clips.h5", "clips-0001.h5"])
def test_a_folder_with_the_name_of_a_file_of_a_store_is_refused_before_encoding(
    root: Path, out: Path, name: str
) -> None:
    (out / "clips.h5").unlink()
    (out / name).mkdir()
    with pytest.raises(SlaError, match=rf"{name} is a folder"):
        build(root, out, force=True)
    assert not list(out.glob(".spool-*"))


def test_a_division_of_the_corpus_that_somebody_edited_is_not_replaced(root: Path, out: Path) -> None:
    """With and without the line of its digest, and before anything is encoded; nor one that somebody drew."""
    build(root, out)
    (path,) = (out / "divisions").iterdir()
    edited = path.read_text().replace(f"{TRAIN_CLIP}\ttrain", f"{TRAIN_CLIP}\tdev")
    without = "".join(line for line in edited.splitlines(keepends=True) if not line.startswith("# digest"))
    assert edited != path.read_text() != without != edited
    write_division(out, Division(path.stem, {}, drawn="by signer"))
    for text, message in (
        (without, "was edited, and would be replaced"),
        (edited, "is damaged or was edited"),
        (path.read_text(), "was drawn, and would be replaced"),
    ):
        path.write_text(text)
        before = times(out, "*")
        with pytest.raises(SlaError, match=message):
            build(root, out, force=True)
        assert path.read_text() == text and times(out, "*") == before


def test_a_division_that_somebody_edits_while_the_clips_are_encoded_is_not_replaced(
    root: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = division_path(out, Store(out).own[0])

    def long(*arguments: Any) -> Any:
        path.write_text("clip\tsplit\n")
        return encode_missing(*arguments)

    monkeypatch.setattr(prep_build, "encode_missing", long)
    with pytest.raises(SlaError, match="was edited, and would be replaced"):
        build(root, out, force=True)
    assert path.read_text() == "clip\tsplit\n" and read_receipt(out) is not None


def test_a_store_that_lost_a_file_gets_it_back(made: Path, root: Path, tmp_path: Path) -> None:
    out, config = tmp_path / "store", PrepConfig(32, quality=90, shard_clips=2)
    build(root, out, config=config)
    before = times(out, "*.h5")
    (out / "clips-0001.h5").unlink()
    assert build(root, out, config=config).encoded == 2
    assert digests(out) == digests(made)
    changed = {path for path, time in times(out, "*.h5").items() if before[path] != time}
    assert changed == {str(out / "clips-0001.h5")}


def test_a_store_that_lost_its_division_is_not_taken_as_one_without_and_gets_it_back(
    made: Path, tmp_path: Path, root: Path
) -> None:
    out = Path(shutil.copytree(made, tmp_path / "store"))
    table = division_path(out, "multisigner")
    before = table.read_bytes()
    table.unlink()
    with pytest.raises(FormatError, match="own division is missing"):
        Store(out)
    assert describe(out).complete is False
    outcome = build(root, out)
    assert (outcome.encoded, table.read_bytes()) == (0, before)
    assert digests(out) == digests(made)


def test_other_settings_are_refused_and_forced(made: Path, root: Path, out: Path) -> None:
    with pytest.raises(SlaError, match="size was 32, now 16") as caught:
        build(root, out, config=PrepConfig(16, quality=90))
    assert "--force" in caught.value.hint
    assert digests(out) == digests(made)
    build(root, out, config=PrepConfig(16, quality=90), force=True)
    assert Store(out).header.size == 16
    build(root, out, force=True)
    assert digests(out) == digests(made)


def test_the_division_of_a_corpus_goes_with_it(own: Path, out: Path, tmp_path: Path) -> None:
    """`sla split` has made another one, which stays, as does a table that only a receipt of others names."""
    write_division(out, Division("mine", {}))
    (outside := tmp_path / "table.tsv").write_text("years")
    receipt = read_receipt(out)
    assert receipt is not None
    receipt.results["divisions"]["../../table"] = {}
    renew(receipt, out)
    shutil.copytree(frames_of(own, "dev", DEV_CLIP)[0].parent, tmp_path / "cl" / "hello")
    (tmp_path / "cl" / "clips.tsv").write_text("frames\tgloss\nhello\tA\n")
    build(tmp_path / "cl", out, corpus="folder", force=True)
    assert outside.read_text() == "years" and division_names(out) == ["mine"]
    assert Store(out).clips.ids == ["hello"]


def test_force_keeps_the_frames_that_are_whole(made: Path, own: Path, tmp_path: Path) -> None:
    """Also those of a recording that is gone; who wants all anew removes the files of clips."""
    out = tmp_path / "store"
    assert (build(own, out).encoded, build(own, out).encoded) == (5, 0)
    (out / "clips.h5").unlink()
    assert build(own, out, force=True).encoded == 5
    for path in frames_of(own, "dev", DEV_CLIP):
        path.unlink()
    outcome = build(own, out, force=True)
    assert (outcome.encoded, outcome.reused) == (0, 5)
    assert digests(out) == digests(made)


def test_a_recording_that_was_replaced_is_reported_and_only_it_is_encoded_again(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    one, two = frames_of(own, "dev", DEV_CLIP)[:2]
    one.write_bytes(two.read_bytes())
    before = digests(out)
    with pytest.raises(SlaError, match=f"1 recording changed since .*: that of {DEV_CLIP}") as caught:
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
    with pytest.raises(SlaError, match=r"1 recording changed since .*: that of a"):
        build(source, out, corpus="folder")
    build(source, out, corpus="folder", force=True)
    assert digests(out) != before


def test_a_damaged_clip_of_a_store_is_encoded_again(made: Path, own: Path, tmp_path: Path) -> None:
    """The frames of the others are used, for a table that was corrected."""
    out = tmp_path / "store"
    build(own, out)
    with h5py.File(out / "clips.h5", "r+") as file:
        file["bytes"][-1] ^= 0xFF
    table_of(own, "train").write_text(table_of(own, "train").read_text().replace("NULL", "EINS"))
    outcome = build(own, out, force=True)
    assert (outcome.encoded, outcome.reused) == (1, 4)
    assert {**digests(out), "train": ""} == {**digests(made), "train": ""}


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
    with pytest.raises(SlaError, match="5 recordings are gone, or at other places than when") as caught:
        build(archive, out)
    assert "--force" in caught.value.hint
    assert build(archive, out, force=True).encoded == 5


def test_frames_of_another_encoder_are_not_taken_over(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.prep.request.ENCODER", ENCODER + 1)
    with pytest.raises(SlaError, match=f"encoder was {ENCODER}, now {ENCODER + 1}"):
        build(root, out)
    assert build(root, out, force=True).encoded == 5


def test_a_store_whose_recordings_are_gone_stays_as_it_is(
    made: Path, own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Stores outlive the frames, which lie on a disk of their own: tables can still be corrected."""
    out = tmp_path / "store"
    build(own, out)
    for path in (own / "features").rglob("*.png"):
        path.unlink()
    assert build(own, out).encoded == 0
    table_of(own, "train").write_text(table_of(own, "train").read_text().replace("NULL", "EINS"))
    assert build(own, out, force=True).encoded == 0
    assert "the frames of 5 clips are kept whose recordings are not found" in caplog.text
    assert Store(out)["train"][TRAIN_CLIP].glosses == ("EINS", "GRAD", "REGEN", "REGEN")
    with h5py.File(out / "clips.h5", "r+") as file:
        file["bytes"][-1] ^= 0xFF
    table_of(own, "train").write_text(table_of(own, "train").read_text().replace("EINS", "NULL"))
    with pytest.raises(BrokenClips):
        build(own, out, force=True)
    kept = "the frames of 4 clips are kept whose recordings are not found"
    assert kept in caplog.text, "not of the damaged one"


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


class Killed(ProcessPool):
    """As if the process was killed when it had written two files of the store."""

    def run(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        for number, (item, answer) in enumerate(super().run(function, items)):
            yield item, answer
            if number and isinstance(item, PlannedFile):
                raise KeyboardInterrupt


def test_what_a_killed_prep_wrote_is_removed_when_files_are_divided_otherwise(own: Path, tmp_path: Path) -> None:
    """Nothing else would find its frames when a signer leaves; until then it has a name of unfinished files."""
    out = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        build(own, out, config=PrepConfig(32, quality=90, shard_clips=1), engine=Killed(1))
    assert {path.name for path in out.glob(".clips*")} == {f".clips-000{number}.h5.partial" for number in (0, 1)}
    build(own, out)
    assert {path.name for path in out.iterdir()} <= {"clips.h5", "divisions", "receipt.json", ".lock"}


def test_a_file_of_a_store_that_is_a_link_stays_one(own: Path, tmp_path: Path) -> None:
    """What it leads to has no frames that the store has not."""
    out, real = tmp_path / "store", tmp_path / "disk.h5"
    build(own, out)
    (out / "clips.h5").rename(real)
    (out / "clips.h5").symlink_to(real)
    build(own, out, force=True, config=PrepConfig(32, quality=80))
    assert (out / "clips.h5").is_symlink() and StoreFile(real).header.quality == 80


def test_a_file_of_another_store_is_not_written_through_a_link(made: Path, own: Path, tmp_path: Path) -> None:
    both = [made, Path(shutil.copytree(made, tmp_path / "other"))]
    out, merged, mine = tmp_path / "store", tmp_path / "merged", tmp_path / "mine"
    build(own, out)
    merge_stores(both, merged)
    for store in (out, merged):
        there = Path(shutil.copytree(store, mine / store.name))
        (store / "clips.h5").unlink()
        (store / "clips.h5").symlink_to(there / "clips.h5")
    assert build(own, out).encoded == 0 and merge_stores(both, merged), "nothing is to be written"
    before = [digests(mine / store.name) for store in (out, merged)]
    for write in (
        lambda: build(own, out, force=True, config=PrepConfig(32, quality=80)),
        lambda: merge_stores(both[::-1], merged, force=True),
        lambda: leave_out(out, [Store(out).clips.signers[0]], tmp_path),
    ):
        with pytest.raises(SlaError, match=r"clips\.h5 is a link to a file of the store .*mine"):
            write()
    assert [digests(mine / store.name) for store in (out, merged)] == before


def frame_bytes(store: Store) -> list[bytes]:
    return [clip.raw().frames.data.tobytes() for clip in store.clips]


def test_a_split_that_the_corpus_no_longer_has_leaves_the_store(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    build(own, out)
    table_of(own, "test").unlink()
    with pytest.raises(SlaError, match=r"test\.corpus\.csv was '\w+', now None"):
        build(own, out)
    build(own, out, force=True)
    assert Store(out).splits == ["train", "dev"]


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
