"""What a pickle asks for, before it is loaded."""

from __future__ import annotations

import pickletools


def check_pickle(data: bytes) -> None:
    """Raise ValueError for a pickle that is damaged, or that makes Python reserve far more memory than its own size.

    Lengths beyond the end of the pickle are refused by `genops`. The number under which an object is remembered is
    none: CPython reserves memory for all lower numbers.
    """
    for opcode, argument, _ in pickletools.genops(data):
        if "PUT" in opcode.name and isinstance(argument, int) and argument > len(data):
            raise ValueError(f"an object is remembered under number {argument}, but it has {len(data)} bytes only")
