"""Text within Markdown."""

from __future__ import annotations

import re

# What begins markup, or ends a cell of a table. Within a word, _ is a letter.
MARKUP = re.compile(r"[\\`*<&|~]|\](?=\()|(?<![^\W_])_|_(?![^\W_])")


def unmarked(text: str) -> str:
    """A name or gloss, such as `__ON__` or `<x>`, of which Markdown shows each character."""
    return MARKUP.sub(r"\\\g<0>", text)
