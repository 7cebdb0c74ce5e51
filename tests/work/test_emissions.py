"""Emissions are read as written, and only if complete."""

from __future__ import annotations

import errno
import math
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from clip_store import bytes_only, one_split

from sla_cli.artifact.receipt import write_receipt
from sla_cli.config.settings import Config
from sla_cli.core.place import FrameScores
from sla_cli.errors import FormatError, SlaError
from sla_cli.work.emissions import (
    Emission,
    EmissionHeader,
    Emissions,
    emission_receipt,
    is_current,
    write_emissions,
)
from sla_cli.work.references import reference_split
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

HEADER = EmissionHeader("csl-daily", "dev", ("NULL", "下雨", "سوق"), 4, "/stores/csl-daily", "/runs/adapter-1")
FRAMES = FrameFormat(16, "squash", 30.0, 30.0, 30.0)
FACTS = RunFacts("/s", "corpus", "csl-daily", "base", {"train": "", "dev": ""}, "raw", "none", FRAMES)


def emissions(count: int = 4, steps: int = 7) -> Iterator[Emission]:
    """Clips of different lengths; the third is so short that it has no step."""
    rng = np.random.default_rng(0)
    for number in range(count):
        length = 0 if number == 2 else steps + 300 * number
        scores = rng.normal(size=(length, 4)).astype(np.float32)
        scores[:1, 2] = -np.inf
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        yield Emission(f"S0000{number}/P0_\u0301", scores, max(0, 4 * length - number % 4), 25.0 * (number % 3))


