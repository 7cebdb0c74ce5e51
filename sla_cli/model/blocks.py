"""A frozen transformer block with added modules; computed in chunks, with checkpoints, or compiled."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from sla_cli.model.added import AddedModule
from sla_cli.model.class_attention import attend_from_first
from sla_cli.model.clip_borders import ClipBorders, Layout, temporal_shift
from sla_cli.model.frame_stream import FrameStream

# Kept by checkpoints: the output of attention, which is small and slow to compute again.
_ATEN = torch.ops.aten
KEPT = [
    _ATEN._scaled_dot_product_flash_attention_for_cpu.default,
    _ATEN._scaled_dot_product_flash_attention.default,
    _ATEN._scaled_dot_product_efficient_attention.default,
    _ATEN._scaled_dot_product_cudnn_attention.default,
]
WAYS_TO_COMPILE = 4  # its input has a gradient or not, and one frame, which PyTorch always compiles apart, or several


class AdaptedBlock(nn.Module):
    """timm's Block or EvaBlock with modules before its attention and its MLP or after it, and frames shifted in it.

    Args:
        before_attention, before_mlp: called with the tokens, which they add to, and with what they read. What the one
            before the MLP gives the prefix tokens depends on these alone, in this frame and in others.
        after: called with the tokens that the block gives, which it reads and adds to; the same holds for it.
        normed: those before read the tokens through the frozen norm that follows. Some channels of a pretrained
            residual stream are huge, and without the norm they stall training.
        share: of the channels, shifted in each direction before attention.
        inner_reach: of the added modules inside of the block.

    Attributes:
        reach: frames to either side that an output depends on.
        read: outputs that are read and computed: of the first so many tokens; None is of all.
        chunk: without gradients, frames that are computed at once; 0 is all.
        checkpointing: with gradients, activations are computed again in the backward pass instead of kept.
        stream: without gradients, frames of one clip that come in parts; None where all come at once.
        compiled: with gradients, computes the block in place of `_forward`; None where it is not compiled.
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
        self.stream: FrameStream | None = None
        self.compiled: Callable[..., Tensor] | None = None

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """x: (frames, tokens, width) → (frames, tokens read, width); timm's rotary positions go to attention."""
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
        """The chunk of frames from `start`, computed with the neighbours within reach."""
        stop = min(start + self.chunk, len(x))
        first, last = max(0, start - self.reach), min(len(x), stop + self.reach)
        with self.borders.holding(self.borders.layout.window(first, last)):
            return self._forward(x[first:last], *args, **kwargs)[start - first : stop - first]

    def _streamed(self, stream: FrameStream, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The outputs that these next frames make possible, maybe none: those of `_part`, chunk by chunk."""
        stream.held.add(x)
        parts = [x[:0, : self.read]]
        for window in stream.ready():
            with self.borders.holding(window.layout):
                parts.append(self._forward(window.frames, *args, **kwargs)[window.wanted])
        return torch.cat(parts)

    def _checkpointed(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        layout = self.borders.layout  # by the backward pass, another batch may have set it
        if self.compiled is None:
            kwargs["context_fn"] = partial(create_selective_checkpoint_contexts, KEPT)
        return checkpoint(self._with_layout, layout, x, *args, use_reentrant=False, **kwargs)

    def _with_layout(self, layout: Layout, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with self.borders.holding(layout):
            return (self.compiled or self._forward)(x, *args, **kwargs)


def compile_blocks(blocks: Collection[AdaptedBlock], **options: Any) -> None:
    """Compile the arithmetic of each block, for any number of frames and clips; checkpoints stay outside and use it.

    To the compiler all blocks are one function, and by default it compiles one at most 8 times.

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
