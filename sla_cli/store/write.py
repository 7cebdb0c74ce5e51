"""Writes one HDF5 file of a store; `store_file` reads it, docs/formats.md is the specification."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sla_cli.artifact.hdf5 import claim, create, write_strings
from sla_cli.errors import SlaError
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.digest import LATER, TEXTS, content_digest, rest_digest
from sla_cli.store.file import NAME, SHARING, VERSION
from sla_cli.system.atomic import atomic_write


def write_split(path: Path, header: SplitHeader, clips: Iterable[Encoded], total_bytes: int) -> None:
    """Write a file of a store; clips are taken one at a time, so memory does not grow with their number.

    Args:
        total_bytes: sum of all clips' bytes, known beforehand so that the array is contiguous on disk.

    Raises:
        SlaError: a gloss is empty or holds white space, or the disk is full.
    """
    texts: dict[str, list[str]] = {name: [] for name in (*TEXTS, *LATER)}
    rates, errors, checksums, lengths = [], [], [], []
    sizes, places = [np.empty(0, np.int64)], _Places(path.parent)
    with atomic_write(path) as temporary, create(temporary, total_bytes) as file:
        flat = file.create_dataset("bytes", (total_bytes,), np.uint8)
        position = 0
        for clip in clips:
            raw = clip.glosses if clip.raw_glosses is None else clip.raw_glosses
            row = (clip.id, clip.signer, _joined(clip, clip.glosses), _joined(clip, raw), clip.translation, clip.source)
            for column, text in zip(texts.values(), (*row, clip.stamp, clip.note), strict=True):
                column.append(text)
            if clip.place is None:
                flat[position : position + len(clip.data)] = clip.data
                position += len(clip.data)
                sizes.append(clip.sizes)
            places.add(clip.place)
            checksums.append(zlib.crc32(clip.data.tobytes()) if clip.place is None else clip.checksum)
            rates.append(float(clip.fps))
            errors.append(float(clip.squared_error))
            lengths.append(len(clip.sizes))
        frames = np.array(lengths, np.int64)
        characters = sum(len(text) for column in texts.values() for text in column)
        claim(temporary, total_bytes + 8 * int(frames.sum()) + 512 * len(lengths) + 4 * characters)
        columns: dict[str, np.ndarray] = {
            "clip_offsets": np.concatenate([[0], np.cumsum(frames)]).astype(np.int64),
            "frame_offsets": np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64),
            "checksums": np.array(checksums, np.uint32),
            "clip_fps": np.array(rates, np.float64),
            "squared_errors": np.array(errors, np.float64),
        }
        for name, values in columns.items():
            file[name] = values
        for name, column in texts.items():
            write_strings(file, name, column)
        write_strings(file, "vocabulary", list(header.vocabulary))
        elsewhere = places.columns()
        for name, values in elsewhere.items():
            file[name] = values
        in_digest = {name: texts[name] for name in TEXTS}
        digest = content_digest(header.facts(), header.vocabulary, in_digest, rates, checksums, frames.tolist())
        about = {"recipe": header.recipe, **places.attributes()}
        rest = rest_digest(columns | elsewhere, texts, about)
        kind = {"format": NAME, "version": SHARING if places.names else VERSION}
        for key, value in {**header.facts(), **kind, **about, "digest": digest, "rest_digest": rest}.items():
            file.attrs[key] = value


class _Places:
    """Which clips of a file have their frames in files of other stores."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.clips = folder, list[int](), list[int]()
        self.names: dict[str, int] = {}

    def add(self, place: tuple[Path, int] | None) -> None:
        if place is None:
            self.files.append(-1)
            self.clips.append(-1)
            return
        name = os.path.relpath(place[0], self.folder)  # stores of one work folder move together
        self.files.append(self.names.setdefault(name, len(self.names)))
        self.clips.append(place[1])

    def columns(self) -> dict[str, np.ndarray]:
        """The datasets with the places of frames in other files; none if all frames are in this file."""
        if not self.names:
            return {}
        return {"frame_file": np.array(self.files, np.int64), "frame_clip": np.array(self.clips, np.int64)}

    def attributes(self) -> dict[str, str]:
        """The attribute that names the other files."""
        return {"frames_from": json.dumps(list(self.names), ensure_ascii=False)} if self.names else {}


def _joined(clip: Encoded, glosses: tuple[str, ...]) -> str:
    text = " ".join(glosses)
    if tuple(text.split()) != glosses:
        raise SlaError(f"clip {clip.id}: a gloss is empty or holds white space: {glosses}")
    return text
