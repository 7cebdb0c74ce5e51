"""What Python code puts into a transcript is checked before a file of it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elan_files import undated
from transcripts import SIGNS, transcript

from sla_cli import Layout, Sentence, Sign, SlaError
from sla_cli.core.annotation import split_at_pauses

SIGN = SIGNS[0]
KINDS = ("eaf", "vtt", "srt", "json", "csv", "ctm", "TextGrid", "html")
PROBS, TIMES = transcript().log_probs, transcript().step_times
assert PROBS is not None and TIMES is not None


@pytest.mark.parametrize("signs", [(), "AB", None, (5,), iter(SIGNS)])
def test_a_sentence_has_signs(signs: Any) -> None:
    with pytest.raises(SlaError, match="sentence"):
        Sentence(signs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fields",
    [
        {"sentences": (Sentence((replace(SIGN, start=float("nan")),)),)},
        {"sentences": (Sentence((replace(SIGN, end=float("inf")),)),)},
        {"sentences": (Sentence((replace(SIGN, end=0.1),)),)},
        {"sentences": (Sentence((replace(SIGN, gloss=5),)),)},  # type: ignore[arg-type]
        {"sentences": (Sentence((replace(SIGN, confidence=float("nan")),)),)},
        {"sentences": (Sentence((replace(SIGN, confidence=None),)),)},  # type: ignore[arg-type]
        {"sentences": (SIGN,)},
        {"duration": float("inf")},
        {"duration": None},
        {"media": 5},
        {"name": b"video"},
        {"made": None},
        {"made": {"a": 5}},
        {"sentences": (one for one in transcript().sentences)},
        {"sentences": (Sentence(SIGNS[::-1]),)},
        {"sentences": tuple(Sentence((sign,)) for sign in SIGNS[::-1])},
        {"sentences": (Sentence((SIGN, replace(SIGN, gloss="NORD"))),)},
        {"log_probs": np.full_like(PROBS, np.nan)},
        {"log_probs": PROBS[0]},
        {"log_probs": PROBS[:, 1:]},
        {"log_probs": PROBS.astype(object)},
        {"log_probs": PROBS.astype(int)},
        {"log_probs": "text"},
        {"log_probs": PROBS.tolist()},
        {"step_times": TIMES[:0]},
        {"step_times": TIMES[:1]},
        {"step_times": TIMES[:1], "log_probs": None},
        {"step_times": "text"},
        {"step_times": TIMES * np.nan},
        {"step_times": np.full_like(TIMES, np.inf)},
        {"step_times": TIMES[::-1]},
        {"glosses": ()},
        {"glosses": "abc"},
        {"glosses": None},
        {"warning": 5},
    ],
    ids="+".join,
)
def test_what_no_file_can_hold(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(SlaError):
        replace(transcript(), **fields).save(tmp_path / f"a.{kind}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_numpy_a_list_and_a_path_as_text_are_taken(tmp_path: Path, kind: str) -> None:
    (tmp_path / "video.mp4").write_bytes(b"")
    made = transcript([replace(sign, start=i, end=i + 0.5, confidence=0.5) for i, sign in enumerate(SIGNS)], pause=0.2)
    single = [
        Sentence([Sign(sign.gloss, *map(np.float32, (sign.start, sign.end, sign.confidence)))])  # type: ignore[arg-type]
        for sign in made.signs
    ]
    replace(made, media=tmp_path / "video.mp4").save(tmp_path / f"a.{kind}")
    replace(made, media=str(tmp_path / "video.mp4"), sentences=single).save(tmp_path / f"b.{kind}")
    assert undated((tmp_path / f"a.{kind}").read_text(encoding="utf-8")) == undated(
        (tmp_path / f"b.{kind}").read_text(encoding="utf-8")
    )


def test_a_sign_may_begin_within_the_rounding_of_the_end_of_the_previous_one(tmp_path: Path) -> None:
    pair = Sentence((Sign("A", 0.1, 0.1 + 0.2, 1.0), Sign("B", 0.3, 0.4, 1.0)))
    replace(transcript(), sentences=(pair,)).save(tmp_path / "a.csv")


@pytest.mark.parametrize("odd", ["no", None, 1, np.zeros(3)], ids=str)
def test_flags_are_true_or_false(tmp_path: Path, odd: Any) -> None:
    for call in (
        lambda: transcript().save(tmp_path / "a.html", link_video=odd),
        lambda: transcript().save(tmp_path / "a.html", force=odd),
        lambda: Layout(sentences=odd),
        lambda: Layout(confidence=odd),
    ):
        with pytest.raises(SlaError, match="neither True nor False"):
            call()
    assert not list(tmp_path.iterdir())


def test_only_a_page_can_be_without_its_video(tmp_path: Path) -> None:
    transcript().save(tmp_path / "a.html", link_video=False)
    with pytest.raises(SlaError, match=r"link_video=False has no effect on .*a\.eaf, which is no page"):
        transcript().save(tmp_path / "a.eaf", link_video=False)
    with pytest.raises(SlaError, match=r"reference has no effect on .*a\.eaf, which is no page"):
        transcript().save(tmp_path / "a.eaf", reference=SIGNS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_sentence_ends_at_a_pause_of_exactly_this_length() -> None:
    """Which the difference of two times in floats may miss."""
    for frame in range(1000):
        pair = [Sign("A", 0.0, frame / 25, 1.0), Sign("B", (frame + 25) / 25, 99.0, 1.0)]
        assert [len(split_at_pauses(pair, pause)) for pause in (1.0, 1.001)] == [2, 1]


def test_a_reference_may_come_from_a_generator_in_any_order(tmp_path: Path) -> None:
    made = transcript()
    made.save(tmp_path / "list.html", reference=SIGNS)
    made.save(tmp_path / "generator.html", reference=(sign for sign in reversed(SIGNS)))
    assert undated((tmp_path / "list.html").read_text(encoding="utf-8")) == undated(
        (tmp_path / "generator.html").read_text(encoding="utf-8")
    )
    for wrong in (5, None, [Sign("A", float("nan"), 1.0, 1.0)]):
        with pytest.raises(SlaError):
            made.save(tmp_path / "wrong.html", reference=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "eaf"])
def test_a_file_that_somebody_edited_is_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    for _ in range(2):
        transcript().save(path, force=True)
    edited = path.read_text(encoding="utf-8") + "\n"
    path.write_text(edited, encoding="utf-8")
    transcript().save(path, force=True)
    assert path.read_text(encoding="utf-8") != edited
    copies = [copy.read_text(encoding="utf-8") for copy in tmp_path.glob("*~")]
    assert edited in copies
    assert len(copies) == 1 or kind == "html"  # a page holds the moment, so the second save may have kept the first


def test_two_results_are_compared_by_their_signs() -> None:
    one = transcript()
    assert one == transcript() and one in [transcript()]
    assert one != transcript(SIGNS[:2])