def test_emissions_come_back(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    again = Emissions(path)
    assert again.header == HEADER
    assert len(again) == 4
    assert again.ids == [emission.id for emission in emissions()]
    with h5py.File(path) as file:
        assert file["log_probs"].dtype == np.float32
    for _ in range(2):  # as often as one likes
        for one, two in zip(emissions(), again, strict=True):
            assert (one.id, one.frames, one.fps) == (two.id, two.frames, two.fps)
            assert two.log_probs.dtype == np.float32
            assert np.array_equal(one.log_probs, two.log_probs)


def scored(lengths: tuple[int, ...] = (9, 0, 700, 1)) -> Iterator[Emission]:
    """Clips with scores of frames; the second has no frame."""
    rng = np.random.default_rng(0)
    for number, frames in enumerate(lengths):
        log_probs = np.log(rng.dirichlet(np.ones(4), -(-frames // 4))).astype(np.float32)
        yield Emission(
            f"C{number}", log_probs, frames, 25.0, FrameScores(rng.integers(-128, 1, (frames, 4)).astype(np.int8), 7)
        )


def test_scores_of_frames_come_back(tmp_path: Path) -> None:
    path, expected = tmp_path / "dev.h5", list(scored())
    write_emissions(path, HEADER, expected)
    file = Emissions(path)
    for index in (2, 0, 3, 1, -1):
        found, wanted = file[index].shown, expected[index].shown
        assert found is not None and wanted is not None
        assert found.scores.dtype == np.int8 and found.least == 7
        np.testing.assert_array_equal(found.scores, wanted.scores)
    write_emissions(path, HEADER, emissions())
    assert all(emission.shown is None for emission in Emissions(path))


def test_scores_that_do_not_fit_the_frames_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, scored())
    with h5py.File(path, "r+") as file:
        file["frame_scores"].resize(709, axis=0)
    with pytest.raises(FormatError, match="for 710 frames"):
        Emissions(path)


def test_clips_by_index(tmp_path: Path) -> None:
    write_emissions(tmp_path / "dev.h5", HEADER, emissions())
    file, expected = Emissions(tmp_path / "dev.h5"), list(emissions())
    for index in (3, 0, 2, -1, 0):
        assert file[index].id == expected[index].id
        assert np.array_equal(file[index].log_probs, expected[index].log_probs)
    for index in (4, -5):
        with pytest.raises(IndexError):
            file[index]


def test_the_same_emissions_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_emissions(tmp_path / name, HEADER, emissions())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_half_precision_takes_half_the_room_and_reads_as_single(tmp_path: Path) -> None:
    write_emissions(tmp_path / "single", HEADER, emissions(steps=3000))
    write_emissions(tmp_path / "half", HEADER, emissions(steps=3000), "float16")
    assert (tmp_path / "half").stat().st_size < 0.6 * (tmp_path / "single").stat().st_size
    for one, two in zip(emissions(steps=3000), Emissions(tmp_path / "half"), strict=True):
        assert two.log_probs.dtype == np.float32
        assert np.array_equal(two.log_probs, one.log_probs.astype(np.float16).astype(np.float32))


def test_columns_that_do_not_fit_the_glosses_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    with h5py.File(path, "r+") as file:
        del file["glosses"]
        file.create_dataset("glosses", data=["A", "B"], dtype=h5py.string_dtype("utf-8"))
    with pytest.raises(FormatError, match="4 columns for 2 glosses and the blank"):
        Emissions(path)


def test_what_is_no_probability_is_named(tmp_path: Path) -> None:
    """Without logarithms, or above 1; and a calibration that no fit gives."""
    path = tmp_path / "dev.h5"
    for value in (0.0, 5.0, np.inf, -0.1):
        write_emissions(path, HEADER, emissions())
        with h5py.File(path, "r+") as file:
            file["log_probs"][9] = value  # in the second clip
        assert Emissions(path)[0].id == "S00000/P0_\u0301"
        with pytest.raises(FormatError, match=r"clip S00001/P0_.* holds values that are no log-probabilities"):
            Emissions(path)[1]
    for values in ((np.nan, 0.0), (1.0, np.inf), (-1.0, 0.0), (1.0,), (1.0, 0.0, 0.0), "10"):
        with h5py.File(path, "r+") as file:
            file.attrs["calibration"] = values
        with pytest.raises(FormatError, match=r"a calibration (of .*slope|that is a text)"):
            Emissions(path)


def test_no_clips(tmp_path: Path) -> None:
    write_emissions(tmp_path / "dev.h5", HEADER, [])
    assert list(Emissions(tmp_path / "dev.h5")) == []


def test_nan_is_refused_with_the_clip_and_leaves_no_file(tmp_path: Path) -> None:
    def diverged() -> Iterator[Emission]:
        for emission in emissions():
            if emission.id.startswith("S00003"):
                emission.log_probs[-1, 1] = np.nan
            yield emission

    with pytest.raises(FormatError, match=r"clip S00003/P0_.* NaN"):
        write_emissions(tmp_path / "dev.h5", HEADER, diverged())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not an HDF5 file"), (b"\x89HDF\r\n\x1a\n", "not an HDF5 file"), (b"id,gloss\n", "not an HDF5 file")],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "dev.h5"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        Emissions(path)
    assert "sla emit --force" in caught.value.hint


def test_missing_truncated_versioned_and_incomplete_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    with pytest.raises(SlaError, match="no such file"):
        Emissions(path)
    write_emissions(path, HEADER, emissions())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="not an HDF5 file, or a damaged one"):
        Emissions(path)
    for key, value, message in (
        ("version", 2, "sla-emissions version 2, this sla reads version 1"),
        ("format", "sla-store", "holds sla-store, expected sla-emissions"),
    ):
        path.unlink()
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            file.attrs[key] = value
        with pytest.raises(FormatError, match=message):
            Emissions(path)
    path.unlink()
    path.write_bytes(whole)
    with h5py.File(path, "r+") as file:
        del file["offsets"]
    with pytest.raises(FormatError, match="damaged or incomplete"):
        Emissions(path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("frames", lambda frames: frames[:-1], "4 ids, 3 lengths, 4 frame rates and 5 offsets"),
        ("ids", lambda ids: ids[:-1], "3 ids, 4 lengths"),
        ("ids", lambda ids: ids[[0, 0, 2, 3]], "clip ids that occur twice"),
        ("glosses", lambda glosses: np.append(glosses[1:], glosses[1]), "glosses that occur twice"),
        (
            "glosses",
            lambda glosses: np.append(glosses[1:], np.array(b"A\nB", "O")),
            r"glosses that are empty, or .*'A\\nB'",
        ),
        (
            "ids",
            lambda ids: np.append(ids[1:], np.array(b"a\tb", "O")),
            r"clip ids that are empty, or .* 'a\\tb'",
        ),
        ("ids", lambda ids: np.arange(len(ids)), "ids are not texts in UTF-8"),
        ("glosses", lambda glosses: np.append(glosses[1:], np.array(b"\xff", "O")), "glosses are not texts in UTF-8"),
        ("offsets", lambda offsets: offsets[[0, 2, 1, 3, 4]], "offsets do not divide"),
        ("offsets", lambda offsets: offsets + (offsets > 0), "offsets do not divide"),
        ("offsets", lambda offsets: offsets * np.nan, "offsets are not whole numbers"),
        ("offsets", lambda offsets: offsets.astype(np.uint64)[::-1], "offsets do not divide"),
        ("frames", lambda frames: frames * np.nan, "frames are not whole numbers"),
        ("fps", lambda fps: fps * np.nan, "fps are not frame rates"),
        ("fps", lambda fps: fps - 1000, "fps are not frame rates"),
        ("fps", lambda fps: fps.astype("S4"), "fps are not frame rates"),
        ("fps", lambda fps: fps[:, None], "fps are not frame rates"),
        ("offsets", lambda offsets: offsets[:0], "0 offsets"),
        ("log_probs", lambda rows: rows[:, 0], r"log_probs of shape \(\d+,\)"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(
    tmp_path: Path, name: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    with h5py.File(path, "r+") as file:
        changed = change(file[name][:])
        del file[name]
        file[name] = changed
    with pytest.raises(FormatError, match=rf"dev\.h5: damaged or incomplete \(.*{message}") as caught:
        Emissions(path)
    assert "or correct what wrote it" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("stride", value) for value in (0, 4.7, math.inf, math.nan, "4")),
        *(("split", value) for value in ("", "../up", "/tmp/x", "..", "a\\b", "dev\n# x y", "d\x1b[31m", "d" * 300)),
        *((name, "x\n# profile none") for name in ("corpus", "profile", "division")),
    ],
)
def test_facts_of_another_system_that_no_name_and_no_line_of_a_file_holds(
    tmp_path: Path, name: str, value: object
) -> None:
    """A split begins the names of files that are made from it, and is a line of them, as are corpus and profile."""
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
    with pytest.raises(FormatError, match=rf"dev\.h5: {name}"):
        Emissions(path)


@pytest.mark.parametrize("stride", [1, 3, 5, 8, 2**40, 2**62])
def test_a_stride_that_the_lengths_do_not_have(tmp_path: Path, stride: int) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    with h5py.File(path, "r+") as file:
        file.attrs["stride"] = stride
    with pytest.raises(FormatError, match=f"do not follow from their steps of {stride} frames"):
        Emissions(path)


def test_steps_that_a_network_without_padding_loses(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, (replace(one, frames=one.frames + 12) for one in emissions()))
    assert len(Emissions(path)) == 4


def test_another_process_reads_no_other_file_of_the_name(tmp_path: Path) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    opened = Emissions(path)
    context = multiprocessing.get_context("fork")

    def read() -> int:
        with context.Pool(1) as pool:
            return int(pool.apply(_steps, (opened.path, opened)))

    assert read() == len(next(emissions()).log_probs)
    write_emissions(path, HEADER, emissions(steps=8))
    with pytest.raises(SlaError, match="was replaced by another command while it was read"):
        read()


def _steps(_: Path, opened: Emissions) -> int:
    return len(opened[0].log_probs)


@pytest.mark.parametrize("fps", [1e-300, 1e300])
def test_frame_rates_of_no_video(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, (replace(one, fps=fps) for one in emissions()))
    with pytest.raises(FormatError, match="fps are not frame rates"):
        Emissions(path)


@pytest.mark.parametrize("frames", [[-8, 8, 8, 8], [2**62] * 4])
def test_lengths_that_no_video_has(tmp_path: Path, frames: list[int]) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    with h5py.File(path, "r+") as file:
        file["frames"][:] = frames
    with pytest.raises(FormatError, match="lengths of clips that no videos have"):
        Emissions(path)


@pytest.mark.parametrize(
    ("run", "name"), [("", "dev"), ("/", "dev"), ("..", "dev"), ("a/..", "dev"), ("/x/a\nb", "dev"), ("/x/a b", "a b")]
)
def test_what_is_made_of_emissions_has_the_name_of_the_run_or_the_file(tmp_path: Path, run: str, name: str) -> None:
    write_emissions(tmp_path / "dev.h5", replace(HEADER, run=run), emissions())
    assert Emissions(tmp_path / "dev.h5").made_by == name


def test_for_those_of_another_system_a_store_is_asked(tmp_path: Path) -> None:
    write_emissions(tmp_path / "dev.h5", replace(HEADER, store="", run=""), emissions())
    with pytest.raises(SlaError, match="records no store with its references") as caught:
        reference_split(Emissions(tmp_path / "dev.h5"))
    assert "--store" in caught.value.hint


def test_of_a_run_that_was_renamed_with_its_emissions_the_new_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "emissions" / "new" / "dev.h5"
    write_emissions(path, replace(HEADER, run="/x/runs/old"), emissions())
    assert Emissions(path).made_by == "old", "any folder may have this name"
    (tmp_path / "runs" / "new").mkdir(parents=True)
    assert Emissions(path).made_by == "new"


@pytest.mark.parametrize(
    ("kind", "least"), [("u1", 2), ("f4", 2), ("i1", 0), ("i1", 1.5), ("i1", math.inf), ("i1", -128)]
)
def test_scores_of_frames_of_another_type(tmp_path: Path, kind: str, least: float) -> None:
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())
    with h5py.File(path, "r+") as file:
        file["frame_scores"] = np.zeros((file["frames"][:].sum(), file["log_probs"].shape[1]), kind)
        file["frame_scores"].attrs["least"] = least
    with pytest.raises(FormatError, match=r"dev\.h5: damaged or incomplete \(scores of"):
        Emissions(path)
    with h5py.File(path, "r+") as file:
        del file["frame_scores"].attrs["least"]
    with pytest.raises(FormatError, match=r"\(frame_scores without the attribute least\)"):
        Emissions(path)


def test_current_means_made_of_these_weights_settings_and_clips(tmp_path: Path) -> None:
    run, path = Run(tmp_path / "run"), tmp_path / "dev.h5"
    run.create(Config(), HEADER.glosses, FACTS)
    run.best.write_bytes(b"weights")
    clips = [bytes_only("a", ("NULL",), 1), bytes_only("b", ("NULL",), 1)]
    split, other = one_split(tmp_path / "store", clips), one_split(tmp_path / "other", clips[:1])
    receipt = emission_receipt(run, split)
    assert not is_current(path, receipt)
    write_emissions(path, HEADER, emissions())
    assert not is_current(path, receipt), "no receipt, so not complete"
    write_receipt(receipt, path)
    assert is_current(path, emission_receipt(run, split))
    assert is_current(path, emission_receipt(run, split, "bf16", "float16")), "whatever the precision"
    run.best.write_bytes(b"other weights")
    assert not is_current(path, emission_receipt(run, split))
    run.best.write_bytes(b"weights")
    assert not is_current(path, emission_receipt(run, other))
    assert is_current(path, emission_receipt(run, split))
    path.unlink()
    assert not is_current(path, emission_receipt(run, split))


@pytest.mark.parametrize("steps", [10, 100_000])
def test_a_full_disk_is_an_error_to_correct_and_leaves_what_was_there(small_disk: Path, steps: int) -> None:
    """HDF5 itself crashes the process here."""
    path = small_disk / "dev.h5"
    write_emissions(path, HEADER, emissions())
    before = path.read_bytes()
    with pytest.raises(SlaError, match="No space left"):
        write_emissions(path, HEADER, emissions(count=60, steps=steps))
    assert path.read_bytes() == before
    assert [entry.name for entry in small_disk.iterdir()] == ["dev.h5"]


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the test itself causes the refusal."""
    path = tmp_path / "dev.h5"
    write_emissions(path, HEADER, emissions())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(SlaError, match=r"cannot read .*dev\.h5: Permission denied") as caught:
        Emissions(path)
    assert not isinstance(caught.value, FormatError)
