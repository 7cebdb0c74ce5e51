from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from synthetic import GLOSSES, VARIANTS, disk_with, tiny

from sla_cli.errors import FormatError, SlaError
from sla_cli.model.checkpoint import load_weights, network_for, read_tensors, save_weights, write_tensors
from sla_cli.model.network import Network
from sla_cli.model.weights import read_weights
from sla_cli.system import regular_file


def recogniser(**values: object) -> Network:
    return Network(tiny(**values), len(GLOSSES))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_weights(tmp_path / "best.safetensors", recogniser(), GLOSSES)
    return tmp_path / "best.safetensors"


@pytest.mark.parametrize("variant", VARIANTS)
def test_trained_weights_come_back_and_nothing_else_is_stored(tmp_path: Path, variant: str) -> None:
    path, model = tmp_path / "best.safetensors", recogniser(model__variant=variant)
    for norm in model.conv.norms:
        norm.running_mean.normal_()
    save_weights(path, model, GLOSSES)
    frozen = {name for name, value in model.named_parameters() if not value.requires_grad}
    stored = load_file(path)
    assert not frozen & stored.keys()
    assert path.stat().st_size < sum(value.nbytes for value in stored.values()) + 10_000
    other = recogniser(model__variant=variant)
    load_weights(path, other, GLOSSES)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_eval_then_load_in_train_counts_nothing_twice(tmp_path: Path) -> None:
    """loralib's own trap: weights merged on eval() and saved."""
    path, model = tmp_path / "best.safetensors", recogniser(model__variant="lora")
    torch.nn.init.normal_(model.backbone.vit.blocks[0].block.attn.qkv.lora_B)
    save_weights(path, model.eval(), GLOSSES)
    other = recogniser(model__variant="lora").train()
    load_weights(path, other, GLOSSES)
    x, lengths = torch.randn(5, 3, 32, 32), torch.tensor([5])
    torch.testing.assert_close(other.eval()(x, lengths).sequence, model(x, lengths).sequence, rtol=0, atol=0)


def test_equal_weights_are_equal_bytes(tmp_path: Path) -> None:
    """So tuning and emissions of a run stay valid if the same run is trained again."""
    model = recogniser()
    for number in range(6):
        save_weights(tmp_path / str(number), model, GLOSSES)
    first, *others = (path.read_bytes() for path in tmp_path.iterdir())
    assert all(other == first for other in others)
    assert int.from_bytes(first[:8], "little") % 8 == 0, "tensors are read where they lie"


def test_other_glosses(saved: Path) -> None:
    for glosses in (("NORD", *GLOSSES[1:]), GLOSSES[:-1], GLOSSES[::-1]):
        with pytest.raises(SlaError, match="other glosses") as caught:
            load_weights(saved, Network(tiny(), len(glosses)), glosses)
        assert "Copy the run or the model again" in caught.value.hint


def test_another_backbone(saved: Path) -> None:
    args = {"embed_dim": 32, "depth": 2, "num_heads": 4, "patch_size": 8, "num_classes": 24}
    with pytest.raises(SlaError, match=r"another backbone \(vit_base_patch16_clip_quickgelu_224, weights") as caught:
        load_weights(saved, recogniser(model__backbone_args=args), GLOSSES)
    assert "--weights" in caught.value.hint


def rewrite_header(path: Path, **changes: str | None) -> None:
    """As a program would that knows of the digest."""
    with safe_open(path, framework="pt") as file:
        header = {**file.metadata(), **changes}
    write_tensors(path, load_file(path), {key: value for key, value in header.items() if value is not None})


