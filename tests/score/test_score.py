"""Scores against sclite's on Phoenix2014 and a published one on Isharah, and the joining of ids."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path

import pytest

from sla_cli import __version__
from sla_cli.core.align import Counts
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.score.interchange import omits_empty_clips, read_any_hypotheses, read_references
from sla_cli.score.score import score

GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden"
REFERENCES = {"a": ("HEUTE", "REGEN"), "b": ("MORGEN", "SONNE")}


def golden(name: str) -> Path:
    folder = GOLDEN / name
    if not folder.is_dir():
        pytest.skip(f"shared/golden/{name} is not here")
    return folder


def hypotheses(**glosses: str) -> list[Hypothesis]:
    return [Hypothesis(name, tuple(text.split())) for name, text in glosses.items()]


def test_phoenix2014_equals_sclite_on_every_utterance() -> None:
    folder = golden("phoenix2014-dev")
    path = folder / "hyp.ctm"
    result = score(
        read_any_hypotheses(path),
        read_references(folder / "ref.stm"),
        "phoenix2014",
        absent_as_empty=omits_empty_clips(path),
    )
    with (folder / "sclite.tsv").open(encoding="utf-8", newline="") as file:
        sclite = {
            row["id"]: Counts(int(row["correct"]), int(row["sub"]), int(row["del"]), int(row["ins"]))
            for row in csv.DictReader(file, delimiter="\t")
        }
    assert len(sclite) == 540
    assert {clip.id: clip.counts for clip in result.clips} == sclite
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert result.total == Counts(4476, 672, 392, 557)
    assert result.total.ref_words == summary["ref_words"]
    assert result.total.wer == pytest.approx(summary["wer_percent"], abs=1e-12)
    assert len(result.absent) == 6


def test_phoenix2014_hypotheses_are_normalised_as_the_official_script_does() -> None:
    folder = golden("phoenix2014-dev")
    rules = profile("phoenix2014")
    official = read_references(folder / "normalised.ctm")
    ours = {
        hypothesis.id: rules.hypothesis(hypothesis.glosses) for hypothesis in read_any_hypotheses(folder / "hyp.ctm")
    }
    absent = official.keys() - ours.keys()
    assert ours == {name: glosses for name, glosses in official.items() if name not in absent}
    assert {official[name] for name in absent} == {rules.hypothesis(())}


def test_isharah_equals_the_published_rate() -> None:
    folder = golden("isharah1000-si-dev")
    result = score(read_any_hypotheses(folder / "hyp.csv"), read_references(folder / "ref.txt"), "none")
    assert result.total.errors == 333
    assert result.total == Counts(4554 - 114 - 148, 114, 148, 71)
    published = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["published_wer"]
    assert round(result.total.wer, 4) == published


def test_pools_counts_and_joins_by_id() -> None:
    result = score(hypotheses(b="MORGEN", a="HEUTE REGEN WIND"), REFERENCES, "none")
    assert [clip.id for clip in result.clips] == ["a", "b"]
    assert result.total == Counts(correct=3, deletions=1, insertions=1)
    assert result.clips[0].reference == ("HEUTE", "REGEN")
    assert result.clips[0].hypothesis == ("HEUTE", "REGEN", "WIND")
    assert (result.profile, result.profile_version) == ("none", 1)
    assert result.signature == (
        f"wer:50.00|n:2|profile:none.v1|align:sclite(0,3,3,4)|case:insensitive|sla:{__version__}"
    )


def test_both_sides_are_normalised() -> None:
    references = {"a": ("MORGEN", "MORGEN", "WIE", "AUSSEHEN")}
    result = score(hypotheses(a="loc-MORGEN WIE-AUSSEHEN __OFF__"), references, "phoenix2014t")
    assert result.clips[0].reference == result.clips[0].hypothesis == ("MORGEN", "WIE-AUSSEHEN")
    assert result.total.errors == 0


def test_an_empty_hypothesis_counts() -> None:
    assert score(hypotheses(a="", b=""), REFERENCES, "none").total == Counts(deletions=4)
    assert score(hypotheses(a="", b=""), REFERENCES, "phoenix2014").total == Counts(substitutions=2, deletions=2)


def test_ids_of_one_side_only_are_listed() -> None:
    with pytest.raises(SlaError, match=r"1 references have no hypothesis \(b\)") as caught:
        score(hypotheses(a="HEUTE"), REFERENCES, "none")
    assert "--partial" in caught.value.hint
    with pytest.raises(SlaError, match=r"^2 hypotheses have no reference \(c, d\)"):
        score(hypotheses(a="", b="", c="", d=""), REFERENCES, "none")
    with pytest.raises(SlaError, match=r"no hypothesis \(b\) and 1 hypotheses have no reference \(c\)"):
        score(hypotheses(a="", c=""), REFERENCES, "none")


def test_partial_scores_what_both_sides_name_and_says_so() -> None:
    result = score(hypotheses(a="HEUTE REGEN", c="X"), REFERENCES, "none", partial=True)
    assert result.total == Counts(correct=2)
    assert result.left_out == ("b", "c")
    assert result.signature.startswith("wer:0.00|n:1of2|profile:")


def test_absent_as_empty_warns_and_says_so(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    result = score(hypotheses(a="HEUTE REGEN"), REFERENCES, "none", absent_as_empty=True)
    assert result.total == Counts(correct=2, deletions=2)
    assert result.absent == ("b",)
    assert "|absent:1|" in result.signature
    assert "no hypothesis for 1 clips, scored as empty: b" in caplog.text
    with pytest.raises(SlaError, match=r"have no reference \(c\)"):
        score(hypotheses(a="", c=""), REFERENCES, "none", absent_as_empty=True)


def test_no_number_without_something_to_count() -> None:
    with pytest.raises(SlaError, match="no clip in common"):
        score([], {}, "none")
    with pytest.raises(SlaError, match="no clip in common"):
        score(hypotheses(x="A"), REFERENCES, "none", partial=True)
    with pytest.raises(SlaError, match="hold no words"):
        score(hypotheses(a="A"), {"a": ()}, "none")


def test_two_hypotheses_for_a_clip() -> None:
    with pytest.raises(SlaError, match="two hypotheses for clip a"):
        score([*hypotheses(a="A"), *hypotheses(a="B")], REFERENCES, "none")


def test_unknown_profile() -> None:
    with pytest.raises(SlaError, match="no normalisation profile"):
        score(hypotheses(a="", b=""), REFERENCES, "phoenix")
