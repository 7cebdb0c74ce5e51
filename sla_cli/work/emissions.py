"""Emissions: the log-probabilities of a split, the only input that decoding needs. docs/formats.md specifies them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sla_cli.artifact.hdf5 import (
    attributes,
    check_offsets,
    claim,
    closed_on_error,
    create,
    naming_damage,
    open_checked,
    rates,
    replaced,
    strings,
    whole_numbers,
    write_strings,
)
from sla_cli.artifact.receipt import Receipt, read_receipt
from sla_cli.config.checks import read_values
from sla_cli.core.calibration import UNCHANGED, Calibration
from sla_cli.core.counted import counted
from sla_cli.core.ctc import are_probabilities, check_log_probs
from sla_cli.core.digest import digest_json
from sla_cli.core.hypothesis import NO_GLOSS
from sla_cli.core.place import FrameScores, Spans, place
from sla_cli.core.quantities import FileName, Line, Positive
from sla_cli.errors import FormatError, naming, some
from sla_cli.store.clips import Split
from sla_cli.system.atomic import Check, atomic_write
from sla_cli.system.file_identity import identity
from sla_cli.work.calibration import checked_calibration
from sla_cli.work.folder import EMISSIONS
from sla_cli.work.run import Run

NAME, VERSION = "sla-emissions", 1
SCORES = "frame_scores"
# Without --force a file with a valid receipt is kept. Another system may have written the file.
REMAKE = "`sla emit --force`, or correct what wrote it"
PARTS = ".parts"  # the end of the name of the hidden folder with the finished batches of an unfinished file
CHUNK = 256  # steps
MOST_FRAMES = 2**40  # of all clips
LOST = 4  # steps that a clip may lack: two convolutions over 5 steps without padding, and pools, lose so many
FACTS = ("corpus", "split", "stride", "store", "run", "profile", "division")


@dataclass(frozen=True)
class EmissionHeader:
    """What all clips share.

    Attributes:
        corpus, split: where the clips come from.
        glosses: column i+1 of the log-probabilities is glosses[i]; column 0 is the blank.
        stride: video frames per step.
        store, run: the folders from which this was made; the receipt holds the digests of their content.
        division: of the store, "" if it has none.
        profile: the normalisation under which the corpus is scored by default.
        calibration: how confidences become probabilities.
    """

    corpus: Line
    split: FileName
    glosses: tuple[str, ...]
    stride: Positive
    store: str
    run: str
    profile: Line = "none"
    division: Line = ""
    calibration: Calibration = UNCHANGED


@dataclass(frozen=True)
class Emission:
    """One clip.

    Attributes:
        log_probs: natural-log probabilities float32 (steps, glosses + 1).
        frames: its length in video frames, as the run saw it.
        fps: video frames per second, 0.0 if unknown.
        shown: which sign each frame shows; None if the run has no scores of frames.
    """

    id: str
    log_probs: np.ndarray
    frames: int
    fps: float = 0.0
    shown: FrameScores | None = None

    def places(self, labels: Sequence[int], spans: Sequence[tuple[int, int]], stride: int) -> Spans:
        """Where glosses are in video frames; see `place`.

        Args:
            labels: their columns.
            spans: where they are on a path of the log-probabilities, in output steps.
            stride: video frames per output step.
        """
        return place(labels, spans, stride, self.frames, self.shown)


def emission_receipt(run: Run, split: Split, precision: str = "auto", dtype: str = "float32") -> Receipt:
    """The inputs and settings that an emissions file of this run and split must have been made with.

    Args:
        precision: the requested precision: auto, fp32, bf16 or fp16.
        dtype: of the log-probabilities on disk, float32 or float16.
    """
    inputs = {**run.inputs, "split": split.digest}
    store = {"store": str(split.store.resolve()), "division": split.division, "split": split.name}
    sources = {"run": str(run.path.resolve()), **store}
    return Receipt("emit", {"precision": precision, "dtype": dtype}, inputs, sources=sources)


def emissions_path(folder: Path, run: Run, split: Split) -> Path:
    """Path of the emissions of a split in a work folder's `emissions`.

    For another store than the run's, the path also contains its name and the first six digits of the split's digest.
    """
    name = split.name
    if not run.is_own(split):
        name = f"{split.store.resolve().name}-{split.name}-{split.digest[:6]}"
    return folder / run.name / f"{name}.h5"


def emission_inputs(path: Path) -> dict[str, str]:
    """Digests of the inputs of emissions: `weights`, `split` and others; empty if they are not recorded."""
    receipt = read_receipt(path)
    return receipt.inputs if receipt is not None else {}


def made_with(emissions: Emissions) -> str:
    """Identifies the weights that made emissions; if they are not recorded, what made those of one system."""
    header = emissions.header
    system = [header.run, header.corpus, header.glosses, header.stride]
    return emission_inputs(emissions.path).get("weights") or digest_json(system)


def is_current(path: Path, receipt: Receipt) -> bool:
    """Whether a complete emissions file exists there and was made from exactly these inputs, in any precision."""
    old = read_receipt(path)
    return path.is_file() and old is not None and (old.stage, old.inputs) == (receipt.stage, receipt.inputs)


def check_finite(where: str, log_probs: np.ndarray) -> None:
    """Raise FormatError if a model gave NaN for a clip, or another recording."""
    if np.isnan(log_probs).any():
        hint = (
            "The run has diverged: train with a lower --lr. Or half precision overflows: `sla emit --precision fp32`."
        )
        raise FormatError(f"{where}: the model gave NaN", hint)


def write_emissions(
    path: Path,
    header: EmissionHeader,
    emissions: Iterable[Emission],
    dtype: str = "float32",
    *,
    check: Check | None = None,
) -> None:
    """Write emissions as they come; the file appears only when the last one is in it.

    Args:
        dtype: float32 or float16, of the log-probabilities on disk.
        check: as for `atomic_write`.
    """
    width = len(header.glosses) + 1
    ids: list[str] = []
    steps, frames, rates = [], [], []
    with atomic_write(path, check=check) as temporary, create(temporary, 0) as file:
        flat = file.create_dataset("log_probs", (0, width), dtype, maxshape=(None, width), chunks=(CHUNK, width))
        scores = None
        for emission in emissions:
            check_finite(f"clip {emission.id}", emission.log_probs)
            _append(temporary, flat, emission.log_probs, 256 * len(ids))
            if emission.shown is not None:
                if scores is None:
                    scores = _empty_scores(file, width, emission.shown.least)
                _append(temporary, scores, emission.shown.scores, flat.nbytes)
            ids.append(emission.id)
            steps.append(len(emission.log_probs))
            frames.append(emission.frames)
            rates.append(emission.fps)
        file["offsets"] = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
        file["frames"] = np.array(frames, np.int64)
        file["fps"] = np.array(rates, np.float64)
        write_strings(file, "ids", ids)
        write_strings(file, "glosses", list(header.glosses))
        for key in FACTS:
            file.attrs[key] = getattr(header, key)
        file.attrs["calibration"] = astuple(header.calibration)
        file.attrs["format"], file.attrs["version"] = NAME, VERSION


def _empty_scores(file: h5py.File, width: int, least: int) -> h5py.Dataset:
    """Most scores are the least that int8 holds, so compression pays."""
    shape = {"shape": (0, width), "maxshape": (None, width), "chunks": (CHUNK, width)}
    scores = file.create_dataset(SCORES, dtype="int8", compression="lzf", **shape)
    scores.attrs["least"] = least
    return scores


def _append(path: Path, data: h5py.Dataset, rows: np.ndarray, others: int) -> None:
    """Add rows to a dataset. `others`: bytes of the rest of the file."""
    start, end = len(data), len(data) + len(rows)
    claim(path, data.dtype.itemsize * data.shape[1] * (end + CHUNK) + others)
    data.resize(end, axis=0)
    data[start:] = rows


class Emissions:
    """An emissions file; a clip is read when it is requested, by index or by iteration.

    Attributes:
        version: version of its format.
        ids, frames, fps: one per clip, see Emission; frames int64 (clips,), fps float64 (clips,).
        offsets: int64 (clips + 1,); clip k has the rows offsets[k] to offsets[k + 1] of the log-probabilities.

    Raises:
        SlaError: there is no such file.
        FormatError: it is damaged, another format, or of a version that is not read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: tuple[int, h5py.File] | None = None  # the process that opened the file
        self._identity = identity(path)
        with open_checked(path, NAME, VERSION, REMAKE) as file, naming_damage(path, REMAKE):
            facts = attributes(file)
            self.version = int(facts["version"])
            shared: dict[str, Any] = {key: facts[key] for key in FACTS} | {"glosses": strings(file, "glosses")}
            header = read_values(EmissionHeader, shared, path, f"Make it again with {REMAKE}.")
            self.header = replace(header, calibration=checked_calibration(facts["calibration"]))
            self.ids = strings(file, "ids")
            self.offsets = whole_numbers(file, "offsets")
            self.frames = whole_numbers(file, "frames")
            self.fps = rates(file, "fps")
            self._least = _checked_least(file[SCORES]) if SCORES in file else 0
            if len(shape := file["log_probs"].shape) != 2:
                raise ValueError(f"log_probs of shape {shape}")
            steps, columns = shape
            self._check(steps, columns, file[SCORES].shape if self._least else None)

    @property
    def made_by(self) -> str:
        """Name of the run, for folders of what is made from it; that of the file if another system wrote it.

        In the emissions of a work folder, their folder has it: the run may have been renamed or copied with them.
        """
        folder = self.path.absolute().parent
        renamed = folder.parent.name == EMISSIONS and (folder.parents[1] / "runs" / folder.name).is_dir()
        name = folder.name if renamed else Path(self.header.run).name
        return name if name.isprintable() and name not in ("", "..") else self.path.stem

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Emission:
        """One clip. Raises IndexError, and SlaError if its part of the file is damaged or holds no probabilities."""
        index = range(len(self))[index]
        start, end = self.offsets[index : index + 2]
        last = int(self.frames[: index + 1].sum())
        shown = None
        with naming_damage(self.path, REMAKE):
            log_probs = self._file()["log_probs"][start:end].astype(np.float32, copy=False)
            if self._least:
                shown = FrameScores(self._file()[SCORES][last - self.frames[index] : last], self._least)
        if not are_probabilities(log_probs):
            message = f"{self.path}: clip {self.ids[index]} holds values that are no log-probabilities"
            hint = "They are natural logarithms, of which each row's exponentials sum to 1."
            raise FormatError(message, f"{hint} Make it again with {REMAKE}.")
        with naming(f"{self.path}: clip {self.ids[index]}"):
            check_log_probs(log_probs, log_probs.shape[1])  # NaN, which the check above lets through
        return Emission(self.ids[index], log_probs, int(self.frames[index]), float(self.fps[index]), shown)

    def __iter__(self) -> Iterator[Emission]:
        return (self[index] for index in range(len(self)))

    def _file(self) -> h5py.File:
        """The open file of this process: a forked process must not use its parent's handle."""
        if self._opened is None or self._opened[0] != os.getpid():
            file = open_checked(self.path, NAME, VERSION, REMAKE)
            with closed_on_error(file):
                if self._identity != identity(self.path):
                    raise replaced(self.path)
            self._opened = os.getpid(), file
        return self._opened[1]

    def _check(self, steps: int, columns: int, scores: tuple[int, ...] | None) -> None:
        """Raise ValueError if the parts of the file do not match each other."""
        if scores is not None and scores != (self.frames.sum(), columns):
            raise ValueError(f"scores of shape {scores} for {self.frames.sum()} frames")
        if columns != len(self.header.glosses) + 1:
            number = counted(len(self.header.glosses), "gloss")
            raise ValueError(f"{counted(columns, 'column')} for {number} and the blank")
        if not len(self.ids) == len(self.frames) == len(self.fps) == len(self.offsets) - 1:
            raise ValueError(
                f"{counted(len(self.ids), 'id')}, {counted(len(self.frames), 'length')}, "
                f"{counted(len(self.fps), 'frame rate')} and {counted(len(self.offsets), 'offset')}"
            )
        check_offsets(self.offsets, "offsets", steps)
        if (self.frames < 0).any() or self.frames.sum(dtype=float) > MOST_FRAMES:
            raise ValueError("lengths of clips that no videos have")
        lengths, steps_of = self.frames.astype(float), np.diff(self.offsets)
        beyond = lengths - steps_of * float(self.header.stride)
        if (beyond <= -self.header.stride).any() or (beyond > LOST * self.header.stride).any():
            raise ValueError(f"lengths of clips that do not follow from their steps of {self.header.stride} frames")
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("clip ids that occur twice")
        if len(set(self.header.glosses)) < len(self.header.glosses):
            raise ValueError("glosses that occur twice")
        if bad := [gloss for gloss in self.header.glosses if NO_GLOSS.search(gloss)]:
            raise ValueError(
                f"glosses that are empty, or hold white space or control characters: {some(map(repr, bad))}"
            )
        if bad := [name for name in self.ids if not name or any(char in name for char in "\t\n\r")]:
            raise ValueError(f"clip ids that are empty, or hold a tab or line break: {some(map(repr, bad))}")


def _checked_least(scores: h5py.Dataset) -> int:
    """The attribute `least` of scores of frames. Raises ValueError for scores of another type."""
    if "least" not in scores.attrs:
        raise ValueError(f"{SCORES} without the attribute least")
    least = attributes(scores)["least"]
    if scores.dtype != np.int8 or type(least) is not int or least < 1:
        raise ValueError(f"scores of {scores.dtype}, least {least}")
    return least
