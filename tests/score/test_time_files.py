from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from annotation_files import write_annotation
from elan_files import Eaf
from typer.testing import CliRunner

from sla_cli.annotation.layout import Layout
from sla_cli.cli.main import app
from sla_cli.core.annotation import Annotation, Sign, split_at_pauses
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import SlaError
from sla_cli.score.time_files import compare_times
from sla_cli.work.hypotheses import write_hypotheses

TRUE = (("A", 1.0, 1.4), ("B", 1.6, 2.0), ("A", 3.0, 3.5))
FOUND = (("A", 1.1, 1.4), ("C", 1.6, 2.0), ("A", 2.0, 2.4), ("B", 4.0, 4.5))


def write(path: Path, signs: tuple[tuple[str, float, float], ...], **layout: str | bool) -> Path:
    given = [Sign(*sign, 1.0) for sign in signs]
    annotation = Annotation(path.stem, None, 10.0, split_at_pauses(given, 1.0))
    write_annotation(path, path.suffix[1:].lower(), annotation, Layout(**layout))
    return path


@pytest.mark.parametrize("ending", ["eaf", "ctm", "TextGrid", "vtt"])
@pytest.mark.parametrize("true_ending", ["eaf", "ctm"])
def test_figures_of_a_recording_in_any_format(tmp_path: Path, ending: str, true_ending: str) -> None:
    found = write(tmp_path / f"found.{ending}", FOUND, cue="gloss")
    figures = compare_times(found, write(tmp_path / f"true.{true_ending}", TRUE))
    assert (figures.recordings, figures.references, figures.hypotheses, figures.correct) == (1, 3, 4, 2)
    assert figures.wer == pytest.approx(100 * 2 / 3)  # C for B, and the last B
    assert figures.inside == 50  # the second A lies before its true place
    assert figures.f1 == pytest.approx({"0.1": 200 / 7, "0.25": 200 / 7, "0.5": 200 / 7})
    assert figures.start_error == pytest.approx((0.1 + 1.0) / 2)
    assert figures.end_error == pytest.approx((0.0 + 1.1) / 2)
    assert (figures.outside, figures.share_outside) == (2, 50)


def test_the_truth_itself_is_right(tmp_path: Path) -> None:
    figures = compare_times(write(tmp_path / "a.eaf", TRUE), write(tmp_path / "b.ctm", TRUE))
    assert (figures.wer, figures.inside, figures.start_error, figures.end_error) == (0, 100, 0, 0)
    assert set(figures.f1.values()) == {100}


@pytest.mark.parametrize("ending", ["ctm", "srt"])
def test_a_gloss_that_ends_where_another_begins_does_not_overlap_it(tmp_path: Path, ending: str) -> None:
    """In binary numbers the sum of a CTM, 0.28 + 0.2, is after 0.48."""
    signs = (("A", 0.28, 0.48), ("B", 0.48, 0.68))
    found, true = (
        write(tmp_path / f"{name}.{ending}", these, cue="gloss") for name, these in (("a", signs), ("b", signs[1:]))
    )
    assert compare_times(found, true).outside == 1


def test_times_are_those_of_the_recording_where_its_timeline_begins_later(tmp_path: Path) -> None:
    """ELAN adds the offset of a link (TIME_ORIGIN); the file's own recording comes before other links."""
    others = [{"MEDIA_URL": f"file:///x/{name}", "MIME_TYPE": "x", "TIME_ORIGIN": "500"} for name in ("b.wav", "b.mp4")]
    for links, shift in (
        ([], 0),
        (others, 0.5),
        ([*others, {"RELATIVE_MEDIA_URL": "./Zoe%CC%88%20a.mp4", "TIME_ORIGIN": "8000"}], 8),
        ([*others, {"RELATIVE_MEDIA_URL": "./ZO%C3%8B%20a.MOV", "TIME_ORIGIN": "8000"}], 8),
    ):
        eaf = Eaf(links=links)
        tier = eaf.tier("GLOSS")
        for gloss, start, end in TRUE:
            eaf.mark(tier, round((start - shift + 8) * 1000), round((end - shift + 8) * 1000), gloss)
        (tmp_path / "Zo\u00eb a.eaf").write_text(eaf.xml())
        moved = tuple((gloss, start + 8, end + 8) for gloss, start, end in TRUE)
        figures = compare_times(write(tmp_path / "b.ctm", moved), tmp_path / "Zo\u00eb a.eaf")
        assert (figures.inside, figures.start_error) == (100, pytest.approx(0, abs=1e-9))


