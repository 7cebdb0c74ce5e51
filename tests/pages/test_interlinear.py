from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.clip_score import score_clip
from sla_cli.pages.interlinear import blocks
from sla_cli.pages.template import direction

GLOSSES = st.lists(st.sampled_from("ABC"), max_size=6).map(tuple)


@given(GLOSSES, st.lists(GLOSSES, min_size=1, max_size=4))
def test_columns_keep_reference_and_every_systems_answer(
    reference: tuple[str, ...], heard: list[tuple[str, ...]]
) -> None:
    scores = [score_clip("clip", reference, answer) for answer in heard]
    (block,) = blocks(scores)
    assert tuple(column.reference for column in block.columns if column.reference is not None) == reference
    for number, score in enumerate(scores):
        steps = [column.steps[number] for column in block.columns]
        assert tuple(step for step in steps if step is not None) == score.pairs
    for column in block.columns:
        assert {step.reference for step in column.steps if step is not None} == {column.reference}


def test_insertions_of_systems_share_columns() -> None:
    (block,) = blocks([score_clip("", "A", "XA"), score_clip("", "A", "YA")])
    assert [column.reference for column in block.columns] == [None, "A"]


def test_systems_with_other_references_stand_apart() -> None:
    found = blocks([score_clip("", "AB", "A"), score_clip("", "A", "A"), score_clip("", "AB", "B")])
    assert [block.systems for block in found] == [(0, 2), (1,)]


def test_direction_is_that_of_most_letters() -> None:
    assert direction(["شمس", "قمر", "SMS"]) == "rtl"
    assert direction(["REGEN", "شمس"]) == direction(["天气", "12"]) == direction([]) == "ltr"
