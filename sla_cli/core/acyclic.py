"""Work that makes many objects, of which none refer to each other in a circle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def acyclic() -> Iterator[None]:
    """Do not look for circles among the objects meanwhile, if Python does now.

    It looks through all of them whenever there are a quarter more, which takes two fifths of the time that a large
    corpus takes to score.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
