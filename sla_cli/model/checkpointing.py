"""How many blocks of the backbone compute their activations again in the backward pass."""

from __future__ import annotations

import math

from sla_cli.errors import SlaError

SHARE_OF_MEMORY = 0.6  # of the free memory for activations, before they are computed again; gradients need some too


def count_by_setting(setting: str, blocks: int) -> int | None:
    """`on` is all of so many blocks, `off` none, a number at most so many; None for `auto`. Raises SlaError."""
    if setting in ("auto", "on", "off"):
        return {"auto": None, "on": blocks, "off": 0}[setting]
    if not setting.isdecimal() or len(setting) > 4:
        raise SlaError(
            f"model.checkpointing = {setting!r} cannot be read", "It is auto, on, off, or a number of blocks, as in 6."
        )
    return min(int(setting), blocks)


def fits(need: int, free: int) -> bool:
    """Whether so many bytes of activations may be kept of those that are free."""
    return need <= SHARE_OF_MEMORY * free


def count_by_memory(blocks: int, need: int, saved: int, free: int) -> int:
    """As few blocks as suffice; all where even they do not.

    Args:
        blocks: of which autograd keeps activations.
        need: bytes that autograd keeps without checkpoints.
        saved: bytes that one checkpointed block spares.
        free: bytes.
    """
    if fits(need, free):
        return 0
    return min(blocks, math.ceil((need - SHARE_OF_MEMORY * free) / max(1, saved)))
