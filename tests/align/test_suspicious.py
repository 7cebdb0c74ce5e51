from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.align.suspicious import ReadClip, rank
from sla_cli.core.ctc import log_likelihood
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.place import FrameScores
from sla_cli.errors import SlaError
from sla_cli.work.emissions import Emission, EmissionHeader

GLOSSES = ("A", "B", "C", "D", "E")
HEADER = EmissionHeader("signs", "train", GLOSSES, 4, "/store", "/run")


def signed(name: str, glosses: Glosses, strength: float = 6.0, seed: int = 0) -> Emission:
    """Each gloss for two steps, with two blanks before it, and noise on everything."""
    path = [column for gloss in glosses for column in (0, 0, *[GLOSSES.index(gloss) + 1] * 2)]
    logits = np.random.default_rng(seed).standard_normal((len(path), len(GLOSSES) + 1))
    logits[range(len(path)), path] += strength
    log_probs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    return Emission(name, log_probs, 4 * len(path), 25.0)


def ranked(signs: dict[str, Glosses], references: dict[str, Glosses], strength: float = 6.0) -> list[ReadClip]:
    emissions = [signed(name, glosses, strength, seed) for seed, (name, glosses) in enumerate(signs.items())]
    return list(rank(emissions, HEADER, references).clips)


SENTENCES: list[Glosses] = [("A", "B", "C"), ("C", "A"), ("D", "E", "A"), ("B", "D"), ("E", "C", "B", "A")]
SIGNS = {f"clip-{number}": glosses for number, glosses in enumerate(SENTENCES)}


def test_references_that_are_read_are_not_suspicious() -> None:
    clips = ranked(SIGNS, SIGNS)
    assert {clip.score for clip in clips} == {0.0}
    assert all(clip.hypothesis == clip.reference == SIGNS[clip.id] and not clip.places for clip in clips)


def test_the_place_is_the_frames_that_show_it() -> None:
    """Of the recognised gloss, whether another one or none stands in the reference."""
    emissions = {name: signed(name, glosses, seed=seed) for seed, (name, glosses) in enumerate(SIGNS.items())}
    scores = np.full((emissions["clip-4"].frames, len(GLOSSES) + 1), -128, np.int8)
    columns = np.repeat([0, 5, 3, 2, 1, 0], [4, 14, 14, 14, 14, 4])
    scores[range(len(scores)), columns] = 0
    emissions["clip-4"] = replace(emissions["clip-4"], shown=FrameScores(scores, 7))
    for annotated, span in ((("E", "C", "D", "A"), (33, 45)), (("E", "C", "A"), (33, 45))):
        references = {**SIGNS, "clip-4": annotated}
        [place] = rank(emissions.values(), HEADER, references).clips[0].places
        assert place.frames == span


@pytest.mark.parametrize(
    ("annotated", "kind", "number", "gloss", "read", "span"),
    [
        (("E", "C", "D", "A"), "exchanged", 3, "D", "B", (40, 48)),
        (("E", "C", "A"), "left out", 3, "", "B", (40, 48)),
        (("C", "B", "A"), "left out", 1, "", "E", (8, 16)),
        (("E", "C", "B", "D", "A"), "added", 4, "D", "", None),
    ],
)
def test_a_planted_error_comes_first_with_its_place(
    annotated: Glosses, kind: str, number: int, gloss: str, read: str, span: tuple[int, int] | None
) -> None:
    first, *others = ranked(SIGNS, {**SIGNS, "clip-4": annotated})
    assert first.id == "clip-4"
    assert {clip.score for clip in others} == {0.0}
    [place] = first.places
    assert (place.kind, place.number, place.gloss, place.read) == (kind, number, gloss, read)
    assert place.score == first.score > 4
    if span is not None:
        assert span[0] <= place.frames[0] < place.frames[1] <= span[1]


def test_times_are_those_of_the_recording() -> None:
    emissions = [signed(name, glosses, seed=seed) for seed, (name, glosses) in enumerate(SIGNS.items())]
    references = {**SIGNS, "clip-4": ("E", "C", "D", "A")}
    sources = {"clip-3": "talk.mp4 0.0-1.0", "clip-4": "media:talk.mp4 60.5-61.0"}
    first, *others = rank(emissions, HEADER, references, sources=sources).clips
    [place] = first.places
    assert first.recording == "talk.mp4" and {clip.recording for clip in others} == {"", "talk.mp4"}
    assert place.seconds == tuple(60.5 + frame / 25 for frame in place.frames)


