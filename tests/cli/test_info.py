"""`sla info` of every artifact, what it refuses, and its contact sheet."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from clip_store import clip, make_store
from report_work import make_work
from typer.testing import CliRunner, Result

from sla_cli.artifact.receipt import Receipt, receipt_path, write_receipt
from sla_cli.artifact.text import read_text
from sla_cli.cli.main import app
from sla_cli.config.toml_file import read_toml
from sla_cli.decode.grid_search import GridPoint
from sla_cli.decode.tune_file import tune_file
from sla_cli.errors import SlaError
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.work.calibration import CalibrationFigures, write_calibration
from sla_cli.work.emissions import Emission, EmissionHeader, write_emissions
from sla_cli.work.run import Run

TRAINED = {"best_epoch": 1, "dev_wer": 50.0}  # results of a finished run


def sla(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["info", *map(str, arguments)])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def facts(path: Path) -> dict[str, Any]:
    found = json.loads(sla(path, "--json", "-q").stdout)
    assert found["path"] == str(path)
    assert f"{path}: {found['kind']}" in sla(path).stdout
    return found


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("info") / "work"
    make_work(root)
    return root


@pytest.fixture
def store(tmp_path: Path) -> Path:
    splits = {
        "train": [clip("t1", "A B", signer="ann"), clip("t2", "B C", signer="bob")],
        "test": [clip("x1", "", 7)],
    }
    results = {"skipped": {"t9": "too short"}}
    return make_store(tmp_path / "store", splits, results, division="SI", labels="phoenix2014.v1")


def test_a_store(store: Path) -> None:
    found = facts(store)
    assert (found["kind"], found["format"], found["complete"]) == ("store", "sla-store 1", True)
    shown = found["facts"]
    assert (shown["corpus"], shown["labels"], shown["divisions"]) == (
        "mine",
        "phoenix2014.v1",
        {"SI": {"train": 2, "test": 1}},
    )
    assert shown["pictures"] == "24x24, squash, jpeg of quality 95"
    counts = {key: shown[key] for key in ("clips", "frames", "signers", "files", "bytes")}
    size = (store / "clips.h5").stat().st_size
    assert counts == {"clips": 3, "frames": 31, "signers": 2, "files": 1, "bytes": size}
    text = sla(store).stdout
    assert text.startswith(f"{store}: store (sla-store 1), complete\n")
    assert "made by sla prep on " in text
    assert re.search(r"skipped +1: t9", text)
    assert found["receipt"]["environment"]["python"] in text


def test_an_unfinished_store(store: Path) -> None:
    receipt_path(store).unlink()
    assert ", NOT complete\n" in sla(store).stdout
    found = facts(store)
    assert (found["complete"], found["receipt"], found["facts"]["clips"]) == (False, None, 3)
    begun = store.parent / "begun"
    (begun / ".spool-0123").mkdir(parents=True)
    assert facts(begun)["facts"] == {"divisions": {}}


def test_a_store_that_lacks_a_file_is_not_called_complete(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"train": [clip("a", "A"), clip("b", "B")]}, shards=2)
    assert facts(store)["complete"]
    (store / "clips-0001.h5").unlink()
    assert (facts(store)["complete"], facts(store)["facts"]["clips"]) == (False, 1)


def test_one_file_of_a_store(store: Path) -> None:
    found = facts(store / "clips.h5")
    assert (found["kind"], found["complete"]) == ("file of a store", None)
    assert (found["facts"]["shard"], found["facts"]["frames"]) == ("1 of 1", 31)


def test_a_run(work: Path) -> None:
    found = facts(work / "runs" / "lora")
    assert (found["kind"], found["format"], found["complete"]) == ("run", "sla-run 1", False)
    shown = found["facts"]
    assert (shown["variant"], shown["glosses"], shown["epochs"], shown["best_dev_wer"]) == ("lora", 10, 3, 37.5)


def test_a_run_by_its_name(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    by_name = sla("lora", "--work", work).stdout
    assert by_name == sla(work / "runs" / "lora").stdout
    monkeypatch.setenv("SLA_WORK", str(work))
    assert sla("lora").stdout == by_name
    assert "no such file or folder: adapter-9" in sla("adapter-9", code=2).stderr
    (seed := work / "runs" / "signs-seed0").symlink_to("lora")
    assert sla("signs").stdout == sla(work / "stores" / "signs").stdout, "not the runs of seeds"
    seed.unlink()
    (tmp_path / "lora").write_text("id\tgloss\n", encoding="utf-8")  # as for other commands, a file has precedence
    assert "lora is not a kind of file that sla info describes" in sla("lora", code=2).stderr


def test_a_run_is_complete_with_receipt_and_weights(work: Path, tmp_path: Path) -> None:
    run = Run(shutil.copytree(work / "runs" / "lora", tmp_path / "lora"))
    write_receipt(Receipt("train", {}, {}, results=TRAINED), run.path)
    for path in (run.domain, run.frame_scores):
        path.touch()
    figures = CalibrationFigures(1.25, -0.5, "dev", 20, 15, 0.2, 0.1)
    write_calibration(run.calibration, figures, "other weights")
    assert "belongs to another checkpoint" in sla(run.path, code=2).stderr
    write_calibration(run.calibration, figures, run.weights_digest)
    assert facts(run.path)["complete"] is True and facts(run.path)["facts"]["confidence"] == "calibrated"
    run.best.unlink()
    assert facts(run.path)["complete"] is False
    assert ", NOT complete\n" in sla(run.path).stdout


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("4\tx\t9.0", "line 5: loss is 'x', not a number"),
        ("1e308\t1.0\t9.0", "line 5: epoch is '1e308', not a whole number"),
        ("4\t1.0", "line 5: 2 fields, but"),
    ],
)
def test_a_run_whose_metrics_are_damaged(work: Path, tmp_path: Path, last: str, fault: str) -> None:
    run = Run(shutil.copytree(work / "runs" / "lora", tmp_path / "lora"))
    run.metrics.write_text(f"{run.metrics.read_text(encoding='utf-8')}{last}\n", encoding="utf-8")
    assert f"error: {run.metrics}, {fault}" in sla(run.path, code=2).stderr


def test_emissions(work: Path) -> None:
    found = facts(work / "emissions" / "lora" / "test.h5")
    assert (found["kind"], found["format"], found["complete"]) == ("emissions", "sla-emissions 1", True)
    shown = found["facts"]
    assert (shown["clips"], shown["frames"], shown["steps"], shown["glosses"]) == (5, 5 * 38, 5 * 10, 10)
    assert found["receipt"]["stage"] == "emit"


def test_hypotheses(work: Path) -> None:
    found = facts(work / "hypotheses" / "lora" / "test-lora.tsv")
    assert (found["kind"], found["format"], found["complete"]) == ("hypotheses", "sla-hypotheses 1", True)
    shown = found["facts"]
    assert (shown["clips"], shown["hypotheses"], shown["glosses"], shown["spans"]) == (5, 5, 9, True)
    assert "arguments    beam 10, alpha 0.5, beta 1.5" in sla(found["path"]).stdout


@pytest.mark.parametrize("name", ["emissions/lora/test.h5", "hypotheses/lora/test-lora.tsv"])
def test_a_file_that_is_not_as_its_receipt_says_is_not_called_complete(work: Path, name: str) -> None:
    data = (path := work / name).read_bytes()
    path.write_bytes(data[:-3] + b"XY\n")
    assert f"{path} is damaged or was edited" in sla(path, code=2).stderr
    path.write_bytes(data)


def test_a_score(work: Path) -> None:
    (folder,) = (path for path in (work / "scores").iterdir() if "lora" in path.name)
    found = facts(folder)
    assert (found["kind"], found["complete"]) == ("score", True)
    expected = json.loads((folder / "score.json").read_text(encoding="utf-8"))
    assert found["facts"]["wer"] == round(expected["wer"], 2)
    assert (found["facts"]["errors"], found["facts"]["clips"]) == (expected["errors"], 5)
    assert found["facts"]["signature"] == expected["signature"]


def test_a_receipt_alone(work: Path) -> None:
    path = work / "hypotheses" / "lora" / "test-lora.tsv.receipt.json"
    found = facts(path)
    assert (found["kind"], found["format"]) == ("receipt", "receipt 1")
    assert found["facts"] == {"of": str(path.with_name("test-lora.tsv")), "there": True}
    assert found["receipt"] == json.loads(path.read_text(encoding="utf-8"))


def test_a_language_model_plain_and_packed(tmp_path: Path) -> None:
    path = tmp_path / "gloss.arpa"
    write_arpa(estimate([["A", "B", "C"], ["A", "C"]], 3, fallback=True), path)
    found = facts(path)
    assert (found["kind"], found["format"], found["complete"], found["receipt"]) == ("language model", "", None, None)
    assert (found["facts"]["form"], found["facts"]["order"]) == ("ARPA", 3)
    text = path.read_text(encoding="utf-8")
    starts = [text.index(f"\\{order}-grams:") for order in (1, 2, 3)] + [text.index("\\end\\")]
    counts = {str(n + 1): len(text[starts[n] : starts[n + 1]].split("\n")) - 3 for n in range(3)}
    assert found["facts"]["ngrams"] == counts
    packed = tmp_path / "gloss.arpa.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert facts(packed)["facts"]["ngrams"] == counts


def test_a_language_model_that_is_damaged(tmp_path: Path) -> None:
    binary, packed = tmp_path / "gloss.bin", tmp_path / "gloss.gz"
    binary.write_bytes(b"mmap lm http://kheafield.com/code format version 4\n\0" + b"\0" * 99)
    assert (
        f"error: {binary} is no whole KenLM binary of this version: Binary file has version"
        in sla(binary, code=2).stderr
    )
    packed.write_bytes(gzip.compress(b"hello" * 999)[:20])
    assert f"error: {packed}: damaged gzip file" in sla(packed, code=2).stderr
    (arpa := tmp_path / "gloss.arpa").write_bytes(b"\\data\\\njunk")
    assert f"error: {arpa}: its header states no number of n-grams" in sla(arpa, code=2).stderr


def test_a_language_model_that_does_not_hold_what_its_header_says(tmp_path: Path) -> None:
    for name, pack in (("gloss.arpa", bytes), ("gloss.arpa.gz", gzip.compress)):
        path = tmp_path / name
        path.write_bytes(pack(b"\\data\\\nngram 1=999999999999\n\n\\1-grams:\n"))
        reported = "its header promises 999,999,999,999 n-grams, which the file does not hold"
        assert f"error: {path}: {reported}" in sla(path, code=2).stderr


def test_the_reference_language_model(shared: Path) -> None:
    found = facts(shared / "golden" / "gloss-lm" / "phoenix2014-train.3gram.arpa")
    assert found["facts"]["ngrams"] == {"1": 1103, "2": 16046, "3": 39027}


def test_a_tuning(work: Path, tmp_path: Path) -> None:
    lm, dev = tmp_path / "gloss.arpa", tmp_path / "dev.h5"
    glosses = ("A", "B")
    write_arpa(estimate([["A", "B"]], 2, fallback=True), lm)
    rows = [[-0.1, -3.0, -3.0], [-3.0, -0.1, -3.0], [-0.1, -3.0, -3.0], [-3.0, -3.0, -0.1]]
    header = EmissionHeader("mine", "dev", glosses, 4, "", "/runs/adapter-1")
    write_emissions(dev, header, [Emission("c1", np.array(rows, np.float32), 16, 25.0)])
    out, tuned, _ = tune_file(
        dev, {"c1": ("A", "B")}, tmp_path / "tuning", BeamOptions(lm=lm, max_oov=100.0), [GridPoint(5, 0.5, 1.0)]
    )
    found = facts(out)
    assert (found["kind"], found["format"], found["complete"]) == ("tuning", "sla-tuned 1", True)
    assert (found["facts"]["alpha"], found["facts"]["wer"]) == (0.5, tuned.wer)


def test_what_is_none_of_ours_is_refused_with_what_to_name(tmp_path: Path, store: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("hello\n", encoding="utf-8")
    assert (
        f"error: {other} is not a kind of file that sla info describes\nhint: Name a store" in sla(other, code=2).stderr
    )
    missing = tmp_path / "nothing"
    assert f"error: no such file or folder: {missing}" in sla(missing, code=2).stderr
    assert "is not a kind of folder that sla info describes; it holds notes.txt, store" in sla(tmp_path, code=2).stderr
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    assert "is not a kind of file that sla info describes" in sla(tmp_path / "other.h5", code=2).stderr
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "receipt.json").write_text("{}", encoding="utf-8")
    notes = shutil.copy(other, theirs / "notes.xyz")
    assert "notes.xyz is not a kind of file that sla info describes" in sla(notes, code=2).stderr
    shutil.rmtree(theirs)
    inside = store / "notes.txt"
    inside.write_text("hello\n", encoding="utf-8")
    assert f"hint: It belongs to an artifact: `sla info {store}` describes that." in sla(inside, code=2).stderr
    for part in (store / "divisions" / "SI.tsv", store / "divisions"):
        assert f"hint: It belongs to an artifact: `sla info {store}` describes that." in sla(part, code=2).stderr
    with contextlib.chdir(tmp_path):
        odd = Path(store.rename("-my store").name) / "notes.txt"
        assert "artifact: `sla info './-my store'` describes that." in sla("--", odd, code=2).stderr


def test_damaged_files_are_named(store: Path) -> None:
    whole = (store / "clips.h5").read_bytes()
    (store / "clips.h5").write_bytes(whole[: len(whole) // 2])
    assert "clips.h5" in sla(store, code=2).stderr
    assert f"error: {store / 'clips.h5'}: " in sla(store / "clips.h5", code=2).stderr
    (store / "receipt.json").write_text("{", encoding="utf-8")
    assert "receipt.json: not a receipt" in sla(store / "receipt.json", code=2).stderr
    for data in (b"\0\0\0", b"{}"):  # of a file that is not there, nor was
        (alone := store / "x.receipt.json").write_bytes(data)
        assert f"error: {alone}: not a receipt" in sla(alone, code=2).stderr


def test_a_sheet_of_a_store(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    answer = json.loads(sla(store, "--sheet", out, "--split", "train", "--clip", "t2", "--json").stdout)
    height, width, _ = cv2.imread(str(out)).shape
    assert answer["sheet"] == {"path": str(out), "width": width, "height": height}
    first = out.read_bytes()
    assert f"error: {out} exists" in sla(store, "--sheet", out, code=2).stderr
    assert out.read_bytes() == first
    assert f"sheet {out}: {width}x" in sla(store, "--sheet", out, "--force", "--clips", 1, "--seed", 3).stdout
    assert out.read_bytes() != first
    sla(store, "--sheet", out, "--force", "--signer", "BOB")  # in train, and there is no dev
    sla(f"{store}:SI", "--sheet", out, "--force", "--split", "train")
    assert "has no division 'x'" in sla(f"{store}:x", "--sheet", out, "--force", code=2).stderr
    assert "has no division 'x'" in sla(f"{store}:x", code=2).stderr
    assert "no clip is by" in sla(store, "--sheet", out, "--force", "--signer", "eve", code=2).stderr


def test_a_photo_is_never_replaced_by_a_sheet(store: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes())
    before = photo.read_bytes()
    assert f"{photo} is not a sheet of sla info" in sla(store, "--sheet", photo, "--force", code=2).stderr
    assert photo.read_bytes() == before


def test_sheets_that_cannot_be(store: Path, work: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    assert "is not a store but run" in sla(work / "runs" / "lora", "--sheet", out, code=2).stderr
    assert "has no split 'dev'" in sla(store, "--sheet", out, "--split", "dev", code=2).stderr
    assert "no clip 'nobody'" in sla(store, "--sheet", out, "--clip", "nobody", code=2).stderr
    for idle in (("--clips", 3), ("--force",)):
        assert "has no effect without --sheet" in sla(store, *idle, code=2).stderr
    assert f"{tmp_path} is a folder" in sla(store, "--sheet", tmp_path, "--force", code=2).stderr
    for more in (("--seed", 3), ("--signer", "ann")):
        assert "--clip names the clips" in sla(store, "--sheet", out, "--clip", "x1", *more, code=2).stderr
    seeded = ("--sheet", out, "--signer", "bob", "--seed", 3)
    assert "--seed has no effect: with --signer" in sla(store, *seeded, code=2).stderr
    receipt_path(store).unlink()
    assert "is not complete" in sla(store, "--sheet", out, code=2).stderr
    assert not out.exists()


@pytest.mark.timeout(200)
def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert "it is a pipe, not a regular file" in " ".join(sla(tmp_path / "pipe", code=2).stderr.split())
    assert "it is a device, not a regular file" in " ".join(sla(tmp_path / "zero", code=2).stderr.split())
    for name in ("pipe", "zero"):
        with pytest.raises(SlaError, match="not a regular file"):
            read_text(tmp_path / name)
        with pytest.raises(SlaError, match="not a regular file"):
            read_toml(tmp_path / name)
