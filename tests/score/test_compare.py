"""Two systems on the same references: counts, tests against their definitions, verdicts, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sla_cli.cli.options import json_text
from sla_cli.core.bootstrap import Resampling
from sla_cli.core.comparison import Comparison, verdict
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import Score
from sla_cli.errors import SlaError
from sla_cli.score.compare import against_first, compare, compare_files, matched_pairs
from sla_cli.score.score import ScoreOptions, score
from sla_cli.score.score_file import score_file
from sla_cli.work.comparison_figures import comparison_figures
from sla_cli.work.group import Member
from sla_cli.work.scores import read_scores

WORDS = 8


def references(count: int, prompts: int = 0) -> dict[str, tuple[str, ...]]:
    """Clips of distinct sentences, or of so many prompts."""
    return {f"c{i}": tuple(f"{i % (prompts or count)}.{word}" for word in range(WORDS)) for i in range(count)}


def system(refs: dict[str, tuple[str, ...]], rate: float, seed: int) -> Score:
    """Each word is replaced with the probability `rate`."""
    rng = np.random.default_rng(seed)
    answers = [
        Hypothesis(name, tuple("X" if rng.random() < rate else gloss for gloss in glosses))
        for name, glosses in refs.items()
    ]
    return score(answers, refs, ScoreOptions(resampling=Resampling(samples=40)))


def compared(first: Score, second: Score) -> Comparison:
    return compare(first, second, ("one", "two"), Resampling())


def test_counts_and_intervals() -> None:
    refs = {"a": ("A", "B"), "b": ("C",), "c": ("D", "E", "F")}
    one = score([Hypothesis("a", ("A",)), Hypothesis("b", ("C",)), Hypothesis("c", ("D",))], refs, ScoreOptions())
    two = score([Hypothesis("c", ("D", "E")), Hypothesis("b", ("X",)), Hypothesis("a", ("A",))], refs, ScoreOptions())
    found = compared(one, two)
    assert (found.better, found.worse, found.equal) == (1, 1, 1)
    assert found.difference == pytest.approx(0.0)
    assert [(change.gloss, change.gained, change.lost) for change in found.changes] == [("C", 0, 1), ("E", 1, 0)]
    assert found.first.interval is not None and found.interval is not None
    assert found.interval.low <= 0 <= found.interval.high
    assert [clip.id for clip in found.second.clips] == ["a", "b", "c"]


def test_a_clear_difference_is_called_one() -> None:
    refs = references(150)
    found = compared(system(refs, 0.4, 1), system(refs, 0.2, 2))
    assert found.interval is not None and found.test.p is not None
    assert found.difference == pytest.approx(-20, abs=5)
    assert found.interval.low < found.difference < found.interval.high < 0
    assert found.improvement == 1.0
    assert found.test.p < 0.001
    assert verdict(found).startswith("two is better than one by ")
    back = compared(found.second, found.first)
    assert verdict(back).startswith("one is better than two by ")
    assert (back.better, back.worse) == (found.worse, found.better)
    assert back.interval is not None
    assert (back.interval.low, back.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))


def test_chance_is_called_chance() -> None:
    refs = references(150)
    found = compared(system(refs, 0.3, 1), system(refs, 0.3, 2))
    assert verdict(found).startswith("No difference is shown")


def test_few_sentences_decide_nothing() -> None:
    refs = references(19)
    found = compared(system(refs, 0.9, 1), system(refs, 0.0, 2))
    assert found.interval is not None and found.interval.high < 0
    assert verdict(found).startswith("Undecided: ")
    assert verdict(found).endswith("points less, but 19 sentences are too few to rule out chance.")


def test_as_many_errors_in_other_clips_favour_nobody() -> None:
    refs = references(40)
    one, two = (
        score(
            [Hypothesis(name, () if i % 2 == odd else glosses) for i, (name, glosses) in enumerate(refs.items())],
            refs,
            ScoreOptions(),
        )
        for odd in (0, 1)
    )
    assert verdict(compared(one, two)) == "No difference is shown: one and two make the same number of errors."


def test_the_same_system_twice() -> None:
    one = system(references(30), 0.3, 1)
    found = compared(one, one)
    assert verdict(found) == "one and two make the same number of errors in every clip."
    assert (found.improvement, found.test.p, found.test.z, found.changes) == (0.5, 1.0, 0.0, [])


def test_later_systems_are_compared_with_the_first_where_they_can_be() -> None:
    refs = references(30)
    one, two = system(refs, 0.4, 1), system(refs, 0.2, 2)
    other_words = system({name: (*glosses, "MORE") for name, glosses in refs.items()}, 0.2, 2)
    other_rules = score(
        [Hypothesis(name, glosses) for name, glosses in refs.items()], refs, ScoreOptions("phoenix2014")
    )
    found = against_first([one, two, other_words, other_rules], "ABCD")
    assert found[0] is not None and found[1:] == [None, None]
    assert found[0].interval == compare(one, two, ("A", "B"), Resampling(samples=40)).interval, "resampled as the first"
    assert verdict(found[0]).startswith("B is better than A by ")
    assert against_first([one], ["A"]) == []


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    refs = references(40)
    alarms = [
        test.p is not None and test.p < 0.05
        for seed in range(100)
        for test in [
            matched_pairs(list(zip(system(refs, 0.3, seed).clips, system(refs, 0.3, 999 + seed).clips, strict=True)))
        ]
    ]
    assert np.mean(alarms) <= 0.11


def test_matched_pairs_by_its_definition() -> None:
    refs = references(40)
    one, two = system(refs, 0.3, 1), system(refs, 0.2, 2)
    test = matched_pairs(list(zip(one.clips, two.clips, strict=True)))
    # Without insertions: segments are what lies between two neighbours that both have right.
    differences = []
    for a, b in zip(one.clips, two.clips, strict=True):
        wrong = "".join(
            "xX"[other.op != "C"]
            if this.op == "C" and other.op != "C"
            else "."
            if this.op == other.op == "C"
            else "b"
            if other.op != "C"
            else "a"
            for this, other in zip(a.pairs, b.pairs, strict=True)
        )
        for part in wrong.replace("..", "|").split("|"):
            text = part.strip(".")
            if text:
                differences.append(sum(char in "Xb" for char in text) - sum(char in "ab" for char in text))
    assert test.segments == len(differences)
    assert test.z is not None
    expected = stats.ttest_1samp(differences, 0.0)
    assert test.z == pytest.approx(expected.statistic)
    assert test.p == pytest.approx(math.erfc(abs(test.z) / math.sqrt(2)))


def test_repeated_prompts_leave_the_word_to_the_interval() -> None:
    refs = references(60, prompts=6)
    one = score([Hypothesis(name, glosses) for name, glosses in refs.items()], refs, ScoreOptions())
    # Wrong in all takes of one prompt: the test takes ten clips for ten observations.
    two = score(
        [Hypothesis(name, ("X",) if glosses[0] == "0.0" else glosses) for name, glosses in refs.items()],
        refs,
        ScoreOptions(),
    )
    found = compared(one, two)
    assert found.is_clustered
    assert found.interval is not None and found.interval.units == 6
    assert verdict(found).startswith("No difference is shown")


def test_one_sentence_only_says_nothing() -> None:
    refs = references(4, prompts=1)
    found = compared(system(refs, 0.0, 1), system(refs, 0.5, 1))
    assert (found.interval, found.improvement) == (None, None)
    assert "all clips belong to one cluster" in verdict(found)
    figures = comparison_figures(found)
    assert (figures.interval, figures.probability_of_improvement) == (None, None)
    assert json.loads(json_text(figures))["verdict"] == verdict(found)


def test_what_differs_is_named() -> None:
    refs = references(3)
    one = system(refs, 0.0, 1)
    with pytest.raises(SlaError, match=r"one is scored under profile none\.v1, two under phoenix2014\.v1"):
        compared(one, score([Hypothesis(name, ()) for name in refs], refs, ScoreOptions("phoenix2014")))
    fewer = system({name: refs[name] for name in ("c0", "c2")}, 0.0, 1)
    with pytest.raises(SlaError, match=r"1 clip is in one only \(c1\)"):
        compared(one, fewer)
    with pytest.raises(SlaError, match=r"1 clip is in two only \(c1\)"):
        compared(fewer, one)
    with pytest.raises(SlaError, match="the references of clip c1 differ"):
        compared(one, system({**refs, "c1": ("A",)}, 0.0, 1))


def member(path: Path) -> Member:
    return Member(path.name if path.is_dir() else path.stem, path)


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "ref.txt").write_text("id|gloss\na|loc-A B\nb|C\n", encoding="utf-8")
    (tmp_path / "one.csv").write_text("id,gloss\na,loc-A B\nb,X\n", encoding="utf-8")
    (tmp_path / "two.trn").write_text("A B (a)\nC (b)\n", encoding="utf-8")
    ref = tmp_path / "ref.txt"
    by_files = compare_files(
        member(tmp_path / "one.csv"), member(tmp_path / "two.trn"), ref=ref, options=ScoreOptions("none")
    )
    assert by_files.names == ("one", "two")
    assert [by_files.first.total.errors, by_files.second.total.errors] == [1, 1]
    folder, _ = score_file(tmp_path / "one.csv", tmp_path / "scores", ref=ref, options=ScoreOptions("phoenix2014"))
    mixed = compare_files(member(folder), member(tmp_path / "two.trn"), ref=ref, options=ScoreOptions("auto"))
    assert mixed.first.profile == mixed.second.profile == "phoenix2014"
    assert mixed.names == (folder.name, "two")
    with pytest.raises(SlaError, match="is scored under profile phoenix2014, not none"):
        compare_files(member(folder), member(folder), ref=None, options=ScoreOptions("none"))
    with pytest.raises(SlaError, match=r"scores: not a score folder: it has no score\.json"):
        compare_files(member(tmp_path / "scores"), member(folder), ref=None, options=ScoreOptions("auto"))
    with pytest.raises(SlaError, match=r"one\.csv: not a score folder"):
        read_scores(tmp_path / "one.csv")
    same = compare_files(member(folder), member(folder), ref=None, options=ScoreOptions("auto"))
    assert same.names == (str(folder), str(folder))
