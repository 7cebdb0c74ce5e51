"""HDF5 files of others: all data is in the file itself, and as much as it states."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from sla_cli.artifact.hdf5 import UNREADABLE, create, open_checked, open_hdf5, write_strings
from sla_cli.errors import FormatError, SlaError

NUMBERS = np.arange(1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.h5"
    with create(path, NUMBERS.nbytes) as file:
        file.attrs["format"], file.attrs["version"] = "sla-store", 1
        file["numbers"] = NUMBERS
        file.create_dataset("steps", (0, 3), "f4", maxshape=(None, 3), chunks=(16, 3)).resize((7, 3))
        file["steps"][:] = 1
        file["none"] = NUMBERS[:0]
        file.create_dataset("scores", data=np.full((10**5, 4), -128, "i1"), chunks=(256, 4), compression="lzf")
        write_strings(file, "ids", ["a", "ß" * 100])
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["numbers"] = NUMBERS
    os.mkfifo(tmp_path / "fifo")
    return path


def external_link(file: h5py.File, folder: Path) -> None:
    file["numbers"] = h5py.ExternalLink(str(folder / "other.h5"), "numbers")


def link_to_fifo(file: h5py.File, folder: Path) -> None:
    file["numbers"] = h5py.ExternalLink(str(folder / "fifo"), "numbers")


def soft_link(file: h5py.File, folder: Path) -> None:
    file["numbers"] = h5py.SoftLink("/steps")


def raw_file(file: h5py.File, folder: Path) -> None:
    file.create_dataset("numbers", (10,), "i8", external=[(str(folder / "other.h5"), 0, 80)])


def raw_fifo(file: h5py.File, folder: Path) -> None:
    file.create_dataset("numbers", (10,), "i8", external=[(str(folder / "fifo"), 0, 80)])


def virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout((1000,), "i8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "numbers", (1000,))
    file.create_virtual_dataset("numbers", layout)


def unwritten(file: h5py.File, folder: Path) -> None:
    file.create_dataset("numbers", (10**12,), "i8", chunks=(1024,))


def unwritten_in_one_piece(file: h5py.File, folder: Path) -> None:
    file.create_dataset("numbers", (10**12,), "i8")


def unwritten_texts(file: h5py.File, folder: Path) -> None:
    file.create_dataset("numbers", (10**11,), h5py.string_dtype(), chunks=(1024,))


def compressed(file: h5py.File, folder: Path) -> None:
    file.create_dataset("numbers", data=np.zeros(10**6, np.int64), compression="gzip")


def test_a_file_of_sla_is_read(path: Path) -> None:
    with open_hdf5(path) as file:
        assert (file["numbers"][:] == NUMBERS).all() and file["steps"].shape == (7, 3) and len(file["none"]) == 0
        assert (file["scores"][:] == -128).all()


@pytest.mark.parametrize(
    "change",
    [
        *(external_link, link_to_fifo, soft_link, raw_file, raw_fifo, virtual),
        *(unwritten, unwritten_in_one_piece, unwritten_texts, compressed),
    ],
)
def test_data_elsewhere_or_nowhere_is_refused(path: Path, change: Callable[[h5py.File, Path], None]) -> None:
    with h5py.File(path, "r+") as file:
        del file["numbers"]
        change(file, path.parent)
    with pytest.raises(UNREADABLE, match=r"numbers (is a link|is stored in another file|states [\d,]+ bytes)"):
        open_hdf5(path)
    with pytest.raises(FormatError, match="not an HDF5 file, or a damaged one"):
        open_checked(path, "sla-store", 1, "`sla prep`")


def test_a_file_that_is_replaced_while_it_is_opened_is_not_called_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(*_: object) -> None:
        with h5py.File(path.with_name("new.h5"), "w") as new:
            new["numbers"] = NUMBERS[:1]
        path.with_name("new.h5").replace(path)

    monkeypatch.setattr("sla_cli.artifact.hdf5.check_heaps", replace)
    with pytest.raises(SlaError, match=r"file\.h5 was replaced by another command while it was read"):
        open_checked(path, "sla-store", 1, "`sla prep`")


@pytest.mark.parametrize("values", [None, h5py.Empty("i8")])
def test_what_is_no_dataset_is_damage_in_files_of_sla_only(path: Path, values: object) -> None:
    with h5py.File(path, "r+") as file:
        del file["numbers"]
        if values is None:
            file.create_group("numbers")
        else:
            file["numbers"] = values
    open_hdf5(path).close()
    with pytest.raises(FormatError, match=r"damaged one \(numbers is no dataset with values\)"):
        open_checked(path, "sla-store", 1, "`sla prep`")


def test_heaps_of_texts_that_would_be_read_again_and_again_are_refused(path: Path) -> None:
    """Each of these 4,096 states as its size what is left of the file: 4 MiB of them took 40 s."""
    with h5py.File(path, "r+") as file:
        file["heaps"] = np.frombuffer((b"GCOL\1\0\0\0" + (1 << 40).to_bytes(8, "little")) * 4096, np.uint8)
    with pytest.raises(UNREADABLE, match="heaps of texts overlap, or go beyond its end"):
        open_hdf5(path)


class Failing:
    """Fails when Python deletes it, as a dataset does whose values HDF5 then writes."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


QUOTED = "Can't decrement id ref count (errno = 5, error message = 'Input/output error', buf = 0x0)"


@pytest.mark.parametrize(
    ("error", "raised"), [(RuntimeError(QUOTED), OSError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_what_happens_while_a_dataset_is_deleted_is_raised(
    tmp_path: Path, error: BaseException, raised: type[BaseException]
) -> None:
    with pytest.raises(raised) as caught, create(tmp_path / "file.h5", 0) as file:
        Failing(error)
        file["numbers"] = NUMBERS
    if raised is OSError:
        assert (caught.value.errno, caught.value.strerror) == (5, "Input/output error")
