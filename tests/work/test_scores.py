"""The score folder: what it holds, and that it reads back equal."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from sla_cli.config.checks import read_values
from sla_cli.core.clip_score import score_clip
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.result import Interval, Score
from sla_cli.errors import FormatError
from sla_cli.work.figures import Figures, figures_of
from sla_cli.work.scores import read_scores, write_differences, write_scores

glosses = st.lists(st.text(min_size=1, max_size=5).filter(lambda text: text.split() == [text]), max_size=6)


@pytest.fixture
def score() -> Score:
    return Score(
        profile="none",
        profile_version=1,
        signature="wer:50.00|n:3",
        clips=(
            score_clip("clip-1", ["HEUTE", "NACHT", "REGEN"], ["heute", "REGEN", "WIND"], "signer 1"),
            score_clip("clip-2", ["天气", "e\u0301te\u0301"], ["天", "e\u0301te\u0301"]),
            score_clip("clip-3", [], []),
        ),
        absent=("clip-3",),
        interval=Interval(0.1 + 0.2, 71.5, 95.0, 1000, 7, 3),
        oracle=Counts(4, 1, 0, 1),
        alternatives=10,
    )


def test_figures(tmp_path: Path, score: Score) -> None:
    write_scores(tmp_path / "new" / "score", score)
    facts = json.loads((tmp_path / "new" / "score" / "score.json").read_text(encoding="utf-8"))
    assert read_values(Figures, facts, "score.json") == figures_of(score)
    assert facts["wer"] == 60.0
    assert {key: facts[key] for key in ("correct", "sub", "del", "ins", "errors", "ref_words", "utterances")} == {
        "correct": 3,
        "sub": 1,
        "del": 1,
        "ins": 1,
        "errors": 3,
        "ref_words": 5,
        "utterances": 3,
    }
    assert (facts["format"], facts["version"], facts["profile"], facts["profile_version"]) == (
        "sla-score",
        1,
        "none",
        1,
    )
    drawn = {"level": 95.0, "samples": 1000, "seed": 7, "units": 3, "cluster": "sentence"}
    assert facts["interval"] == {"low": 0.1 + 0.2, "high": 71.5, **drawn}
    assert (facts["nbest"], facts["oracle_wer"]) == (10, 40.0)
    assert facts["oracle"] == {"ref_words": 5, "correct": 4, "sub": 1, "del": 0, "ins": 1}
    assert (facts["signature"], facts["absent"], facts["left_out"]) == ("wer:50.00|n:3", ["clip-3"], [])


def test_clip_table(tmp_path: Path, score: Score) -> None:
    write_scores(tmp_path, score)
    assert (tmp_path / "clips.tsv").read_text(encoding="utf-8").split("\n") == [
        "id\tsigner\tref_words\tcorrect\tsub\tdel\tins\twer\treference\thypothesis",
        "clip-1\tsigner 1\t3\t2\t0\t1\t1\t66.67\tHEUTE NACHT REGEN\theute REGEN WIND",
        "clip-2\t\t2\t1\t1\t0\t0\t50.00\t天气 e\u0301te\u0301\t天 e\u0301te\u0301",
        "clip-3\t\t0\t0\t0\t0\t0\t\t\t",
        "",
    ]


def test_what_somebody_edited_is_kept(tmp_path: Path, score: Score) -> None:
    for _ in range(2):
        write_scores(tmp_path, score)
    assert not list(tmp_path.glob("*~"))
    edited = (tmp_path / "confusions.tsv").read_text(encoding="utf-8") + "Eva: look at this\n"
    (tmp_path / "confusions.tsv").write_text(edited, encoding="utf-8")
    write_scores(tmp_path, score)
    assert (tmp_path / "confusions.tsv.~1~").read_text(encoding="utf-8") == edited


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_tables_of_parts(tmp_path: Path, score: Score) -> None:
    write_scores(tmp_path, score)
    assert lines(tmp_path / "signers.tsv") == [
        "signer\tclips\tref_words\tcorrect\tsub\tdel\tins\twer",
        "\t2\t2\t1\t1\t0\t0\t50.00",
        "signer 1\t1\t3\t2\t0\t1\t1\t66.67",
    ]
    assert lines(tmp_path / "lengths.tsv") == [
        "length\tclips\tref_words\tcorrect\tsub\tdel\tins\twer",
        "0\t1\t0\t0\t0\t0\t0\t",
        "1-3\t2\t5\t3\t1\t1\t1\t60.00",
    ]
    glosses = lines(tmp_path / "glosses.tsv")
    assert glosses[0] == "gloss\tref_words\tcorrect\tsub\tdel\thyp_words\tmistaken\tins\trecall\tprecision"
    assert set(glosses[1:]) == {
        "HEUTE\t1\t1\t0\t0\t1\t0\t0\t100.00\t100.00",
        "NACHT\t1\t0\t0\t1\t0\t0\t0\t0.00\t",
        "REGEN\t1\t1\t0\t0\t1\t0\t0\t100.00\t100.00",
        "WIND\t0\t0\t0\t0\t1\t0\t1\t\t0.00",
        "天气\t1\t0\t1\t0\t0\t0\t0\t0.00\t",
        "天\t0\t0\t0\t0\t1\t1\t0\t\t0.00",
        "e\u0301te\u0301\t1\t1\t0\t0\t1\t0\t0\t100.00\t100.00",
    }
    assert lines(tmp_path / "confusions.tsv") == ["count\treference\thypothesis", "1\t天气\t天"]


def test_no_table_of_unknown_signers(tmp_path: Path) -> None:
    write_scores(tmp_path, Score("none", 1, "", (score_clip("a", ["A"], []),)))
    assert not (tmp_path / "signers.tsv").exists()


def test_table_of_differences(tmp_path: Path, score: Score) -> None:
    other = Score("none", 1, "", (score_clip("clip-1", ["HEUTE", "NACHT", "REGEN"], ["X"]), *score.clips[1:]))
    write_differences(tmp_path / "d.tsv", score, other)
    assert lines(tmp_path / "d.tsv")[:2] == [
        "id\tsigner\tref_words\terrors_a\terrors_b\tdifference\treference\thypothesis_a\thypothesis_b",
        "clip-1\tsigner 1\t3\t2\t3\t1\tHEUTE NACHT REGEN\theute REGEN WIND\tX",
    ]


def test_alignment_lines_up_on_the_screen(tmp_path: Path, score: Score) -> None:
    write_scores(tmp_path, score)
    text = (tmp_path / "alignment.txt").read_text(encoding="utf-8")
    assert text.split("\n") == [
        "wer:50.00|n:3",
        "",
        "id: clip-1",
        "Scores: (#C #S #D #I) 2 0 1 1",
        "REF:  HEUTE NACHT REGEN ****",
        "HYP:  heute ***** REGEN WIND",
        "Eval:       D           I",
        "",
        "id: clip-2",
        "Scores: (#C #S #D #I) 1 1 0 0",
        "REF:  天气 e\u0301te\u0301",
        "HYP:  天   e\u0301te\u0301",
        "Eval: S",
        "",
        "id: clip-3",
        "Scores: (#C #S #D #I) 0 0 0 0",
        "",
    ]
    assert cell_len("REF:  天气 ") == cell_len("HYP:  天   ")


def test_alignment_shows_what_a_terminal_would_obey_by_its_number(tmp_path: Path) -> None:
    write_scores(tmp_path, Score("none", 1, "", (score_clip("\x1b[2J\u202e", ["A\u202e"], ["A\u202e", "\u2066B"]),)))
    lines = (tmp_path / "alignment.txt").read_text(encoding="utf-8").split("\n")
    assert lines[2] == "id: \\x1b[2J\\u202e" and lines[4:6] == ["REF:  A\\u202e *******", "HYP:  A\\u202e \\u2066B"]


def test_reads_back_what_was_written(tmp_path: Path, score: Score, caplog: pytest.LogCaptureFixture) -> None:
    write_scores(tmp_path, score)
    assert read_scores(tmp_path) == score
    assert "has no receipt: whether it is as `sla score` wrote it is unknown" in caplog.text


@settings(max_examples=30, deadline=None)
@given(glosses.filter(bool), glosses)
def test_any_gloss_reads_back(reference: list[str], hypothesis: list[str]) -> None:
    score = Score("none", 1, "", (score_clip("a|b", reference, hypothesis),), left_out=("ü",))
    with tempfile.TemporaryDirectory() as folder:
        write_scores(Path(folder), score)
        assert read_scores(Path(folder)) == score


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("score.json", '"version": 1', '"version": 0', "sla-score version 0, this sla reads version 1"),
        ("score.json", '"version": 1', '"version": 2', "sla-score version 2, this sla reads version 1"),
        ("score.json", '"level"', '"lvl"', "level"),
        ("score.json", '"profile": "none"', '"profile": "../x"', "no normalisation profile '../x'"),
        ("score.json", "71.5", '"71.5"', "interval.high: Expected `float`, got `str`"),
        ("score.json", '"sla-score"', '"other"', "not a sla-score"),
        ("score.json", '"signature"', '"signed"', "'signed' is not known"),
        ("score.json", '"sub": 1', '"sub": 2', "figures do not follow from the counts in clips.tsv"),
        ("score.json", '"errors": ', '"errors": 1', "figures do not follow"),
        ("score.json", '"utterances": ', '"utterances": 1', "figures do not follow"),
        ("score.json", '"wer": ', '"wer": 1', "figures do not follow"),
        ("score.json", '"level": ', '"level": 1', "interval.level: Expected `float` < 100"),
        ("score.json", "{", "[", "line 2: not JSON"),
        ("clips.tsv", "heute REGEN", "REGEN", "clips.tsv, line 2: the counts do not match"),
        ("clips.tsv", "hypothesis", "guess", "no column hypothesis"),
    ],
)
def test_bad_folders(tmp_path: Path, score: Score, file: str, old: str, new: str, message: str) -> None:
    write_scores(tmp_path, score)
    change(tmp_path / file, old, new)
    with pytest.raises(FormatError, match=message):
        read_scores(tmp_path)
