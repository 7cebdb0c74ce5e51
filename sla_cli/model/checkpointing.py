"""Determines how many blocks of the backbone compute their activations again in the backward pass."""

from __future__ import annotations

import math

from sla_cli.errors import SlaError

SHARE_OF_MEMORY = 0.6  # share of the free memory that activations may use; gradients need some too


def count_by_setting(setting: str, blocks: int) -> int | None:
    """The number of blocks: `on` is all of them, `off` none, a number at most all; None for `auto`. Raises SlaError."""
    if setting in ("auto", "on", "off"):
        return {"auto": None, "on": blocks, "off": 0}[setting]
    if not setting.isdecimal() or len(setting) > 4:
        raise SlaError(
            f"model.checkpointing = {setting!r} cannot be read",
            "It is auto, on, off, or a number of blocks, such as 6.",
        )
    return min(int(setting), blocks)


def fits(need: int, free: int) -> bool:
    """Whether this number of bytes of activations fits in the free memory."""
    return need <= SHARE_OF_MEMORY * free


def count_by_memory(blocks: int, need: int, saved: int, free: int) -> int:
    """The smallest number of blocks that is enough; all blocks if even this is not enough.

    Args:
        blocks: number of blocks whose activations autograd keeps.
        need: bytes that autograd keeps without checkpoints.
        saved: bytes that one checkpointed block saves.
        free: free bytes.
    """
    if fits(need, free):
        return 0
    return min(blocks, math.ceil((need - SHARE_OF_MEMORY * free) / max(1, saved)))
