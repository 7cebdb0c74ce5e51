"""`sla align`: from emissions without torch, and with users' own recordings."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pympi
import pytest
from click.testing import Result
from decode_work import GLOSSES, SENTENCES, write_store
from movies import movie, pictures
from report_work import make_split, make_work
from typer.testing import CliRunner

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.cli.main import app
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.store.clips import StoredClip
from sla_cli.store.store import Store
from sla_cli.work.alignment import read_alignment
from sla_cli.work.emissions import Emission, EmissionHeader, write_emissions


def sla(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["align", *arguments])


def facts(*arguments: str) -> dict[str, Any]:
    result = sla(*arguments, "--json", "-q")
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return dict(json.loads(result.stdout))


def refuse(*arguments: str) -> str:
    result = sla(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


@pytest.fixture
def signs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dev.h5 and its store, in a Python without torch."""
    monkeypatch.setitem(sys.modules, "torch", None)
    write_store(folder)
    return folder


def test_every_reference_gloss_has_a_row(signs: Path) -> None:
    found = facts("dev.h5")
    path = Path(found["alignment"])
    assert path.parent == Path("sla-work/alignments/adapter-1") and path.name.startswith("dev-")
    rows = read_alignment(path)
    assert [(row["clip"], row["gloss"]) for row in rows] == [
        (f"dev-{number}", gloss) for number, sentence in enumerate(SENTENCES) for gloss in sentence
    ]
    assert (found["clips"], found["glosses"], found["left_out"], found["unknown"]) == (4, len(rows), {}, {})
    for row, following in pairwise(rows):
        assert int(row["start_frame"]) < int(row["end_frame"])
        assert float(row["start"]) == int(row["start_frame"]) / 25
        assert row["clip"] != following["clip"] or int(row["end_frame"]) <= int(following["start_frame"])
    assert json.loads(path.with_name(f"{path.name}.receipt.json").read_text())["stage"] == "align"


def test_a_second_time_nothing_is_written(signs: Path) -> None:
    path = Path(facts("dev.h5")["alignment"])
    before = path.stat().st_mtime_ns
    assert facts("dev.h5")["glosses"] == len(read_alignment(path))
    assert path.stat().st_mtime_ns == before


def test_info_knows_an_alignment(signs: Path) -> None:
    path = facts("dev.h5")["alignment"]
    found = json.loads(CliRunner().invoke(app, ["info", path, "--json", "-q"]).stdout)
    assert (found["kind"], found["format"], found["complete"]) == ("alignment", "sla-alignment 1", True)
    assert found["facts"] == {"clips": 4, "glosses": 10, "glosses_without_span": 0}


def test_ctm_holds_what_the_table_holds(signs: Path) -> None:
    found = facts("dev.h5", "--format", "ctm")
    assert Path(found["ctm"]) == Path(found["alignment"]).with_suffix(".ctm")
    assert read_gloss_file(Path(found["ctm"])).references == {
        f"dev-{number}": sentence for number, sentence in enumerate(SENTENCES)
    }
    rows = read_alignment(Path(found["alignment"]))
    lines = [line.split() for line in Path(found["ctm"]).read_text().splitlines()]
    assert [float(line[2]) for line in lines] == pytest.approx([float(row["start"]) for row in rows])
    assert [float(line[5]) for line in lines] == pytest.approx([float(row["confidence"]) for row in rows])
    Path(found["ctm"]).unlink()
    os.mkfifo(found["ctm"])
    assert "is not a regular file" in refuse("dev.h5", "--format", "ctm")


