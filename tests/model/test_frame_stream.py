"""A clip whose frames come in parts gives the features of the whole clip, and no memory grows with it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import FORMS, tiny
from torch import Tensor

from sla_cli.config.settings import Config
from sla_cli.model.backbone import Backbone

CHUNK = 4
VITS: dict[str, dict[str, Any]] = {
    "vit": {"model__backbone_args": {"embed_dim": 32, "depth": 3, "num_heads": 2, "patch_size": 16, "num_classes": 24}},
    "eva": {
        "model__backbone": "eva02_base_patch16_clip_224",  # its blocks take rotary positions
        "model__backbone_args": {"embed_dim": 48, "depth": 3, "num_heads": 2},
    },
    "dinov3": {  # takes pictures of any size, if timm is not told otherwise
        "model__backbone": "vit_small_patch16_dinov3",
        "model__backbone_args": {"embed_dim": 32, "depth": 3, "num_heads": 2},
    },
}
VARIANTS: dict[str, dict[str, Any]] = {
    "frozen": {"model__variant": "frozen"},
    "adapter": {"model__variant": "adapter", "adapter__place": "both", "adapter__kernel": 5},
    "lora": {"model__variant": "lora", "lora__targets": "q,v,proj,mlp"},
    "residual": {"model__variant": "lora", "lora__shift": "residual"},
    "kv": {"model__variant": "lora", "lora__shift": "kv"},
    "lvm-stem": FORMS["lvm-stem"],
    "last": {"model__variant": "adapter", "model__layers": "last:1"},
}


def trained(config: Config) -> Backbone:
    """With added modules that add something."""
    torch.manual_seed(1)
    backbone = Backbone(config.model)
    backbone.adapt(config)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn_like(parameter) / 3)
    return backbone.eval()


@cache
def made_once(variant: str, vit: str) -> Backbone:
    return trained(tiny(**VARIANTS[variant], **VITS[vit]))


def streamed(backbone: Backbone, pixels: Tensor, sizes: list[int]) -> Tensor:
    parts, start = [], 0
    with torch.inference_mode():
        push = backbone.streaming(CHUNK)
        for size in sizes:
            parts.append(push(pixels[start : start + size], False))
            start += size
        parts.append(push(pixels[start:], True))
    return torch.cat(parts)


@pytest.mark.parametrize("vit", VITS)
@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=10, deadline=None)
@given(frames=st.integers(1, 3 * CHUNK + 2), sizes=st.lists(st.integers(1, 2 * CHUNK), max_size=5))
def test_features_are_those_of_the_whole_clip(variant: str, vit: str, frames: int, sizes: list[int]) -> None:
    backbone = made_once(variant, vit)
    pixels = torch.randn(frames, 3, 32, 32)
    with torch.inference_mode():
        whole = backbone(pixels, torch.tensor([frames]), CHUNK)
    torch.testing.assert_close(streamed(backbone, pixels, sizes), whole, rtol=1e-5, atol=1e-5)


def test_batches_are_as_before_while_a_clip_is_in_progress() -> None:
    backbone, lengths = trained(tiny(**VARIANTS["adapter"])), torch.tensor([5, 1, 4])
    pixels = torch.randn(10, 3, 32, 32)
    with torch.inference_mode():
        before = backbone(pixels, lengths)
        backbone.streaming(CHUNK)(pixels, False)
        torch.testing.assert_close(backbone(pixels, lengths), before, rtol=0, atol=0)


def test_several_clips_may_be_in_progress() -> None:
    backbone = trained(tiny(**VARIANTS["adapter"]))
    clips = [torch.randn(12, 3, 32, 32) for _ in range(2)]
    with torch.inference_mode():
        pushes = [backbone.streaming(CHUNK) for _ in clips]
        parts = [[push(clip[:5], False) for push, clip in zip(pushes, clips, strict=True)]]
        parts += [[push(clip[5:], True) for push, clip in zip(pushes, clips, strict=True)]]
        for clip, found in zip(clips, zip(*parts, strict=True), strict=True):
            whole = backbone(clip, torch.tensor([12]), CHUNK)
            torch.testing.assert_close(torch.cat(found), whole, rtol=1e-5, atol=1e-5)


def test_a_block_holds_no_more_than_a_chunk_and_its_neighbours() -> None:
    backbone = trained(tiny(**VARIANTS["adapter"]))
    push = backbone.streaming(CHUNK)
    with torch.inference_mode():
        for _ in range(20):
            push(torch.randn(CHUNK, 3, 32, 32), False)
            for block, stream in zip(backbone.vit.blocks, push.streams, strict=True):
                assert stream.buffer.end - stream.buffer.first <= CHUNK + 2 * block.reach
