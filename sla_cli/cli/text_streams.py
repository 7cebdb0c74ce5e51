"""What a text stream of the system can hold."""

import codecs
from typing import TextIO


def is_utf8(stream: TextIO | None) -> bool:
    """Whether it holds every character."""
    try:
        return codecs.lookup(getattr(stream, "encoding", None) or "ascii").name == "utf-8"
    except LookupError:
        return False
