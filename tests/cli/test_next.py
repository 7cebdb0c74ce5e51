"""`sla next`: clips of a store and sentences in recordings, with a small trained run."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from annotation_files import write_annotation
from clip_store import bytes_only, make_store
from elan_files import Eaf
from recordings import images_of, refused, signed, sla
from tiny_work import tiny_work

from sla_cli.choose.strategies import STRATEGIES
from sla_cli.core.annotation import Annotation, Sentence, Sign

MANY = "1000"  # minutes


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the work folder of a store and a run that recognises its signs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLA_WORK", "work")
    shutil.copytree(tiny_work(), "work")
    return tmp_path / "work"


def chosen(*arguments: str) -> list[dict[str, Any]]:
    return list(sla("next", *arguments, "-q")["chosen"])


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_each_strategy_chooses_from_a_split_within_the_budget(work: Path, strategy: str) -> None:
    given = ("phoenix2014", "--run", "adapter", "--split", "dev", "--strategy", strategy)
    every = sla("next", *given, "--budget", MANY, "-q")
    assert {one["clip"] for one in every["chosen"]} == {f"dev_{number}" for number in range(4)}
    assert all(one["reason"] and one["end"] > one["start"] == 0 for one in every["chosen"])
    assert every["minutes"] == pytest.approx(sum(one["end"] for one in every["chosen"]) / 60)
    few = sla("next", *given, "--budget", "0.03", "-q")
    assert few["offered"] == 4 and 0 < few["minutes"] <= 0.03
    assert few["chosen"][0] == every["chosen"][0]


@pytest.mark.parametrize("strategy", ["uncertainty", "novelty"])
def test_clips_that_are_no_whole_split_are_recognised(work: Path, strategy: str) -> None:
    """Those without annotation, and those of a split that the run was not trained on."""
    Path("videos").mkdir()
    for name, sentence in (("a", "NORD REGEN"), ("b", "GRAD")):
        signed(Path("videos", f"{name}.avi"), sentence)
    sla("prep", "folder", "videos", "--size", "32", "--name", "new", "-j", "1")
    given = ("--run", "adapter", "--strategy", strategy, "--budget", MANY)
    assert {one["clip"] for one in chosen("new", *given)} == {"a", "b"}
    sla("split", "phoenix2014", "--by", "random", "--name", "other")
    found = {one["clip"].partition("_")[0] for one in chosen("phoenix2014:other", "--split", "train", *given)}
    assert found and "train" not in found


def test_a_random_choice_needs_no_run_and_no_torch(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(work / "runs")
    monkeypatch.setitem(sys.modules, "torch", None)
    store = make_store(work / "stores" / "new", {"train": [bytes_only(f"c{n}", "", 25) for n in range(9)]})
    assert store.is_dir()
    drawn = [[one["clip"] for one in chosen("new", "--budget", "0.05", "--seed", seed)] for seed in "010"]
    assert drawn[0] == drawn[2] != drawn[1] and len(drawn[0]) == 3
    for strategy in ("random", "signers"):
        split = chosen("phoenix2014", "--split", "dev", "--strategy", strategy, "--budget", MANY)
        assert len(split) == 4
    assert "no finished run" in refused("next", "phoenix2014", "--split", "dev", "--strategy", "rare", "--budget", MANY)


def test_the_table_has_the_choices(work: Path) -> None:
    given = ("phoenix2014", "--run", "adapter", "--split", "dev", "--strategy", "rare", "--budget", MANY)
    found = chosen(*given, "-o", "next.tsv")
    rows = list(csv.DictReader(Path("next.tsv").read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    texts = ("clip", "recording", "signer", "reason")
    assert [(row["rank"], *(row[name] for name in texts)) for row in rows] == [
        (str(rank), *(one[name] for name in texts)) for rank, one in enumerate(found, start=1)
    ]
    assert [row["hypothesis"].split() for row in rows] == [one["hypothesis"] for one in found]
    assert "next.tsv exists" in refused("next", *given, "-o", "next.tsv")
    before = Path("next.tsv").read_bytes()
    sla("next", *given, "-o", "next.tsv", "--force", "-q")
    assert Path("next.tsv").read_bytes() == before
    noted = before + b"my own row\n"
    Path("next.tsv").write_bytes(noted)
    sla("next", *given, "-o", "next.tsv", "--force", "-q")
    assert (Path("next.tsv").read_bytes(), Path("next.tsv.~1~").read_bytes()) == (before, noted)
    Path("mine.tsv").write_text("my notes\n")
    assert "not a table of this command" in refused("next", *given, "-o", "mine.tsv", "--force")


def test_what_cannot_be_chosen_from_is_refused(work: Path) -> None:
    (work.parent / "empty").mkdir()
    budget = ("--budget", "1", "--run", "adapter")
    assert "are annotated" in refused("next", "phoenix2014", *budget)
    assert "was trained on all clips of train" in refused("next", "phoenix2014", "--split", "train", *budget)
    assert "was trained on all clips of train" in refused("next", "phoenix2014", "--split", "train", *budget[:2])
    assert "contains neither videos nor pictures" in refused("next", "empty", *budget)
    assert "no such store or recordings: nothing" in refused("next", "nothing", *budget)
    assert "'--budget'" in refused("next", "phoenix2014", "--budget", "1e7")
    (work.parent / "odd").mkdir()
    (work.parent / "odd" / "a\nb.mp4").write_bytes(b"")
    assert "'odd/a\\nb.mp4': the name cannot stand in a table" in refused("next", "odd", *budget)
    (work.parent / "odd" / "a\nb.mp4").rename(work.parent / "odd" / "a.mp4")
    (work.parent / "odd" / "c\td").mkdir()
    (work.parent / "odd" / "c\td" / "e.eaf").write_text(Eaf(links=[{"RELATIVE_MEDIA_URL": "../a.mp4"}]).xml())
    assert "'odd/c\\td/e.eaf': the name cannot stand in a table" in refused("next", "odd", *budget)
    small = refused("next", "phoenix2014", "--split", "dev", "--budget", "0.005", "--run", "adapter")
    assert "0.005 min is shorter than every candidate" in small
    assert "--fps is for recordings" in refused("next", "phoenix2014", "--fps", "25", *budget)
    assert "--split is for a store" in refused("next", "empty", "--split", "dev", *budget)
    assert "needs signers" in refused("next", "empty", "--strategy", "signers", *budget)
    assert "no signer is known" in refused(
        "next",
        str(make_store(work / "anonymous", {"train": [bytes_only("c", "", 25)]})),
        "--strategy",
        "signers",
        *budget,
    )


def test_a_store_of_other_frames_and_glosses(work: Path) -> None:
    """Frames that the run cannot read are refused; glosses that it does not know are no obstacle."""
    small = make_store(work / "small", {"train": [bytes_only("c", ["NEW", "WORDS"], 25)]})
    given = ("--split", "train", "--strategy", "uncertainty", "--budget", "1", "--run", "adapter")
    assert "24 px" in refused("next", str(small), *given)


def test_sentences_of_recordings_that_nobody_has_annotated(work: Path) -> None:
    folder = work.parent / "videos"
    folder.mkdir()
    for number, sentence in enumerate(("NORD REGEN", "REGEN SONNE GRAD", "GRAD NORD")):
        signed(folder / f"v{number}.avi", sentence)
    (folder / "broken.mp4").write_bytes(b"no video")
    given = (str(folder), "--run", "adapter", "--budget", MANY)
    first = chosen(*given, "--strategy", "uncertainty")
    assert {one["clip"] for one in first} == {"v0.avi", "v1.avi", "v2.avi"}
    assert all(Path(one["recording"]).is_file() and one["hypothesis"] for one in first)
    signs = (Sentence((Sign("NORD", 0.1, 0.3, 1.0),)),)
    eaf = folder / "v0.eaf"
    write_annotation(eaf, "eaf", Annotation("v0", folder / "v0.avi", 1.0, signs))
    assert len(chosen(*given)) == 3  # as sla wrote it
    eaf.write_text(eaf.read_text().replace(">NORD<", ">SUED<"))
    assert {one["clip"] for one in chosen(*given)} == {"v1.avi", "v2.avi"}
    (folder / "elan").mkdir()
    elsewhere = eaf.read_text().replace("v0.avi", "../v1.avi").replace(f"{folder}/../", f"{folder}/")
    (folder / "elan" / "one.eaf").write_text(elsewhere)
    assert {one["clip"] for one in chosen(*given)} == {"v2.avi"}, "that of v1.avi is elsewhere in the folder"
    (folder / "elan" / "one.eaf").write_text(elsewhere.replace(">SUED<", ">NORD<"))
    chosen(*given, "-o", "next.tsv")
    rows = csv.DictReader(Path("next.tsv").read_text(encoding="utf-8").splitlines(), delimiter="\t")
    elan = {row["clip"]: row["elan"] for row in rows}
    assert elan == {"v1.avi": str(folder / "elan" / "one.eaf"), "v2.avi": ""}
    (folder / "elan" / "one.eaf").unlink()
    for number in (1, 2):
        shutil.copy(eaf, folder / f"v{number}.eaf")
    assert "nothing to choose from" in refused("next", *given)


def test_two_recordings_of_an_archive_with_one_elan_file_are_refused(work: Path) -> None:
    for name in ("a", "b"):
        (work.parent / "in" / name).mkdir(parents=True)
        signed(work.parent / "in" / name / "v.avi", "NORD REGEN")
    shutil.make_archive("packed", "zip", "in")
    given = ("packed.zip", "--run", "adapter", "--budget", MANY)
    assert {one["clip"] for one in chosen(*given)} == {"a/v.avi", "b/v.avi"}, "none is there"
    write_annotation(work.parent / "v.eaf", "eaf", Annotation("v", None, 1.0, ()))
    assert "packed.zip/a/v.avi and packed.zip/b/v.avi have one ELAN file, v.eaf" in refused("next", *given)
    (work.parent / "in" / "a" / "v.mp4").touch()
    fault = refused("next", "in", *given[1:])
    assert "in/a/v.avi and in/a/v.mp4 have one ELAN file, in/a/v.eaf" in fault, "as sla annotate says"
    assert "Move one of them away" in fault
    (work.parent / "in" / "a" / "v.mp4").unlink()
    (work.parent / "in" / "a" / "v.mp4").symlink_to("v.avi")
    assert [one["clip"] for one in chosen("in", *given[1:])] == ["a/v.avi", "b/v.avi"], "sla annotate takes one video"
    (work.parent / "in" / "a" / "v.mp4").unlink()
    (work.parent / "in" / "a" / "v.mov").symlink_to("nowhere.mov")
    assert [one["clip"] for one in chosen("in", *given[1:])] == ["a/v.avi", "b/v.avi"], "a link to nothing is left out"
    (work.parent / "in" / "a" / "v").mkdir()
    for number, picture in enumerate(images_of("NORD REGEN")):
        cv2.imwrite(str(work.parent / "in" / "a" / "v" / f"{number:03}.png"), picture)
    found = chosen("in", *given[1:], "--fps", "25")
    assert [one["clip"] for one in found] == ["a/v.avi", "b/v.avi"], "not its pictures, too"


def test_recordings_and_a_model_without_its_store(work: Path) -> None:
    signed(work.parent / "v.avi", "NORD REGEN")
    sla("export", "adapter", "-o", "model", "-q")
    shutil.rmtree(work)
    given = ("v.avi", "--run", "model", "--budget", MANY)
    [one] = chosen(*given, "--strategy", "uncertainty")
    assert np.isclose(one["start"], 0) and one["hypothesis"]
    assert "needs the store" in refused("next", *given, "--strategy", "rare")
    assert json.dumps(one)
