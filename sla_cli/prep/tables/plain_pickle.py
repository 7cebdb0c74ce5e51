"""Pickles that hold plain data and nothing else: unpickling runs what a file names, so ours may name nothing.

https://docs.python.org/3/library/pickle.html#restricting-globals
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from sla_cli.errors import FormatError, SlaError


def load_plain(data: bytes, name: str) -> Any:
    """The lists, dicts, tuples, sets, strings and numbers of a pickle.

    Args:
        name: of the file, for messages.

    Raises:
        SlaError: the pickle names a class or function (none is looked up or called), or is damaged.
    """

    class Plain(pickle.Unpickler):
        def find_class(self, module: str, called: str) -> Any:
            """Called for every function or class that the pickle names, before anything is done with it."""
            raise SlaError(
                f"{name} is refused: a pickle of plain data does not call {module}.{called}",
                "It could run any program. Get the file from the corpus's own source.",
            )

    try:
        return Plain(io.BytesIO(data)).load()
    except SlaError:
        raise
    except Exception as error:  # damaged pickles raise nearly any: UnpicklingError, EOFError, ValueError
        reason = error or type(error).__name__
        raise FormatError(f"{name} is not a whole pickle: {reason}", "Is it complete?") from error