def test_random_weights_of_another_kind_of_cpu_differ_in_their_last_bits(
    saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite_header(saved, backbone="0123")  # as if every digit were another
    load_weights(saved, recogniser(), GLOSSES)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    norms = [1.01 * norm for norm in recogniser().backbone_norms or ()]
    rewrite_header(saved, backbone_norms=json.dumps(norms))
    with pytest.raises(SlaError, match="another backbone"):
        load_weights(saved, recogniser(), GLOSSES)


@pytest.mark.parametrize(
    "values",
    [{"model__variant": "lora"}, {"model__variant": "frozen"}, {"head__channels": 16}, {"adapter__kernel": 5}],
)
def test_another_configuration(saved: Path, values: dict[str, object]) -> None:
    model = recogniser(**values)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(SlaError, match="does not fit the model") as caught:
        load_weights(saved, model, GLOSSES)
    assert "config.toml" in caught.value.hint
    assert len(caught.value.message) < 500
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


READERS = [lambda path: load_weights(path, recogniser(), GLOSSES), lambda path: network_for(path, tiny(), GLOSSES)]


@pytest.mark.parametrize("read", READERS)
def test_what_cannot_be_opened(saved: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(SlaError, match="no checkpoint"):
        read(saved.parent / "other.safetensors")
    odd = saved.rename(os.fsdecode(os.fsencode(saved.parent) + b"/\xff.safetensors"))
    with pytest.raises(SlaError, match="safetensors opens no file whose path is not UTF-8") as caught:
        read(odd)
    assert "Rename its folders" in caught.value.hint


def test_a_setting_that_cannot_be_used_is_named_with_its_folder(saved: Path) -> None:
    wrong = tiny()
    wrong = replace(wrong, head=replace(wrong.head, pattern="K999999999"))
    with pytest.raises(SlaError, match=f"^{re.escape(str(saved.parent))}: head.pattern = 'K999999999' cannot be read"):
        network_for(saved, wrong, GLOSSES)


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-1], lambda data: data[:100], lambda data: b"x" * 99]
)
@pytest.mark.parametrize("read", READERS)
def test_damaged(saved: Path, damage: Callable[[bytes], bytes], read: Callable[[Path], object]) -> None:
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(FormatError, match=r"best\.safetensors: not a safetensors file") as caught:
        read(saved)
    assert "or train again" in caught.value.hint


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_larger_than_the_memory(saved: Path, read: Callable[[Path], object]) -> None:
    """A sparse one takes no place on the disk."""
    with saved.open("r+b") as file:
        file.truncate(4 << 40)
    with pytest.raises(SlaError, match=r"best\.safetensors has 4,096\.0 GiB, and this machine has"):
        read(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "0"}, "sla-checkpoint version 0, this sla reads version 1"),
        ({"version": None}, "sla-checkpoint without a version, this sla reads version 1"),
        ({"format": "something"}, "format something, expected sla-checkpoint"),
        ({"format": None}, "format unknown, expected sla-checkpoint"),
    ],
)
def test_another_format(saved: Path, change: dict[str, str | None], message: str) -> None:
    with safe_open(saved, framework="pt") as file:
        header = {key: value for key, value in {**file.metadata(), **change}.items() if value is not None}
    save_file(load_file(saved), saved, header)
    with pytest.raises(FormatError, match=message) as caught:
        load_weights(saved, recogniser(), GLOSSES)
    assert "sla train" in caught.value.hint


def test_weights_that_are_not_what_was_written_are_refused(saved: Path) -> None:
    """Each of some flipped bits of any tensor: a checkpoint of other values, which safetensors does not see."""
    good, model = saved.read_bytes(), recogniser()
    start = 8 + int.from_bytes(good[:8], "little")
    for at in range(start + 3, len(good), len(good) // 20):
        saved.write_bytes(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :])
        with pytest.raises(FormatError, match=r"best\.safetensors is damaged") as caught:
            load_weights(saved, model, GLOSSES)
        assert "Copy" in caught.value.hint and "sla train" in caught.value.hint
    saved.write_bytes(good)
    load_weights(saved, model, GLOSSES)


@pytest.mark.parametrize(
    "change", [{"glosses": None}, {"backbone": None}, {"backbone_norms": "[1.5,"}, {"backbone_norms": "[[]]"}]
)
def test_a_header_that_is_damaged(saved: Path, change: dict[str, str | None]) -> None:
    rewrite_header(saved, **change)
    with pytest.raises(FormatError, match=r"best\.safetensors: its header is damaged"):
        load_weights(saved, recogniser(), GLOSSES)


@pytest.mark.parametrize("part", ["[1]", "3", '{"format": 5}', "null"])
def test_a_part_of_a_model_whose_header_is_damaged(tmp_path: Path, part: str) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"trained.x": torch.zeros(2)}, path, {"format": "sla-model", "version": "1", "trained": part})
    with pytest.raises(FormatError, match=r"model\.safetensors: its header is damaged \(trained\)"):
        load_weights(path, recogniser(), GLOSSES)


def test_a_header_that_is_not_what_was_written_is_refused(saved: Path) -> None:
    """A flipped bit, which leaves it JSON: another digest of the glosses, another name of the backbone."""
    with safe_open(saved, framework="pt") as file:
        before = file.metadata()
    for key in before.keys() - {"tensors", "format", "version"}:
        save_file(load_file(saved), saved, before | {key: before[key][:-1] + chr(ord(before[key][-1]) ^ 1)})
        with pytest.raises(FormatError, match="is damaged: its weights or its header"):
            load_weights(saved, recogniser(), GLOSSES)


def test_weights_without_a_digest_are_refused(saved: Path) -> None:
    with safe_open(saved, framework="pt") as file:
        header = {key: value for key, value in file.metadata().items() if key != "tensors"}
    save_file(load_file(saved), saved, header)
    with pytest.raises(FormatError, match=r"best\.safetensors is damaged"):
        load_weights(saved, recogniser(), GLOSSES)


def test_a_full_disk_is_named_and_costs_no_earlier_checkpoint(saved: Path) -> None:
    before = saved.read_bytes()
    with disk_with(1000), pytest.raises(SlaError, match=r"cannot write .*best\.safetensors"):
        save_weights(saved, recogniser(), GLOSSES)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("read", [lambda path: read_tensors(path, "sla-checkpoint", 1, "again"), read_weights])
def test_a_file_that_may_not_be_read_is_neither_missing_nor_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    """Root may read everything, so the test itself causes the refusal."""

    def refuse(path: str, _: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    path = tmp_path / "best.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    monkeypatch.setattr(regular_file, "_opened", refuse)
    with pytest.raises(SlaError, match=r"^cannot read .*best\.safetensors: Permission denied\n.*permissions"):
        read(path)
