"""Pickles that hold plain data and nothing else: unpickling runs what a file names, so ours may name nothing.

https://docs.python.org/3/library/pickle.html#restricting-globals
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from sla_cli.errors import FormatError, SlaError


class _Plain(pickle.Unpickler):
    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(io.BytesIO(data))
        self.name = name

    def find_class(self, module: str, name: str) -> Any:
        """Called for every function or class that the pickle names, before anything is done with it."""
        raise SlaError(
            f"{self.name} is refused: a pickle of plain data does not call {module}.{name}",
            "It could run any program. Get the file from the corpus's own source.",
        )


def load_plain(data: bytes, name: str) -> Any:
    """The lists, dicts, tuples, sets, strings and numbers of a pickle.

    Args:
        name: of the file, for messages.

    Raises:
        SlaError: the pickle names a class or function (none is looked up or called), or is damaged.
    """
    try:
        return _Plain(data, name).load()
    except SlaError:
        raise
    except Exception as error:  # damaged pickles raise nearly any: UnpicklingError, EOFError, ValueError
        raise FormatError(
            f"{name} is not a whole pickle: {error or type(error).__name__}", "Is it complete?"
        ) from error
