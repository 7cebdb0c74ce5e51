"""Files of torch.save in both of its formats are read, unless one of their pickles would end the process."""

from __future__ import annotations

import io
import pickle
import zipfile

import pytest
import torch
from deep_pickle import DEEP

from sla_cli.model.torch_file import load_torch_file

CONTENT = {
    "weights": {"a": torch.arange(6.0).view(2, 3)},
    "shape": torch.Size([1]),
    "rates": (0.9, 0.999),
    "none": None,
}


def saved(content: object, *, older: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not older)
    return file.getvalue()


@pytest.mark.parametrize("older", [False, True])
def test_what_torch_saves(older: bool) -> None:
    found = load_torch_file(io.BytesIO(saved(CONTENT, older=older)))
    assert torch.equal(found["weights"].pop("a"), CONTENT["weights"]["a"])
    assert found == {**CONTENT, "weights": {}}


def archived(*pickles: bytes, method: int = zipfile.ZIP_STORED, name: str = "m/data.pkl") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for data in pickles:
            archive.writestr(name, data)
        archive.writestr("m/version", "3\n")
    return file.getvalue()


GOOD = pickle.dumps({"a": 1}, 2)
HOSTILE = {
    "an archive": archived(DEEP),
    "its name in capitals": archived(DEEP, name="m/DATA.PKL"),
    "compressed": archived(pickle.dumps(bytes(9_000_000)), method=zipfile.ZIP_DEFLATED),
    "the older format": DEEP,
    "the third pickle of the older format": b"".join([pickle.dumps(1, 2)] * 2) + DEEP,
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [*HOSTILE, "the first of two", "the second of two"])
def test_hostile_pickles_are_refused_wherever_pytorch_would_read_them(name: str) -> None:
    twice = {"the first of two": (DEEP, GOOD), "the second of two": (GOOD, DEEP)}
    data = HOSTILE[name] if name in HOSTILE else archived(*twice[name])
    with pytest.raises(pickle.UnpicklingError, match=r"nests|compressed"):
        load_torch_file(io.BytesIO(data))
