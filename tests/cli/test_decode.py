"""`sla decode` on an emissions file: no run, no store, no torch; what it writes, and what it refuses with exit 2."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import Result
from decode_work import write_store
from tiny_work import tiny_work
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.lm.fusion import GlossModel
from sla_cli.lm.kenlm_model import open_lm
from sla_cli.work.hypotheses import read_header, read_hypotheses, read_nbest


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


def sla(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["decode", *arguments])


def refuse(*arguments: str) -> str:
    result = sla(*arguments)
    assert result.exit_code == 2, result.output
    assert "error: " in result.output
    return " ".join(result.output.split())


def test_an_emissions_file_alone(folder: Path) -> None:
    result = sla("dev.h5", "--json", "-q", "--nbest", "3", "-j", "2")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    path = Path(facts["hypotheses"])
    assert path.parent == Path("sla-work/hypotheses/adapter-1")
    nbest = read_nbest(path)
    assert list(nbest) == [f"dev-{number}" for number in range(4)]
    assert {len(readings) for readings in nbest.values()} == {3}
    assert facts["glosses"] == sum(len(readings[0].glosses) for readings in nbest.values())
    assert (read_header(path).corpus, read_header(path).split) == ("phoenix2014", "dev")
    assert {one.fps for readings in nbest.values() for one in readings} == {25.0}


@pytest.mark.parametrize(
    ("option", "value", "printed"),
    [
        ("--device", "tpu", "--device tpu: no such device"),
        ("--device", "cuda:one", "no such device"),
        ("--weights", "nowhere.pt", "no such weights file: nowhere.pt"),
    ],
)
def test_a_bad_device_or_weights_are_refused_where_nothing_is_computed(
    tmp_path: Path, option: str, value: str, printed: str
) -> None:
    work = shutil.copytree(tiny_work(), tmp_path / "work")
    arguments = (str(work / "runs" / "adapter"), "--work", str(work), "--beam", "1")
    assert sla(*arguments).exit_code == 0  # its emissions exist, so torch is not needed
    assert sla(*arguments, "--device", "cpu", "--weights", "random").exit_code == 0
    assert printed in refuse(*arguments, option, value)


@pytest.mark.parametrize("kind", ["ctm", "stm", "trn", "csv", "jsonl"])
def test_formats_beside_the_table_and_where_one_says(folder: Path, kind: str) -> None:
    facts = json.loads(sla("dev.h5", "--format", kind, "--json", "-q").stdout)
    table = Path(facts["hypotheses"])
    assert Path(facts["exported"][kind]) == table.with_suffix(f".{kind}")
    assert sla("dev.h5", "--format", kind, "-o", f"out.{kind}").exit_code == 0
    assert Path(f"out.{kind}").read_bytes() == Path(facts["exported"][kind]).read_bytes()
    assert "exists" in refuse("dev.h5", "--format", kind, "-o", f"out.{kind}")
    assert sla("dev.h5", "--format", kind, "-o", f"out.{kind}", "--force").exit_code == 0
    written = {one.id: one.glosses for one in read_gloss_file(Path(f"out.{kind}")).best}
    assert written == {one.id: one.glosses for one in read_hypotheses(table)}


@pytest.mark.parametrize("kind", ["ctm", "stm", "trn", "csv", "jsonl"])
def test_what_is_of_another_kind_stays_also_where_the_name_is_the_commands_own(folder: Path, kind: str) -> None:
    table = Path(json.loads(sla("dev.h5", "--json", "-q").stdout)["hypotheses"])
    there = table.with_suffix(f".{kind}")
    os.mkfifo(there)
    assert "is not a regular file" in refuse("dev.h5", "--format", kind)
    assert there.is_fifo()
    there.unlink()
    there.symlink_to(folder / "dev.h5")
    assert "is an artifact of sla (emissions)" in refuse("dev.h5", "--format", kind)
    assert there.is_symlink()


def test_of_a_file_that_is_written_through_a_link_the_receipt_is_as_new_as_it_is(folder: Path) -> None:
    assert sla("dev.h5", "-o", "kept.tsv").exit_code == 0
    Path("link.tsv").symlink_to("kept.tsv")
    assert sla("dev.h5", "--beam", "3", "-o", "link.tsv", "--force").exit_code == 0
    for name in ("link.tsv", "kept.tsv"):
        result = sla("dev.h5", "--beam", "3", "-o", name)
        assert result.exit_code == 0 and "is up to date" in result.output


def test_hypotheses_are_complete_where_the_work_folder_cannot_note_them(folder: Path) -> None:
    Path("work").mkdir(exist_ok=True)
    Path("work/hypotheses").write_text("of somebody")
    result = sla("dev.h5", "-o", "out.tsv", "--work", "work")
    assert result.exit_code == 0 and "sla score needs the name of out.tsv" in " ".join(result.output.split())
    assert read_hypotheses(Path("out.tsv"))


def test_rescoring_from_python_as_the_page_shows(folder: Path) -> None:
    assert sla("dev.h5", "--nbest", "10", "-o", "nbest.tsv").exit_code == 0
    write_arpa(estimate([["NULL", "NULL"], ["|", "NULL"], ["<PAD>", "NORD"]], 3, fallback=True), Path("trigram.arpa"))
    page = (Path(__file__).parents[2] / "docs" / "decoding.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    exec(compile(example, "decoding.md", "exec"), {})
    lists, chosen = read_nbest(Path("nbest.tsv")), read_hypotheses(Path("rescored.tsv"))
    glosses = sorted({gloss for ranked in lists.values() for one in ranked for gloss in one.glosses})
    model = GlossModel(open_lm(Path("trigram.arpa")), glosses, 0.3, 0.5)

    def total(one: Hypothesis) -> float:
        score, state = one.score, model.start()
        for gloss in one.glosses:
            added, state = model.gloss(state, glosses.index(gloss) + 1)
            score += added
        return score + model.end(state)

    assert [one.glosses for one in chosen] == [max(ranked, key=total).glosses for ranked in lists.values()]
    assert [one.glosses for one in chosen] != [ranked[0].glosses for ranked in lists.values()]


@pytest.mark.needs("pyctcdecode")
def test_both_engines_write_the_same_glosses(folder: Path) -> None:
    """With a beam so wide that nothing is dropped."""
    wide = ("--beam", "3000", "--prune-logp=-500", "--token-min-logp=-500")
    for name in ("prefix", "pyctcdecode"):
        result = sla("dev.h5", "--lm", "gloss.arpa", "--nbest", "5", *wide, "--engine", name, "-o", f"{name}.tsv")
        assert result.exit_code == 0, result.output
    ours, theirs = (read_nbest(Path(f"{name}.tsv")) for name in ("prefix", "pyctcdecode"))
    assert ours.keys() == theirs.keys()
    for name, readings in ours.items():
        for one, two in zip(readings, theirs[name], strict=True):
            assert (one.glosses, one.spans, one.confidence) == (two.glosses, two.spans, two.confidence)
            assert one.score == pytest.approx(two.score, abs=1e-3)


def test_a_hot_word_changes_the_answer_and_an_unknown_one_is_refused(folder: Path) -> None:
    sla("dev.h5", "-o", "plain.tsv")
    sla("dev.h5", "--hotword", "|", "--hotword-weight", "6", "-o", "hot.tsv")
    plain, hot = (
        sum(one.glosses.count("|") for one in read_hypotheses(Path(name))) for name in ("plain.tsv", "hot.tsv")
    )
    assert hot > plain
    assert "Did you mean 'NORD'?" in refuse("dev.h5", "--hotword", "NORDD")


def test_a_hot_word_that_is_named_twice_is_one(folder: Path) -> None:
    once, twice = (sla("dev.h5", "--json", *["--hotword", "NORD"] * times).stdout for times in (1, 2))
    assert json.loads(once)["hypotheses"] == json.loads(twice)["hypotheses"]


def test_thresholds_are_recorded_and_change_the_answer(folder: Path) -> None:
    arguments = []
    for number, options in enumerate(([], ["--prune-logp", "0"], ["--token-min-logp=-0.1"])):
        assert sla("dev.h5", "--nbest", "5", *options, "-o", f"{number}.tsv").exit_code == 0
        arguments.append(json.loads(Path(f"{number}.tsv.receipt.json").read_text())["arguments"])
    assert [(one["prune_logp"], one["token_min_logp"]) for one in arguments] == [(-10, -5), (0, -5), (-10, -0.1)]
    plain, pruned, few = (
        sum(len(readings) for readings in read_nbest(Path(f"{number}.tsv")).values()) for number in range(3)
    )
    assert pruned < plain and few < plain
    assert "exists and was made with other settings or inputs: prune_logp was 0.0, now -1.0" in refuse(
        "dev.h5", "--nbest", "5", "--prune-logp=-1", "-o", "1.tsv"
    )


def test_a_receipt_holds_no_setting_that_has_no_part_in_the_answer(folder: Path) -> None:
    for name, options in (("plain", []), ("hot", ["--hotword", "NORD"]), ("lm", ["--lm", "gloss.arpa"])):
        assert sla("dev.h5", *options, "-o", f"{name}.tsv").exit_code == 0
        found = json.loads(Path(f"{name}.tsv.receipt.json").read_text())["arguments"].keys()
        assert ("alpha" in found, "beta" in found) == (name == "lm", name == "lm")
        assert ("hotwords" in found, "hotword_weight" in found) == (name == "hot", name == "hot")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--alpha 0.5 --beta 1", "no language model is given for --alpha, --beta"),
        ("--hotword-weight 2", "no hot word is given for --hotword-weight hint: Name one with --hotword"),
        (
            "--beam 1 --prune-logp -3",
            "--prune-logp: no effect on a beam of 1 with neither language model nor hot words",
        ),
        ("--lm gloss.arpa --alpha nan", "alpha is nan"),
        ("--lm none.arpa", "language model none.arpa: no such file, and there is no sla-work/lm/none.arpa"),
        ("--lm .", "language model .: it is a folder"),
        ("--lm /none.arpa", "language model /none.arpa: no such file hint"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder: Path, options: str, message: str) -> None:
    assert message in refuse("dev.h5", *options.split())


def test_a_language_model_is_found_as_named_and_then_in_the_work_folder(folder: Path) -> None:
    lm = Path("sla-work/lm/gloss.arpa")
    lm.parent.mkdir(parents=True)
    Path("gloss.arpa").rename(lm)
    found = sla("dev.h5", "--lm", "gloss.arpa")
    assert found.exit_code == 0
    assert f"using language model {lm}" in found.stderr
    shutil.copy(lm, "gloss.arpa")
    assert "using language model gloss.arpa" in sla("dev.h5", "--lm", "gloss.arpa").stderr
    assert "`sla lm estimate`" in refuse("dev.h5", "--lm", "none.arpa")


def test_choices_are_shown_and_refused(folder: Path) -> None:
    text = CliRunner().invoke(app, ["decode", "--help"], env={"COLUMNS": "200"}).stdout
    for choices in ("train|dev|test", "tsv|csv|jsonl|ctm|stm|trn", "prefix|pyctcdecode"):
        assert choices in text
    assert sla("--split", "develop").exit_code == 2


def test_nothing_that_was_there_is_lost(folder: Path) -> None:
    (folder / "notes.tsv").write_text("mine")
    for force in ((), ("--force",)):
        assert "notes.tsv is not a file of the kind 'hypotheses'" in refuse("dev.h5", "-o", "notes.tsv", *force)
    assert (folder / "notes.tsv").read_text() == "mine"
    write_store(folder)
    assert "store is a folder" in refuse("dev.h5", "-o", "store", "--force")
    assert (folder / "store/receipt.json").is_file()
    assert "no such run or emissions: dve.h5" in refuse("dve.h5")
    assert "no such run or emissions: https://a.b/c hint" in refuse("https://a.b/c")


def test_a_table_that_was_cut_off_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receipt of the previous table must not be valid for the one that was being written."""
    assert sla("dev.h5", "-o", "out.tsv", "--nbest", "3").exit_code == 0
    with monkeypatch.context() as patched:
        patched.setattr("sla_cli.work.making.write_receipt", lambda *_: sys.exit(137))
        assert sla("dev.h5", "-o", "out.tsv", "--nbest", "2", "--force").exit_code == 137
    assert "out.tsv exists" in refuse("dev.h5", "-o", "out.tsv", "--nbest", "3")
    assert sla("dev.h5", "-o", "out.tsv", "--nbest", "3", "--force").exit_code == 0
    assert {len(readings) for readings in read_nbest(folder / "out.tsv").values()} == {3}


