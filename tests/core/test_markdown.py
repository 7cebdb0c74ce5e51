"""Names and glosses in Markdown."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from sla_cli.core.markdown import unmarked

NAMES = ("__ON__", "_x", "*x*", "a_b", "<x>", "&lt;", "[x](y)", "`x`", "a\\*", "~~x~~", "x|y", "31 [28, 34]", "loc-X")


@pytest.mark.parametrize("name", NAMES)
def test_each_character_of_a_name_is_shown(name: str) -> None:
    (block,) = (token for token in MarkdownIt().parse(f"glosses: {unmarked(name)}, B") if token.type == "inline")
    assert {part.type for part in block.children or ()} <= {"text", "text_special"}
    assert "".join(part.content for part in block.children or ()) == f"glosses: {name}, B"


def test_what_is_no_markup_stays() -> None:
    assert unmarked("run_a-1") == "run_a-1" and unmarked("31.2 [28.0, 34.3]") == "31.2 [28.0, 34.3]"
