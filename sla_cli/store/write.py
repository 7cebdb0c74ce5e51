"""Writes one HDF5 file of a store; `file` reads it, docs/formats.md is the specification."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sla_cli.artifact.hdf5 import claim, create, write_strings
from sla_cli.core.hypothesis import NO_GLOSS
from sla_cli.errors import SlaError
from sla_cli.store.content import TEXTS, EncodedClip, StoreHeader, file_digest, times_text
from sla_cli.store.file import NAME, VERSION
from sla_cli.system.atomic import atomic_write


def write_clips(path: Path, header: StoreHeader, clips: Iterable[EncodedClip], total_bytes: int) -> None:
    """Write a file of a store; clips are taken one at a time, so memory does not grow with their number.

    Args:
        total_bytes: sum of all clips' bytes, known beforehand so that the array is contiguous on disk.

    Raises:
        SlaError: a gloss that is empty, or holds white space or control characters; or the disk is full.
    """
    texts: dict[str, list[str]] = {name: [] for name in TEXTS}
    rates, errors, checksums, lengths = [], [], [], []
    sizes = [np.empty(0, np.int64)]
    with atomic_write(path) as temporary, create(temporary, total_bytes) as file:
        flat = file.create_dataset("bytes", (total_bytes,), np.uint8)
        position = 0
        for clip in clips:
            frames = clip.frames
            for column, text in zip(texts.values(), _texts(clip), strict=True):
                column.append(text)
            flat[position : position + len(frames.data)] = frames.data
            position += len(frames.data)
            sizes.append(frames.sizes)
            checksums.append(zlib.crc32(frames.data.tobytes()))
            rates.append(float(frames.fps))
            errors.append(float(frames.squared_error))
            lengths.append(len(frames.sizes))
        total = sum(lengths)
        characters = sum(len(text) for column in texts.values() for text in column)
        claim(temporary, total_bytes + 8 * total + 512 * len(lengths) + 4 * characters)
        numbers: dict[str, np.ndarray] = {
            "clip_offsets": np.cumsum([0, *lengths]).astype(np.int64),
            "frame_offsets": np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64),
            "checksums": np.array(checksums, np.uint32),
            "clip_fps": np.array(rates, np.float64),
            "squared_errors": np.array(errors, np.float64),
        }
        for name, values in numbers.items():
            file[name] = values
        for name, column in texts.items():
            write_strings(file, name, column)
        facts = asdict(header)
        about = {"format": NAME, "version": VERSION, "digest": file_digest(facts, texts, numbers)}
        for key, value in {**facts, **about}.items():
            file.attrs[key] = value


def _texts(clip: EncodedClip) -> tuple[str, ...]:
    """The texts of a clip in the order of TEXTS."""
    raw = clip.glosses if clip.raw_glosses is None else clip.raw_glosses
    glosses, as_annotated = _joined(clip, clip.glosses), _joined(clip, raw)
    facts = clip.translation, clip.source, clip.stamp, clip.frames.note, times_text(clip.times)
    return clip.id, clip.signer, glosses, as_annotated, *facts


def _joined(clip: EncodedClip, glosses: tuple[str, ...]) -> str:
    if any(map(NO_GLOSS.search, glosses)):
        raise SlaError(f"clip {clip.id}: a gloss is empty, or holds white space or control characters: {glosses}")
    return " ".join(glosses)