def test_folders_go_file_by_file(tmp_path: Path) -> None:
    for folder, signs in (("found", FOUND), ("true", TRUE)):
        (tmp_path / folder).mkdir()
        for name in ("one", "two"):
            write(tmp_path / folder / f"{name}.eaf", signs)
    figures = compare_times(tmp_path / "found", tmp_path / "true")
    assert (figures.recordings, figures.references, figures.hypotheses, figures.correct) == (2, 6, 8, 4)
    write(tmp_path / "found" / "four.eaf", TRUE)
    with pytest.raises(SlaError, match=r"true has no four, which .*found has"):
        compare_times(tmp_path / "found", tmp_path / "true")


def test_a_recording_that_was_not_transcribed_is_refused_and_in_a_ctm_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is missing would count as deletions; a CTM cannot name a recording without glosses."""
    for name in ("one", "two"):
        write(tmp_path / "true" / f"{name}.eaf", TRUE)
    found = write(tmp_path / "found" / "one.eaf", FOUND).parent
    with pytest.raises(SlaError, match=r"found has no two, which .*true has"):
        compare_times(found, tmp_path / "true")
    partial = compare_times(found, tmp_path / "true", partial=True)
    assert (partial.recordings, partial.references, partial.hypotheses) == (1, 3, 4)
    with pytest.raises(SlaError, match="no recording in common"):
        compare_times(write(tmp_path / "other" / "x.eaf", FOUND).parent, tmp_path / "true", partial=True)
    figures = compare_times(write(tmp_path / "one.ctm", FOUND), tmp_path / "true")
    assert (figures.recordings, figures.references, figures.hypotheses) == (2, 6, 4)
    assert "no hypothesis for 1 recording, compared as empty: two" in caplog.text


@pytest.mark.parametrize("kind", ["eaf", "vtt", "srt", "ctm", "textgrid"])
def test_a_file_in_which_no_sign_was_recognised_is_compared_as_empty(tmp_path: Path, kind: str) -> None:
    true = write(tmp_path / "true" / "one.eaf", TRUE)
    found = write(tmp_path / "found" / f"one.{kind}", ())
    figures = compare_times(found, true)
    assert (figures.recordings, figures.references, figures.hypotheses) == (1, 3, 0)


def test_of_other_names_of_a_recording_in_two_files_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = write(tmp_path / "one.ctm", TRUE), write(tmp_path / "two.ctm", TRUE)
    assert compare_times(one, two).inside == 100
    assert "one is compared with two, of another name, as the same recording" in caplog.text
    caplog.clear()
    compare_times(one, one)
    compare_times(one, write(tmp_path / "any.eaf", TRUE))
    assert not caplog.messages


def test_folders_match_by_name_at_any_depth_also_with_one_file_each(tmp_path: Path) -> None:
    true = write(tmp_path / "true" / "a" / "one.eaf", TRUE).parents[1]
    write(tmp_path / "true" / "b" / "one.eaf", TRUE)
    found = write(tmp_path / "found" / "a" / "one.vtt", FOUND, cue="gloss").parents[1]
    with pytest.raises(SlaError, match="has no b/one, which"):
        compare_times(found, true)
    write(tmp_path / "found" / "b" / "one.eaf", TRUE)
    assert compare_times(found, true).recordings == 2
    other = write(tmp_path / "other" / "two.eaf", TRUE).parent
    with pytest.raises(SlaError, match=r"b has no two, which .*; .*other has no one, which"):
        compare_times(other, true / "b")


def test_a_folder_may_have_ctm_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `sla transcribe -o FOLDER --format ctm` writes them, which are also beside others; by their names, wherever
    the command is called."""
    for name, kinds in (("ctm", ["ctm"]), ("both", ["ctm", "eaf"])):
        for folder, signs in (("found", FOUND), ("true", TRUE)):
            (tmp_path / name / folder).mkdir(parents=True)
            for kind in kinds:
                write(tmp_path / name / folder / f"a.{kind}", signs)
        shutil.copyfile(tmp_path / name / "found" / "a.ctm", tmp_path / name / "found" / "a.txt")
        monkeypatch.chdir(tmp_path / name / "found")
        figures = compare_times(tmp_path / name / "found", tmp_path / name / "true")
        assert (figures.recordings, figures.correct, figures.inside) == (1, 2, 50)
    several = tmp_path / "ctm" / "found" / "a.ctm"
    several.write_text(several.read_text() + "b 1 0.0 1.0 A\n")
    with pytest.raises(SlaError, match=r"a\.ctm is of 2 recordings"):
        compare_times(tmp_path / "ctm" / "found", tmp_path / "ctm" / "true")


