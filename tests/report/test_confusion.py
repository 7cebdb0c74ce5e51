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
    counts = pooled(clips)
    for number, (gloss, row) in enumerate(zip(fault.glosses, fault.rows, strict=True)):
        signed = [pair for clip in clips for pair in clip.pairs if (pair.reference or "").lower() == gloss.lower()]
        assert sum(row) == len(signed)
        assert row[number] == sum(pair.op == "C" for pair in signed)
        assert len(row) == len(fault.glosses) + 2
    assert sum(row[-1] for row in fault.rows) == counts.deletions
    assert sum(fault.insertions) == counts.insertions


def test_systems_share_the_glosses_of_their_matrices() -> None:
    first, second = error_tables([[score_clip("", ["x"], ["y"])], [score_clip("", ["x"], ["x"])]])
    assert first.glosses == second.glosses == ("x", "y")
    assert second.confusions == second.worst == ()
