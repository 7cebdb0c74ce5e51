"""Published forms of the adapter, as docs/method.md writes them, against PyTorch's own layers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sla_cli.config.settings import AdapterConfig, resolve
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.variants.adapter import TemporalAdapter

METHOD = Path(__file__).parents[2] / "docs" / "method.md"
WIDTH, GRID, LENGTHS = 24, (3, 4), [5, 1, 3]


def documented(form: str) -> AdapterConfig:
    """The settings of the line `sla train ... # FORM` in method.md."""
    line = next(line for line in METHOD.read_text(encoding="utf-8").splitlines() if line.endswith(f"# {form}"))
    return resolve(sets=re.findall(r"--set '?([a-z_.]+=[^' ]+(?:, [^' ]+)*)", line)).adapter


class Theirs(nn.Module):
    """Down, Conv3d, up on the patches of one clip, with LayerNorms where the form has them."""

    def __init__(self, ours: TemporalAdapter) -> None:
        super().__init__()
        hidden = ours.down.out_features
        padding = tuple(size // 2 for size in ours.kernel)
        self.norm1, self.down = ours.norm_in, ours.down
        self.conv = nn.Conv3d(hidden, hidden, ours.kernel, padding=padding, groups=hidden, dtype=torch.double)
        self.norm2, self.up = ours.norm_low, ours.up
        with torch.no_grad():
            self.conv.weight.copy_(ours.taps.view_as(self.conv.weight))
            self.conv.bias.copy_(ours.bias)

    def forward(self, clip: Tensor) -> Tensor:
        video = self.down(self.norm1(clip[:, 1:])).unflatten(1, GRID).permute(3, 0, 1, 2)[None]
        low = self.conv(video)[0].permute(1, 2, 3, 0).flatten(1, 2)
        return torch.cat((clip[:, :1], clip[:, 1:] + self.up(self.norm2(low))), dim=1)


def adapter(form: str) -> TemporalAdapter:
    borders = ClipBorders()
    borders.set(torch.tensor(LENGTHS), torch.device("cpu"))
    return TemporalAdapter(WIDTH, 1, documented(form), borders, GRID).double()


@pytest.mark.parametrize(
    ("form", "kernel", "norms", "width", "place"),
    [("ST-Adapter", (3, 1, 1), nn.Identity, 12, "mlp"), ("LVM-STeM", (3, 3, 3), nn.LayerNorm, 64, "after")],
)
def test_it_is_what_its_authors_build(
    form: str, kernel: tuple[int, int, int], norms: type[nn.Module], width: int, place: str
) -> None:
    ours, settings = adapter(form), documented(form)
    assert (ours.kernel, type(ours.norm_in), type(ours.norm_low)) == (kernel, norms, norms)
    assert (ours.down.out_features, settings.place, settings.normed) == (width, place, False)
    for zero in (ours.taps, ours.bias, ours.down.bias, ours.up.bias):
        assert not zero.any()
    assert ours.up.weight.any() and ours.down.weight.any()


@pytest.mark.parametrize("form", ["ST-Adapter", "LVM-STeM"])
def test_values_and_gradients_are_those_of_pytorchs_layers(form: str) -> None:
    ours, x = adapter(form), torch.randn(sum(LENGTHS), 1 + 12, WIDTH, dtype=torch.double)
    assert torch.equal(ours(x), x)
    for value in ours.parameters():
        nn.init.normal_(value)
    theirs = Theirs(ours)
    expected = torch.cat([theirs(clip) for clip in x.split(LENGTHS)])
    torch.testing.assert_close(ours(x), expected)
    assert torch.equal(ours(x)[:, 0], x[:, 0])
    slope = torch.randn_like(x)
    wanted = [value for name, value in ours.named_parameters() if name not in ("taps", "bias")]
    got = torch.autograd.grad((ours(x) * slope).sum(), [*wanted, ours.taps, ours.bias])
    right = torch.autograd.grad((expected * slope).sum(), [*wanted, theirs.conv.weight, theirs.conv.bias])
    for one, two in zip(got, right, strict=True):
        torch.testing.assert_close(one, two.view_as(one))


def test_parameters_by_method_mds_arithmetic() -> None:
    """In ViT-B/16, 12 blocks."""
    for form, count in (("ST-Adapter", 7_110_144), ("3-D convolution", 7_220_736), ("LVM-STeM", 1_231_104)):
        ours = TemporalAdapter(768, 1, documented(form), ClipBorders(), (14, 14))
        assert 12 * sum(value.numel() for value in ours.parameters()) == count
        assert f"{count:,}" in METHOD.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["ST-Adapter", "LVM-STeM"])
def test_the_convolution_learns_first_and_then_all_of_it(form: str) -> None:
    """At the start only the convolution has a gradient, and the up projection's bias; after one step all parameters."""
    ours, x = adapter(form), torch.randn(sum(LENGTHS), 1 + 12, WIDTH, dtype=torch.double)
    target = torch.randn_like(x)

    def learning() -> set[str]:
        ours.zero_grad()
        (ours(x) - target).square().mean().backward()
        return {name for name, value in ours.named_parameters() if value.grad.any()}

    first = learning()
    assert {"taps", "bias"} <= first <= {"taps", "bias", "up.bias", "norm_low.bias"}
    torch.optim.SGD(ours.parameters(), 0.1).step()
    assert learning() == {name for name, _ in ours.named_parameters()}