def test_two_files_of_one_recording_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "found" / "a.eaf", FOUND).parent
    write(folder / "a.srt", TRUE, cue="gloss")
    with pytest.raises(SlaError, match=r"two files of one recording: a\.eaf and a\.srt"):
        compare_times(folder, write(tmp_path / "true" / "a.eaf", TRUE).parent)


def test_hidden_files_are_no_recordings(tmp_path: Path) -> None:
    for folder in ("found", "true"):
        write(tmp_path / folder / "a.eaf", TRUE)
        for name in ("._a.eaf", ".x.eaf", "__MACOSX/a.eaf"):
            (tmp_path / folder / name).parent.mkdir(exist_ok=True)
            (tmp_path / folder / name).write_bytes(b"\0\5\x16\7")
    assert compare_times(tmp_path / "found", tmp_path / "true").recordings == 1


def test_hypotheses_of_decode(tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    write_hypotheses(path, [Hypothesis("clip", ("A", "B"), 0.0, ((25, 35), (40, 50)), (0.5, 0.5), 1, 25.0)])
    figures = compare_times(path, write(tmp_path / "clip.ctm", TRUE[:2]))
    assert (figures.correct, figures.inside, figures.start_error) == (2, 100, pytest.approx(0))
    write_hypotheses(path, [Hypothesis("clip", ("A",), 0.0, ((25, 35),), (0.5,))])
    with pytest.raises(SlaError, match="clip clip has no times"):
        compare_times(path, tmp_path / "clip.ctm")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_that_an_editor_saved_otherwise_are_read_as_for_scoring(tmp_path: Path, encoding: str) -> None:
    decoded, ctm = tmp_path / "hyp.tsv", tmp_path / "hyp.txt"
    write_hypotheses(decoded, [Hypothesis("a", ("A",), -1.0, ((0, 5),), (0.9,), fps=25.0)])
    ctm.write_text("a 1 0.0 0.2 A\n")
    for path in (decoded, ctm):
        path.write_text(path.read_text(), encoding=encoding)
    assert compare_times(decoded, ctm).f1["0.5"] == 100


def test_several_tiers_have_to_be_named(tmp_path: Path) -> None:
    """Those of sla with sentences and confidence are known."""
    found, true = write(tmp_path / "a.eaf", FOUND, sentences=True, confidence=True), write(tmp_path / "b.eaf", TRUE)
    assert compare_times(found, true).correct == compare_times(found, true, ["SIGN"]).correct == 2
    text = found.read_text(encoding="utf-8")
    found.write_text(text.replace('"SENTENCE"', '"MINE"'), encoding="utf-8")
    with pytest.raises(SlaError, match="which tier"):
        compare_times(found, true)
    with pytest.raises(SlaError, match="no tier 'GLOSS'"):
        compare_times(found, true, ["GLOSS"])
    with pytest.raises(SlaError, match=r"cannot read .*nowhere.*\nName another one, or put it there"):
        compare_times(tmp_path / "nowhere", true, ["GLOSS"])
    found.write_text(re.sub("<TIER .*</TIER>|<TIER [^>]*/>", "", text, flags=re.DOTALL), encoding="utf-8")
    for named in ((), ["GLOSS"]):
        with pytest.raises(SlaError, match=r"a\.eaf has no tiers\nGive a file in which glosses are annotated"):
            compare_times(found, true, named)


def test_a_tier_with_own_times_below_a_sentence_may_have_the_glosses(tmp_path: Path) -> None:
    eaf = Eaf(types={"gloss": ("", ""), "within": ("Included_In", "")})
    true = write(tmp_path / "b.eaf", TRUE)
    eaf.mark(eaf.tier("TRANSLATION"), 0, 3000, "Guten Tag")
    glosses = eaf.tier("GLOSS", "within", PARENT_REF="TRANSLATION")
    for gloss, start, end in TRUE:
        eaf.mark(glosses, round(start * 1000), round(end * 1000), gloss)
    (tmp_path / "a.eaf").write_text(eaf.xml())
    with pytest.raises(SlaError, match="With annotations: TRANSLATION, GLOSS"):
        compare_times(tmp_path / "a.eaf", true)


def test_a_tier_is_named_as_for_sla_prep(tmp_path: Path) -> None:
    found = write(tmp_path / "a.eaf", FOUND, sentences=True, tier="Glos_A")
    true = write(tmp_path / "b.eaf", TRUE)
    for name in ("glos_a", "Glos", "G?os*"):
        assert compare_times(found, true, [name], ["sign"]).correct == 2
    with pytest.raises(SlaError, match=r"a\.eaf: several tiers match '\*': Glos_A, SENTENCE"):
        compare_times(found, true, ["*"])


def test_two_hands_are_one_sequence(tmp_path: Path) -> None:
    """The same gloss on both at once is one sign, another one on the second hand is kept."""
    eaf = Eaf()
    right, left = eaf.tier("R"), eaf.tier("L")
    for tier, start, end, gloss in ((right, 1.0, 1.4, "A"), (left, 1.1, 1.3, "A"), (left, 1.6, 2.0, "B")):
        eaf.mark(tier, round(start * 1000), round(end * 1000), gloss)
    eaf.mark(right, 3000, 3500, "A")
    true = tmp_path / "true.eaf"
    true.write_text(eaf.xml(), encoding="utf-8")
    figures = compare_times(write(tmp_path / "found.ctm", TRUE), true, (), ["R", "L"])
    assert (figures.references, figures.correct, figures.start_error, figures.wer) == (3, 3, 0.0, 0.0)
    assert compare_times(write(tmp_path / "found.ctm", TRUE), true, (), ["R"]).references == 2
    wanted = [str(tmp_path / "found.ctm"), "--ref", str(true), "--ref-tier", "R", "--ref-tier", "L", "--json"]
    assert json.loads(CliRunner().invoke(app, ["times", *wanted]).stdout)["references"] == 3


def test_hands_that_begin_together_are_in_the_order_of_the_tiers_and_words_are_joined(tmp_path: Path) -> None:
    """As in the clips of `sla prep elan`."""
    files = []
    for name, end in (("found", 1300), ("true", 1500)):
        eaf = Eaf()
        right, left = eaf.tier("R"), eaf.tier("L")
        marks = (
            (right, 1000, end, "A"),
            (left, 1000, 1400, "B"),
            (right, 3000, 3400, "C D"),
            (left, 3100, 3500, "C-D"),
        )
        for mark in marks:
            eaf.mark(*mark)
        files.append(tmp_path / f"{name}.eaf")
        files[-1].write_text(eaf.xml(), encoding="utf-8")
    figures = compare_times(*files, ["R", "L"], ["R", "L"])
    assert (figures.references, figures.hypotheses, figures.correct, figures.wer) == (3, 3, 3, 0.0)


@pytest.mark.parametrize("ending", ["vtt", "srt"])
def test_a_cue_with_several_glosses_has_no_time_of_each(tmp_path: Path, ending: str) -> None:
    """They were one gloss that is nowhere: a word error rate of 100 %."""
    found, true = write(tmp_path / f"a.{ending}", FOUND), write(tmp_path / "b.eaf", TRUE, sentences=True)
    with pytest.raises(SlaError, match=rf"a\.{ending}, line \d+: A, C, A have one time") as refused:
        compare_times(found, true)
    assert "--cue gloss" in refused.value.hint
    with pytest.raises(SlaError, match=r"b\.eaf, line \d+: A, B have one time"):
        compare_times(write(found, FOUND, cue="gloss"), true, (), ["SENTENCE"])
    assert compare_times(found, true).correct == 2


def test_the_command_prints_figures_and_refuses_with_a_sentence(tmp_path: Path) -> None:
    found, true = write(tmp_path / "a.eaf", FOUND), write(tmp_path / "b.eaf", TRUE)
    printed = CliRunner().invoke(app, ["times", str(found), "--ref", str(true)])
    assert printed.exit_code == 0
    assert "2 glosses correct of 3 true ones, 4 compared, in 1 recording; WER 66.67 %" in printed.stdout
    assert "middle inside the true gloss: 50.0 % of the correct ones" in printed.stdout
    answer = json.loads(CliRunner().invoke(app, ["times", str(found), "--ref", str(true), "--json"]).stdout)
    assert answer["f1"]["0.5"] == pytest.approx(200 / 7)


def test_one_gloss_in_two_normal_forms_is_refused_as_by_score(tmp_path: Path) -> None:
    found = write(tmp_path / "a.eaf", (("GRU\u0308N", 1.0, 1.4),))
    true = write(tmp_path / "b.eaf", (("GR\u00dcN", 1.0, 1.4),))
    with pytest.raises(SlaError, match="different Unicode normal forms") as refused:
        compare_times(found, true)
    assert "or let --nfc do it" in refused.value.hint, "which `sla times` has too"
    answer = CliRunner().invoke(app, ["times", str(found), "--ref", str(true), "--nfc", "--json"])
    assert (json.loads(answer.stdout)["wer"], json.loads(answer.stdout)["correct"]) == (0, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.eaf", None, "cannot read"),
        ("missing.ctm", None, "cannot read"),
        ("cut.eaf", "<ANNOTATION_DOCUMENT", "line 1: not XML"),
        ("short.ctm", "a 1 0.0\n", "line 1: not a line of a CTM"),
        ("back.ctm", "a 1 0.0 1 A\na 1 2.0 -1 B\n", "line 2: a start of 2.0 and a duration of -1"),
        ("word.ctm", "a 1 0 1 HEUTE REGEN\n", "line 1: not a line of a CTM"),
        ("far.ctm", "a 1 1e308 1 A\n", "line 1: a start of 1e308"),
        ("long.ctm", "a 1 0 1e308 A\n", "and a duration of 1e308"),
        ("two.ctm", "a 1 0.0 1 A\na 2 2.0 1 B\n", "line 2: a is on channel 2, but earlier on 1"),
        ("infinite.ctm", "a 1 inf 1 A\n", "line 1: not a line of a CTM"),
        ("table.csv", "id,gloss\na,A\n", "is no file from which times of glosses are read"),
    ],
)
def test_what_cannot_be_compared_is_named(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    refused = CliRunner().invoke(app, ["times", str(tmp_path / name), "--ref", str(write(tmp_path / "t.eaf", TRUE))])
    assert refused.exit_code == 2
    assert message in " ".join(refused.output.split()).replace(" :", ":")


def test_words_of_an_annotation_are_one_gloss_as_for_sla_prep(tmp_path: Path) -> None:
    found, true = write(tmp_path / "a.eaf", TRUE), write(tmp_path / "b.eaf", TRUE)
    for path, gloss in ((found, "BIG  HOUSE "), (true, "BIG-HOUSE")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(">A<", f">{gloss}<", 1), encoding="utf-8")
    assert compare_times(found, true).correct == len(TRUE)


def test_a_ctm_is_known_by_its_lines_and_keeps_the_order_of_glosses_that_start_together(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(";; mine\na 1 0 0.9 A\na 1 0 0.4 B\n", encoding="utf-8")
    (tmp_path / "true.ctm").write_text("a 1 0 0.9 A\na 1 0.9 0.4 B\n", encoding="utf-8")
    assert compare_times(tmp_path / "a.txt", tmp_path / "true.ctm").wer == 0


def test_the_confidence_of_ctm_is_not_needed(tmp_path: Path) -> None:
    (tmp_path / "a.ctm").write_text("a 1 1.0 0.4 A NA\n", encoding="utf-8")
    assert compare_times(tmp_path / "a.ctm", write(tmp_path / "t.eaf", TRUE)).correct == 1


def test_the_recording_whose_signs_overlap_too_often_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.core.time_score.MOST_PAIRS", 3)
    (tmp_path / "a.ctm").write_text("one 1 0 1 A\n" + 3 * "two 1 0 1 A\n")
    with pytest.raises(SlaError, match=r"^recording two: too many true signs overlap"):
        compare_times(tmp_path / "a.ctm", tmp_path / "a.ctm")
