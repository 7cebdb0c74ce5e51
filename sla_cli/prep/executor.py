"""Where prep's work is done: in this process, in local ones, or on a Dask cluster.

An executor runs one function over many items and answers in the order in which they are done. A process that dies
costs the item in its hands, which is tried once more; an item that kills twice is answered with `WorkerDied`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class WorkerDied:
    """The answer for an item whose process died again and again."""

    reason: str


Answers: TypeAlias = Generator[tuple[Item, Result | WorkerDied], None, None]


class Executor(Protocol):
    """Raises what the function raises; work that is under way is then finished or given up, never half kept."""

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]: ...

    def close(self) -> None: ...
