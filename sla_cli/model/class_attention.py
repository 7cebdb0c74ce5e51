"""Attention with queries of the first tokens only, if no other output is used; keys and values are of all tokens."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

PARTS = {"qkv", "q_norm", "k_norm", "attn_drop", "proj", "proj_drop"}  # the modules of attention that are used here


def attend_from_first(attention: Any, tokens: Tensor, count: int | None, *args: Any, **kwargs: Any) -> Tensor:
    """The output of timm's attention for the first `count` tokens; None means all.

    In timm's plain attention, queries, the product with keys and values, and the projection are computed for these
    tokens only. For other kinds (rotary positions, gates) all outputs are computed and the first are used.

    Args:
        attention: timm's module; its linear layers may be replaced by equivalent ones that process each token alone.
        tokens: (frames, tokens, width).

    Returns:
        (frames, count, width).
    """
    if count is None or args or kwargs or not _is_plain(attention):
        return attention(tokens, *args, **kwargs)[:, :count]
    first = tokens[:, :count]
    q, k, v = (_by_head(part, attention.num_heads) for part in _project(attention.qkv, tokens, first))
    x = F.scaled_dot_product_attention(attention.q_norm(q), attention.k_norm(k), v)
    return attention.proj_drop(attention.proj(x.transpose(1, 2).flatten(2)))


def _is_plain(attention: nn.Module) -> bool:
    parts = {name for name, part in attention.named_children() if not isinstance(part, nn.Identity)}
    return type(attention).__name__ == "Attention" and parts <= PARTS


def _project(qkv: nn.Module, tokens: Tensor, first: Tensor) -> tuple[Tensor, ...]:
    """Queries of the first tokens, keys and values of all."""
    if type(qkv) is not nn.Linear:  # more than a product with a weight, from which the queries cannot be separated
        q, k, v = qkv(tokens).chunk(3, dim=-1)
        return q[:, : first.shape[1]], k, v
    width = qkv.out_features // 3
    to_q, to_kv = qkv.weight.split((width, 2 * width))
    bias_q, bias_kv = (None, None) if qkv.bias is None else qkv.bias.split((width, 2 * width))
    return F.linear(first, to_q, bias_q), *F.linear(tokens, to_kv, bias_kv).chunk(2, dim=-1)


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(frames, tokens, width) → (frames, heads, tokens, channels)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)
