from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.clip_score import pooled, score_clip
from sla_cli.report.confusion import error_tables

GLOSSES = st.lists(st.sampled_from(["a", "A", "b", "c", "d"]), max_size=6)


@given(st.lists(st.tuples(GLOSSES, GLOSSES), min_size=1, max_size=5))
def test_rows_hold_every_step_of_their_gloss(sentences: list[tuple[list[str], list[str]]]) -> None:
    clips = [score_clip(str(number), *pair) for number, pair in enumerate(sentences)]
    ((fault),) = error_tables([clips])
    matrix, counts = fault.matrix, pooled(clips)
    for gloss, row in zip(matrix.glosses, matrix.rows, strict=True):
        printed = sum(word.lower() == gloss.lower() for clip in clips for word in clip.reference)
        assert sum(cell.count for cell in row) == printed
        assert len(row) == len(matrix.glosses) + 2
    assert sum(row[-1].count for row in matrix.rows) == counts.deletions
    assert sum(cell.count for cell in matrix.insertions) == counts.insertions
    assert all(
        cell.right == (place == number) for number, row in enumerate(matrix.rows) for place, cell in enumerate(row)
    )


def test_systems_share_the_glosses_of_their_matrices() -> None:
    first, second = error_tables([[score_clip("", ["x"], ["y"])], [score_clip("", ["x"], ["x"])]])
    assert first.matrix.glosses == second.matrix.glosses == ("x", "y")
    assert second.confusions == second.worst == ()