def test_the_gain_is_the_probability_with_the_change_over_the_one_without() -> None:
    references = {**SIGNS, "clip-4": ("E", "D", "B", "C", "A"), "clip-2": ("E", "A")}
    emissions = {name: signed(name, glosses, 3.0, seed) for seed, (name, glosses) in enumerate(SIGNS.items())}
    places = 0
    for clip in rank(emissions.values(), HEADER, references).clips:
        for place in clip.places:
            before = [GLOSSES.index(gloss) + 1 for gloss in clip.reference]
            end = place.number - (place.kind == "left out")
            read = [GLOSSES.index(place.read) + 1] if place.read else []
            after = [*before[: place.number - 1], *read, *before[end:]]
            log_probs = emissions[clip.id].log_probs
            expected = log_likelihood(log_probs, after) - log_likelihood(log_probs, before)
            assert place.gain == pytest.approx(expected, abs=1e-6)
            places += 1
    assert places >= 3


def test_in_a_long_clip_the_part_around_the_change_gives_nearly_the_same() -> None:
    glosses: Glosses = tuple(np.random.default_rng(1).choice(list(GLOSSES), 60).tolist())
    annotated = (*glosses[:30], "A" if glosses[30] != "A" else "B", *glosses[31:])
    [clip] = ranked({"long": glosses}, {"long": annotated}, strength=9.0)
    [place] = clip.places
    log_probs = signed("long", glosses, 9.0).log_probs
    columns = [[GLOSSES.index(gloss) + 1 for gloss in reference] for reference in (glosses, annotated)]
    exact, wrong = (log_likelihood(log_probs, labels) for labels in columns)
    assert place.gain == pytest.approx(exact - wrong, abs=0.05)


def test_what_is_confused_in_other_clips_too_is_less_suspicious() -> None:
    signs = {f"clip-{number}": ("A", "B", "C") for number in range(12)}
    references: dict[str, Glosses] = {
        name: ("A", "D", "C") if number % 2 else ("A", "B", "C") for number, name in enumerate(signs)
    }
    references["clip-0"] = ("A", "E", "C")
    first, second, *_ = ranked(signs, references)
    assert first.id == "clip-0"
    assert first.places[0].rarity == pytest.approx(-math.log(0.3 / (11 + 0.3 * 6)))
    assert second.places[0].rarity == pytest.approx(-math.log((5 + 0.3) / (11 + 0.3 * 6)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from(GLOSSES), max_size=6).map(tuple), min_size=5, max_size=5), st.floats(0, 8))
def test_any_reference_has_a_finite_place_in_the_order_or_a_reason(drawn: list[Glosses], strength: float) -> None:
    references = dict(zip(SIGNS, drawn, strict=True))
    emissions = [signed(name, glosses, strength) for name, glosses in SIGNS.items()]
    found = rank(emissions, HEADER, references)
    assert {clip.id for clip in found.clips} | set(found.left_out) == set(SIGNS)
    scores = [clip.score for clip in found.clips]
    assert scores == sorted(scores, reverse=True)
    assert all(score >= 0 and math.isfinite(score) for score in scores)
    for clip in found.clips:
        assert (clip.hypothesis == clip.reference) == (not clip.places)
        assert [place.score for place in clip.places] == sorted((place.score for place in clip.places), reverse=True)


def test_clips_that_cannot_be_compared_are_named_with_the_reason() -> None:
    references: dict[str, Glosses] = {**SIGNS, "clip-0": ("A", "NEU"), "clip-1": (), "clip-3": ("A",) * 5}
    emissions = [signed(name, glosses) for name, glosses in SIGNS.items()]
    found = rank(emissions, HEADER, references)
    assert [clip.id for clip in found.clips] == ["clip-2", "clip-4"]
    assert found.left_out == {
        "clip-0": "the run does not know NEU",
        "clip-1": "it has no reference glosses",
        "clip-3": "its 5 glosses cannot fit in 8 output steps",
    }


def test_a_column_of_probability_zero_is_suspicious_and_finite() -> None:
    emission = signed("clip", ("A", "B"))
    emission.log_probs[:, 3] = -np.inf
    [clip] = rank([emission], HEADER, {"clip": ("A", "C")}).clips
    assert 1000 < clip.score < math.inf


def test_emissions_that_are_none_are_refused_with_the_clip() -> None:
    emission = signed("clip-9", ("A", "B"))
    emission.log_probs[2, 1] = np.nan
    with pytest.raises(SlaError, match="clip clip-9: output step 2 holds NaN"):
        rank([emission], HEADER, {"clip-9": ("A", "B")})
