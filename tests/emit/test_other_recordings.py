"""A run on stores that it was not trained on: other glosses, frame rates and sizes."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clip_store import bytes_only, make_store
from synthetic import GLOSSES, tiny, write_store

from sla_cli.emit.emit import emit
from sla_cli.errors import SlaError
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.network import Network
from sla_cli.store.clips import Split
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emissions
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Random weights, which are enough to tell one input from another."""
    folder = tmp_path_factory.mktemp("work")
    store, found, config = write_store(folder / "store"), Run(folder / "run"), tiny()
    found.create(config, GLOSSES, RunFacts.of(store, "tiny"))
    torch.manual_seed(0)
    save_weights(found.best, Network(config, len(GLOSSES)), GLOSSES)
    return found


def pictures(count: int, size: int = 32) -> list[np.ndarray]:
    """Smooth ones, no two alike, that are the same picture at every size."""
    y, x = np.mgrid[:size, :size] / size
    return [
        np.stack([120 + 100 * np.sin(x * 3 + n), 120 + 100 * np.cos(y * 2 + n), 20 * n % 200 + 0 * x], -1).astype(
            np.uint8
        )
        for n in range(count)
    ]


def make_split(
    folder: Path,
    clips: dict[str, tuple[list[np.ndarray], float]],
    glosses: tuple[str, ...] = ("A", "REGEN"),
    **header: object,
) -> Split:
    """A store of one split, losslessly; all clips have the same glosses."""
    encoded = []
    for name, (images, fps) in clips.items():
        parts = [cv2.imencode(".png", image)[1].ravel() for image in images]
        sizes = np.array([len(part) for part in parts], np.int64)
        frames = EncodedFrames(np.concatenate(parts), sizes, fps)
        encoded.append(EncodedClip(name, "", glosses, frames))
    facts = {"size": 32, "quality": 0, "codec": "png", **header}
    return Store(make_store(folder, {"test": encoded}, **facts))["test"]


def emissions(run: Run, split: Split, out: Path) -> Emissions:
    emit(run, split, out, device="cpu")
    return Emissions(out)


