"""Python's garbage collector, which work that makes many objects without circular references does not need."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Switch off Python's search for circular references meanwhile, if it is on.

    The garbage collector visits all objects each time their number has grown by a quarter, which is two fifths of the
    time that scoring a large corpus takes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
