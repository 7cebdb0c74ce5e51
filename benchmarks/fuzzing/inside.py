"""Changes inside containers, with corrected lengths and checksums, so that readers do not stop at these."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from dataclasses import fields
from random import Random
from typing import Any

import h5py
import numpy as np

from fuzzing.mutate import EXTREME, ODD, WHOLE_NUMBERS, anywhere
from sla_cli.artifact.hdf5 import UNREADABLE, strings
from sla_cli.core.digest import digest_json
from sla_cli.store.content import NUMBERS, TEXTS, StoreHeader, file_digest

# Raised by changes that do not fit, or if a value that they use is damaged.
HDF5_RAISES = (*UNREADABLE, UnicodeError, OverflowError, MemoryError, IndexError)


def in_json(random: Random, data: bytes) -> bytes:
    """Another value of any type somewhere in a JSON text."""
    try:
        return json.dumps(_changed(random, json.loads(data))).encode()
    except (ValueError, RecursionError):  # no longer JSON, or already too deeply nested
        return data


def in_model(random: Random, data: bytes) -> bytes:
    """Another value in the description of a model, with its digest."""
    try:
        values = json.loads(in_json(random, data))
        bare = {name: value for name, value in values.items() if name not in ("format", "version", "digest")}
        return json.dumps(values | {"digest": digest_json(bare)}).encode()
    except (ValueError, RecursionError, AttributeError):  # no longer JSON, or no object
        return data


def in_json_lines(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    lines[number] = in_json(random, lines[number])
    return b"\n".join(lines)


def in_pickle(random: Random, data: bytes) -> bytes:
    """Another value somewhere in plain data."""
    if data.count(b"\x80") and b"sla" not in data and b"builtins" not in data:
        try:
            return pickle.dumps(_changed(random, _Plain(io.BytesIO(data)).load()))
        except Exception:  # noqa: BLE001 - a damaged pickle can raise nearly any exception
            return data
    return data


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, called: str) -> Any:
        raise ValueError(f"{module}.{called}")


def _changed(random: Random, value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        what = random.random()
        if what < 0.1:
            return {name: one for name, one in value.items() if name != key}
        if what < 0.2:
            return {**value, random.choice(("", "x", "version", "__class__", "\0", "a" * 999)): value[key]}
        return {**value, key: _changed(random, value[key], depth + 1)}
    if isinstance(value, list) and value and random.random() < 0.85:
        at = random.randrange(len(value))
        what = random.random()
        if what < 0.1:
            return value[:at]
        if what < 0.2:
            return value * random.choice((2, 50))
        return [*value[:at], _changed(random, value[at], depth + 1), *value[at + 1 :]]
    nested: Any = value
    for _ in range(random.choice((1, 50, 900))):
        nested = [nested]
    odd = random.choice(ODD).decode("utf-8", "replace")
    numbers = (*WHOLE_NUMBERS, 1.5, -0.0, 1e308, float("nan"), float("inf"), 10**400)
    return random.choice(
        (None, True, False, odd, random.choice(EXTREME), random.choice(numbers), [], {}, nested, [value])
    )


def in_gzip(random: Random, data: bytes) -> bytes:
    try:
        return gzip.compress(anywhere(random, gzip.decompress(data)), 1, mtime=0)
    except (OSError, EOFError, zlib.error):
        return data


def in_zip(random: Random, data: bytes) -> bytes:
    """Other content or another name of a member of a zip, with correct checksums."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(entry, archive.read(entry)) for entry in archive.infolist()]
    except Exception:  # noqa: BLE001 - a damaged archive can raise nearly any exception
        return data
    if not members:
        return data
    at, new = random.randrange(len(members)), io.BytesIO()
    with zipfile.ZipFile(new, "w") as archive:
        for number, (entry, content) in enumerate(members):
            name = entry.filename
            if number == at and random.random() < 0.2:
                name = _renamed(random, name)
            elif number == at:
                content = anywhere(random, content)
            archive.writestr(zipfile.ZipInfo(name), content, random.choice((entry.compress_type, zipfile.ZIP_DEFLATED)))
    return new.getvalue()


