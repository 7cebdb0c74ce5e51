from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config.settings import AdapterConfig
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_conv import track_conv
from sla_cli.model.variants.adapter import ACTIVATIONS, TemporalAdapter

WIDTH = 24
LENGTHS = torch.tensor([5, 1, 3])


def borders() -> ClipBorders:
    made = ClipBorders()
    made.set(LENGTHS, torch.device("cpu"))
    return made


def tokens(count: int = 5) -> Tensor:
    return torch.randn(int(LENGTHS.sum()), count, WIDTH)


def adapter(kernel: int, prefix: int, ratio: float = 0.5, **values: Any) -> TemporalAdapter:
    module = TemporalAdapter(WIDTH, prefix, AdapterConfig(ratio=ratio, kernel=kernel, **values), borders())
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


@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_gradients_of_taps_are_summed_in_float32(
    half: torch.dtype, compiling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same rounded tokens and slopes, they are those of exact arithmetic, rounded once.

    So are those of the sum that a compiler sees, which is cheap to test without one. Its output is rounded once too.
    """
    taps, bias = torch.randn(WIDTH, 3, requires_grad=True), torch.randn(WIDTH, requires_grad=True)
    x, slope = torch.randn(9, 50, WIDTH).to(half), torch.randn(9, 50, WIDTH).to(half)
    exact = [value.detach().double().requires_grad_() for value in (taps, bias)]
    out = track_conv(x.double(), *exact, borders(), 1)
    out.backward(slope.double())
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    rounded = track_conv(x, taps, bias, borders(), 1)
    rounded.backward(slope)
    if compiling:
        torch.testing.assert_close(rounded.double(), out, rtol=torch.finfo(half).eps, atol=1e-5)
    for found, expected in zip((taps, bias), exact, strict=True):
        torch.testing.assert_close(found.grad.double(), expected.grad, rtol=1e-5, atol=1e-5)


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
    for config in (AdapterConfig(), AdapterConfig(temporal="none", width=7)):
        plain = TemporalAdapter(WIDTH, 1, config, borders())
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            assert torch.equal(plain(x), x)
        assert torch.equal(plain.bfloat16()(x.bfloat16()), x.bfloat16())


def test_a_bottleneck_is_never_empty() -> None:
    assert adapter(3, 0, ratio=1e-6).taps.shape == (1, 3)


def test_the_plain_bottleneck_has_no_convolution_and_looks_at_no_other_frame() -> None:
    ours, x = adapter(3, prefix=1, temporal="none"), tokens()
    assert {name for name, _ in ours.named_parameters()} == {"down.weight", "down.bias", "up.weight", "up.bias"}
    expected = x[:, 1:] + ours.up(F.gelu(ours.down(x[:, 1:])))
    torch.testing.assert_close(ours(x), torch.cat((x[:, :1], expected), dim=1))
    assert ours.reach == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    """Each against torch's own, on a bottleneck without convolution; all keep zero, which prefix tokens rely on."""
    theirs: dict[str, nn.Module] = {"gelu": nn.GELU(), "relu": nn.ReLU(), "silu": nn.SiLU(), "none": nn.Identity()}
    ours, x = adapter(3, prefix=0, temporal="none", activation=name), tokens()
    low = ours.down(x)
    hidden = low / (1 + torch.exp(-1.702 * low)) if name == "quickgelu" else theirs[name](low)
    torch.testing.assert_close(ours(x), x + ours.up(hidden))
    assert not ACTIVATIONS[name](torch.zeros(3)).any()


def test_width_is_by_channels_or_by_ratio() -> None:
    assert adapter(3, 0, ratio=0.5).down.out_features == WIDTH // 2
    assert adapter(3, 0, ratio=0.5, width=5).down.out_features == 5


@pytest.mark.parametrize("prefix", [0, 2])
@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_compiled_and_hand_fused_convolutions_agree(kernel: int, prefix: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that a compiler sees is a plain sum of shifted frames."""
    x = torch.randn(int(LENGTHS.sum()), 4, 6, dtype=torch.double, requires_grad=True)
    taps = torch.randn(6, kernel, dtype=torch.double, requires_grad=True)
    bias = torch.randn(6, dtype=torch.double, requires_grad=True)
    slope = torch.randn(len(x), 4, 6, dtype=torch.double)
    fused = track_conv(x, taps, bias, borders(), prefix)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    plain = track_conv(x, taps, bias, borders(), prefix)
    torch.testing.assert_close(fused, plain)
    assert not fused[:, :prefix].any()
    wanted = [x, taps, bias]
    got, expected = (torch.autograd.grad((out * slope).sum(), wanted) for out in (fused, plain))
    for one, two in zip(got, expected, strict=True):
        torch.testing.assert_close(one, two)


def test_the_convolution_passes_gradcheck() -> None:
    x = torch.randn(int(LENGTHS.sum()), 3, 2, dtype=torch.double, requires_grad=True)
    taps = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    bias = torch.randn(2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *values: track_conv(*values, borders(), 1), (x, taps, bias))
