"""Tensors of TorchScript archives, without their code: the same as PyTorch reads with it."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from deep_pickle import DEEP
from torch import Tensor, nn

from sla_cli.model.torchscript import is_torchscript, read_torchscript
from sla_cli.model.weights import UNREADABLE


class Tower(nn.Module):
    """Parameters and buffers of several types, a view, a tied weight, and attributes that are no tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes, self.names, self.width = [3, 4], {"a": 1}, 7
        self.norm = nn.LayerNorm(4)
        self.blocks = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(2)))
        whole = torch.arange(24, dtype=torch.float16).reshape(4, 6)
        self.register_buffer("view", whole[1:3, ::2])
        self.register_buffer("turned", whole.T)
        self.register_buffer("count", torch.tensor(5))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("empty", torch.zeros(0))
        self.register_buffer("brain", torch.ones(3, dtype=torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.norm(x))


def scripted(path: Path) -> Path:
    torch.jit.script(Tower()).save(str(path))
    return path


@pytest.mark.parametrize("traced", [False, True])
def test_the_tensors_are_those_of_pytorch(tmp_path: Path, traced: bool) -> None:
    tower, path = Tower().eval(), tmp_path / "tower.pt"
    module = torch.jit.trace(tower, torch.zeros(2, 4)) if traced else torch.jit.script(tower)
    module.save(str(path))
    expected, found = torch.jit.load(str(path)).state_dict(), read_torchscript(path)
    assert is_torchscript(path)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        assert torch.equal(found[name], value), name


def test_a_state_dict_is_no_archive(tmp_path: Path) -> None:
    torch.save(Tower().state_dict(), tmp_path / "state.pt")
    assert not is_torchscript(tmp_path / "state.pt")


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    """Cut off, or with bytes of a tensor or of the list of modules changed."""
    content = scripted(tmp_path / "whole.pt").read_bytes()
    path = tmp_path / "damaged.pt"
    with zipfile.ZipFile(tmp_path / "whole.pt") as archive:
        places = {part.filename: part.header_offset for part in archive.infolist()}
    cuts = [content[: len(content) // 2]]
    for name in ("whole/data.pkl", "whole/data/0"):
        at = content.index(archive_bytes(tmp_path / "whole.pt", name), places[name])
        cuts.append(content[:at] + bytes(8) + content[at + 8 :])
    for cut in cuts:
        path.write_bytes(cut)
        with pytest.raises(UNREADABLE):
            read_torchscript(path)


def archive_bytes(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


class Called:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["compressed", "called", "outside of the values", "remembered far away", "deep"])
def test_a_hostile_one_is_refused(tmp_path: Path, kind: str) -> None:
    path, called = tmp_path / "hostile.pt", tmp_path / "called"
    modules = archive_bytes(scripted(tmp_path / "whole.pt"), "whole/data.pkl")
    values = bytes(64 << 20) if kind == "compressed" else bytes(8)
    if kind == "called":
        modules = pickle.dumps(Called(called))
        pickle.loads(modules)
        called.rmdir()  # it was made: what is to be prevented
    if kind == "remembered far away":
        modules = b"\x80\x02]r" + (1 << 27).to_bytes(4, "little") + b"."
    if kind == "deep":
        modules = DEEP
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if kind == "compressed" else zipfile.ZIP_STORED) as archive:
        archive.writestr("a/constants.pkl", b"")
        archive.writestr("a/data.pkl", modules)
        for number in range(12):
            archive.writestr(f"a/data/{number}", values)
    if kind == "called":
        assert read_torchscript(path) == {}
    else:
        with pytest.raises(UNREADABLE):
            read_torchscript(path)
    assert not called.exists()