def test_glosses_and_clips_that_cannot_be_placed_are_named(folder: Path) -> None:
    names = ("clip<i>0</i>", "clip-1", "clip-2", "clip-3")
    make_work(folder / "work", heard={"adapter": [()] * 4}, clips=dict.fromkeys(names, ("REGEN", "SONNE")))
    references = dict(zip(names, [("REGEN", "NEU", "SONNE"), ("REGEN",) * 9, (), ("NEU",)], strict=True))
    make_split(folder / "checked", references)
    arguments = ("work/emissions/adapter/test.h5", "--store", "checked")
    result = sla(*arguments)
    assert result.exit_code == 0, result.output
    printed = " ".join(result.stderr.split())
    assert "3 clips are left out: clip-1: its 9 glosses cannot fit in 10 output steps" in printed
    assert "no times for 1 gloss that the run does not know: NEU (1)" in printed
    found = facts(*arguments)
    assert list(found["left_out"]) == ["clip-1", "clip-2", "clip-3"]
    assert (found["unknown"], found["glosses"]) == ({"NEU": 1}, 2)
    rows = read_alignment(Path(found["alignment"]))
    assert {row["clip"] for row in rows} == set(references)
    assert [row["note"] for row in rows[:3]] == ["", "the run does not know this gloss", ""]