def test_a_language_model_of_other_glosses(folder: Path) -> None:
    write_arpa(estimate([["NORD", "HAUS"], ["BAUM"]], 2, fallback=True), folder / "other.arpa")
    text = refuse("dev.h5", "--lm", "other.arpa")
    assert "other.arpa does not know 4 of 5 glosses (80.0 %)" in text
    assert "--max-oov 81" in text
    assert sla("dev.h5", "--lm", "other.arpa", "--max-oov", "81").exit_code == 0


def test_emissions_that_cannot_be_decoded(folder: Path) -> None:
    assert "--split" in refuse("dev.h5", "--split", "test")
    shutil.copy("dev.h5", "edited.h5")  # without its receipt, which would tell that it was edited
    with h5py.File("edited.h5", "r+") as file:
        file["log_probs"][0, 0] = np.nan
    assert "edited.h5: clip dev-0: output step 0 holds NaN" in refuse("edited.h5")
    shutil.copy("test.h5", "other.h5")
    with h5py.File("other.h5", "r+") as file:
        del file["glosses"]
        file.create_dataset("glosses", data=["A", "B"], dtype=h5py.string_dtype("utf-8"))
    assert "6 columns for 2 glosses" in refuse("other.h5")
    Path("none.h5").write_bytes(b"nothing of the kind")
    assert re.search("none.h5: not an HDF5 file.*Name another file", refuse("none.h5"), re.DOTALL)
    assert "a beam of 10 cannot give 11 hypotheses for each clip" in refuse("test.h5", "--nbest", "11")


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        ("--beam 99999999999999999999", "beam is 99999999999999999999"),
        ("--beam 10001", "a whole number from 1 to 10000"),
        ("-j 5000", "less than or equal to 1000"),
        ("--lm gloss.arpa --beta 1e308", "beta is 1e+308"),
        ("--lm gloss.arpa --alpha 1e308", "alpha is 1e+308"),
        ("--hotword NORD --hotword-weight -1e308", "hotword_weight is -1e+308"),
        ("--prune-logp 1", "prune_logp is 1.0"),
        ("--token-min-logp -1e308", "token_min_logp is -1e+308"),
    ],
)
def test_what_would_take_for_ever_or_overflow_is_refused_before_any_work(
    folder: Path, options: str, reported: str
) -> None:
    result = sla("dev.h5", *options.split())
    assert result.exit_code == 2
    assert reported in " ".join(result.output.replace("│", " ").split())
    assert not Path("sla-work").exists()
