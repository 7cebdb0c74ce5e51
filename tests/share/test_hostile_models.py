"""A model folder of a stranger runs no code, reads no file outside itself, and exhausts no memory."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recordings import copy_run, sla
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.core.digest import digest_json
from sla_cli.errors import SlaError
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.work.describe import describe
from sla_cli.work.model_folder import find_trained

SECRET, WEIGHTS = "secret", "model.safetensors"
MOST = 300 << 20  # bytes that opening may add to the memory of this process


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    copy_run(folder)
    sla(
        "export",
        str(folder / "old/runs/adapter"),
        "-o",
        str(folder / "m"),
        "--lm",
        str(folder / "old/gloss.arpa"),
        "-q",
    )
    return folder / "m"


@pytest.fixture
def model(good: Path, tmp_path: Path) -> Path:
    (tmp_path / SECRET).write_text("{}")
    return Path(shutil.copytree(good, tmp_path / "m"))


def config(model: Path, **changed: Any) -> None:
    """Change config.json, with a digest that fits."""
    file = model / "config.json"
    values = json.loads(file.read_text())
    for key, value in changed.items():
        *parts, last = key.split("__")
        part = values
        for name in parts:
            part = part[name]
        part[last] = value
    own = {key: value for key, value in values.items() if key not in ("format", "version", "digest")}
    file.write_text(json.dumps(values | {"digest": digest_json(own)}))


def seal(model: Path) -> None:
    """Give config.json the digest of the changed weights, so that nothing but their content is wrong."""
    files = json.loads((model / "config.json").read_text())["files"]
    digest = hashlib.sha256((model / WEIGHTS).read_bytes()).hexdigest()
    config(model, files={**files, WEIGHTS: digest})


def tensors(model: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change the weights; the header stays, without digests that would give the change away."""
    file = model / WEIGHTS
    with safe_open(file, framework="pt") as opened:
        header = dict(opened.metadata())
    values = load_file(file)
    change(values)
    save_file(values, file, header)
    seal(model)


def header(model: Path, length: int, text: bytes) -> None:
    (model / WEIGHTS).write_bytes(struct.pack("<Q", length) + text)
    seal(model)


def part(model: Path, name: str, **changed: str) -> None:
    """Change values of a part of the header."""
    file = model / WEIGHTS
    with safe_open(file, framework="pt") as opened:
        header = dict(opened.metadata())
    header[name] = json.dumps({**json.loads(header[name]), **changed})
    save_file(load_file(file), file, header)
    seal(model)


def pickled(model: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(model / "executed"),)

    torch.save({"a": Code()}, model / WEIGHTS)
    seal(model)


def linked(model: Path, name: str) -> None:
    target = model.parent / "outside"
    (model / name).rename(target)
    (model / name).symlink_to(target)


def with_tuning_outside(model: Path) -> None:
    """As `sla tune` writes it, in a link that config.json does not list."""
    [tuning] = (model / "tuning").iterdir()
    shutil.copytree(tuning, model.parent / "outside")
    (model / "tuning" / "c9ac7b").symlink_to(model.parent / "outside")


def without_arguments(model: Path) -> None:
    """A tuning with a receipt that says nothing of its search, and digests that fit."""
    [tuning] = (model / "tuning").iterdir()
    made = read_receipt(tuning)
    assert made is not None
    made.arguments = {}
    write_receipt(made, tuning)
    receipt = tuning / "receipt.json"
    files = json.loads((model / "config.json").read_text())["files"]
    digest = hashlib.sha256(receipt.read_bytes()).hexdigest()
    config(model, files={**files, receipt.relative_to(model).as_posix(): digest})


