"""Scores against sclite's on Phoenix2014 and a published one on Isharah, and the joining of ids."""

from __future__ import annotations

import csv
import json
import logging
import sys
from pathlib import Path

import pytest

from sla_cli import __version__
from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.bootstrap import Resampling
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.score.sclite_export import write_for_sclite
from sla_cli.score.score import ScoreOptions, score
from sla_cli.score.score_file import score_file
from sla_cli.score.wer import wer
from sla_cli.work.hypotheses import Header, write_hypotheses
from sla_cli.work.scores import read_scores

GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden"
REFERENCES = {"a": ("HEUTE", "REGEN"), "b": ("MORGEN", "SONNE")}


def golden(name: str) -> Path:
    folder = GOLDEN / name
    if not folder.is_dir():
        pytest.skip(f"shared/golden/{name} is not here")
    return folder


def references_of(path: Path) -> dict[str, tuple[str, ...]]:
    return read_gloss_file(path).references


def hypotheses(**glosses: str) -> list[Hypothesis]:
    return [Hypothesis(name, tuple(text.split())) for name, text in glosses.items()]


def test_phoenix2014_equals_sclite_on_every_utterance() -> None:
    folder = golden("phoenix2014-dev")
    file = read_gloss_file(folder / "hyp.ctm")
    result = score(
        file.best,
        references_of(folder / "ref.stm"),
        ScoreOptions("phoenix2014"),
        absent_as_empty=file.omits_empty_clips,
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
    official = references_of(folder / "normalised.ctm")
    ours = {
        hypothesis.id: rules.hypothesis(hypothesis.glosses) for hypothesis in read_gloss_file(folder / "hyp.ctm").best
    }
    absent = official.keys() - ours.keys()
    assert ours == {name: glosses for name, glosses in official.items() if name not in absent}
    assert {official[name] for name in absent} == {rules.hypothesis(())}


def test_isharah_equals_the_published_rate() -> None:
    folder = golden("isharah1000-si-dev")
    result = score(read_gloss_file(folder / "hyp.csv").best, references_of(folder / "ref.txt"), ScoreOptions())
    assert result.total.errors == 333
    assert result.total == Counts(4554 - 114 - 148, 114, 148, 71)
    published = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["published_wer"]
    assert round(result.total.wer, 4) == published


def test_pools_counts_and_joins_by_id() -> None:
    result = score(hypotheses(b="MORGEN", a="HEUTE REGEN WIND"), REFERENCES, ScoreOptions())
    assert [clip.id for clip in result.clips] == ["a", "b"]
    assert result.total == Counts(correct=3, deletions=1, insertions=1)
    assert result.clips[0].reference == ("HEUTE", "REGEN")
    assert result.clips[0].hypothesis == ("HEUTE", "REGEN", "WIND")
    assert (result.profile, result.profile_version) == ("none", 1)
    assert result.signature == (
        "wer:50.00|ci95:50.00-50.00|n:2|profile:none.v1|align:sclite(0,3,3,4)|case:insensitive"
        f"|bootstrap:1000x2sentences,seed0|sla:{__version__}"
    )


def test_both_sides_are_normalised() -> None:
    references = {"a": ("MORGEN", "MORGEN", "WIE", "AUSSEHEN")}
    result = score(hypotheses(a="loc-MORGEN WIE-AUSSEHEN __OFF__"), references, ScoreOptions("phoenix2014t"))
    assert result.clips[0].reference == result.clips[0].hypothesis == ("MORGEN", "WIE-AUSSEHEN")
    assert result.total.errors == 0


def test_a_warning_says_that_nothing_at_all_was_recognised(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    for a, warned in (("", True), ("HEUTE", False)):
        caplog.clear()
        score(hypotheses(a=a, b=""), REFERENCES, ScoreOptions())
        assert ("nothing was recognised in any clip" in caplog.text) == warned


def test_an_empty_hypothesis_counts() -> None:
    assert score(hypotheses(a="", b=""), REFERENCES, ScoreOptions()).total == Counts(deletions=4)
    assert score(hypotheses(a="", b=""), REFERENCES, ScoreOptions("phoenix2014")).total == Counts(
        substitutions=2, deletions=2
    )


def test_ids_of_one_side_only_are_listed() -> None:
    with pytest.raises(SlaError, match=r"no hypothesis for 1 of the references \(b\)") as caught:
        score(hypotheses(a="HEUTE"), REFERENCES, ScoreOptions())
    assert "--partial" in caught.value.hint
    with pytest.raises(SlaError, match=r"^no reference for 2 of the hypotheses \(c, d\)"):
        score(hypotheses(a="", b="", c="", d=""), REFERENCES, ScoreOptions())
    with pytest.raises(SlaError, match=r"references \(b\) and no reference for 1 of the hypotheses \(c\)"):
        score(hypotheses(a="", c=""), REFERENCES, ScoreOptions())


def test_ids_that_differ_in_their_normal_form_only_are_explained() -> None:
    references = {"Fru\u0308h": ("A",), "b": ("B",)}
    with pytest.raises(SlaError, match=r"1 id differs only in the Unicode normal form \(Fr\u00fch\)") as caught:
        score([Hypothesis("Fr\u00fch", ("A",)), Hypothesis("b", ("B",))], references, ScoreOptions())
    assert "Convert both sides" in caught.value.hint
    with pytest.raises(SlaError, match="only in the Unicode normal form"):  # in a CTM, where references may be absent
        score([Hypothesis("Fr\u00fch", ("A",))], references, ScoreOptions(), absent_as_empty=True)


def test_partial_scores_what_both_sides_name_and_says_so() -> None:
    result = score(hypotheses(a="HEUTE REGEN", c="X"), REFERENCES, ScoreOptions(partial=True))
    assert result.total == Counts(correct=2)
    assert result.left_out == ("b", "c")
    assert result.signature.startswith("wer:0.00|n:1of2|profile:")


def test_absent_as_empty_warns_and_says_so(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    result = score(hypotheses(a="HEUTE REGEN"), REFERENCES, ScoreOptions(), absent_as_empty=True)
    assert result.total == Counts(correct=2, deletions=2)
    assert result.absent == ("b",)
    assert "|absent:1|" in result.signature
    assert "no hypothesis for 1 clip, scored as empty: b" in caplog.text
    with pytest.raises(SlaError, match=r"no reference for 1 of the hypotheses \(c\)"):
        score(hypotheses(a="", c=""), REFERENCES, ScoreOptions(), absent_as_empty=True)


def test_a_partial_score_leaves_absent_clips_out() -> None:
    result = score(hypotheses(a="HEUTE"), REFERENCES, ScoreOptions(partial=True), absent_as_empty=True)
    assert result.total == Counts(correct=1, deletions=1)
    assert (result.absent, result.left_out) == ((), ("b",))
    assert "|n:1of2|" in result.signature


def test_no_number_without_something_to_count() -> None:
    with pytest.raises(SlaError, match="no clip in common"):
        score([], {}, ScoreOptions())
    with pytest.raises(SlaError, match="no clip in common"):
        score(hypotheses(x="A"), REFERENCES, ScoreOptions(partial=True))
    with pytest.raises(SlaError, match="hold no words"):
        score(hypotheses(a="A"), {"a": ()}, ScoreOptions())


def test_two_hypotheses_for_a_clip() -> None:
    with pytest.raises(SlaError, match="two hypotheses for clip a"):
        score([*hypotheses(a="A"), *hypotheses(a="B")], REFERENCES, ScoreOptions())


def test_unknown_profile() -> None:
    with pytest.raises(SlaError, match="no normalisation profile"):
        score(hypotheses(a="", b=""), REFERENCES, ScoreOptions("phoenix"))


def test_clips_of_one_sentence_are_drawn_together() -> None:
    references = {"a1": ("A", "B"), "a2": ("a", "b"), "c": ("C",)}
    result = score(hypotheses(a1="A B", a2="A", c="X"), references, ScoreOptions(resampling=Resampling(90, 200, 5)))
    assert result.interval is not None
    assert (result.interval.units, result.interval.level, result.interval.samples) == (2, 90, 200)
    assert "|bootstrap:200x2sentences,seed5|" in result.signature
    assert f"|ci90:{result.interval.low:.2f}-{result.interval.high:.2f}|" in result.signature


def test_one_sentence_only_has_no_interval() -> None:
    result = score(hypotheses(a="A"), {"a": ("A", "B")}, ScoreOptions())
    assert result.interval is None
    assert result.signature.startswith("wer:50.00|n:1|")


def test_signers_go_with_their_clips() -> None:
    result = score(hypotheses(a="", b=""), REFERENCES, ScoreOptions(), signers={"b": "Signer 1", "z": "?"})
    assert [clip.signer for clip in result.clips] == ["", "Signer 1"]


def test_oracle_takes_the_best_alternative_of_each_clip() -> None:
    nbest = {
        "a": [
            Hypothesis("a", ("X", "Y")),
            Hypothesis("a", ("HEUTE",), rank=2),
            Hypothesis("a", ("loc-REGEN",), rank=3),
        ],
        "b": [Hypothesis("b", ("MORGEN", "SONNE"))],
    }
    best = [readings[0] for readings in nbest.values()]
    result = score(best, REFERENCES, ScoreOptions("phoenix2014"), nbest=nbest)
    assert result.total.errors == 2
    assert (result.oracle, result.alternatives) == (Counts(correct=3, deletions=1), 3)
    without = score(best, REFERENCES, ScoreOptions(), nbest={name: readings[:1] for name, readings in nbest.items()})
    assert (without.oracle, without.alternatives) == (None, 1)


MIXED = [
    pytest.param("f\u00fcr", "fu\u0308r", "NFC (U+0066 U+00FC U+0072)", "NFD (U+0066 U+0075 U+0308 U+0072)", id="ü"),
    pytest.param("\u00c4RGER", "a\u0308rger", "NFC (U+00C4", "NFD (U+0061 U+0308", id="Ä in another case"),
    pytest.param("\u0623\u0645", "\u0627\u0654\u0645", "NFC (U+0623 U+0645)", "NFD (U+0627 U+0654 U+0645)", id="alef"),
    pytest.param(
        *("\u0645\u064e\u0651", "\u0645\u0651\u064e"),
        *("NFC (U+0645 U+064E U+0651)", "neither NFC nor NFD (U+0645 U+0651 U+064E)"),
        id="order of shadda and fatha",
    ),
]


@pytest.mark.parametrize(("one", "other", "first", "second"), MIXED)
def test_glosses_that_differ_in_normal_form_only_are_refused_and_explained(
    one: str, other: str, first: str, second: str
) -> None:
    with pytest.raises(SlaError) as caught:
        score(hypotheses(c7=f"X {other}"), {"c7": ("Y", one)}, ScoreOptions())
    assert first in caught.value.message
    assert second in caught.value.message
    assert "in the references, clip c7" in caught.value.message
    assert "in the hypotheses, clip c7" in caught.value.message
    assert "--nfc" in caught.value.hint
    result = score(hypotheses(c7=f"X {other}"), {"c7": ("Y", one)}, ScoreOptions(nfc=True))
    assert result.total == Counts(correct=1, substitutions=1)
    assert "|unicode:nfc|" in result.signature


def test_two_normal_forms_on_one_side_are_refused_too() -> None:
    references = {"a": ("f\u00fcr",), "b": ("fu\u0308r",)}
    with pytest.raises(SlaError, match=r"references, clip a and .* references, clip b; this affects 1 of"):
        score(hypotheses(a="f\u00fcr", b="X"), references, ScoreOptions())


@pytest.mark.parametrize("gloss", ["A\0", "\x1bA", "A\x7fB", "A\x9b"])
def test_control_characters_are_refused_on_either_side_as_by_prep(gloss: str) -> None:
    for name, sides in (("hypotheses", (gloss, "A")), ("references", ("A", gloss))):
        found, true = sides
        with pytest.raises(SlaError, match=rf"in the {name}, clip c, holds NUL or a similar character"):
            score([Hypothesis("c", (found,))], {"c": (true,)}, ScoreOptions())


def test_glosses_that_really_differ_are_not_refused() -> None:
    # Letters with and without diacritics, and Arabic presentation forms, are different texts.
    for one, other in (("f\u00fcr", "fur"), ("\u0623\u0645", "\u0627\u0645"), ("\ufefb", "\u0644\u0627"), ("你", "妳")):
        assert score(hypotheses(a=other), {"a": (one,)}, ScoreOptions()).total == Counts(substitutions=1)
    assert score(hypotheses(a="Ärger"), {"a": ("ÄRGER",)}, ScoreOptions()).total == Counts(correct=1)


def test_files_for_sclite_hold_what_was_scored(tmp_path: Path) -> None:
    folder = golden("phoenix2014-dev")
    options = ScoreOptions("phoenix2014")
    _, result = score_file(folder / "hyp.ctm", tmp_path / "scores", ref=folder / "ref.stm", options=options)
    stm, ctm, ref_trn, hyp_trn = write_for_sclite(tmp_path / "sclite", "dev", result)
    official = references_of(folder / "normalised.ctm")
    assert references_of(ctm) == references_of(hyp_trn) == official
    assert references_of(stm) == references_of(ref_trn) == references_of(folder / "ref.stm")
    lines = [line.split() for line in ctm.read_text(encoding="utf-8").splitlines()]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    assert len({len(line[2]) for line in lines}) == 1  # sclite sorts start times as text
    assert [line.split()[0] for line in stm.read_text(encoding="utf-8").splitlines()] == sorted(official)


def test_a_clip_without_glosses_is_not_in_the_ctm_and_a_warning_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    result = score(hypotheses(a="", b="X Y"), REFERENCES, ScoreOptions())
    _, ctm, _, hyp_trn = write_for_sclite(tmp_path, "x", result)
    assert set(references_of(ctm)) == {"b"}
    assert references_of(hyp_trn) == {"a": (), "b": ("X", "Y")}
    assert "1 clip has no line in the CTM (a)" in caplog.text


def test_a_score_folder_has_signers_of_the_stm_and_tables(tmp_path: Path) -> None:
    folder = golden("phoenix2014-dev")
    options = ScoreOptions("phoenix2014")
    out, result = score_file(folder / "hyp.ctm", tmp_path, ref=folder / "ref.stm", options=options)
    assert out.name.startswith("hyp-phoenix2014-")
    assert read_scores(out) == result
    signers = [line.split("\t") for line in (out / "signers.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    assert sum(int(row[2]) for row in signers) == 5540
    assert {row[0] for row in signers} == set(read_gloss_file(folder / "ref.stm").signers.values())
    again, _ = score_file(folder / "hyp.ctm", tmp_path, ref=folder / "ref.stm", options=options)
    assert again == out
    assert score_file(folder / "hyp.ctm", tmp_path, ref=folder / "ref.stm")[0].name.startswith("hyp-none-")


OPENED: list[str] = []
# If open() gets an opener, Python reports the file a second time, without a mode.
sys.addaudithook(lambda event, given: OPENED.append(str(given[0])) if event == "open" and given[1] else None)


def test_hypotheses_and_references_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "ref.csv").write_text("id;gloss;signer\na;A B;Anna\nb;C;\n", encoding="utf-8")
    write_hypotheses(tmp_path / "own.tsv", [Hypothesis("a", ("A",)), Hypothesis("b", ("C",))], Header("x", "dev"))
    (tmp_path / "hyp.ctm").write_text("a 1 0.0 0.1 A\n", encoding="utf-8")
    for name in ("own.tsv", "hyp.ctm"):
        OPENED.clear()
        score_file(tmp_path / name, tmp_path / "scores", ref=tmp_path / "ref.csv")
        assert [OPENED.count(str(tmp_path / read)) for read in (name, "ref.csv")] == [1, 1]


@pytest.mark.parametrize("split", ["dev", ""])
def test_weights_that_were_tuned_on_the_scored_split_are_recorded(tmp_path: Path, split: str) -> None:
    (tmp_path / "ref.csv").write_text("id,gloss\na,A\n", encoding="utf-8")
    write_hypotheses(tmp_path / "own.tsv", [Hypothesis("a", ("A",))], Header("x", "dev", tuned_on=split))
    out, result = score_file(tmp_path / "own.tsv", tmp_path / "scores", ref=tmp_path / "ref.csv")
    assert result.tuned_on == split
    assert read_scores(out) == result
    receipt = read_receipt(out)
    assert receipt is not None and receipt.results.get("tuned_on", "") == split


@pytest.mark.parametrize("named", ["phoenix2014", ""])
def test_the_profile_in_hypotheses_counts_also_without_their_receipt(tmp_path: Path, named: str) -> None:
    """A copy of the file alone is counted as the file beside its receipt."""
    (tmp_path / "ref.stm").write_text("a 1 S 0 1 NORD\n", encoding="utf-8")
    write_hypotheses(tmp_path / "own.tsv", [Hypothesis("a", ("loc-NORD",))], Header("x", "dev", profile=named))
    _, result = score_file(tmp_path / "own.tsv", tmp_path / "scores", ref=tmp_path / "ref.stm")
    assert (result.profile, result.total.wer) == (("phoenix2014", 0.0) if named else ("none", 100.0))
    assert wer(tmp_path / "own.tsv", tmp_path / "ref.stm").total.wer == result.total.wer
