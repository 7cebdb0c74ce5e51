from __future__ import annotations

from dataclasses import replace

import loralib
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config import AdapterConfig, LoraConfig
from sla_cli.model.adapters import ShiftedLoRA, TemporalAdapter
from sla_cli.model.clips import ClipBorders, temporal_shift

WIDTH = 24
LENGTHS = torch.tensor([5, 1, 3])


def borders() -> ClipBorders:
    made = ClipBorders()
    made.set(LENGTHS, torch.device("cpu"))
    return made


def tokens(count: int = 5) -> Tensor:
    return torch.randn(int(LENGTHS.sum()), count, WIDTH)


def lora(shift: str, bias: bool = True) -> ShiftedLoRA:
    base = nn.Linear(WIDTH, 3 * WIDTH, bias=bias).requires_grad_(False)
    module = ShiftedLoRA(base, LoraConfig(rank=4, alpha=6, shift=shift), borders())
    nn.init.normal_(module.lora_B)
    return module


def loralibs(ours: ShiftedLoRA) -> loralib.MergedLinear:
    bias = ours.bias is not None
    theirs = loralib.MergedLinear(
        WIDTH, 3 * WIDTH, 4, lora_alpha=6, enable_lora=[True, False, True], merge_weights=False, bias=bias
    )
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return theirs


@pytest.mark.parametrize("bias", [True, False])
def test_lora_without_shift_is_loralibs_in_values_and_gradients(bias: bool) -> None:
    ours = lora("off", bias).double()
    theirs, x, slope = loralibs(ours).double(), tokens().double(), torch.randn(3 * WIDTH).double()
    torch.testing.assert_close(ours(x), theirs(x))
    (ours(x) @ slope).sum().backward()
    (theirs(x) @ slope).sum().backward()
    torch.testing.assert_close(ours.lora_A.grad, theirs.lora_A.grad)
    torch.testing.assert_close(ours.lora_B.grad, theirs.lora_B.grad)
    assert ours.weight.grad is None


def test_lora_with_shift_is_loralibs_delta_on_shifted_tokens() -> None:
    ours, x = lora("lora"), tokens()
    shifted = temporal_shift(x, borders(), LoraConfig.share)
    assert not torch.equal(shifted, x)
    expected = F.linear(x, ours.weight, ours.bias) + shifted @ loralibs(ours).merge_AB().T * (6 / 4)
    torch.testing.assert_close(ours(x), expected)


def test_lora_leaves_keys_alone() -> None:
    ours, x = lora("off"), tokens()
    change = ours(x) - F.linear(x, ours.weight, ours.bias)
    q, k, v = change.chunk(3, dim=-1)
    assert q.any()
    assert not k.any()
    assert v.any()


def test_state_dict_is_loralibs_and_survives_eval_and_train() -> None:
    ours = lora("off")
    before, x = {name: value.clone() for name, value in ours.state_dict().items()}, tokens()
    assert before.keys() == loralibs(ours).state_dict().keys() == {"weight", "bias", "lora_A", "lora_B"}
    training = ours(x)
    ours.eval()
    assert torch.equal(ours(x), training)
    ours.train()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, before[name])


def test_lora_dropout_only_while_training() -> None:
    ours = ShiftedLoRA(nn.Linear(WIDTH, 3 * WIDTH), LoraConfig(rank=4, dropout=0.5, shift="off"), borders())
    nn.init.normal_(ours.lora_B)
    x = tokens()
    assert not torch.equal(ours(x), ours(x))
    ours.eval()
    assert torch.equal(ours(x), ours(x))


def adapter(kernel: int, prefix: int, ratio: float = 0.5) -> TemporalAdapter:
    module = TemporalAdapter(WIDTH, prefix, AdapterConfig(ratio=ratio, kernel=kernel), borders())
    nn.init.normal_(module.up.weight)
    nn.init.normal_(module.up.bias)
    return module