def in_tar(random: Random, data: bytes) -> bytes:
    """Another name, kind, link or content of a member of a tar, with correct checksums."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = [(one, archive.extractfile(one).read() if one.isreg() else b"") for one in archive]
    except Exception:  # noqa: BLE001 - a damaged archive can raise nearly any exception
        return data
    if not members:
        return data
    at, new = random.randrange(len(members)), io.BytesIO()
    with tarfile.open(fileobj=new, mode="w", format=random.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))) as archive:
        for number, (one, content) in enumerate(members):
            if number == at:
                what = random.randrange(3)
                one.name = _renamed(random, one.name) if what == 0 else one.name
                content = anywhere(random, content) if what == 1 and one.isreg() else content
                if what == 2:
                    one.type = random.choice(
                        (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"V")
                    )
                    one.linkname = random.choice(
                        ("../../escaped", "/tmp/sla-fuzz-escaped", members[0][0].name, one.name)
                    )
            one.size = len(content) if one.isreg() else 0
            archive.addfile(one, io.BytesIO(content))
    return new.getvalue()


def _renamed(random: Random, name: str) -> str:
    odd = (
        "../../escaped",
        "/tmp/sla-fuzz-escaped",
        "",
        "a/../../b",
        ".",
        "x" * 300,
        "\n",
        "é",
        "a//b",
        "C:\\x",
        name + "/",
    )
    return random.choice(odd)


def in_png(random: Random, data: bytes) -> bytes:
    """Other content of a chunk of a PNG, with correct checksum."""
    at, chunks = 8, []
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    if not chunks:
        return data
    number = random.randrange(len(chunks))
    kind, content = chunks[number]
    chunks[number] = kind, anywhere(random, content)
    whole = [
        struct.pack(">I", len(one)) + kind + one + struct.pack(">I", zlib.crc32(kind + one)) for kind, one in chunks
    ]
    return data[:8] + b"".join(whole)


def in_safetensors(random: Random, data: bytes) -> bytes:
    """Another value in the header, with correct length."""
    size = int.from_bytes(data[:8], "little")
    header = in_json(random, data[8 : 8 + size])
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def in_hdf5(random: Random, data: bytes) -> bytes:
    """Another value of an attribute or dataset, or one of them removed; digests of a store are then computed again."""
    file = io.BytesIO(data)
    try:
        with h5py.File(file, "r+") as found:
            _change_hdf5(random, found)
            if "digest" in found.attrs and random.random() < 0.9:
                _fit_digests(found)
    except HDF5_RAISES:
        pass
    return file.getvalue()


def _fit_digests(file: h5py.File) -> None:
    texts = {name: strings(file, name) for name in TEXTS}
    numbers = {name: file[name][:] for name in NUMBERS}
    found = {field.name: file.attrs[field.name] for field in fields(StoreHeader)}
    facts = {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}
    file.attrs["digest"] = file_digest(facts, texts, numbers)


def _change_hdf5(random: Random, file: h5py.File) -> None:
    places = [*((file, name) for name in file), *((file.attrs, name) for name in file.attrs)]
    holder, name = random.choice(places)
    is_dataset = holder is file
    value = holder[name][()] if is_dataset else holder[name]
    what = random.random()
    if what < 0.1:
        del holder[name]
        return
    if what < 0.3 or not isinstance(value, np.ndarray) or not value.size:
        del holder[name]
        odd = random.choice(ODD).replace(b"\0", b"")
        holder[name] = random.choice(
            (np.int64(random.choice(WHOLE_NUMBERS[:-1])), 1e308, np.nan, odd, np.zeros((2, 2)), "", [])
        )
        return
    if what < 0.5:
        del holder[name]
        holder[name] = random.choice(
            (value[:-1], np.concatenate([value, value]), value[::-1], value.reshape(1, *value.shape))
        )
        return
    flat = value.reshape(-1).copy()
    at = random.randrange(flat.size)
    if flat.dtype.kind in "iu":
        info = np.iinfo(flat.dtype)
        flat[at] = min(info.max, max(info.min, random.choice(WHOLE_NUMBERS)))
    elif flat.dtype.kind == "f":
        flat[at] = random.choice((np.nan, np.inf, -np.inf, -1.0, 0.0, 1e30, 1e-45))
    else:
        flat[at] = random.choice(ODD).replace(b"\0", b"")
    holder[name][...] = flat.reshape(value.shape)
