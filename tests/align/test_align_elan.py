"""ELAN files of alignments, read with pympi."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pympi
import pytest
from clip_store import clip, make_store

from sla_cli.align.elan import write_elan
from sla_cli.align.suspicious import Kind, ReadClip, SuspiciousPlace
from sla_cli.align.suspicious_elan import write_suspicious_elan
from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.core.aligned_clip import AlignedClip, Segment
from sla_cli.errors import SlaError
from sla_cli.store.clips import Split
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emission, EmissionHeader, Emissions, write_emissions

SOURCES = {
    "talk-1": "videos/talk.mp4 0.0-2.0",
    "talk-2": "videos/talk.mp4 2.5-4.5",
    "talk-again": "videos/talk.mp4 3.0-5.0",
    "a/b": "videos/other.mp4",
    "gone": "videos/gone.mp4 1.0-3.0",
    "photos": "photos/photos",
    "Photos": "photos/photos",
    "..": "photos/photos",
}
SEGMENTS = (
    Segment("HEUTE", (0, 10), 0.9),
    Segment("NEU", None, note="unknown"),
    Segment("<REGEN>", (20, 45), 0.5, -1.0),
)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """A store of a corpus in `corpus`: two videos, a folder of pictures, and a missing video."""
    corpus = tmp_path / "corpus"
    (corpus / "videos").mkdir(parents=True)
    (corpus / "photos" / "photos").mkdir(parents=True)
    for name in ("talk", "other"):
        (corpus / "videos" / f"{name}.mp4").write_bytes(b"video")
    clips = [clip(name, "HEUTE NEU", 50, source=source) for name, source in SOURCES.items()]
    store = make_store(tmp_path / "store", {"train": clips})
    write_receipt(Receipt("prep", {}, {}, sources={"source": str(corpus)}), store)
    return Store(store)["train"]


def aligned(name: str, segments: tuple[Segment, ...] = SEGMENTS, fps: float = 25.0) -> AlignedClip:
    return AlignedClip(name, fps, 50, segments)


def tier(path: Path, name: str = "SIGN") -> list[tuple[int, int, str]]:
    return sorted(pympi.Elan.Eaf(path).get_annotation_data_for_tier(name))


def test_clips_of_one_video_lie_in_one_file_where_they_begin(tmp_path: Path, split: Split) -> None:
    written = write_elan(tmp_path / "out", [aligned("talk-2"), aligned("talk-1")], split, {"run": "runs/a"})
    assert written == [tmp_path / "out" / "talk.eaf"]
    assert tier(written[0]) == [
        (0, 400, "HEUTE"),
        (800, 1800, "<REGEN>"),
        (2500, 2900, "HEUTE"),
        (3300, 4300, "<REGEN>"),
    ]
    sentences = [(start, end) for start, end, *_ in tier(written[0], "SENTENCE")]
    assert sentences == [(0, 1800), (2500, 4300)]
    [media] = pympi.Elan.Eaf(written[0]).media_descriptors
    assert media["MEDIA_URL"] == (tmp_path / "corpus" / "videos" / "talk.mp4").as_uri()


def test_a_clip_over_another_of_its_video_has_a_file_of_its_own(tmp_path: Path, split: Split) -> None:
    clips = [aligned("talk-1"), aligned("talk-2"), aligned("talk-again")]
    written = write_elan(tmp_path, clips, split, {})
    assert {path.name: len(tier(path)) for path in written} == {"talk.eaf": 4, "talk-2.eaf": 2}
    assert tier(tmp_path / "talk-2.eaf")[0] == (3000, 3400, "HEUTE")


def test_without_a_video_each_clip_has_a_file_and_the_log_says_so(
    tmp_path: Path, split: Split, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        clips = [aligned(name) for name in ("gone", "photos", "Photos", "..", "a/b")]
        written = write_elan(tmp_path, clips, split, {})
    assert {path.name for path in written} == {"gone.eaf", "photos.eaf", "Photos-2.eaf", "_.eaf", "other.eaf"}
    assert "4 clips have no video file" in caplog.text and "gone, photos" in caplog.text
    for name, links in (("gone", 0), ("photos", 0), ("Photos-2", 0), ("other", 1)):
        assert tier(tmp_path / f"{name}.eaf") == [(0, 400, "HEUTE"), (800, 1800, "<REGEN>")]
        assert len(pympi.Elan.Eaf(tmp_path / f"{name}.eaf").media_descriptors) == links


def test_a_clip_of_which_nothing_is_placed_has_no_annotations(tmp_path: Path, split: Split) -> None:
    [path] = write_elan(tmp_path, [aligned("a/b", (Segment("NEU", None, note="unknown"),))], split, {})
    assert tier(path) == []


def test_without_frame_rate_there_are_no_seconds(tmp_path: Path, split: Split) -> None:
    with pytest.raises(SlaError, match="no frame rate is known for 1 clip,"):
        write_elan(tmp_path, [aligned("a/b", fps=0.0)], split, {})
    assert list(tmp_path.glob("*.eaf")) == []


def test_the_work_of_an_annotator_is_never_replaced(tmp_path: Path, split: Split) -> None:
    """Nor is anything else written then."""
    out, clips = tmp_path / "out", [aligned("talk-1"), aligned("a/b")]
    other, talk = sorted(write_elan(out, clips, split, {"run": "first"}))
    with pytest.raises(SlaError, match=r"other\.eaf exists|talk\.eaf exists"):
        write_elan(out, clips, split, {})
    write_elan(out, clips, split, {"run": "second"}, replace=True)
    assert "second" in talk.read_text(encoding="utf-8")
    talk.write_text(talk.read_text(encoding="utf-8").replace(">HEUTE<", ">MORGEN<"), encoding="utf-8")
    before = other.read_bytes()
    with pytest.raises(SlaError, match="tier SIGN was corrected since sla wrote it"):
        write_elan(out, clips, split, {"run": "third"}, replace=True)
    assert ">MORGEN<" in talk.read_text(encoding="utf-8") and other.read_bytes() == before


def test_suspicious_places_are_signs_at_their_times_in_the_video(tmp_path: Path, split: Split) -> None:
    header = EmissionHeader("mine", "train", ("HEUTE", "NEU"), 4, "/store", "/run")
    path = tmp_path / "train.h5"
    write_emissions(
        path, header, [Emission(name, np.full((13, 3), -np.log(3), np.float32), 50, 25.0) for name in SOURCES]
    )
    places = (
        place("exchanged", "HEUTE", "NEU", (25, 40)),
        place("left out", "", "NEU", (0, 10)),
        place("added", "HEUTE", "", (2, 6)),
    )
    clips = [ReadClip("talk-2", "videos/talk.mp4", 1.0, ("HEUTE",), ("NEU", "NEU"), places)]
    clips.append(ReadClip("a/b", "videos/other.mp4", 0.0, ("HEUTE",), ("HEUTE",), ()))
    written = write_suspicious_elan(tmp_path / "out", clips, Emissions(path), split)
    assert [path.name for path in written] == ["talk.eaf"]
    assert tier(written[0], "SUSPICIOUS") == [(2500, 2900, "(none)→NEU,HEUTE→(none)"), (3500, 4100, "HEUTE→NEU")]


def place(kind: Kind, gloss: str, read: str, frames: tuple[int, int]) -> SuspiciousPlace:
    return SuspiciousPlace(kind, 1, gloss, read, frames, None, 1.0, 1.0, 1.0, 3.0)
