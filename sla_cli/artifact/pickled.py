"""What a pickle asks for, before it is loaded."""

from __future__ import annotations

import pickletools
from typing import BinaryIO

# Tuples within one tuple, each counted as often as it is reached. To find a key in a dict or set, CPython hashes all of
# them, by recursion without a bound: 200,000 levels end the process. Real files have a dozen.
MOST = 10_000
MARK = -1
UNHASHED = (pickletools.pylist, pickletools.pydict, pickletools.pyset)


def check_pickle(file: BinaryIO, size: int) -> None:
    """Read one pickle of a file, without making what it describes.

    Args:
        size: bytes of the file.

    Raises:
        ValueError: it is damaged; or it makes Python reserve far more memory than its own size, or nest so many tuples
            that Python ends. Lengths beyond the end of the file are refused by `genops`.
    """
    nested = _Nested(size)
    try:
        for opcode, argument, _ in pickletools.genops(file):
            nested.follow(opcode, argument)
    except (LookupError, MemoryError, OverflowError) as error:  # it takes what is not there, or states such a length
        raise ValueError("the pickle is damaged") from error


class _Nested:
    """For each object on the stack of a pickle and in its memo, how many tuples are in it, or that it is a mark."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.stack: list[int] = []
        self.memo: dict[int, int] = {}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        """Do to the numbers what an opcode does to the objects."""
        if "PUT" in opcode.name or opcode.name == "MEMOIZE":
            number = argument if isinstance(argument, int) else len(self.memo)
            # The number is none of objects: CPython reserves memory for all lower numbers.
            if number > self.size:
                raise ValueError(f"an object is remembered under number {number}, but it has {self.size} bytes only")
            self.memo[number] = self.stack[-1]
        elif isinstance(argument, int) and "GET" in opcode.name:
            self.stack.append(self.memo[argument])
        elif opcode.name == "DUP":
            self.stack.append(self.stack[-1])
        elif opcode.name == "MARK":
            self.stack.append(MARK)
        else:
            self._replace(opcode)

    def _replace(self, opcode: pickletools.OpcodeInfo) -> None:
        taken, kinds = list[int](), opcode.stack_before
        if pickletools.markobject in kinds:
            while (top := self.stack.pop()) != MARK:
                taken.append(top)
            kinds = kinds[: kinds.index(pickletools.markobject)]
        taken += [self.stack.pop() for _ in kinds]
        if MARK in taken and opcode.name != "POP":
            raise LookupError("a mark is no object")
        for kind in opcode.stack_after:
            count = 0 if kind in UNHASHED or not taken else 1 + sum(taken)
            if count > MOST:
                raise ValueError(f"the pickle nests more than {MOST} tuples")
            self.stack.append(count)
