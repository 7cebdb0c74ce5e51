"""`sla prep` as typed: its messages, what it refuses, and users' own videos with one command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import cv2
import numpy as np
import pytest
from json_schemas import result_name
from movies import movie, pictures
from typer.testing import CliRunner, Result

from sla_cli.cli.main import app
from sla_cli.config.settings import PrepConfig
from sla_cli.prep.corpora import corpora
from sla_cli.store.store import Store

Tree = Callable[..., Path]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sla(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["prep", *map(str, arguments)], env={"COLUMNS": "200"})


def write_video(path: Path, frames: int, seed: int = 0) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    for time in range(frames):
        image = np.full((48, 64, 3), 90, np.uint8)
        cv2.circle(image, (10 + time % 40, 20 + seed), 8, (200, 180, 60), -1)
        writer.write(image)
    writer.release()


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, name in enumerate(("tea", "weather", "question")):
        write_video(folder / f"{name}.mp4", 40 + number, number)
    rows = ["video\tgloss\tsplit", "tea.mp4\tI TEA DRINK\ttrain", "weather.mp4\tTODAY RAIN\ttrain"]
    (folder / "clips.tsv").write_text("\n".join([*rows, "question.mp4\tTODAY TEA WHERE\tdev"]) + "\n")
    return folder


def test_every_corpus_is_explained() -> None:
    listed = sla().stdout
    assert all(f"│ {name} " in listed for name in corpora())
    assert [*corpora()] == [
        *("csl-daily", "elan", "isharah500", "isharah1000", "isharah2000"),
        *("phoenix2014", "phoenix2014t", "folder"),
    ]
    phoenix = sla("phoenix2014", "--help").stdout
    assert "Published clips: multisigner train 5,672, dev 540, test 629; si5 train 4,376" in phoenix
    assert "--labels phoenix2014 is the official clean-up" in phoenix
    assert "SOURCE: " in phoenix


def test_own_videos_reach_a_store_in_one_command(recordings: Path, tmp_path: Path) -> None:
    answer = sla("folder", recordings, "--name", "mine", "--size", 32, "-j1")
    assert answer.exit_code == 0, answer.stderr
    assert "store sla-work/stores/mine: 3 clips\n" in answer.stdout
    assert "frames: 32 px, jpeg 95," in answer.stdout
    assert "dB PSNR" in answer.stdout
    assert "division corpus: train 2, dev 1; glosses: 5 in train (labels raw); " in answer.stdout
    assert "out of vocabulary: dev 1 of 3 (33.3 %)" in answer.stdout
    store = Store(Path("sla-work") / "stores" / "mine")
    assert [(clip.id, clip.glosses, len(clip), clip.fps) for clip in store["train"]] == [
        ("tea", ("I", "TEA", "DRINK"), 40, 25.0),
        ("weather", ("TODAY", "RAIN"), 41, 25.0),
    ]
    assert store.vocabulary == ("DRINK", "I", "RAIN", "TEA", "TODAY")


def test_recordings_to_be_recognised_need_no_glosses(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 30)
    (tmp_path / "clips.csv").write_text("video\na.mp4\n")
    answer = sla("folder", tmp_path / "clips.csv", "--size", 32, "--codec", "png", "-j1")
    assert answer.exit_code == 0, answer.stderr
    assert "png, lossless" in answer.stdout
    store = Store(Path("sla-work") / "stores" / "folder")
    assert (store.splits, store.vocabulary, len(store["test"])) == (["test"], (), 1)
    (tmp_path / "hyp.ctm").write_text("a 1 0.0 0.4 TEA\n")
    scored = CliRunner().invoke(app, ["score", "hyp.ctm", "--ref", str(store.path)])
    assert scored.exit_code == 2
    assert "has no reference glosses" in scored.stderr


@pytest.mark.parametrize(("signers", "by"), [("STU", "signer"), ("SsT", "sentence"), ("ST ", "sentence")])
def test_the_command_that_draws_a_division_works(tmp_path: Path, signers: str, by: str) -> None:
    for name in "abcd":
        write_video(tmp_path / f"{name}.mp4", 9, ord(name) % 7)
    rows = [f"{name}.mp4,GLOSS-{name},{signer}" for name, signer in zip("abc", signers, strict=True)]
    (tmp_path / "clips.csv").write_text("\n".join(["video,gloss,signer", *rows, "d.mp4,,"]))
    answer = sla("folder", "clips.csv", "--size", 32, "-j1")
    assert f"test; `sla split sla-work/stores/folder --by {by}` draws one\n" in answer.stdout
    drawn = CliRunner().invoke(app, ["split", "sla-work/stores/folder", "--by", by])
    assert drawn.exit_code == 0, drawn.stderr


@pytest.mark.parametrize("given", ["mine", "mine/two words.mp4"])
def test_one_video_and_nothing_else_is_a_store(tmp_path: Path, given: str) -> None:
    video = tmp_path / "mine" / "two words.mp4"
    video.parent.mkdir()
    movie(video, pictures(30))
    answer = sla("folder", given, "--size", 32)
    assert answer.exit_code == 0, answer.stderr
    assert "no table: each video is a clip without glosses: two words.mp4" in answer.stderr
    assert "store sla-work/stores/folder: 1 clip\n" in answer.stdout
    assert "no division into train, dev and test, as no clip has glosses\n" in answer.stdout
    store = Store(Path("sla-work") / "stores" / "folder")
    assert (store.splits, store["test"].annotated) == (["test"], False)
    assert [(clip.id, clip.glosses, len(clip), clip.fps) for clip in store["test"]] == [("two words", (), 30, 25.0)]
    assert "is up to date" in sla("folder", given, "--size", 32).stderr
    movie(tmp_path / "mine" / "second.mp4", pictures(5))
    again = sla("folder", "mine", "--size", 32)
    assert (again.exit_code, "list of videos was" in again.stderr) == (2, True)
    assert sla("folder", "mine", "--size", 32, "--force").exit_code == 0
    assert Store(store.path)["test"].ids == ["second", "two words"]


def test_closed_choices_are_those_of_the_settings() -> None:
    shown = sla("folder", "--help").stdout
    for setting in ("fit", "codec"):
        assert "|".join(get_args(get_type_hints(PrepConfig)[setting])) in shown
    assert "stop|skip" in shown


def test_corpora_are_listed_without_heavy_libraries() -> None:
    code = "import sys; from sla_cli.prep.corpora import corpora; corpora(); print({'cv2', 'h5py'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"


@pytest.mark.parametrize("kept", [0, 3000])
def test_a_video_that_is_cut_short_is_named_and_repaired(recordings: Path, tmp_path: Path, kept: int) -> None:
    video = recordings / "weather.mp4"
    good = video.read_bytes()
    video.write_bytes(good[:kept])
    command = ("folder", recordings, "--size", 32, "-j1")
    stopped = sla(*command, "--json")
    assert stopped.exit_code == 2
    assert "1 of 3 clips cannot be read, so the store is not written" in stopped.stderr
    assert "weather.mp4" in stopped.stderr
    assert "clips.tsv, line 3" in stopped.stderr
    facts = json.loads(stopped.stdout)
    assert (facts["store"], list(facts["failed"])) == (None, ["weather"])
    assert result_name("prep", facts) == "prep"

    skipped = sla("folder", "--resume", "--on-error", "skip")
    assert skipped.exit_code == 0, skipped.stderr
    assert "2 of 3 clips were encoded before" in skipped.stderr
    assert "broken, so not in the store: 1 clip" in skipped.stdout
    assert "weather: clips.tsv, line 3" in skipped.stdout
    store = Path("sla-work") / "stores" / "folder"
    assert [Store(store)[split].ids for split in ("train", "dev")] == [["tea"], ["question"]]

    video.write_bytes(good)
    repaired = sla(*command, "--json")
    assert repaired.exit_code == 0, repaired.stderr
    made = json.loads(repaired.stdout)
    assert made["divisions"]["corpus"]["clips"] == {"train": 2, "dev": 1}
    assert result_name("prep", made) == "prep"
    assert Store(store)["train"].ids == ["tea", "weather"]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("phoenix2014",), "where is phoenix2014?", "sla prep phoenix2014 SOURCE"),
        (("phoenix2041", "/data"), "No such command 'phoenix2041'", "phoenix2014"),
        (("phoenix2014", "/nowhere"), "no such folder or archive: /nowhere", ""),
        (("phoenix2014", "/data", "--tier", "A"), "No such option: --tier", ""),
        (("phoenix2014", "/data", "--codec", "jpg"), "'jpg' is not one of 'jpeg', 'png', 'raw'", "--codec"),
        (("phoenix2014", "/data", "--fit", "stretch"), "'stretch' is not one of 'squash', 'pad', 'crop'", "--fit"),
        (("phoenix2014", "/data", "--labels", "phoenix2041"), "'phoenix2041' is not one of 'auto'", "--labels"),
        (("folder", "tests", "--fps", "1e-7"), "--fps: fps is 1e-07", "It must be 0, or at least 1."),
        (("phoenix2014", "/data", "--codec", "png", "--quality", "90"), "--quality has no effect", "Leave it out"),
        (("phoenix2014", "/data", "--on-error", "ask"), "'ask' is not one of 'stop', 'skip'", "--on-error"),
        (("phoenix2014", "/data", "-j2", "--scheduler", "tcp://a:1"), "--jobs is for local processes", "one of them"),
        (("phoenix2014", "/data", "--name", "../up"), "'../up' cannot be a name", "letters"),
        (("phoenix2014", "/data", "--name", "a,b"), "'a,b' cannot be a name", "letters"),
        (("phoenix2014", "/data", "--name", " "), "' ' cannot be a name", "letters"),
        (("phoenix2014", "/data", "--name", "a "), "'a ' cannot be a name", "letters"),
        (("phoenix2014", "/data", "--name", "a:b"), "'a:b' cannot be a name", "letters"),
        (("phoenix2014", "/data", "--name", "a\u202eb"), r"'a\u202eb' cannot be a name", "letters"),
        (("folder", "tests", "--name", "a.features"), "name must not end in .features", "another name"),
        (("folder", "--resume"), "no unfinished store", "begins one"),
        (("folder", "--resume", "--size", "64"), "--resume uses the options", "give only"),
        (("folder", "mine", "--resume"), "--resume uses the options", "give only"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], message: str, hint: str, tmp_path: Path) -> None:
    answer = sla(*arguments)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert hint in answer.stderr
    assert not list(tmp_path.rglob("*.h5"))


def test_cleaned_labels_are_reported(phoenix_tree: Tree, tmp_path: Path) -> None:
    rows = {"train": [("a", "loc-NORD __PU__", 16), ("b", "__PU__", 16)], "dev": [("c", "NORD", 8)]}
    root = phoenix_tree(tmp_path, rows, size=16)
    arguments = ("phoenix2014", root, "--labels", "phoenix2014", "--size", 16, "-j1")
    answer = sla(*arguments)
    assert answer.exit_code == 0, answer.stderr
    assert "glosses: 1 in train (labels phoenix2014.v1); out of vocabulary: dev 0 of 1 (0.0 %)" in answer.stdout
    assert "skipped: 1 clip\n  b: after cleaning with phoenix2014.v1 no gloss is left: __PU__" in answer.stdout
    assert "is up to date" in sla(*arguments).stderr
