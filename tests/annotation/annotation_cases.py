"""Annotations for the tests of this folder."""

from __future__ import annotations

from hypothesis import strategies as st

from sla_cli.core.annotation import Annotation, Sentence, Sign, split_at_pauses

HOSTILE = [
    "<PAD>", "A&B", "-->", "a-->b", '"', 'A"B', "'", "]]>", "<i>x</i>", "NOTE", "WEBVTT", "1", "00:00:01.000", "{b1}",
    "a,b", ";;", "&amp;", "<!--", "HOUSE1A^", "$INDEX1", "#F", "?", "人", "انا", "ü", "u\u0308", "\U0001f44b", "\\N",
    "=x", "\ufeff", "\u200f", "&lt;b&gt;", "&#38;", "{\\an8}",
]  # fmt: skip
glosses = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=6).filter(
        lambda text: text.split() == [text] and not any(char in "\ufffe\uffff" for char in text)
    ),
)


@st.composite
def annotations(draw: st.DrawFn, shortest: float = 0.002, words: st.SearchStrategy[str] = glosses) -> Annotation:
    """Signs of at least `shortest` seconds, a recording that may begin late and be hours long."""
    at = draw(st.sampled_from([0.0, 0.0, 59.9996, 3599.5, 360_000.0]))
    signs = []
    for gap, length in draw(st.lists(st.tuples(st.floats(0, 3), st.floats(shortest, 2)), max_size=8)):
        start = at + gap
        at = start + length
        signs.append(Sign(draw(words), start, at, draw(st.floats(0, 1))))
    return Annotation("clip", None, at + draw(st.floats(0, 2)), split_at_pauses(signs, 0.5), {"run": "a --> b & c"})


SIGNS = (
    Sign("HEUTE", 0.12, 0.5, 0.98),
    Sign("<A&B>", 0.5, 0.9, 0.5),
    Sign('"REGEN"', 2.0, 3.0004, 0.70004),
)
EXAMPLE = Annotation(
    "clip", None, 4.2, (Sentence(SIGNS[:2]), Sentence(SIGNS[2:])), {"run": "runs/a", "weights": "best"}
)
