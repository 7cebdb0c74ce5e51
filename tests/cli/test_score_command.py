"""`sla score` and `sla compare` as commands: what they print and write, and their exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from sla_cli.cli.main import app
from sla_cli.cli.score import table
from sla_cli.config.settings import ProfileName
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.normalize import PROFILES
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpora.folder import FolderOptions
from sla_cli.prep.corpora.folder import read as read_folder
from sla_cli.video.tree import Tree
from sla_cli.work.hypotheses import Header, write_hypotheses

REFERENCES = "".join(f"c{i} 1 s{i % 2} 0.0 1.0 A B C{i}\n" for i in range(30))
ONE = "".join(f"c{i}\tA X C{i}\n" if i % 3 == 0 else f"c{i}\tA B C{i}\n" for i in range(30))
TWO = "".join(f"c{i}\tX Y Z Q\n" if i % 2 == 0 else f"c{i}\tA B C{i}\n" for i in range(30))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ref.stm").write_text(REFERENCES, encoding="utf-8")
    Path("one.txt").write_text(ONE, encoding="utf-8")
    Path("two.txt").write_text(TWO, encoding="utf-8")
    return tmp_path


def sla(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def test_the_file_is_named_that_records_no_store(folder: Path) -> None:
    assert "no references: one.txt does not record which store" in sla("score", "one.txt", code=2).stderr


def test_one_file(folder: Path) -> None:
    text = sla("score", "one.txt", "--ref", "ref.stm").stdout
    assert text.startswith("WER 11.11 %, 95 % interval ")
    assert "10 errors in 90 reference words, 30 clips\n" in text
    assert "most confused: B as X (10)" in text
    assert "|bootstrap:1000x30sentences,seed0|" in text
    (out,) = (folder / "sla-work" / "scores").iterdir()
    assert {path.name for path in out.iterdir()} == {
        *("score.json", "clips.tsv", "alignment.txt", "receipt.json"),
        *("signers.tsv", "lengths.tsv", "glosses.tsv", "confusions.tsv"),
    }


def test_the_name_of_a_file_may_be_as_long_as_the_disk_allows(folder: Path) -> None:
    name = f"{'x' * 250}.txt"
    Path(name).write_text(ONE, encoding="utf-8")
    assert sla("score", name, "--ref", "ref.stm").stdout.startswith("WER 11.11 %")


def test_a_file_in_the_place_of_the_folder_of_a_score_stays(folder: Path) -> None:
    command = ("score", "one.txt", "--ref", "ref.stm", "--json")
    place = Path(json.loads(sla(*command).stdout)["scores"])
    shutil.rmtree(place)
    place.write_text("mine")
    assert "A file is where its folder would be" in sla(*command, code=2).stderr
    assert place.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.eaf", '<?xml version="1.0"?><ANNOTATION_DOCUMENT/>'),
        ("a.TextGrid", 'File type = "ooTextFile"\nObject class = "TextGrid"\n'),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nHAUS\n"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHAUS\n"),
    ],
)
def test_files_of_annotations_are_for_another_command(folder: Path, name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    assert "`sla times HYPOTHESES --ref REFERENCES`" in sla("score", name, "--ref", name, code=2).stderr


def test_json_is_one_object_for_one_file_and_for_several(folder: Path) -> None:
    options = ("--ref", "ref.stm", "--json", "-q", "--ci", "90", "--samples", "200", "--seed", "3")
    facts = json.loads(sla("score", "one.txt", *options).stdout)
    low, high = facts["interval"]["low"], facts["interval"]["high"]
    assert low < facts["wer"] < high
    drawn = {"level": 90.0, "samples": 200, "seed": 3, "units": 30, "cluster": "sentence"}
    assert facts["interval"] == {"low": low, "high": high, **drawn}
    assert "oracle_wer" not in facts
    both = json.loads(sla("score", "one.txt", "two.txt", *options).stdout)
    assert list(both) == ["files"]
    assert [one["hypotheses"] for one in both["files"]] == ["one.txt", "two.txt"]
    assert facts == {**both["files"][0], "files": both["files"][:1]}


def test_several_files_end_in_a_table(folder: Path) -> None:
    lines = sla("score", "one.txt", "two.txt", "--ref", "ref.stm").stdout.splitlines()
    assert lines[-2].split()[:2] == ["one.txt", "11.11"]
    assert lines[-1].split()[0] == "two.txt"
    assert sum(line.startswith("WER ") for line in lines) == 2


def test_details(folder: Path) -> None:
    text = sla("score", "one.txt", "--ref", "ref.stm", "--details").stdout
    for title in ("Signers", "Length of the reference", "Glosses with most errors", "Confusions"):
        assert title in text


def test_drawing_a_table_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = io.StringIO()
    nowhere.close()
    monkeypatch.setattr("sys.stdout", nowhere)
    assert table("Title", ("a", "b"), [("x", 10)]) == "Title\na   b\nx  10"


def test_nbest_has_an_oracle(folder: Path) -> None:
    readings = [
        Hypothesis(f"c{i}", glosses, rank=rank)
        for i in range(30)
        for rank, glosses in enumerate((("A",), ("A", "B", f"C{i}")), start=1)
    ]
    write_hypotheses(folder / "own.tsv", readings)
    assert "oracle WER 0.00 % of up to 2" in sla("score", "own.tsv", "--ref", "ref.stm").stdout
    facts = json.loads(sla("score", "own.tsv", "--ref", "ref.stm", "--json", "-q").stdout)
    assert (facts["oracle_wer"], facts["nbest"]) == (0.0, 2)
    assert facts["wer"] == pytest.approx(200 / 3)


def test_max_wer_exits_with_3_after_everything_is_written(folder: Path) -> None:
    assert sla("score", "one.txt", "--ref", "ref.stm", "--max-wer", "11.2").stdout.startswith("WER")
    options = ("--ref", "ref.stm", "--max-wer", "50", "--sclite", "nist", "--json", "-q")
    result = sla("score", "one.txt", "two.txt", *options, code=3)
    assert len(json.loads(result.stdout)["files"]) == 2
    assert len(list((folder / "sla-work" / "scores").glob("*/receipt.json"))) == 2
    assert len(list((folder / "nist").iterdir())) == 8
    assert "above --max-wer 50: two.txt" in result.stderr


def test_of_an_id_that_sclite_cannot_read_no_file_is_written(folder: Path) -> None:
    for name in ("ref", "hyp"):
        Path(f"{name}.csv").write_text("id,glosses\na(1),A B\n", encoding="utf-8")
    result = sla("score", "hyp.csv", "--ref", "ref.csv", "--sclite", "nist", code=2)
    assert "'a(1)'" in result.stderr and "leave --sclite out" in " ".join(result.stderr.split())
    assert not list(Path("nist").glob("*"))


def test_files_for_sclite_go_into_no_artifact(folder: Path) -> None:
    sla("score", "one.txt", "--ref", "ref.stm")
    (scored,) = (folder / "sla-work" / "scores").iterdir()
    before = sorted(scored.iterdir())
    result = sla("score", "two.txt", "--ref", "ref.stm", "--sclite", str(scored), code=2)
    assert "is an artifact of sla" in result.stderr and sorted(scored.iterdir()) == before
    assert "one.txt is a file" in sla("score", "two.txt", "--ref", "ref.stm", "--sclite", "one.txt", code=2).stderr


def test_no_file_for_sclite_is_written_where_something_else_has_the_name_of_one(folder: Path) -> None:
    sla("score", "one.txt", "--ref", "ref.stm", "--sclite", "nist")
    there = sorted(Path("nist").iterdir())
    for path in there:
        path.unlink()
    for path, make in ((there[0], os.mkfifo), (there[1], Path.mkdir)):
        make(path)
        sla("score", "one.txt", "--ref", "ref.stm", "--sclite", "nist", code=2)
        assert list(Path("nist").iterdir()) == [path] and not path.is_file()
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "holds no hypotheses", "interrupted"),
        ("c0\tA\nc0\tB\n", "hyp.txt, line 2: c0 occurs twice, first on line 1", "one line per clip"),
        (
            ONE.replace("c7\t", "c77\t"),
            "no hypothesis for 1 of the references (c7) and no reference for 1 of the hypotheses",
            "--partial",
        ),
        (ONE.replace("A X C3", "A B\u0308 C3").replace("A B C4\n", "A \u1e02 B\u0307\n"), "normal forms", "--nfc"),
    ],
)
def test_bad_hypotheses_exit_with_2(folder: Path, text: str, message: str, hint: str) -> None:
    Path("hyp.txt").write_text(text, encoding="utf-8")
    result = sla("score", "hyp.txt", "--ref", "ref.stm", code=2)
    assert message in result.stderr
    assert hint in result.stderr
    assert not (folder / "sla-work").exists()


@pytest.mark.parametrize("options", [("--ci", "100"), ("--samples", "3"), ("--seed", "-1")])
def test_bad_options_exit_with_2(folder: Path, options: tuple[str, str]) -> None:
    assert "error: " in sla("score", "one.txt", "--ref", "ref.stm", *options, code=2).stderr


@pytest.mark.parametrize("command", ["score", "compare"])
def test_profiles_are_a_closed_choice(folder: Path, command: str) -> None:
    assert get_args(ProfileName) == tuple(PROFILES)
    error = sla(command, "one.txt", "two.txt", "--ref", "ref.stm", "--normalize", "x", code=2).stderr
    assert "--normalize" in error and "phoenix2014t-vac" in error
    sla(command, "one.txt", "two.txt", "--ref", "ref.stm", "--normalize", "none")


def test_weights_tuned_on_the_scored_split_are_said(folder: Path) -> None:
    readings = [Hypothesis(f"c{i}", ("A",)) for i in range(30)]
    for tuned_on, printed in (("dev", True), ("", False)):
        write_hypotheses(folder / "own.tsv", readings, Header("signs", "dev", tuned_on=tuned_on))
        text = sla("score", "own.tsv", "--ref", "ref.stm").stdout
        assert ("tuned on dev, scored here: this WER is too optimistic" in text) == printed
        facts = json.loads(sla("score", "own.tsv", "--ref", "ref.stm", "--json", "-q").stdout)
        assert facts.get("tuned_on", "") == tuned_on
        Path("other.tsv").write_bytes(Path("own.tsv").read_bytes())
        compared = sla("compare", "own.tsv", "other.tsv", "--ref", "ref.stm").stdout
        assert ("B: the weights of the language model were tuned on dev" in compared) == printed
        found = json.loads(sla("compare", "own.tsv", "other.tsv", "--ref", "ref.stm", "--json", "-q").stdout)
        assert found["a"].get("tuned_on", "") == tuned_on


@pytest.mark.parametrize("limit", ["-1", "nan", "x"])
def test_a_limit_without_sense_passes_nothing(folder: Path, limit: str) -> None:
    assert "--max-wer" in sla("score", "one.txt", "--ref", "ref.stm", "--max-wer", limit, code=2).stderr


@pytest.mark.parametrize("command", ["score", "compare"])
def test_of_several_files_the_bad_one_is_named(folder: Path, command: str) -> None:
    Path("few.txt").write_text(ONE.split("c5\t")[0], encoding="utf-8")
    result = sla(command, "one.txt", "few.txt", "--ref", "ref.stm", code=2)
    assert "error: few.txt: no hypothesis for 25 of the references" in result.stderr


def test_of_several_files_nothing_is_written_if_one_is_missing(folder: Path) -> None:
    assert (
        "cannot read missing.tsv: no such file"
        in sla("score", "one.txt", "missing.tsv", "--ref", "ref.stm", "--work", "new", code=2).stderr
    )
    assert not Path("new").exists()


def test_compare(folder: Path) -> None:
    text = sla("compare", "two.txt", "one.txt", "--ref", "ref.stm", "-o", "d.tsv").stdout
    assert "A two: WER 66.67 %" in text
    assert "B one: WER 11.11 %" in text
    assert "B - A: -55.56 points, 95 % interval " in text
    assert "clips: B better in 15, worse in 5, equal in 10" in text
    assert text.splitlines()[-1].startswith("one is better than two by 55.56 points")
    assert len(Path("d.tsv").read_text(encoding="utf-8").splitlines()) == 31


@pytest.mark.parametrize("name", ["one.txt", "two.txt", "ref.stm"])
def test_compare_replaces_no_input(folder: Path, name: str) -> None:
    before = Path(name).read_bytes()
    error = sla("compare", "one.txt", "two.txt", "--ref", "ref.stm", "-o", f"./{name}", code=2).stderr
    assert "would replace an input" in error
    assert Path(name).read_bytes() == before


def test_compare_as_json_takes_score_folders(folder: Path) -> None:
    one, two = (
        json.loads(sla("score", name, "--ref", "ref.stm", "--json", "-q").stdout)["scores"]
        for name in ("one.txt", "two.txt")
    )
    facts = json.loads(sla("compare", one, two, "--json", "-q").stdout)
    assert facts["difference"] == pytest.approx(500 / 9)
    assert facts["interval"]["low"] < facts["difference"] < facts["interval"]["high"]
    assert facts["clips"] == {"better": 5, "worse": 15, "equal": 10}
    assert {"gloss": "A", "ref_words": 30, "gained": 0, "lost": 15} in facts["glosses"]
    assert facts["matched_pairs"]["p"] < 0.01


def test_compare_refuses_other_clips(folder: Path) -> None:
    Path("few.stm").write_text(REFERENCES.split("c5 ")[0], encoding="utf-8")
    few = json.loads(sla("score", "one.txt", "--ref", "few.stm", "--partial", "--json", "-q").stdout)["scores"]
    result = sla("compare", few, "two.txt", "--ref", "ref.stm", code=2)
    assert "25 clips are in two only" in result.stderr


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_the_table_that_prep_reads_holds_references(folder: Path, separator: str) -> None:
    """One table for both: `sla prep folder` names clips without ids by their recordings, and so does scoring."""
    rows = [
        ("Video", "Gloss", "Split", "Start", "End", "Signer"),
        ("a/tea.mp4", "TEA DRINK", "dev", "", "", "ann"),
        ("a/long.mp4", "RAIN", "dev", "0:01", "2.5", "bob"),
        ("frames/take.1", "SUN COME", "dev", "", "", "bob"),
    ]
    table = folder / "clips.csv"
    table.write_text("\n".join(separator.join(row) for row in rows) + "\n", encoding="utf-8")
    tree = find_corpus("folder").open(table, None)
    listed = {clip.id: clip for clip in read_folder(with_recordings(tree, rows), FolderOptions()).clips}
    Path("hyp.csv").write_text("id,gloss\n" + "".join(f"{name},TEA\n" for name in listed), encoding="utf-8")
    facts = json.loads(sla("score", "hyp.csv", "--ref", str(table), "--json", "-q", "--samples", "1000").stdout)
    assert (facts["utterances"], facts["ref_words"], facts["correct"]) == (3, 5, 1)
    assert {one.id: one.glosses for one in read_gloss_file(table).best} == {
        name: clip.glosses for name, clip in listed.items()
    }
    assert read_gloss_file(table).signers == {name: clip.signer for name, clip in listed.items()}


def with_recordings(tree: Tree, rows: list[tuple[str, ...]]) -> Tree:
    for path, *_ in rows[1:]:
        place = tree.root / path
        place.parent.mkdir(exist_ok=True)
        if place.suffix == ".mp4":
            place.touch()
        else:
            place.mkdir()
    return tree


def test_clips_of_one_signer_are_drawn_together(folder: Path) -> None:
    by_signer = ("--ref", "ref.stm", "--cluster", "signer")
    text = sla("score", "one.txt", *by_signer).stdout
    assert "(rough: only 2 signers)" in text
    assert "30 clips with 2 signers\n" in text
    assert "|bootstrap:1000x2signers,seed0|" in text
    facts = json.loads(sla("score", "one.txt", *by_signer, "--json", "-q").stdout)
    assert (facts["interval"]["units"], facts["interval"]["cluster"]) == (2, "signer")
    assert json.loads(sla("info", facts["scores"], "--json", "-q").stdout)["facts"]["interval"] is not None
    # A score folder has the signers, so it can be compared by signer, also with a file from which it was not made.
    compared = json.loads(sla("compare", facts["scores"], "two.txt", *by_signer, "--json", "-q").stdout)
    assert (compared["interval"]["cluster"], compared["interval"]["units"], compared["sentences"]) == ("signer", 2, 30)
    assert compared["verdict"].endswith("may well be chance."), "only one of the two signs worse"
    by_sentence = json.loads(sla("compare", facts["scores"], "two.txt", "--ref", "ref.stm", "--json", "-q").stdout)
    assert by_sentence["verdict"].endswith("more than chance explains.")


def test_a_cluster_that_is_not_known_is_refused(folder: Path) -> None:
    Path("ref.csv").write_text("id,gloss\n" + "".join(f"c{i},A B C{i}\n" for i in range(30)), encoding="utf-8")
    for cluster in ("signer", "recording"):
        for command in (("score", "one.txt"), ("compare", "one.txt", "two.txt")):
            result = sla(*command, "--ref", "ref.csv", "--cluster", cluster, code=2)
            assert f"no {cluster} is recorded for 30 of 30 clips" in result.stderr
    assert not (folder / "sla-work").exists()


def test_takes_of_one_prompt_are_apart_where_clips_are_drawn(folder: Path) -> None:
    Path("prompts.csv").write_text("id,gloss\n" + "".join(f"c{i},A B\n" for i in range(30)), encoding="utf-8")
    assert "no interval (one sentence only)" in sla("score", "one.txt", "--ref", "prompts.csv").stdout
    text = sla("score", "one.txt", "--ref", "prompts.csv", "--cluster", "clip").stdout
    assert "x30clips," in text and "95 % interval" in text
