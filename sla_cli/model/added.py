"""Common to all variants: modules that are trained inside the frozen backbone, and the choice of its blocks."""

from __future__ import annotations

from typing import Any

from torch import nn

from sla_cli.errors import SlaError


class AddedModule(nn.Module):
    """A module that is trained inside the frozen backbone.

    Attributes:
        reach: frames to either side that an output depends on.
    """

    reach: int

    def as_frozen(self) -> nn.Module | None:
        """An equivalent frozen module that is faster; None if there is none."""
        return None


def reads_class_token(vit: Any) -> bool:
    """Whether features use only a ViT's class token, and no other output of its last block."""
    return vit.global_pool == "token" and getattr(vit, "attn_pool", None) is None


def chosen_layers(text: str, depth: int) -> list[int]:
    """Block numbers from `all`, `last:K` or `0,5,11`. Raises SlaError for others than the backbone has."""
    hint = f"layers is all, last:K, or numbers from 0 to {depth - 1}, such as 0,{depth - 1}."
    if text == "all":
        return list(range(depth))
    if text.startswith("last:"):
        count = int(text.removeprefix("last:"))
        numbers = list(range(depth - count, depth)) if 0 < count <= depth else []
    else:
        numbers = sorted({int(part) for part in text.split(",")})
    if not numbers or numbers[-1] >= depth:
        raise SlaError(f"model.layers = {text!r} does not fit a backbone of {depth} blocks", hint)
    return numbers


def merge_added(model: nn.Module) -> int:
    """Replace added modules by equivalent frozen ones, if there are any.

    Returns how many were replaced. The model can no longer be trained or saved.
    """
    found = [
        (parent, name, merged)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, AddedModule) and (merged := child.as_frozen()) is not None
    ]
    for parent, name, merged in found:
        setattr(parent, name, merged)
    return len(found)
