"""Which blocks of the backbone a variant adapts."""

from __future__ import annotations

from sla_cli.errors import SlaError


def chosen_layers(text: str, depth: int) -> list[int]:
    """Block numbers out of `all`, `last:K` or `0,5,11`. Raises SlaError."""
    hint = f"layers is all, last:K, or numbers from 0 to {depth - 1} as in 0,{depth - 1}."
    if text == "all":
        return list(range(depth))
    try:
        if text.startswith("last:"):
            count = int(text.removeprefix("last:"))
            numbers = list(range(depth - count, depth)) if 0 < count <= depth else []
        else:
            numbers = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise SlaError(f"model.layers = {text!r} cannot be read", hint) from error
    if not numbers or numbers[0] < 0 or numbers[-1] >= depth:
        raise SlaError(f"model.layers = {text!r} does not fit a backbone of {depth} blocks", hint)
    return numbers
