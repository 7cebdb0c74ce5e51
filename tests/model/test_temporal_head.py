from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config.settings import HeadConfig
from sla_cli.errors import SlaError
from sla_cli.model.temporal_head import (
    NormalizedClassifier,
    SequenceModel,
    TemporalConv,
    padded_length,
    parse_pattern,
    pattern_stride,
)

WIDTH = 6
PATTERNS = st.lists(st.tuples(st.sampled_from("KP"), st.integers(1, 5)), min_size=1, max_size=5).filter(
    lambda pattern: math.prod(size for kind, size in pattern if kind == "P") <= 100
)


def head(pattern: str = "K5,P2,K5,P2") -> HeadConfig:
    return HeadConfig(pattern=pattern, channels=8, dropout=0.0)


def test_a_quarter_of_the_frames_rounded_up() -> None:
    pattern = parse_pattern(HeadConfig.pattern)
    for frames in range(1, 301):
        steps = -(-frames // 4)
        padded = padded_length(steps, pattern)
        assert padded == 4 * steps + 12
        assert ((padded - 4) // 2 - 4) // 2 == steps  # unpadded layers, as PyTorch counts them


def test_every_length_through_the_layers() -> None:
    lengths = torch.arange(1, 301)
    model = TemporalConv(WIDTH, head())
    assert model.margin == 6
    out, steps = model(torch.randn(int(lengths.sum()), WIDTH), lengths)
    assert steps.tolist() == [-(-n // 4) for n in range(1, 301)]
    assert out.shape == (int(steps.sum()), 8)


@given(PATTERNS, st.lists(st.integers(1, 20), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_together_as_alone_for_any_pattern(pattern: list[tuple[str, int]], lengths: list[int]) -> None:
    text = ",".join(f"{kind}{size}" for kind, size in pattern)
    assert parse_pattern(text) == pattern
    stride = pattern_stride(text)
    model = TemporalConv(WIDTH, head(text)).eval()
    x = torch.randn(sum(lengths), WIDTH)
    together, steps = model(x, torch.tensor(lengths))
    assert steps.tolist() == [-(-n // stride) for n in lengths]
    alone = [model(clip, torch.tensor([len(clip)]))[0] for clip in x.split(lengths)]
    torch.testing.assert_close(together, torch.cat(alone))


@given(PATTERNS, st.integers(2, 40), st.data())
@settings(max_examples=40, deadline=None)
def test_a_step_of_a_causal_head_depends_on_no_later_frame(
    pattern: list[tuple[str, int]], frames: int, data: st.DataObject
) -> None:
    text = ",".join(f"{kind}{size}" for kind, size in pattern)
    config = HeadConfig(pattern=text, channels=8, dropout=0.0, causal=True)
    conv = TemporalConv(WIDTH, config).eval()
    sequence = SequenceModel(conv.width, config).eval()
    stride, x = pattern_stride(text), torch.randn(frames, WIDTH)
    changed = data.draw(st.integers(0, frames - 1), label="first frame that is changed")
    outs = [sequence(*conv(clip, torch.tensor([frames]))) for clip in (x, torch.cat([x[:changed], x[changed:] + 9]))]
    assert outs[0].shape == (-(-frames // stride), conv.width)
    torch.testing.assert_close(outs[0][: changed // stride], outs[1][: changed // stride])
    assert TemporalConv(WIDTH, HeadConfig(causal=True)).margin == 12


def padded(clip: Tensor) -> Tensor:
    """method.md: the first frame 6 times on the left, the last up to ceil(T/4)*4+12 on the right."""
    total = -(-len(clip) // 4) * 4 + 12
    return torch.cat([clip[:1].expand(6, -1), clip, clip[-1:].expand(total - 6 - len(clip), -1)])


def by_clip(model: TemporalConv, clips: list[Tensor], training: bool) -> Tensor:
    """K5-P2-K5-P2 clip by clip; batch statistics over the real columns of all clips."""
    rows = [padded(clip).T for clip in clips]
    for conv, norm in zip(model.convs, model.norms, strict=True):
        rows = [F.conv1d(row[None], conv.weight, conv.bias)[0] for row in rows]
        everything = torch.cat(rows, dim=1)
        mean, variance = norm.running_mean, norm.running_var
        if training:
            mean, variance = everything.mean(dim=1), everything.var(dim=1, unbiased=False)
        scale = norm.weight / (variance + norm.eps).sqrt()
        rows = [((row.T - mean) * scale + norm.bias).clamp(min=0).T for row in rows]
        rows = [row.unfold(1, 2, 2).amax(dim=-1) for row in rows]
    return torch.cat([row.T for row in rows])


@pytest.mark.parametrize("training", [True, False])
def test_convolutions_against_clip_by_clip(training: bool) -> None:
    lengths = [13, 4, 1, 30]
    model = TemporalConv(WIDTH, head()).double().train(training)
    for norm in model.norms:
        nn.init.uniform_(norm.weight)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(sum(lengths), WIDTH, dtype=torch.double, requires_grad=True)
    expected = by_clip(model, list(x.split(lengths)), training)
    out, _ = model(x, torch.tensor(lengths))
    torch.testing.assert_close(out, expected)
    slope = torch.randn(8, dtype=torch.double)
    wanted = [x, *model.parameters()]
    for got, right in zip(
        torch.autograd.grad((out**2 @ slope).sum(), wanted),
        torch.autograd.grad((expected**2 @ slope).sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(got, right)


def test_running_statistics_are_of_real_steps_only() -> None:
    lengths = [5, 9]
    model = TemporalConv(WIDTH, head()).double().train()
    x = torch.randn(sum(lengths), WIDTH, dtype=torch.double)
    model(x, torch.tensor(lengths))
    conv, norm = model.convs[0], model.norms[0]
    columns = torch.cat([F.conv1d(padded(clip).T[None], conv.weight, conv.bias)[0] for clip in x.split(lengths)], dim=1)
    assert columns.shape[1] == (8 + 8) + (12 + 8)
    torch.testing.assert_close(norm.running_mean, 0.1 * columns.mean(dim=1))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * columns.var(dim=1))


def test_lstm_is_that_of_each_clip_alone_in_values_and_gradients() -> None:
    model = SequenceModel(8, head()).double()
    steps = [3, 7, 1]
    x = torch.randn(sum(steps), 8, dtype=torch.double, requires_grad=True)
    out = model(x, torch.tensor(steps))
    expected = torch.cat([model.lstm(clip[:, None])[0][:, 0] for clip in x.split(steps)])
    torch.testing.assert_close(out, expected)
    wanted = [x, *model.parameters()]
    for got, right in zip(
        torch.autograd.grad((out**2).sum(), wanted), torch.autograd.grad((expected**2).sum(), wanted), strict=True
    ):
        torch.testing.assert_close(got, right)


def test_classifier_normalises_each_gloss() -> None:
    model, x = NormalizedClassifier(8, 5), torch.randn(3, 8)
    columns = [x @ (model.weight[:, gloss] / model.weight[:, gloss].norm()) for gloss in range(5)]
    torch.testing.assert_close(model(x), torch.stack(columns, dim=1))


@pytest.mark.parametrize("text", ["", "K5,", "K0", "P", "5", "K5 P2", "X3", "K-1", "K5,,P2", "K1٣"])
def test_patterns_that_cannot_be_read(text: str) -> None:
    with pytest.raises(SlaError, match=r"head\.pattern") as caught:
        parse_pattern(text)
    assert "K5,P2" in caught.value.hint


@pytest.mark.parametrize("text", ["P101", "K5,P10,K5,P11", "K9999,K5"])
def test_patterns_with_which_small_clips_would_be_much_work(text: str) -> None:
    with pytest.raises(SlaError, match=r"head\.pattern .* more than 100"):
        parse_pattern(text)
    assert parse_pattern("P10,P10")


def test_a_single_channel_is_enough() -> None:
    assert SequenceModel(1, HeadConfig(channels=1, lstm_layers=1)).width == 2
