"""Floating-point operations of a training step of the backbone, by arithmetic: what benchmarks/train_step.py counts.

A multiplication and an addition are two. The backbone is CLIP's ViT, whose features are the class token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Vit:
    """depth: blocks; width, patch: of a token and the side of what it shows; patches: tokens beside the class token."""

    depth: int
    width: int
    patch: int
    patches: int
    features: int

    def forward(self, frames: int, variant: Literal["adapter", "lora"], adapted: int, inner: int) -> int:
        """Forward pass in which the last `adapted` blocks have an adapter or LoRA.

        Args:
            inner: width of an adapter's bottleneck, or the rank of LoRA on queries and values.
        """
        patches = self.patches * self.width * 3 * self.patch**2
        blocks = (self.depth - 1) * self._block() + self._last_block(variant)
        return 2 * frames * (patches + blocks + adapted * self._added(variant, inner) + self.width * self.features)

    def backward(self, frames: int, variant: Literal["adapter", "lora"], adapted: int, inner: int) -> int:
        """Backward pass to what is trained.

        Frozen products give a gradient to what comes in alone, attention 2.5 times its forward pass (queries, keys and
        values, and its scores once more), trained ones to both sides. Nothing needs the gradient of what comes into the
        first adapted block, which its first products are spared.
        """
        blocks = (adapted - 1) * (self._block() + 1.5 * self._scores(1 + self.patches))
        blocks += self._last_block(variant) + 1.5 * self._scores(1)
        added, tokens = 2 * adapted * self._added(variant, inner), 1 + self.patches
        if variant == "adapter":
            spared = tokens * self.width * inner
        else:
            spared = tokens * self.width * (6 * inner + 3 * self.width)
        return round(2 * frames * (blocks + added - spared + self.width * self.features))

    def _block(self) -> int:
        """Products of a frozen block, all its tokens: queries, keys, values, projection, an MLP four times as wide."""
        tokens = 1 + self.patches
        return 12 * tokens * self.width**2 + self._scores(tokens)

    def _last_block(self, variant: Literal["adapter", "lora"]) -> int:
        """Keys and values of all tokens, all else of the class token; LoRA's queries are those of all."""
        dense = 2 * (1 + self.patches) + (1 + self.patches if variant == "lora" else 1) + 9
        return dense * self.width**2 + self._scores(1)

    def _scores(self, queries: int) -> int:
        """Queries times keys, and what that gives times values."""
        return 2 * queries * (1 + self.patches) * self.width

    def _added(self, variant: Literal["adapter", "lora"], inner: int) -> int:
        """An adapter goes down and up; LoRA of queries and values has three lows, of the frames before, after and here,
        whose sum goes up to queries, keys and values."""
        products = 2 * inner if variant == "adapter" else 6 * inner + 2 * inner * 3
        return (1 + self.patches) * self.width * products
