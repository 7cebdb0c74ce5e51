"""Checks arrays that Python code gives to a recognizer: another layout would give other numbers without an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sla_cli.config.bounds import FASTEST, PICTURE, SLOWEST
from sla_cli.core.annotation import checked_annotation
from sla_cli.core.arguments import as_number, as_path, as_text, as_texts, items_of
from sla_cli.core.clip import Source
from sla_cli.core.ctc import are_probabilities
from sla_cli.errors import SlaError, shown
from sla_cli.transcribe.recognition import Recognition

R = TypeVar("R", bound=Recognition)
PLACE = "Within its root, with / between parts; the empty text is the root itself."


def as_pictures(frames: Iterable[object]) -> Iterator[NDArray[np.uint8]]:
    """The pictures, RGB uint8 (height, width, 3) each. Raises SlaError, also while they are read, for anything else."""
    if (isinstance(frames, np.ndarray) and frames.ndim != 4) or (found := items_of(frames)) is None:
        what = _described(frames)
        raise SlaError(f"frames is {what}, not several pictures", "Give a list of RGB uint8 arrays (height, width, 3).")
    return map(as_picture, found)


def as_picture(frame: object) -> NDArray[np.uint8]:
    """One picture. Raises SlaError for anything else."""
    if (
        not isinstance(frame, np.ndarray)
        or frame.dtype != np.uint8
        or frame.ndim != 3
        or frame.shape[2] != 3
        or not 0 < frame.shape[0] * frame.shape[1] <= PICTURE
    ):
        hint = (
            f"A picture is RGB uint8 (height, width, 3), from 0 to 255, of at most {PICTURE // 10**6} million pixels."
        )
        raise SlaError(f"frames holds {_described(frame)}, not a picture", hint)
    return frame


def as_source(path: Path) -> Source:
    """A video file, or a folder of pictures. Raises SlaError if there is neither."""
    if path.is_dir():
        return Source(path, "")
    if not path.exists():
        raise SlaError(f"no such video: {path}", "Give a video file, or a folder of pictures.")
    return Source(path.parent, path.name)


def place_of(video: Path | str | Source) -> Source:
    """The place of a recording that a path or a Source names. Raises SlaError for anything else."""
    return as_place(video) if isinstance(video, Source) else as_source(as_path(video, "video"))


def as_place(source: Source) -> Source:
    """The place of a recording. Raises SlaError for fields of other types or out of bounds."""
    if not isinstance(source.path, str):
        raise SlaError(f"the path of a Source is {shown(source.path)}, not a text", PLACE)
    if ".." in (within := PurePath(source.path)).parts or within.is_absolute():
        raise SlaError(f"the path of a Source, {source.path!r}, leads outside of its root", PLACE)
    start, end = (
        None if time is None else as_number(time, f"{name} of a Source", 0)
        for name, time in (("start", source.start), ("end", source.end))
    )
    fps = None if source.fps is None else as_number(source.fps, "fps of a Source", SLOWEST, FASTEST)
    return replace(source, root=as_path(source.root, "root of a Source"), start=start, end=end, fps=fps)


def as_log_probs(values: object, columns: int) -> NDArray[np.float32]:
    """Log-probabilities, float32 (steps, columns), at least one step. Raises SlaError for anything else."""
    hidden = isinstance(values, (np.ma.MaskedArray, np.matrix))  # which compute otherwise than an array
    if hidden or not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim != 2:
        raise SlaError(f"log_probs is {_described(values)}, not an array of floats (steps, {columns})")
    if values.shape[1] != columns or not len(values):
        hint = "Column 0 is the blank, column i + 1 gloss i."
        raise SlaError(f"log_probs has the shape {values.shape}, not (steps, {columns})", hint)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes -inf, a probability of 0
        found = values.astype(np.float32)
    if np.isnan(found).any() or not are_probabilities(found):
        hint = "Give natural logarithms, of which each row's exponentials sum to 1."
        raise SlaError("log_probs holds values that are no log-probabilities", hint)
    return found


def checked_recognition(recognition: R) -> R:
    """What is recognised, with the types that its fields say.

    Raises:
        SlaError: as `checked_annotation`; or glosses, log-probabilities and times of steps that do not fit each other.
    """
    glosses = as_texts(recognition.glosses, "glosses of a transcript")
    if recognition.warning is not None:
        as_text(recognition.warning, "warning of a transcript")
    log_probs, step_times = recognition.log_probs, recognition.step_times
    if log_probs is not None:
        log_probs = as_log_probs(log_probs, len(glosses) + 1)
    if step_times is not None:
        step_times = _as_step_times(step_times, None if log_probs is None else len(log_probs))
    return replace(checked_annotation(recognition), glosses=glosses, log_probs=log_probs, step_times=step_times)


def _as_step_times(values: object, steps: int | None) -> NDArray[np.float64]:
    """Borders of steps in seconds, float64 (steps + 1,). Raises SlaError for anything else."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.ndim != 1 or len(values) < 2:
        raise SlaError(f"step_times is {_described(values)}, not an array of floats (steps + 1,)")
    if steps is not None and len(values) != steps + 1:
        raise SlaError(f"step_times has {len(values)} times, and log_probs {steps} steps", "Give their borders.")
    if not np.isfinite(values).all() or (values[1:] < values[:-1]).any():
        raise SlaError("step_times holds values that are no times in their order", "Give seconds.")
    return values.astype(np.float64)


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    return shown(value)