def test_a_planted_label_is_the_most_suspicious(folder: Path) -> None:
    references = {"one": ("REGEN", "SONNE"), "two": ("SONNE", "WIND"), "three": ("WIND", "REGEN", "SONNE")}
    make_work(folder / "work", heard={"adapter": [("REGEN",)] * 3}, clips=references)
    wrong = {**references, "two": ("SONNE", "شمس")}
    make_work(folder / "wrong", heard={"adapter": [("REGEN",)] * 3}, clips=wrong)
    store = ("--store", "wrong/stores/signs")
    found = facts("work/emissions/adapter/test.h5", "--suspicious", *store, "-o", "doubts.tsv", "--top", "2")
    assert (found["clips"], found["differing"], len(found["suspicious"])) == (3, 1, 2)
    first, second = found["suspicious"]
    [place] = first["places"]
    assert (first["id"], place["kind"], place["gloss"], place["read"]) == ("two", "exchanged", "شمس", "WIND")
    assert (second["score"], second["places"]) == (0.0, [])
    with Path("doubts.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["clip"] for row in rows] == ["two", "one", "three"]
    assert (rows[0]["read"], float(rows[0]["score"]), rows[1]["read"]) == ("WIND", place["score"], "")
    printed = sla("work/emissions/adapter/test.h5", "--suspicious", *store).stdout
    assert "two" in printed and "WIND" in printed and "three" not in printed


@pytest.mark.parametrize("wrong", [False, True], ids=["nothing", "another gloss"])
def test_a_run_that_recognises_little_is_said_to_do_so(signs: Path, wrong: bool) -> None:
    """Its differences from the references say nothing about them."""
    header = EmissionHeader("phoenix2014", "dev", GLOSSES, 4, "store", "run", division="corpus")
    log_probs = np.full((20, len(GLOSSES) + 1), -9.0, np.float32)
    log_probs[:, 0] = 0
    log_probs[10, :2] = (-9, 0) if wrong else (0, -9)
    clips = [Emission(f"dev-{number}", log_probs, 80, 25.0) for number in range(len(SENTENCES))]
    write_emissions(Path("weak.h5"), header, clips)
    result = sla("weak.h5", "--suspicious", "--store", "store")
    if wrong:
        assert result.exit_code == 0 and "% WER: most differences are its own errors" in " ".join(result.stderr.split())
    else:
        assert result.exit_code == 2
        assert f"recognises no gloss in {len(SENTENCES)} clips" in " ".join(result.output.split())


def test_what_is_refused(signs: Path) -> None:
    assert "--suspicious writes a table or ELAN files" in refuse("dev.h5", "--suspicious", "--format", "ctm")
    assert "needs a folder for the ELAN files" in refuse("dev.h5", "--suspicious", "--format", "eaf")
    assert "--top is for --suspicious" in refuse("dev.h5", "--top", "3")
    assert "--weights has no effect" in refuse("dev.h5", "--weights", "random")
    assert "dev.h5 holds emissions of dev" in refuse("dev.h5", "--split", "train")
    Path("mine.tsv").write_text("mine")
    for options in ((), ("--format", "ctm"), ("--suspicious",)):
        assert "mine.tsv is not" in refuse("dev.h5", *options, "-o", "mine.tsv", "--force")
    assert "is a file" in refuse("dev.h5", "--format", "eaf", "-o", "mine.tsv")
    assert "mine.eaf would be no file, as its ending .eaf" in refuse("dev.h5", "--format", "eaf", "-o", "mine.eaf")
    assert "is an artifact of sla" in refuse("dev.h5", "--format", "eaf", "-o", "store")
    assert "is not empty" in refuse("dev.h5", "--format", "eaf", "-o", ".")
    assert Path("mine.tsv").read_text() == "mine"
    assert facts("dev.h5", "--suspicious", "-o", "new.tsv")["table"] == "new.tsv"
    write_receipt(Receipt("emit", {}, {}), Path("dev.h5"), "of other content")
    for options in ((), ("--suspicious",)):
        assert "dev.h5 is damaged or was edited" in refuse("dev.h5", *options, "--store", "store")


def test_a_store_that_changed_or_is_gone_is_refused(signs: Path) -> None:
    make_work(signs / "work", heard={"adapter": [()]}, clips={"one": ("REGEN",)})
    make_work(signs / "other", heard={"adapter": [()]}, clips={"one": ("SONNE",)})
    shutil.rmtree("work/stores")
    assert "the store of work/emissions/adapter/test.h5 is gone" in refuse("work/emissions/adapter/test.h5")
    shutil.copytree("other/stores", "work/stores")
    assert "other clips or references than when" in refuse("work/emissions/adapter/test.h5")
    make_work(signs / "more", heard={"adapter": [()]}, clips={"another": ("SONNE",)})
    other = ("--store", "more/stores/signs")
    assert "lacks 1 clip of work/emissions/adapter/test.h5: one" in refuse("work/emissions/adapter/test.h5", *other)


def test_recordings_of_ones_own_from_prep_to_elan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sentences that are parts of one video, the second with a gloss that is not signed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    movie(tmp_path / "mine" / "talk.mkv", pictures(100), "-c:v", "ffv1")
    table = "id\tvideo\tgloss\tstart\tend\none\ttalk.mkv\tNORD REGEN\t0\t1.6\ntwo\ttalk.mkv\tSONNE REGEN\t2\t3.6\n"
    (tmp_path / "mine" / "clips.tsv").write_text(table)
    prepared = CliRunner().invoke(app, ["prep", "folder", "mine", "--size", "32", "-q"])
    assert prepared.exit_code == 0, prepared.output
    split = Store(Path("sla-work/stores/folder"))["train"]
    signed = {"one": ("NORD", "REGEN"), "two": ("SONNE", "NORD")}
    header = EmissionHeader("folder", "train", split.vocabulary, 4, str(split.store.resolve()), "/runs/adapter-1")
    write_emissions(Path("train.h5"), header, [emitted(clip, signed[clip.id]) for clip in split])
    found = facts("train.h5", "--format", "eaf", "-o", "elan")
    assert found["eaf"] == ["elan/talk.eaf"]
    elan = pympi.Elan.Eaf("elan/talk.eaf")
    [media] = elan.media_descriptors
    assert media["MEDIA_URL"] == (tmp_path / "mine" / "talk.mkv").as_uri()
    signs = sorted(elan.get_annotation_data_for_tier("SIGN"))
    assert [gloss for *_, gloss in signs] == ["NORD", "REGEN", "SONNE", "REGEN"]
    assert [start for start, *_ in signs[:3]] == [160, 480, 2160]
    first, second = facts("train.h5", "--suspicious")["suspicious"]
    assert (first["id"], second["score"]) == ("two", 0.0)
    [place] = first["places"]
    assert (place["kind"], place["gloss"], place["read"], place["number"]) == ("exchanged", "REGEN", "NORD", 2)


def emitted(clip: StoredClip, glosses: tuple[str, ...]) -> Emission:
    """The first gloss at the second step, the next one two steps after it, each for one step."""
    logits = np.zeros((10, 4))
    logits[:, 0] = 6
    for number, gloss in enumerate(glosses):
        logits[2 * number + 1, ("NORD", "REGEN", "SONNE").index(gloss) + 1] = 12
    log_probs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    return Emission(clip.id, log_probs, len(clip), clip.fps)
