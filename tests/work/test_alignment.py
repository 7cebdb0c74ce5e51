from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.aligned_clip import AlignedClip, Segment
from sla_cli.errors import FormatError, SlaError
from sla_cli.work.alignment import read_alignment, write_alignment

FACTS = {"corpus": "signs", "split": "train"}
words = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\ufeff"), min_size=1, max_size=6)
segments = st.builds(
    Segment,
    words,
    st.tuples(st.integers(0, 50), st.integers(50, 99)),
    st.floats(0, 1),
    st.floats(-50, 0),
) | st.builds(Segment, words, st.none(), note=words)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alignment") / "train.tsv"


@given(st.lists(st.tuples(words, st.sampled_from([0.0, 25.0]), st.lists(segments, max_size=4)), max_size=4))
def test_every_gloss_of_every_clip_is_read_back(path: Path, drawn: list[tuple[str, float, list[Segment]]]) -> None:
    clips = [AlignedClip(name, fps, 100, tuple(held), "" if held else "none") for name, fps, held in drawn]
    write_alignment(path, clips, FACTS)
    rows = iter(read_alignment(path))
    for clip in clips:
        for number, segment in enumerate(clip.segments, start=1):
            row = next(rows)
            assert (row["clip"], row["number"], row["gloss"]) == (clip.id, str(number), segment.gloss)
            assert row["note"] == segment.note
            if segment.span is None:
                assert not any(row[key] for key in ("start_frame", "end_frame", "start", "end", "confidence", "score"))
                continue
            assert (int(row["start_frame"]), int(row["end_frame"])) == segment.span
            assert (float(row["confidence"]), float(row["score"])) == (segment.confidence, segment.score)
            seconds = [frame / 25 for frame in segment.span] if clip.fps else []
            assert [float(row[key]) for key in ("start", "end") if row[key]] == pytest.approx(seconds)
        if not clip.segments:
            row = next(rows)
            assert (row["clip"], row["number"], row["gloss"], row["note"]) == (clip.id, "0", "", "none")
    assert list(rows) == []


def test_damage_is_refused(path: Path) -> None:
    write_alignment(path, [AlignedClip("a", 25.0, 8, (Segment("A", (0, 4)),))], FACTS)
    text = path.read_text(encoding="utf-8")
    for damaged in (text[:-1], text[:60], text.replace(" 1\n", " 2\n", 1), text + "a\tb\n", "", "a\n"):
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises(FormatError, match=r"train\.tsv"):
            read_alignment(path)


def test_what_a_line_cannot_hold_is_refused(path: Path) -> None:
    with pytest.raises(SlaError, match="holds a tab or line break"):
        write_alignment(path, [AlignedClip("a\tb", 25.0, 8, (Segment("A", (0, 4)),))], FACTS)
