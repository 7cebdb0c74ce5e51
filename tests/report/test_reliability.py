from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_work import make_work

from sla_cli.core.clip_score import score_clip
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import Score
from sla_cli.report.page import write_page
from sla_cli.report.reliability import reliability_diagrams
from sla_cli.report.system import System, load_systems


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> System:
    [first, *_] = load_systems(make_work(tmp_path_factory.mktemp("work")))
    return first


def with_clips(system: System, *clips: tuple[str, tuple[str, ...], Hypothesis]) -> System:
    scores = tuple(score_clip(name, reference, found.glosses) for name, reference, found in clips)
    score: Score = replace(system.score, clips=scores)
    return replace(system, name="A", mark="", score=score, hypotheses={found.id: found for _, _, found in clips})


def test_confidences_are_compared_with_the_alignment(system: System) -> None:
    one = with_clips(
        system,
        ("a", ("X", "Y", "Z"), Hypothesis("a", ("X", "W"), confidence=(0.95, 0.95))),  # Y is replaced, Z is missing
        ("b", ("X",), Hypothesis("b", ("X",), confidence=(0.25,))),
    )
    [diagram] = reliability_diagrams([one])
    assert [(bin.glosses, bin.confidence, bin.correct) for bin in diagram.bins] == [(1, 0.25, 1.0), (2, 0.95, 0.5)]
    assert diagram.glosses == 3
    assert diagram.error == pytest.approx((0.75 + 2 * 0.45) / 3)


def test_without_confidences_there_is_no_diagram(system: System) -> None:
    assert reliability_diagrams([with_clips(system, ("a", ("X",), Hypothesis("a", ("X",))))]) == []
    assert reliability_diagrams([replace(system, hypotheses={})]) == []


def test_a_clip_whose_glosses_normalisation_joined_is_left_out(system: System) -> None:
    one = with_clips(system, ("a", ("X",), Hypothesis("a", ("X",), confidence=(0.9,))))
    joined = Hypothesis("a", ("X", "Y"), confidence=(0.9, 0.8))
    assert reliability_diagrams([replace(one, hypotheses={"a": joined})]) == []


def test_the_page_shows_it(tmp_path: Path) -> None:
    systems = [
        replace(
            one,
            hypotheses={
                name: replace(found, confidence=(0.9,) * len(found.glosses)) for name, found in one.hypotheses.items()
            },
        )
        for one in load_systems(make_work(tmp_path / "work"))
    ]
    write_page(tmp_path / "page.html", systems)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "How sure, and how often right" in text
    assert text.count("calibration error") == len(systems)
