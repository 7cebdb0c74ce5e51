"""The digests of a store's file: what they cover, and whether the file still matches them.

`digest` identifies the file: it covers its clips, wherever their frames are stored. `rest_digest` covers everything
else except `bytes`, which the clips' checksums cover.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from sla_cli.artifact.hdf5 import strings
from sla_cli.core.digest import digest_json

TEXTS = ("ids", "signers", "glosses", "raw_glosses", "translations", "sources")  # one per clip
TEXTS_1 = ("ids", "signers", "glosses")  # columns of version 1
LATER = ("stamps", "notes")  # texts, one per clip, that earlier files of version 2 lack; not part of the digest
REST = ("clip_offsets", "frame_offsets", "squared_errors", "frame_file", "frame_clip")
REST_ATTRIBUTES = ("recipe", "frames_from")
ABOUT = {"format", "version", "digest", "rest_digest", *REST_ATTRIBUTES}  # attributes that are not part of the digest


def content_digest(
    facts: Mapping[str, Any],
    vocabulary: Sequence[str],
    texts: Mapping[str, Sequence[str]],
    rates: Sequence[float],
    checksums: Sequence[int],
    frames: Sequence[int],
) -> str:
    """The digest that identifies a file of clips.

    Args:
        facts: SplitHeader.facts, or those of them that a file has as attributes.
        texts: the columns TEXTS.
        rates, checksums, frames: one per clip: frames per second, CRC-32, number of frames.
    """
    return digest_json([dict(facts), list(vocabulary), dict(texts), list(rates), list(checksums), list(frames)])


def rest_digest(
    columns: Mapping[str, np.ndarray], texts: Mapping[str, Sequence[str]], attributes: Mapping[str, str]
) -> str:
    """Digest of the columns REST, the texts LATER and REST_ATTRIBUTES, as far as they exist."""
    later = {name: list(texts[name]) for name in LATER if name in texts}
    total = hashlib.blake2b(json.dumps([dict(attributes), later], sort_keys=True).encode(), digest_size=8)
    for name in REST:
        if name in columns:
            total.update(f"\n{name} ".encode())
            total.update(np.ascontiguousarray(columns[name]).data)
    return total.hexdigest()


def damage(file: h5py.File, texts: Mapping[str, Sequence[str]], offsets: Mapping[str, np.ndarray]) -> str:
    """Which of a file's texts and tables are damaged, "" for none. Frames are not read.

    Args:
        texts, offsets: as read from the file: TEXTS and LATER, and the two columns that end in `_offsets`.
    """
    if _content(file, texts, offsets["clip_offsets"]) != file.attrs["digest"]:
        return "ids, references or other facts of its clips"
    if "rest_digest" in file.attrs and _rest(file, texts, offsets) != file.attrs["rest_digest"]:  # older files lack it
        return "the positions of its frames, or notes on them"
    return ""


def _content(file: h5py.File, texts: Mapping[str, Sequence[str]], clip_offsets: np.ndarray) -> str:
    facts = {name: _plain(value) for name, value in file.attrs.items() if name not in ABOUT}
    vocabulary, checksums = strings(file, "vocabulary"), file["checksums"][:].tolist()
    frames = np.diff(clip_offsets).tolist()
    if file.attrs["version"] == 1:
        return digest_json([facts, vocabulary, *(texts[name] for name in TEXTS_1), checksums, frames])
    content = {name: texts[name] for name in TEXTS}
    return content_digest(facts, vocabulary, content, file["clip_fps"][:].tolist(), checksums, frames)


def _rest(file: h5py.File, texts: Mapping[str, Sequence[str]], offsets: Mapping[str, np.ndarray]) -> str:
    columns = dict(offsets) | {name: file[name][:] for name in REST if name in file and name not in offsets}
    return rest_digest(columns, texts, {name: str(file.attrs[name]) for name in REST_ATTRIBUTES if name in file.attrs})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