def sparse(model: Path) -> None:
    """A tensor of four terabytes takes no place on the disk."""
    with safe_open(model / WEIGHTS, framework="pt") as opened:
        facts = opened.metadata()
    size = 4 << 40
    parts = {"__metadata__": facts, "backbone.a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    text = json.dumps(parts).encode()
    header(model, len(text), text)
    with (model / WEIGHTS).open("r+b") as file:
        file.truncate(8 + len(text) + size)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "a pickle as weights": pickled,
    "a header of a terabyte": lambda model: header(model, 1 << 40, b"{}"),
    "a header that is no JSON": lambda model: header(model, 8, b"\x00" * 8),
    "a negative size": lambda model: header(
        model, 66, b'{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,-16]}}'.ljust(66)
    ),
    "sparse weights": sparse,
    "weights linked to a file outside": lambda model: linked(model, WEIGHTS),
    "config linked to a file outside": lambda model: linked(model, "config.json"),
    "language model linked to a file outside": lambda model: linked(model, "gloss.arpa"),
    "a tuning linked to a folder outside": with_tuning_outside,
    "a name that leads outside": lambda model: config(model, files={f"../{SECRET}": "0" * 64}),
    "a name that no path can have": lambda model: config(model, files={"a" * 999: "0" * 64}),
    "an absolute name": lambda model: config(model, files={str(model.parent / SECRET): "0" * 64}),
    "a tensor of another shape": lambda model: tensors(
        model, lambda values: values.update({"trained.classifier.weight": torch.zeros(3, 3)})
    ),
    "a tensor too few": lambda model: tensors(model, lambda values: values.popitem()),
    "no backbone": lambda model: tensors(
        model, lambda values: [values.pop(name) for name in list(values) if name.startswith("backbone.")]
    ),
    "changed values": lambda model: tensors(
        model, lambda values: values.update({"trained.classifier.weight": values["trained.classifier.weight"] + 1})
    ),
    "not a number": lambda model: tensors(
        model, lambda values: values["backbone.norm.weight"].fill_(torch.nan)
    ),
    "other weights than config.json says": lambda model: config(model, weights="0123456789abcdef"),
    "more glosses than the weights have": lambda model: config(model, glosses=["A", "B", "C", "D", "E"]),
    "no glosses": lambda model: config(model, glosses=[]),
    "glosses of another type": lambda model: config(model, glosses=[1, 2, 3, 4]),
    "a million million layers": lambda model: config(model, settings__model__backbone_args={"depth": 10**12}),
    "a head of a terabyte": lambda model: config(model, settings__head__channels=10**6),
    "an argument that reads a file": lambda model: config(
        model, settings__model__backbone_args={"checkpoint_path": str(model.parent / SECRET)}
    ),
    "another backbone": lambda model: config(model, settings__model__backbone="vit_small_patch16_224"),
    "a backbone from the hub": lambda model: config(model, settings__model__backbone="hf-hub:evil/model"),
    "weights of the backbone elsewhere": lambda model: config(
        model, with_backbone=False, backbone_file=str(model.parent / SECRET)
    ),
    "weights of the backbone beside its own": lambda model: [
        torch.save({"": torch.zeros(1)}, model / "clip.pt"),
        config(model, with_backbone=False, backbone_file="clip.pt"),
    ],
    "a limit of nothing": lambda model: part(model, "domain", limit="0"),
    "a limit that is no number": lambda model: part(model, "domain", limit="NaN"),
    "a limit that nothing exceeds": lambda model: part(model, "domain", limit="Infinity"),
    "a limit in another notation": lambda model: part(model, "domain", limit="1_0"),
    "a range that is no number": lambda model: part(model, "domain", usual='{"brightness": [NaN, 1]}'),
    "a range of texts": lambda model: part(model, "domain", usual='{"brightness": "ab"}'),
    "signs that never end": lambda model: part(model, "frame_scores", least="1000000000000"),
    "confidences upside down": lambda model: config(model, calibration__slope=-5),
    "a file of another kind": lambda model: config(
        model, files={**json.loads((model / "config.json").read_text())["files"], "train.py": "0" * 64}
    ),
    "a thousand million frames a second": lambda model: config(model, run__frames__fps=1e9),
    "no settings": lambda model: config(model, settings={}),
    "an unknown key": lambda model: config(model, unknown=1),
    "weights that changed on the way": lambda model: (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[:-1]),
    "no digest of the weights": lambda model: config(model, files={}),
    "a setting that was edited by hand": lambda model: (model / "config.json").write_text(
        (model / "config.json").read_text().replace('"fit": "squash"', '"fit": "pad"')
    ),
    "an empty config": lambda model: (model / "config.json").write_bytes(b""),
    "an edited config": lambda model: (model / "config.json").write_text(
        (model / "config.json").read_text().replace('"NORD"', '"SUED"')
    ),
    "a config nested without end": lambda model: (model / "config.json").write_text(
        '{"format": "sla-model", "a": ' + "[" * 10**5 + "]" * 10**5 + "}"
    ),
    "a config of another version": lambda model: config(model, version=99),
}  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"settings__model__backbone_args": {"depth": 60}},
        {"settings__model": {"backbone": "vit_huge_patch14_224", "image_size": 224}},
        {"settings__head__channels": 3000},
        {"settings__adapter__width": 3000},
    ],
)
def test_more_parameters_than_its_weights_are_refused_before_they_take_memory(
    model: Path, settings: dict[str, Any]
) -> None:
    config(model, **settings)
    with pytest.raises(SlaError, match=r"is too small for the [\d,]+ param|a model with [\d,]+ trained weights"):
        Recognizer.open(model, device="cpu")


def test_info_sees_that_its_glosses_are_others(model: Path) -> None:
    config(model, glosses=["A", "B", "C", "D"])
    with pytest.raises(SlaError, match=r"config\.json is damaged or was edited: its glosses"):
        describe(model)


def test_where_it_lacks_a_file_no_other_is_read(model: Path) -> None:
    config(model, frame_scores=False)
    (model / "none").symlink_to(model.parent / SECRET)
    assert not find_trained(model).frame_scores.exists()


def test_a_tuning_that_does_not_say_its_search_is_used(model: Path) -> None:
    without_arguments(model)
    with Recognizer.open(model, device="cpu", lm="gloss.arpa") as opened:
        assert "alpha" in opened.made["search"]


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_a_reason(model: Path, name: str) -> None:
    HOSTILE[name](model)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SlaError, match=re.escape(str(model)) + "|memory|backbone|timm knows no model") as caught:
        Recognizer.open(model, device="cpu", lm="gloss.arpa" if "language" in name else None)
    assert "\n" not in caught.value.message
    assert "sla train" not in caught.value.hint and "config.toml" not in caught.value.hint, "it has no run"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST >> 10
    assert not (model / "executed").exists()
