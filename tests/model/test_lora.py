from __future__ import annotations

from dataclasses import replace

import loralib
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config.settings import LoraConfig
from sla_cli.model.added import merge_added
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_shift import temporal_shift
from sla_cli.model.variants.lora import LoraBranch, LoraLinear, LoraQKV

WIDTH = 24
LENGTHS = torch.tensor([5, 1, 3])
PARTS = ["q", "k", "v", "qv", "qk", "qkv"]
OFF = LoraConfig(rank=4, alpha=6, shift="off")
SHIFTED = replace(OFF, shift="lora")


def borders() -> ClipBorders:
    made = ClipBorders()
    made.set(LENGTHS, torch.device("cpu"))
    return made


def tokens(count: int = 5) -> Tensor:
    return torch.randn(int(LENGTHS.sum()), count, WIDTH)


def qkv(config: LoraConfig, parts: str = "qv", bias: bool = True) -> LoraQKV:
    base = nn.Linear(WIDTH, 3 * WIDTH, bias=bias).requires_grad_(False)
    module = LoraQKV(base, set(parts), config, borders())
    nn.init.normal_(module.lora_B)
    return module


def linear(config: LoraConfig, bias: bool = True) -> LoraLinear:
    module = LoraLinear(nn.Linear(WIDTH, 40, bias=bias).requires_grad_(False), config, borders())
    nn.init.normal_(module.lora_B)
    return module


def loralibs(ours: LoraBranch) -> nn.Module:
    """loralib's own layer with our state."""
    options = {"r": 4, "lora_alpha": 6, "merge_weights": False, "bias": ours.bias is not None}
    if isinstance(ours, LoraQKV):
        theirs = loralib.MergedLinear(WIDTH, 3 * WIDTH, enable_lora=ours.enable_lora, **options)
    else:
        theirs = loralib.Linear(WIDTH, 40, **options)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return theirs


def both(config: LoraConfig) -> list[LoraBranch]:
    return [*(qkv(config, parts) for parts in PARTS), qkv(config, bias=False), linear(config), linear(config, False)]


def test_without_shift_it_is_loralibs_in_values_and_gradients() -> None:
    for ours in both(OFF):
        ours, x = ours.double(), tokens().double().requires_grad_()
        theirs, slope = loralibs(ours).double(), torch.randn(len(ours.weight)).double()
        torch.testing.assert_close(ours(x), theirs(x))
        wanted = [x, ours.lora_A, ours.lora_B]
        got = torch.autograd.grad((ours(x) ** 2 @ slope).sum(), wanted)
        expected = torch.autograd.grad((theirs(x) ** 2 @ slope).sum(), [x, theirs.lora_A, theirs.lora_B])
        for one, two in zip(got, expected, strict=True):
            torch.testing.assert_close(one, two)
        assert not ours.weight.requires_grad


def test_with_shift_it_is_loralibs_update_of_shifted_tokens_in_values_and_gradients() -> None:
    for ours in both(SHIFTED):
        ours, x = ours.double(), tokens().double().requires_grad_()
        theirs, slope = loralibs(ours).double(), torch.randn(len(ours.weight)).double()
        frozen = F.linear(x, ours.weight, ours.bias)
        shifted = temporal_shift(x, borders(), LoraConfig.share)
        assert not torch.equal(shifted, x)
        expected = frozen + theirs(shifted) - F.linear(shifted, ours.weight, ours.bias)
        torch.testing.assert_close(ours(x), expected)
        got = torch.autograd.grad((ours(x) ** 2 @ slope).sum(), [x, ours.lora_A, ours.lora_B])
        right = torch.autograd.grad((expected**2 @ slope).sum(), [x, theirs.lora_A, theirs.lora_B])
        for one, two in zip(got, right, strict=True):
            torch.testing.assert_close(one, two)


@pytest.mark.parametrize("parts", PARTS)
def test_only_the_parts_asked_for_change(parts: str) -> None:
    ours, x = qkv(SHIFTED, parts), tokens()
    changes = (ours(x) - F.linear(x, ours.weight, ours.bias)).chunk(3, dim=-1)
    assert [bool(change.any()) for change in changes] == [part in parts for part in "qkv"]
    assert sum(value.numel() for value in (ours.lora_A, ours.lora_B)) == 4 * len(parts) * (WIDTH + WIDTH)


def test_the_state_dict_is_loralibs_and_survives_eval_and_train() -> None:
    for ours in both(OFF):
        before, x = {name: value.clone() for name, value in ours.state_dict().items()}, tokens()
        assert before.keys() == loralibs(ours).state_dict().keys() >= {"weight", "lora_A", "lora_B"}
        training = ours(x)
        ours.eval()
        assert torch.equal(ours(x), training)
        ours.train()
        for name, value in ours.state_dict().items():
            assert torch.equal(value, before[name])


def test_dropout_only_while_training() -> None:
    ours, x = qkv(replace(OFF, dropout=0.5)), tokens()
    assert not torch.equal(ours(x), ours(x))
    ours.eval()
    assert torch.equal(ours(x), ours(x))


@pytest.mark.parametrize("mixed", [False, True])
def test_fresh_branches_add_exactly_zero(mixed: bool) -> None:
    x = tokens()
    for fresh in both(SHIFTED):
        nn.init.zeros_(fresh.lora_B)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            assert torch.equal(fresh(x), F.linear(x, fresh.weight, fresh.bias))


def test_alpha_scales_the_update() -> None:
    ours, x = qkv(OFF), tokens()
    twice = qkv(replace(OFF, alpha=12))
    twice.load_state_dict(ours.state_dict())
    base = F.linear(x, ours.weight, ours.bias)
    torch.testing.assert_close(twice(x) - base, 2 * (ours(x) - base))


def test_merging_leaves_plain_layers_that_answer_alike() -> None:
    model, x = nn.ModuleList(both(OFF)).double(), tokens().double()
    expected = [layer(x) for layer in model]
    assert merge_added(model) == len(model)
    assert {type(layer) for layer in model} == {nn.Linear}
    for layer, right in zip(model, expected, strict=True):
        torch.testing.assert_close(layer(x), right)
        assert not any(value.requires_grad for value in layer.parameters())


def test_what_is_shifted_is_not_merged() -> None:
    model = nn.ModuleList(both(SHIFTED))
    assert merge_added(model) == 0
    assert all(isinstance(layer, LoraBranch) for layer in model)


def test_a_share_too_small_for_a_channel_is_no_shift() -> None:
    assert qkv(replace(SHIFTED, share=1 / (WIDTH + 1))).shifted == 0
    assert qkv(replace(SHIFTED, share=1 / WIDTH)).shifted == 1
