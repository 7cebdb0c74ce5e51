"""The checker of the rules sees what is against them."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotation_cases import EXAMPLE
from eaf_rules import broken_rules

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import Layout


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('TIME_VALUE="500"', 'TIME_VALUE="100"', "time slots out of order"),
        ('TIME_VALUE="500"', 'TIME_VALUE="1.5"', "time '1.5'"),
        ('TIME_SLOT_ID="ts2"', 'TIME_SLOT_ID="ts1"', "id ts1 comes 2 times"),
        ('ANNOTATION_ID="a2"', 'ANNOTATION_ID="ts1"', "id ts1 comes 2 times"),
        ('ANNOTATION_ID="a2"', 'ANNOTATION_ID="2"', "id '2'"),
        ('TIME_SLOT_REF2="ts5"', 'TIME_SLOT_REF2="ts99"', "tier SIGN: a2 at an unknown time slot"),
        ('TIME_SLOT_REF2="ts3"', 'TIME_SLOT_REF2="ts5"', "tier SIGN: annotations overlap"),
        ('TIME_SLOT_REF2="ts3"', 'TIME_SLOT_REF2="ts1"', "tier SIGN: 120 to 120"),
        ('ANNOTATION_REF="a1"', 'ANNOTATION_REF="a7"', "tier SIGN-confidence: refers to a7"),
        ('ANNOTATION_REF="a1"', 'ANNOTATION_REF="a2"', "tier SIGN-confidence: two annotations of one"),
        ('PARENT_REF="SIGN"', 'PARENT_REF="GLOSS"', "tier SIGN-confidence: no parent GLOSS"),
        (' PARENT_REF="SIGN"', "", "tier SIGN-confidence: parent None"),
        ('LINGUISTIC_TYPE_REF="sla-gloss"', 'LINGUISTIC_TYPE_REF="x"', "tier SIGN: undeclared type"),
        ('STEREOTYPE="Symbolic_Association"', 'STEREOTYPE="x"', "undeclared constraint"),
        (">8</PROPERTY>", ">7</PROPERTY>", "last used annotation"),
        ("<TIME_ORDER>", '<CONSTRAINT STEREOTYPE="x" /><TIME_ORDER>', "children of ANNOTATION_DOCUMENT out of order"),
        ("<TIER ", '<TIER COLOUR="red" ', "TIER with COLOUR"),
        ('MEDIA_FILE=""', 'MEDIA_FILE="" LENGTH="3"', "HEADER with LENGTH"),
        (' TIER_ID="SIGN"', "", "TIER without TIER_ID"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, old: str, new: str, rule: str) -> None:
    text = annotation_text("eaf", EXAMPLE, Layout(sentences=True, confidence=True), tmp_path)
    assert old in text
    path = tmp_path / "a.eaf"
    path.write_text(text, encoding="utf-8")
    assert broken_rules(path) == []
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert rule in "\n".join(broken_rules(path))
