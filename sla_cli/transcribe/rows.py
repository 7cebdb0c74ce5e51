"""Rows of a result that arrive in parts, kept once: joining a list of parts would need the memory of two copies."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
GROWTH = 1.25  # of the memory when it is full; the system moves its pages, so nothing is copied


class Rows(Generic[T]):
    """A two-dimensional array that grows.

    Args:
        dtype: of the array.
    """

    def __init__(self, dtype: type[T]) -> None:
        self._dtype, self._count = dtype, 0
        self._array: NDArray[Any] | None = None

    def add(self, part: NDArray[T]) -> None:
        """The next rows, (rows, columns); may be none."""
        if self._array is None:
            self._array = np.empty((0, part.shape[1]), self._dtype)
        end = self._count + len(part)
        if end > len(self._array):
            self._array.resize((round(GROWTH * end), part.shape[1]), refcheck=False)
        self._array[self._count : end] = part
        self._count = end

    def finish(self) -> NDArray[T]:
        """All rows; none can be added after it."""
        assert self._array is not None
        self._array.resize((self._count, self._array.shape[1]), refcheck=False)
        return self._array

    def __len__(self) -> int:
        return self._count
