"""After any fault, a store is never incomplete, good clips are never lost, and the result is the same."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forked import Forked, sla
from prep_work import DEV_CLIP, TRAIN_CLIP, build, cached, digests, frames_of, held, table_of

from sla_cli.config.settings import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.result import BrokenClips
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.work.folder import Work

Tree = Callable[..., Path]
FORK = multiprocessing.get_context("fork")


def assert_taken_by_nobody(out: Path) -> None:
    with pytest.raises(SlaError, match="no finished store"):
        Work(out.parents[1]).only_store()
    with pytest.raises(SlaError, match=r"not complete|is not a store"):
        Store(out)


def build_and_die(root: Path, out: Path, moment: int, when: str) -> None:
    """In a separate process: kill it before or after it renames its `moment`-th file."""
    rename, renamed = Path.replace, itertools.count(1)

    def replace(self: Path, target: Path) -> None:
        at = next(renamed) == moment
        if not (at and when == "before"):
            rename(self, target)
        if at:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        build(root, out)


def test_kills_at_any_file_cost_nothing_but_time(made: Path, root: Path, tmp_path: Path) -> None:
    """The request, five clips, the file, its division and the receipt are renamed; only after these it is a store."""
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    done = 0
    moments = ((1, "before"), (2, "after"), (3, "before"), (4, "after"), (3, "after"), (2, "before"), (3, "after"))
    for moment, when in moments:
        process = FORK.Process(target=build_and_die, args=(root, out, moment, when))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert_taken_by_nobody(out)
        assert len(cached(out)) >= done, "a clip that was encoded is lost"
        done = len(cached(out))
    assert done == 5
    build(root, out)
    assert digests(out) == digests(made)
    assert {path.name for path in out.rglob("*")} == {path.name for path in made.rglob("*")}


def build_under_threat(root: Path, out: Path, seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
    build(root, out)
    os._exit(0)


def test_kills_at_ten_random_moments(made: Path, root: Path, tmp_path: Path) -> None:
    """A store is there whole, or not at all; what is encoded stays, attempt after attempt."""
    begun = time.monotonic()
    build(root, tmp_path / "clean")
    span, rng, kills = time.monotonic() - begun, random.Random(0), 0
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    while kills < 10:
        done = len(cached(out))
        process = FORK.Process(target=build_under_threat, args=(root, out, rng.uniform(0, span / 3)))
        process.start()
        process.join()
        if (out / "receipt.json").exists():  # finished: begin again
            assert digests(out) == digests(made)
            shutil.rmtree(out)
            continue
        assert process.exitcode == -signal.SIGKILL
        kills += 1
        assert len(cached(out)) >= done
    build(root, out)
    assert digests(out) == digests(made)
    assert {path.name for path in out.rglob("*")} == {path.name for path in made.rglob("*")}


def test_a_kill_while_a_store_is_replaced_leaves_no_mixture(root: Path, out: Path) -> None:
    """Files of two settings side by side would pass for a store."""
    config = PrepConfig(16, quality=90)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sla_cli.prep.build.write_receipt", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        process = FORK.Process(target=build, args=(root, out), kwargs={"force": True, "config": config})
        process.start()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(SlaError, match="not complete"):
        Store(out)
    build(root, out, config=config)
    assert Store(out).header.size == 16


@pytest.mark.parametrize("dies_at", [0, 1, 2])
def test_a_kill_while_clips_move_between_shards_loses_none(made: Path, own: Path, tmp_path: Path, dies_at: int) -> None:
    """Clips are taken from files that the same run replaces."""
    out = tmp_path / "store"
    build(own, out, config=PrepConfig(32, quality=90, shard_clips=2))
    for path in (own / "features").rglob("*.png"):
        path.unlink()
    config = PrepConfig(32, quality=90, shard_clips=1)

    def build_and_die_writing() -> None:
        count = itertools.count()

        def write(path: Path, *arguments: object) -> None:
            if next(count) == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            write_clips(path, *arguments)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sla_cli.prep.write.write_clips", write)
            build(own, out, config=config, force=True)

    process = FORK.Process(target=build_and_die_writing)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    build(own, out, config=config)
    assert [clip.raw().frames.data.tobytes() for clip in Store(out).clips] == [
        clip.raw().frames.data.tobytes() for clip in Store(made).clips
    ]


def test_a_damaged_file_of_the_cache_is_named_and_made_again(own: Path, tmp_path: Path) -> None:
    frame, out = frames_of(own, "train", TRAIN_CLIP)[0], tmp_path / "store"
    build(own, tmp_path / "clean")
    good = frame.read_bytes()
    frame.write_bytes(b"")
    with pytest.raises(BrokenClips):
        build(own, out)
    frame.write_bytes(good)
    path = Path(sorted(cached(out))[0])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(SlaError, match="is damaged") as caught:
        build(own, out)
    assert caught.value.message == f"{path} is damaged", "no words of NumPy"
    with pytest.raises(SlaError, match=r"not complete|is not a store"):
        Store(out)
    build(own, out)
    assert digests(out) == digests(tmp_path / "clean")


def test_a_file_of_the_cache_cut_short_is_made_again(own: Path, tmp_path: Path) -> None:
    frame, out = frames_of(own, "train", TRAIN_CLIP)[0], tmp_path / "store"
    good = frame.read_bytes()
    frame.write_bytes(b"")
    with pytest.raises(BrokenClips):
        build(own, out)
    frame.write_bytes(good)
    path = Path(sorted(cached(out))[0])
    path.write_bytes(path.read_bytes()[:-200])
    build(own, out)
    build(own, tmp_path / "clean")
    assert digests(out) == digests(tmp_path / "clean")


class Unplugging(ProcessPool):
    """The disk with the frames is unplugged when two clips are done."""

    def __init__(self, source: Path) -> None:
        super().__init__(jobs=1)
        self.source = source

    def run(self, function: Any, items: Any) -> Any:
        for number, answer in enumerate(super().run(function, items), start=1):
            if number == 2:
                shutil.move(self.source, self.source.with_name("unplugged"))
            yield answer


def test_a_source_that_is_removed_keeps_what_was_encoded(own: Path, tmp_path: Path) -> None:
    """All that is missing is named, nothing is lost, and with the source back the end is the same."""
    out = tmp_path / "store"
    with pytest.raises(BrokenClips, match="3 of 5 clips") as caught:
        build(own, out, engine=Unplugging(own))
    assert list(caught.value.failed) == [TRAIN_CLIP, DEV_CLIP, "04July_2011_Monday_heute_default-5"]
    assert "dev.corpus.csv, line 2" in caught.value.failed[DEV_CLIP]
    kept = cached(out)
    assert len(kept) == 2
    with pytest.raises(SlaError, match="no such folder"):
        build(own, out)
    assert cached(out) == kept
    shutil.move(own.with_name("unplugged"), own)
    build(own, out)
    build(own, tmp_path / "clean")
    assert digests(out) == digests(tmp_path / "clean")


def test_two_at_work_on_one_store_do_not_mix(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    with held(out, "LOCK_EX"), pytest.raises(SlaError, match="another process is writing"):
        build(root, out)
    assert build(root, out).failed == {}


def test_a_full_disk_is_an_error_that_a_user_can_correct(
    made: Path, phoenix_tree: Tree, small_disk: Path, tmp_path: Path
) -> None:
    """An earlier store on it stays whole; with room, the same call goes on."""
    shutil.copytree(made, small_disk / "earlier")
    root = phoenix_tree(tmp_path, {"train": [(f"clip-{n}", "A B", 20) for n in range(8)]}, size=48)
    config = PrepConfig(256, quality=100)
    with pytest.raises(SlaError, match="No space left") as caught:
        build(root, small_disk / "store", config=config)
    assert "Free space" in caught.value.hint
    assert digests(small_disk / "earlier") == digests(made)
    kept = cached(small_disk / "store")
    assert kept, "what was whole is kept"
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    build(root, small_disk / "store", config=config, jobs=1)
    build(root, tmp_path / "clean", config=config, jobs=1)
    assert digests(small_disk / "store") == digests(tmp_path / "clean")


def test_a_disk_that_is_too_small_is_named_before_it_is_full(
    phoenix_tree: Tree, small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = phoenix_tree(tmp_path, {"train": [(f"clip-{n}", "A B", 20) for n in range(8)]}, alike=True)
    with pytest.raises(SlaError, match="No space left"):
        build(root, small_disk / "store", config=PrepConfig(64, codec="raw"))
    (message,) = [one for one in caplog.messages if "GB" in one]
    assert message.startswith(f"8 clips will need about 0.0 GB more on the disk of {small_disk}/store, which")
    assert len(cached(small_disk / "store")) > 4
    caplog.clear()
    build(root, tmp_path / "store", config=PrepConfig(64, codec="raw"))
    assert not [one for one in caplog.messages if "GB" in one]


def test_a_killed_command_takes_its_workers_with_it_and_goes_on(
    phoenix_tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = phoenix_tree(tmp_path, {"train": [(f"clip-{number}", "A B", 40) for number in range(40)]}, alike=True)
    out = tmp_path / "sla-work" / "stores" / "phoenix2014"
    monkeypatch.chdir(tmp_path)
    command = Forked(sla, "prep", "phoenix2014", str(root), "-j2", "--size", "128", printed=tmp_path)
    while len(cached(out)) < 3 and command.poll() is None:
        time.sleep(0.005)
    command.kill()
    command.communicate(timeout=200)
    assert command.returncode == -signal.SIGKILL, "it finished before it could be killed"
    assert_taken_by_nobody(out)
    deadline = time.monotonic() + 300
    while group_is_alive(command.pid):
        assert time.monotonic() < deadline, "workers outlive a killed sla prep"
        time.sleep(0.05)
    again = Forked(sla, "prep", "phoenix2014", "--resume", "-j1", printed=tmp_path)
    printed = again.communicate(timeout=200)[1]
    assert again.returncode == 0, printed
    assert "of 40 clips were encoded before" in printed
    build(root, tmp_path / "clean", config=PrepConfig(128))
    assert digests(out) == digests(tmp_path / "clean")


def group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("01April_2010_Thursday_heute_default-2|", f"{TRAIN_CLIP}|", f"clip {TRAIN_CLIP} is listed twice"),
        (f"{TRAIN_CLIP}|", "|", "clip '' has an empty id"),
        (f"{TRAIN_CLIP}|", "a\tb|", r"clip 'a\\tb'"),
        (f"{TRAIN_CLIP}|", "../../b|", r"clip '../../b'"),
        (f"{TRAIN_CLIP}|", f"{'x' * 5000}|", "an id of 5000 characters"),
        (f"{TRAIN_CLIP}|", f"{DEV_CLIP}|", "listed twice, first in"),
        ("GRAD", "GR\0AD", "NUL"),
        ("Signer02", "Sig\0ner", "NUL"),
    ],
)
def test_rows_that_no_store_can_hold_are_refused_before_any_work(
    own: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    table = table_of(own, "train")
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(SlaError, match=message) as caught:
        build(own, tmp_path / "store")
    assert "corpus.csv, line" in caught.value.message
    assert not (tmp_path / "store").exists()
