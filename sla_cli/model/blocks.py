"""A frozen transformer block with added modules, computed in chunks, with checkpoints, or compiled."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from sla_cli.model.added import AddedModule
from sla_cli.model.class_attention import attend_from_first
from sla_cli.model.clip_borders import ClipBorders, FramePositions
from sla_cli.model.frame_stream import FrameStream
from sla_cli.model.temporal_shift import temporal_shift

# Checkpoints keep the output of attention, which is small but slow to compute again.
_ATEN = torch.ops.aten
KEPT = [
    _ATEN._scaled_dot_product_flash_attention_for_cpu.default,
    _ATEN._scaled_dot_product_flash_attention.default,
    _ATEN._scaled_dot_product_efficient_attention.default,
    _ATEN._scaled_dot_product_cudnn_attention.default,
]
WAYS_TO_COMPILE = 4  # input with or without gradient, each for one frame (PyTorch compiles it separately) or several


class AdaptedBlock(nn.Module):
    """timm's Block or EvaBlock with modules before its attention, before its MLP or after it, and a temporal shift.

    Args:
        before_attention, before_mlp: called with the tokens, to which they add, and with their input. What the module
            before the MLP adds to prefix tokens depends only on prefix tokens, of this frame and of other frames.
        after: called with the output tokens of the block, which are also its input; the same holds for it.
        normed: the input of the modules before attention and MLP passes through the frozen norm of that branch. Some
            channels of a pretrained residual stream are very large, and stall training without the norm.
        share: share of the channels that are shifted in each direction before attention.
        inner_reach: reach of the added modules inside the block.

    Attributes:
        reach: frames to either side that an output depends on.
        read: number of first tokens whose outputs are used and computed; None for all.
        chunk: without gradients, frames that are computed at once; 0 is all.
        checkpointing: with gradients, activations are computed again in the backward pass instead of being stored.
        stream: without gradients, the frames of one clip that come in parts; None if all come at once.
        compiled: with gradients, computes the block in place of `_forward`; None if it is not compiled.
    """

    def __init__(
        self,
        block: Any,
        borders: ClipBorders,
        before_attention: AddedModule | None = None,
        before_mlp: AddedModule | None = None,
        after: AddedModule | None = None,
        *,
        normed: bool = True,
        share: float = 0.0,
        inner_reach: int = 0,
    ) -> None:
        super().__init__()
        self.block, self.borders = block, borders
        self.before_attention, self.before_mlp, self.after = before_attention, before_mlp, after
        self.normed, self.share = normed, share
        adapters = [adapter.reach for adapter in (before_attention, before_mlp, after) if adapter is not None]
        self.reach = sum(adapters) + inner_reach + (share > 0)
        self.trained = any(parameter.requires_grad for parameter in self.parameters())
        self.plain = not adapters and not share
        self.chunk, self.checkpointing = 0, False
        self.read: int | None = None
        self.stream: FrameStream[Tensor] | None = None
        self.compiled: Callable[..., Tensor] | None = None

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """x: (frames, tokens, width) → (frames, `read` tokens, width); rotary positions go to attention."""
        if torch.is_grad_enabled():
            if self.checkpointing and (self.trained or x.requires_grad):
                return self._checkpointed(x, *args, **kwargs)
            return (self.compiled or self._forward)(x, *args, **kwargs)
        if self.stream is not None:
            return self._streamed(self.stream, x, *args, **kwargs)
        if 0 < self.chunk < len(x):
            return torch.cat([self._part(start, x, *args, **kwargs) for start in range(0, len(x), self.chunk)])
        return self._forward(x, *args, **kwargs)

    def _forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """timm's own forward, with the added modules."""
        block = self.block
        if self.plain and self.read is None:
            return block(x, *args, **kwargs)
        if self.before_attention is not None:
            x = self.before_attention(x, block.norm1(x) if self.normed else x)
        tokens = temporal_shift(block.norm1(x), self.borders, self.share)
        attended = attend_from_first(block.attn, tokens, self.read, *args, **kwargs)
        x = x[:, : self.read] + block.drop_path1(_scaled(block, 1, attended))
        if self.before_mlp is not None:
            x = self.before_mlp(x, block.norm2(x) if self.normed else x)
        x = x + block.drop_path2(_scaled(block, 2, block.mlp(block.norm2(x))))
        return x if self.after is None else self.after(x, x)

    def _part(self, start: int, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The chunk of frames from `start`, computed together with the neighbours within reach."""
        stop = min(start + self.chunk, len(x))
        first, last = max(0, start - self.reach), min(len(x), stop + self.reach)
        with self.borders.using(self.borders.positions.window(first, last)):
            return self._forward(x[first:last], *args, **kwargs)[start - first : stop - first]

    def _streamed(self, stream: FrameStream[Tensor], x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The outputs that can be computed after these next frames, possibly none: those of `_part`, chunk by chunk."""
        stream.buffer.add(x)
        parts = [x[:0, : self.read]]
        for window in stream.ready():
            index = torch.arange(window.first, window.first + len(window.frames), device=x.device)
            length = torch.full_like(index, window.length)
            with self.borders.using(FramePositions(index, length, ((0, len(index)),))):
                parts.append(self._forward(window.frames, *args, **kwargs)[window.wanted])
        return torch.cat(parts)

    def _checkpointed(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        positions = self.borders.positions  # before the backward pass, another batch may set another one
        if self.compiled is None:
            kwargs["context_fn"] = partial(create_selective_checkpoint_contexts, KEPT)
        return checkpoint(self._with_positions, positions, x, *args, use_reentrant=False, **kwargs)

    def _with_positions(self, positions: FramePositions, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with self.borders.using(positions):
            return (self.compiled or self._forward)(x, *args, **kwargs)


def compile_blocks(blocks: Collection[AdaptedBlock], **options: Any) -> None:
    """Compile the computation of each block for any number of frames and clips; checkpoints call the compiled function.

    The compiler treats all blocks as one function, and by default compiles a function at most 8 times.

    Args:
        options: of `torch.compile`.
    """
    config = torch._dynamo.config
    config.cache_size_limit = max(config.cache_size_limit, WAYS_TO_COMPILE * len(blocks))
    for block in blocks:
        block.compiled = torch.compile(block._forward, dynamic=True, **options)


def _scaled(block: Any, half: int, x: Tensor) -> Tensor:
    """The output of a branch times its layer scale, which timm's two kinds of blocks store differently."""
    if hasattr(block, f"ls{half}"):
        return getattr(block, f"ls{half}")(x)
    gamma = getattr(block, f"gamma_{half}")
    return x if gamma is None else gamma * x