def conv3d(ours: TemporalAdapter) -> nn.Conv3d:
    """torch's convolution of one clip as video (1, channels, time, rows, columns), with our parameters."""
    hidden, kernel = ours.taps.shape
    conv = nn.Conv3d(hidden, hidden, (kernel, 1, 1), padding=(kernel // 2, 0, 0), groups=hidden)
    with torch.no_grad():
        conv.weight.copy_(ours.taps.view(hidden, 1, kernel, 1, 1))
        conv.bias.copy_(ours.bias)
    return conv


def by_conv3d(ours: TemporalAdapter, conv: nn.Conv3d, clip: Tensor, rows: int, columns: int) -> Tensor:
    """The adapter on the patches of one clip (frames, rows * columns, width)."""
    low = ours.down(clip).view(len(clip), rows, columns, -1).permute(3, 0, 1, 2)[None]
    return clip + ours.up(F.gelu(conv(low)[0].permute(1, 2, 3, 0).flatten(1, 2)))


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_temporal_convolution_is_conv3d_on_a_single_clip(kernel: int) -> None:
    ours = adapter(kernel, prefix=1).double()
    conv, clip = conv3d(ours).double(), torch.randn(7, 1 + 6, WIDTH).double()
    ours.borders.set(torch.tensor([7]), clip.device)
    out, expected = ours(clip), by_conv3d(ours, conv, clip[:, 1:], 2, 3)
    torch.testing.assert_close(out[:, 1:], expected)
    slope = torch.randn(WIDTH).double()
    (expected @ slope).sum().backward()
    (out[:, 1:] @ slope).sum().backward()
    torch.testing.assert_close(ours.taps.grad, conv.weight.grad.view_as(ours.taps))
    torch.testing.assert_close(ours.bias.grad, conv.bias.grad)


def test_temporal_convolution_is_conv3d_clip_by_clip() -> None:
    ours, x = adapter(3, prefix=0), tokens(6)
    conv = conv3d(ours)
    expected = torch.cat([by_conv3d(ours, conv, clip, 2, 3) for clip in x.split(LENGTHS.tolist())])
    torch.testing.assert_close(ours(x), expected)


def test_reads_one_thing_and_adds_to_another() -> None:
    ours, x, source = adapter(3, prefix=1).double(), tokens().double(), tokens().double()
    torch.testing.assert_close(ours(x, source) - x, ours(source) - source)


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_prefix_tokens_pass_untouched(prefix: int) -> None:
    ours, x = adapter(3, prefix), tokens(7)
    out = ours(x)
    assert torch.equal(out[:, :prefix], x[:, :prefix])
    assert not torch.isclose(out[:, prefix:], x[:, prefix:]).all(dim=-1).any()


def test_kernel_of_one_looks_at_no_other_frame() -> None:
    ours, x = adapter(1, prefix=0), tokens()
    other = x.clone()
    other[2] += 1
    changed = (ours(other) != ours(x)).flatten(1).any(dim=1)
    assert changed.tolist() == [frame == 2 for frame in range(len(x))]


@pytest.mark.parametrize("mixed", [False, True])
def test_fresh_modules_add_exactly_zero(mixed: bool) -> None:
    x = tokens()
    base = nn.Linear(WIDTH, 3 * WIDTH)
    fresh = ShiftedLoRA(base, LoraConfig(), borders())
    plain = TemporalAdapter(WIDTH, 1, AdapterConfig(), borders())
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        assert torch.equal(fresh(x), base(x))
        assert torch.equal(plain(x), x)


def test_a_bottleneck_is_never_empty() -> None:
    assert adapter(3, 0, ratio=1e-6).taps.shape == (1, 3)


def test_alpha_scales_the_update() -> None:
    ours, x = lora("off"), tokens()
    twice = ShiftedLoRA(nn.Linear(WIDTH, 3 * WIDTH), replace(LoraConfig(rank=4, shift="off"), alpha=12), borders())
    twice.load_state_dict(ours.state_dict())
    base = F.linear(x, ours.weight, ours.bias)
    torch.testing.assert_close(twice(x) - base, 2 * (ours(x) - base))
