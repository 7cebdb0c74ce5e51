"""What a text stream of the system can hold, and one whose failure costs nothing."""

import codecs
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO


def is_utf8(stream: TextIO | None) -> bool:
    """Whether it holds every character."""
    try:
        return codecs.lookup(getattr(stream, "encoding", None) or "ascii").name == "utf-8"
    except LookupError:
        return False


class Messages(TextIOWrapper):
    """Standard error: what it cannot take, because its disk is full or nobody reads it, is lost. The work goes on."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()