def test_the_runs_glosses_decide_the_columns_and_unknown_ones_are_counted(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    split = make_split(tmp_path / "store", {"a": (pictures(20), 25.0), "b": (pictures(16), 25.0)})
    logging.getLogger("sla").propagate = True
    with caplog.at_level(logging.WARNING, "sla"):
        found = emissions(run, split, tmp_path / "test.h5")
    assert found.header.glosses == GLOSSES
    assert found[0].log_probs.shape == (5, len(GLOSSES) + 1)
    assert "2 of 4 glosses of" in caplog.text and "(1 different): A" in caplog.text


def test_a_store_without_references_is_read(run: Run, tmp_path: Path) -> None:
    split = make_split(tmp_path / "store", {"a": (pictures(20), 25.0)}, ())
    assert not split.annotated
    assert emissions(run, split, tmp_path / "test.h5").header.glosses == GLOSSES


def test_another_frame_rate_is_brought_to_the_runs(run: Run, tmp_path: Path) -> None:
    """Twice the rate, each picture twice: the run sees the same frames, and times are in seconds of the recording."""
    slow, odd = pictures(20), pictures(21)
    fast = [picture for picture in slow for _ in range(2)]
    split = make_split(tmp_path / "store", {"slow": (slow, 25.0), "fast": (fast, 50.0), "unknown": (odd, 0.0)})
    one, two, three = emissions(run, split, tmp_path / "test.h5")
    assert (one.frames, two.frames, three.frames) == (20, 20, 21)
    assert (one.fps, two.fps, three.fps) == (25.0, 25.0, 0.0), "that of the others is no rate of an unknown one"
    np.testing.assert_array_equal(one.log_probs, two.log_probs)


def test_a_lower_frame_rate_repeats_frames(run: Run, tmp_path: Path) -> None:
    images = pictures(10)
    twice = [picture for picture in images for _ in range(2)]
    split = make_split(tmp_path / "store", {"low": (images, 12.5), "same": (twice, 25.0)})
    low, same = emissions(run, split, tmp_path / "test.h5")
    assert (low.frames, low.fps) == (20, 25.0)
    np.testing.assert_allclose(low.log_probs, same.log_probs, atol=0.05)


def test_rates_that_the_run_was_trained_on_are_left_alone(run: Run, tmp_path: Path) -> None:
    mixed = Run(tmp_path / "run")
    facts = replace(run.facts, frames=FrameFormat(32, "squash", 25.0, 25.0, 50.0))
    mixed.create(run.config, run.glosses, facts)
    mixed.best.write_bytes(run.best.read_bytes())
    clips = {"fast": (pictures(20), 50.0), "between": (pictures(20), 30.0), "beyond": (pictures(24), 60.0)}
    found = emissions(mixed, make_split(tmp_path / "store", clips), tmp_path / "test.h5")
    assert [(clip.frames, clip.fps) for clip in found] == [(20, 50.0), (20, 30.0), (10, 25.0)]


def test_larger_frames_are_resized_to_what_the_run_saw(run: Run, tmp_path: Path) -> None:
    small = make_split(tmp_path / "small", {"a": (pictures(16), 25.0)})
    large = make_split(tmp_path / "large", {"a": (pictures(16, 96), 25.0)}, size=96)
    one, two = emissions(run, small, tmp_path / "one.h5")[0], emissions(run, large, tmp_path / "two.h5")[0]
    np.testing.assert_allclose(one.log_probs, two.log_probs, atol=0.05)


@pytest.mark.parametrize(
    ("header", "message", "command"),
    [
        ({"size": 16}, "have 16 px, but the run was trained on 32 px", "--size 32"),
        ({"fit": "crop"}, "made with fit crop, but the run was trained with squash", "--fit squash"),
    ],
)
def test_frames_that_cannot_be_brought_to_the_run_are_refused_with_the_command(
    run: Run, tmp_path: Path, header: dict[str, object], message: str, command: str
) -> None:
    split = make_split(tmp_path / "store", {"a": (pictures(16, 16 if "size" in header else 32), 25.0)}, **header)
    with pytest.raises(SlaError, match=message) as caught:
        emit(run, split, tmp_path / "test.h5", device="cpu")
    assert command in caught.value.hint
    assert "under another --name" in caught.value.hint and "--force" not in caught.value.hint, (
        "it may be a merged store"
    )
    assert not list(tmp_path.glob("*test.h5*"))


def test_dev_does_not_widen_the_rates_of_training(tmp_path: Path) -> None:
    clips = {name: [bytes_only(name, ("A",), 1, fps=fps)] for name, fps in (("train", 25.0), ("dev", 50.0))}
    frames = RunFacts.of(Store(make_store(tmp_path / "store", clips, size=32)), "base").frames
    assert frames == FrameFormat(32, "squash", 25.0, 25.0, 25.0)


def test_a_run_that_does_not_know_its_frame_rate_says_so_and_keeps_that_of_the_clips(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Run(tmp_path / "run")
    other.create(run.config, run.glosses, replace(run.facts, frames=FrameFormat(32, "squash", 0.0, 0.0, 0.0)))
    other.best.write_bytes(run.best.read_bytes())
    split = make_split(tmp_path / "store", {"fast": (pictures(20), 50.0), "unknown": (pictures(9), 0.0)})
    logging.getLogger("sla").propagate = True
    with caplog.at_level(logging.WARNING, "sla"):
        found = emissions(other, split, tmp_path / "test.h5")
    assert [(clip.frames, clip.fps) for clip in found] == [(20, 50.0), (9, 0.0)]
    assert "does not know the frame rate of its training clips: all frames of 1 clip are used" in caplog.text
