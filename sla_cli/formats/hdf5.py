"""What our HDF5 files share: a format name, a version, and errors that say which stage to run again."""

from __future__ import annotations

from pathlib import Path

import h5py

from sla_cli.errors import FormatError, SlaError


def open_checked(path: Path, name: str, version: int, stage: str) -> h5py.File:
    """An open HDF5 file of format `name` and `version`.

    Raises:
        SlaError: there is no such file.
        FormatError: it is no HDF5, another format, or another version; the hint names the stage to run again.
    """
    if not path.is_file():
        raise SlaError(f"no such file: {path}", f"`sla {stage}` makes it.")
    again = f"Make it again with `sla {stage}`."
    try:
        # Chunk caches are off: clips are read once, and a cache would read whole chunks for a part.
        file = h5py.File(path, "r", rdcc_nbytes=0)
    except OSError as error:
        raise FormatError(f"{path}: not an HDF5 file, or a damaged one ({error})", again) from error
    found, number = file.attrs.get("format"), file.attrs.get("version")
    if found == name and number == version:
        return file
    file.close()
    if found != name:
        raise FormatError(f"{path}: holds {found or 'something else'}, expected {name}", again)
    raise FormatError(f"{path}: {name} version {number}, this sla reads version {version}", again)


def strings(file: h5py.File, name: str) -> list[str]:
    """A dataset of UTF-8 strings."""
    return [str(text) for text in file[name].asstr()[:]]


def write_strings(file: h5py.File, name: str, values: list[str]) -> None:
    """A dataset of UTF-8 strings; ids and glosses are data here, never HDF5 names, since `/` would nest."""
    file.create_dataset(name, data=values, shape=(len(values),), dtype=h5py.string_dtype("utf-8"))
