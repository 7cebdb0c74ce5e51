"""Keys and values of neighbouring frames, against a plain computation of attention on timm's modules."""

from __future__ import annotations

import copy

import pytest
import torch
from timm.layers import Attention
from timm.models.eva import EvaAttention
from torch import Tensor, nn

from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_shift import ShiftedHeads, shift_keys_and_values

WIDTH, HEADS, LENGTHS = 24, 3, [4, 1, 3]
KINDS = {
    "fused": lambda: Attention(WIDTH, HEADS, qkv_bias=True),
    "normed keys": lambda: Attention(WIDTH, HEADS, qkv_bias=True, qk_norm=True, norm_layer=nn.LayerNorm),
    "apart": lambda: EvaAttention(WIDTH, HEADS, qkv_fused=False, scale_norm=False),
}


def borders() -> ClipBorders:
    made = ClipBorders()
    made.set(torch.tensor(LENGTHS), torch.device("cpu"))
    return made


def shifted_by_loop(x: Tensor, size: int) -> Tensor:
    """(frames, heads, tokens, channels): of each head `size` channels from the frame before, as many from the next."""
    out, start = x.clone(), 0
    out[..., : 2 * size] = 0
    for length in LENGTHS:
        for frame in range(start, start + length):
            if frame > start:
                out[frame, ..., :size] = x[frame - 1, ..., :size]
            if frame < start + length - 1:
                out[frame, ..., size : 2 * size] = x[frame + 1, ..., size : 2 * size]
        start += length
    return out


def by_hand(attention: nn.Module, x: Tensor, size: int) -> Tensor:
    if attention.qkv is not None:
        q, k, v = attention.qkv(x).chunk(3, dim=-1)
    else:
        q, k, v = attention.q_proj(x), attention.k_proj(x), attention.v_proj(x)
    q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (q, k, v))
    q, k = attention.q_norm(q), attention.k_norm(shifted_by_loop(k, size))
    weights = (q @ k.transpose(-2, -1) * (WIDTH / HEADS) ** -0.5).softmax(-1)
    return attention.proj((weights @ shifted_by_loop(v, size)).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("share", [0.125, 0.25, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_attention_reads_keys_and_values_of_neighbours(kind: str, share: float) -> None:
    plain = KINDS[kind]().double().eval()
    ours, x = copy.deepcopy(plain), torch.randn(sum(LENGTHS), 5, WIDTH, dtype=torch.double)
    shift_keys_and_values(ours, borders(), share)
    torch.testing.assert_close(ours(x), by_hand(plain, x, int(WIDTH / HEADS * share)))
    assert not torch.allclose(ours(x), plain(x), atol=1e-3)


def test_a_share_too_small_for_a_channel_is_no_shift() -> None:
    projection = nn.Linear(WIDTH, 3 * WIDTH)
    x = torch.randn(sum(LENGTHS), 5, WIDTH)
    ours = ShiftedHeads(projection, (False, True, True), WIDTH // HEADS, borders(), 0.1)
    assert torch.equal(ours(x), projection(x))
