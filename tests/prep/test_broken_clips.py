"""Clips that cannot be read, and attempts that were interrupted: nothing is lost, and nothing replaced unasked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prep_work import DEV_CLIP, TRAIN_CLIP, build, cached, digests, frames_of, times

from sla_cli.artifact.receipt import read_receipt
from sla_cli.config.settings import PrepConfig
from sla_cli.errors import SlaError
from sla_cli.prep.encoding.encode import ENCODER
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.result import BrokenClips
from sla_cli.store.store import Store

Tree = Callable[..., Path]


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
        with pytest.raises(SlaError, match="is not complete"):
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


def test_a_clip_that_waits_to_be_repaired_lets_no_other_change_through(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    frames_of(own, "train", TRAIN_CLIP)[5].write_bytes(b"")
    build(own, out, on_error="skip")
    one, two = frames_of(own, "dev", DEV_CLIP)[:2]
    one.write_bytes(two.read_bytes())
    with pytest.raises(SlaError, match=f"1 recording changed since .*: that of {DEV_CLIP}"):
        build(own, out, on_error="skip")


def test_a_split_of_which_nothing_can_be_read_makes_no_store(own: Path, tmp_path: Path) -> None:
    frame = frames_of(own, "dev", DEV_CLIP)[0]
    frame.write_bytes(b"")
    with pytest.raises(SlaError, match="no clip of dev can be stored") as caught:
        build(own, tmp_path / "store", on_error="skip")
    assert str(frame) in caught.value.message and "take dev out of the corpus's tables" in caught.value.hint
    with pytest.raises(SlaError, match="is not complete"):
        Store(tmp_path / "store")


def test_recordings_of_which_none_can_be_read_make_no_store(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.mp4").write_bytes(b"no video")
    with pytest.raises(SlaError, match=r"no clip can be stored: .*a\.mp4"):
        build(tmp_path / "mine", tmp_path / "store", corpus="folder", on_error="skip")


def test_a_missing_recording_is_not_that_of_another_corpus(phoenix_tree: Tree, own: Path, tmp_path: Path) -> None:
    """With --force a store may be made of another corpus, whose clips have the same names."""
    out = tmp_path / "store"
    build(phoenix_tree(tmp_path / "other"), out)
    for path in frames_of(own, "dev", DEV_CLIP):
        path.unlink()
    with pytest.raises(BrokenClips) as caught:
        build(own, out, force=True)
    assert caught.value.failed.keys() == {DEV_CLIP}


def test_an_unfinished_store_of_other_settings_is_not_dropped_unasked(own: Path, tmp_path: Path) -> None:
    frames_of(own, "dev", DEV_CLIP)[0].write_bytes(b"")
    with pytest.raises(BrokenClips):
        build(own, tmp_path / "store")
    kept = cached(tmp_path / "store")
    with pytest.raises(SlaError, match="unfinished and was begun with other settings: size was 32, now 16") as caught:
        build(own, tmp_path / "store", config=PrepConfig(16, quality=90))
    assert "as before continue it; --force without --part discards it" in caught.value.hint
    assert cached(tmp_path / "store") == kept
    with pytest.raises(BrokenClips):
        build(own, tmp_path / "store", config=PrepConfig(16, quality=90), force=True)
    assert not kept.keys() & cached(tmp_path / "store").keys()


def test_an_unfinished_store_of_an_older_encoder_is_begun_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(root, tmp_path / "store", part=(1, 1))
    monkeypatch.setattr("sla_cli.prep.request.ENCODER", ENCODER + 1)
    assert build(root, tmp_path / "store").encoded == 5


class Stopping(ProcessPool):
    """Stops when two clips are done."""

    def run(self, function: Any, items: Any) -> Any:
        for number, answer in enumerate(super().run(function, items), start=1):
            yield answer
            if number == 2:
                raise KeyboardInterrupt


def test_an_interrupted_force_is_continued(root: Path, out: Path) -> None:
    before, config = digests(out), PrepConfig(16, quality=90)
    with pytest.raises(KeyboardInterrupt):
        build(root, out, force=True, config=config, engine=Stopping(1))
    assert digests(out) == before, "the store stays as it was"
    assert len(cached(out)) == 2
    assert build(root, out, force=True, config=config).encoded == 3
