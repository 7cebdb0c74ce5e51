"""Damaged stores: `check_store` names the clips that do not decode, and refuses what cannot be read."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from clip_store import bytes_only, clip, make_store

from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.check import check_store
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.division import Division, write_division

TRAIN = [clip("t1", "A B", signer="ann"), clip("t2", "B C C", 16, signer="bob")]


@pytest.mark.parametrize("jobs", [1, 2])
def test_deep_names_every_damaged_clip(tmp_path: Path, jobs: int) -> None:
    """Also one in no split."""
    clips = [clip(f"t{number:02}", "A B") for number in range(40)]
    store = make_store(tmp_path / "store", {"train": clips})
    with h5py.File(store / "clips.h5", "r+") as file:
        for number in (3, 31):
            place = file["frame_offsets"][file["clip_offsets"][number]] + 100
            file["bytes"][place] ^= 0xFF
    write_division(store, Division("some", {one.id: "train" for one in clips[:30]}))
    some = Path(f"{store}:some")
    assert check_store(some, stride=4).problems == ()
    (one,) = check_store(some, stride=4, deep=True, jobs=jobs).problems
    assert (one.about, one.split, one.clips) == ("frames", "", ("t03", "t31"))
    assert "t03 is damaged" in one.message


def test_deep_decodes_frames_whose_checksum_is_right(tmp_path: Path) -> None:
    bad = bytes_only("bad", ("A", "B"), 9)
    wide = cv2.imencode(".jpg", np.zeros((24, 48, 3), np.uint8))[1].ravel()
    other = EncodedClip("wide", "", ("A",), EncodedFrames(wide, np.array([len(wide)]), 25.0))
    (one,) = check_store(
        make_store(tmp_path / "store", {"train": [*TRAIN, bad, other]}), stride=4, deep=True, jobs=1
    ).problems
    assert one.clips == ("bad", "wide")
    assert "clip bad: 9 frames that cannot be decoded, first 0" in one.message


def test_raw_frames_of_the_wrong_size_are_found(tmp_path: Path) -> None:
    good = np.zeros(24 * 24 * 3, np.uint8)
    clips = [
        EncodedClip(f"r{cut}", "", ("A",), EncodedFrames(good[cut:], np.array([len(good) - cut]), 25.0))
        for cut in (0, 3)
    ]
    store = make_store(tmp_path / "store", {"train": clips}, codec="raw", quality=0)
    (one,) = check_store(store, stride=4, deep=True, jobs=1).problems
    assert one.clips == ("r3",)


@pytest.mark.parametrize("deep", [False, True])
def test_tables_that_are_not_what_was_written_are_named(tmp_path: Path, deep: bool) -> None:
    store = make_store(tmp_path / "store", {"train": TRAIN, "dev": [clip("d1", "A B")]})
    with h5py.File(store / "clips.h5", "r+") as file:
        file["raw_glosses"][0] = "A C"
    with pytest.raises(FormatError, match=r"clips\.h5 is damaged: ids, glosses or other facts"):
        check_store(store, stride=4, deep=deep, jobs=1)


def test_no_store_and_half_a_store_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="is not a store"):
        check_store(tmp_path, stride=4)
    store = make_store(tmp_path / "store", {"train": TRAIN})
    (store / "clips.h5").write_bytes((store / "clips.h5").read_bytes()[:3000])
    with pytest.raises(FormatError, match=r"clips\.h5"):
        check_store(store, stride=4)
