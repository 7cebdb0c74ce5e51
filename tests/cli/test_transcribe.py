"""`sla transcribe`: videos to files, as a linguist types it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import forked
import numpy as np
import pympi
import pytest
from elan_files import Eaf
from forked import Forked
from movies import movie
from recordings import copy_run, images_of, refused, signed, sla
from typer.testing import CliRunner

from sla_cli.annotation.formats import KINDS
from sla_cli.artifact.receipt import digest_file
from sla_cli.cli.main import app
from sla_cli.cli.transcribe import Kind
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.model.domain import load_domain, save_domain
from sla_cli.model.network import Network
from sla_cli.transcribe.transcript import PAGE, ending_of
from sla_cli.work.run import Run

RUN = ("--run", "old/runs/adapter")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_run(tmp_path)
    (tmp_path / "mine").mkdir()
    signed(tmp_path / "mine" / "a.mkv", "NORD REGEN")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run(*arguments: str) -> str:
    answer = CliRunner().invoke(app, ["transcribe", *RUN, *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_glosses_are_printed_where_no_file_is_asked_for(folder: Path) -> None:
    assert [line.split("\t")[3] for line in run("mine/a.mkv").splitlines()] == ["NORD", "REGEN"]
    assert names(folder / "mine") == ["a.mkv"]


@pytest.mark.ci
def test_a_name_does_not_change_what_a_terminal_shows(folder: Path) -> None:
    """Neither rich's markup nor control sequences; a tab in it makes no column in the rows of a pipe."""
    name = "[red] \x1b[2J \t \u202ex"
    signed(folder / "mine" / f"{name}.mkv", "NORD REGEN")
    [first, *_] = run(f"mine/{name}.mkv").splitlines()
    assert first.split("\t")[:1] == [r"[red] \x1b[2J \t \u202ex"] and len(first.split("\t")) == 5
    here, there = pty.openpty()
    command = [sys.executable, "-m", "sla_cli", "transcribe", *RUN, f"mine/{name}.mkv"]
    with subprocess.Popen(command, stdout=there, stderr=there, cwd=folder, env={**os.environ, "COLUMNS": "90"}) as one:
        os.close(there)
        shown = b""
        with contextlib.suppress(OSError):  # the end
            while part := os.read(here, 4096):
                shown += part
    assert one.returncode == 0, shown
    assert b"[red] \\x1b[2J" in shown and b"REGEN" in shown and b"\x1b[2J" not in shown


def test_names_that_are_no_text_or_too_long_cost_only_themselves(folder: Path) -> None:
    """Bytes that are not UTF-8 are escaped in a file; a name that is too long with its ending is named."""
    for name in ("bad\udcff", "x" * 250, "\u624b" * 80):
        shutil.copy(folder / "mine" / "a.mkv", folder / "mine" / f"{name}.mkv")
    kinds = ("--format", "ctm", "--format", "html", "--format", "textgrid")
    answer = CliRunner().invoke(app, ["transcribe", "mine", *kinds, "-o", "out", "--json", *RUN])
    assert answer.exit_code == 2
    good, bad, long, full = json.loads(answer.stdout)["recordings"]
    assert good["error"] is bad["error"] is full["error"] is None and "too long" in long["error"]
    assert len(names(folder / "out")) == 9
    assert "bad\\udcff 1 0.0" in (folder / "out" / "bad\udcff.ctm").read_text(encoding="utf-8")


def test_thresholds_are_options_as_of_decode(folder: Path) -> None:
    answer = json.loads(run("mine/a.mkv", "--prune-logp=-2", "--token-min-logp=-3", "--json"))
    assert answer["recordings"][0]["made"]["search"].endswith("prune_logp -2, token_min_logp -3")
    refusal = CliRunner().invoke(app, ["transcribe", *RUN, "mine/a.mkv", "--prune-logp=1"])
    assert refusal.exit_code == 2 and "prune_logp is 1.0" in refusal.output


def test_a_sign_that_is_less_sure_has_no_gloss(folder: Path) -> None:
    signs = json.loads(run("mine/a.mkv", "--json"))["recordings"][0]["signs"]
    least, most = sorted(sign["confidence"] for sign in signs)
    assert least < most
    [one] = json.loads(run("mine/a.mkv", "--min-confidence", str(most), "--json"))["recordings"]
    hidden = [{**sign, "gloss": "?"} if sign["confidence"] < most else sign for sign in signs]
    assert one["signs"] == hidden != signs
    assert one["made"]["min_confidence"] == f"? for glosses below {most:g}"
    run("mine/a.mkv", "--min-confidence", "1", "-o", "a.eaf", "--confidence")
    assert pympi.Eaf("a.eaf").get_annotation_data_for_tier("SIGN")[0][2] == "?"


def test_a_recording_unlike_the_training_data_is_said_so_everywhere(folder: Path) -> None:
    run = Run(folder / "old" / "runs" / "adapter")
    weights = digest_file(run.best)
    domain = load_domain(run.domain, Network(run.config, len(run.glosses)).backbone.width, weights)
    assert warning_of("mine/a.mkv") is None
    save_domain(run.domain, replace(domain, limit=domain.limit / 10), weights)
    found = warning_of("mine/a.mkv")
    assert found is not None
    assert re.match(r"unlike the training data, glosses may be wrong: its frames are [5-9]\.\d times as far ", found)
    for kind, text in (("eaf", found), ("html", f"This recording is {found}."), ("vtt", found)):
        written = (folder / "mine" / f"a.{kind}").read_text(encoding="utf-8")
        assert text in " ".join(written.split()), kind


def test_a_recording_with_few_frames_per_second_is_unlike_the_training_data(folder: Path) -> None:
    movie(folder / "mine" / "slow.mkv", images_of("NORD"), "-c:v", "ffv1", rate=8)
    assert "8 frames per second (25 in training)" in str(warning_of("mine/slow.mkv"))


def warning_of(video: str) -> str | None:
    """What is said in --json; the log says it too, or says nothing."""
    options = ("--format", "eaf", "--format", "html", "--format", "vtt", "--force", "--json")
    answer = CliRunner().invoke(app, ["transcribe", *RUN, video, *options])
    assert answer.exit_code == 0, answer.output
    [recording] = json.loads(answer.stdout)["recordings"]
    found = recording["made"].get("warning")
    logged = " ".join(answer.stderr.split())
    assert f"{Path(video).stem}: {found}" in logged if found else "unlike" not in logged
    return found


def test_hot_words_are_those_of_decode(folder: Path) -> None:
    def read(*options: str) -> tuple[list[str], str]:
        [recording] = json.loads(run("mine/a.mkv", *options, "--json"))["recordings"]
        return [sign["gloss"] for sign in recording["signs"]], recording["made"]["search"]

    hot = ("--hotword", "SONNE", "--hotword", "GRAD", "--hotword", "SONNE")
    glosses, search = read(*hot, "--hotword-weight", "60")
    assert "beam 10, hot words GRAD, SONNE (weight 60)" in search
    store = sla("prep", "folder", "mine", "--size", "32", "-q", "--on-error", "skip")["store"]
    emissions = sla("emit", RUN[1], "--store", store, "-q", "-o", "hot.h5")["emissions"]
    sla("decode", emissions, *hot, "--hotword-weight", "60", "--format", "jsonl", "-o", "hot.jsonl")
    clips = map(json.loads, Path("hot.jsonl").read_text(encoding="utf-8").splitlines())
    assert {clip["id"]: clip["glosses"] for clip in clips}["a"] == glosses != ["NORD", "REGEN"]
    assert "hot words GRAD (weight 0.15)" in read("--hotword", "GRAD")[1]
    assert "hot words" not in read()[1]
    for options, printed in (
        (("--hotword", "NORDEN"), "hot word 'NORDEN' is not a gloss of the vocabulary"),
        (("--hotword-weight", "1"), "no hot word is given for --hotword-weight"),
        (("--hotword", "GRAD", "--hotword-weight", "1e308"), "hotword_weight is 1e+308"),
    ):
        refusal = CliRunner().invoke(app, ["transcribe", *RUN, "mine/a.mkv", *options])
        assert refusal.exit_code == 2 and printed in " ".join(refusal.output.split())


def test_every_kind_beside_the_video(folder: Path) -> None:
    assert tuple(Kind) == (*KINDS, PAGE)
    run("mine/a.mkv", *(part for kind in Kind for part in ("--format", kind)))
    assert names(folder / "mine") == sorted(["a.mkv", *(f"a{ending_of(kind)}" for kind in Kind)])
    tiers = pympi.Elan.Eaf("mine/a.eaf")
    assert [value for *_, value in tiers.get_annotation_data_for_tier("SIGN")] == ["NORD", "REGEN"]
    assert read_gloss_file(Path("mine/a.ctm")).references == {"a": ("NORD", "REGEN")}
    assert "NORD REGEN" in Path("mine/a.vtt").read_text(encoding="utf-8")


def test_names_of_tiers_cues_and_files(folder: Path) -> None:
    run("mine/a.mkv", "-o", "out/b.eaf", "--format", "srt", "--cue", "gloss", "--tier", "Glossen", "--sentences")
    assert names(folder / "out") == ["b.eaf", "b.srt"]
    tiers = pympi.Elan.Eaf("out/b.eaf")
    assert set(tiers.get_tier_names()) == {"Glossen", "SENTENCE"}
    assert Path("out/b.srt").read_text(encoding="utf-8").count("-->") == 2


def test_many_videos_with_some_that_fail_or_are_there(folder: Path) -> None:
    signed(folder / "mine" / "b.mkv", "SONNE")
    (folder / "mine" / "c.mp4").write_text("this is not a video")
    (folder / "mine" / "notes.txt").write_text("no recording either")
    (folder / "mine" / "b.eaf").write_text("of somebody")
    reported = refused("transcribe", "mine", "missing.mp4", "--format", "eaf", *RUN)
    assert "2 of 4 recordings failed" in reported and "c.mp4" in reported and "no such video: missing.mp4" in reported
    assert "or archive" in refused("transcribe", "missing.zip", *RUN)
    assert "2 of 2 recordings failed:" in refused("transcribe", "missing.mp4", "gone.mp4", *RUN)
    assert "b.mkv: skipped" in reported
    assert names(folder / "mine") == ["a.eaf", "a.mkv", "b.eaf", "b.mkv", "c.mp4", "notes.txt"]
    assert (folder / "mine" / "b.eaf").read_text() == "of somebody"
    before = (folder / "mine" / "a.eaf").stat().st_mtime_ns
    assert "failed" not in run("mine/a.mkv", "--format", "eaf")
    assert (folder / "mine" / "a.eaf").stat().st_mtime_ns == before
    assert "mine/b.eaf is not a file of sla" in refused("transcribe", "mine/b.mkv", "--format", "eaf", "--force", *RUN)
    assert (folder / "mine" / "b.eaf").read_text() == "of somebody"
    (folder / "mine" / "b.eaf").unlink()
    run("mine/b.mkv", "--format", "eaf", "--format", "vtt", "--force")
    assert pympi.Elan.Eaf("mine/b.eaf").get_annotation_data_for_tier("SIGN")


def test_an_elan_file_that_somebody_corrected_is_kept_and_costs_no_other_file(folder: Path) -> None:
    run("mine/a.mkv", "--format", "eaf")
    corrected = Path("mine/a.eaf").read_text(encoding="utf-8").replace(">NORD<", ">SUED<")
    Path("mine/a.eaf").write_text(corrected, encoding="utf-8")
    kinds = ("--format", "eaf", "--format", "html")
    for _ in range(2):
        answer = CliRunner().invoke(app, ["transcribe", "mine/a.mkv", *kinds, "--force", *RUN])
        assert answer.exit_code == 2 and "tier SIGN was corrected" in answer.stderr
        assert answer.stdout == "mine/a.mkv: mine/a.html\n"
        assert Path("mine/a.eaf").read_text(encoding="utf-8") == corrected
        Path("mine/a.html").unlink()


def test_what_is_missing_is_made_and_what_is_there_is_kept(folder: Path) -> None:
    (folder / "mine" / "a.eaf").write_text("of somebody")
    run("mine/a.mkv", "--format", "eaf", "--format", "json")
    assert (folder / "mine" / "a.eaf").read_text() == "of somebody"
    assert [one["label"] for one in json.loads(Path("mine/a.json").read_text())] == ["NORD", "REGEN"]


def test_a_single_video_that_fails_says_why_and_leaves_nothing(folder: Path) -> None:
    (folder / "empty.mp4").touch()
    assert "empty.mp4 is empty (0 bytes)" in refused("transcribe", "empty.mp4", "-o", "out/x.eaf", *RUN)
    assert not Path("out").exists()


def test_what_a_file_cannot_hold_is_refused_before_the_recording_is_read(folder: Path) -> None:
    (folder / "my clip.mp4").write_text("this is not a video, which nobody finds out")
    reported = refused("transcribe", "my clip.mp4", "--format", "eaf", "--format", "ctm", *RUN)
    assert "my clip.mp4 is not transcribed: clip id 'my clip' does not fit in a CTM" in reported
    assert reported.count("does not fit") == 1 and not Path("my clip.eaf").exists()
    assert "mine/a.mkv is a file" in refused("transcribe", "my clip.mp4", "-o", "mine/a.mkv/x.eaf", *RUN)


def test_a_recording_without_signs(folder: Path) -> None:
    movie(folder / "still.mkv", np.zeros((1, 32, 32, 3), np.uint8), "-c:v", "ffv1")
    answer = CliRunner().invoke(app, ["transcribe", "still.mkv", "--format", "vtt", "--format", "eaf", *RUN])
    assert answer.exit_code == 0, answer.output
    found = read_signs(folder / "still.eaf")
    assert ("no sign was recognised" in answer.stderr) == (not found)
    assert Path("still.vtt").read_text(encoding="utf-8").count("-->") == min(1, len(found))


def test_a_full_disk_costs_no_file_that_is_complete(folder: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(2_000_000))
    with pytest.raises(OSError, match="space"):
        (small_disk / "more").write_bytes(bytes(2_000_000))
    reported = refused("transcribe", "mine/a.mkv", "-o", str(small_disk / "a.eaf"), "--format", "html", *RUN)
    assert "cannot write" in reported and "No space left" in reported
    assert not [path for path in small_disk.iterdir() if path.name.startswith(".a")]


@pytest.mark.usefixtures("usual_signals")
def test_a_file_that_cannot_be_written_costs_no_other(folder: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(2**21 - 2**15))
    kinds = ("--format", "html", "--format", "vtt", "--format", "eaf")
    answer = CliRunner().invoke(app, ["transcribe", "mine/a.mkv", "-o", str(small_disk), *kinds, "--json", *RUN])
    [one] = json.loads(answer.stdout)["recordings"]
    assert answer.exit_code == 2 and one["error"].count("No space left") == 1 and "a.html" in one["error"]
    assert sorted(one["files"]) == [str(small_disk / "a.eaf"), str(small_disk / "a.vtt")]
    assert names(small_disk) == ["a.eaf", "a.vtt", "filler"]


def test_an_interrupt_leaves_nothing_half_written(folder: Path) -> None:
    signed(folder / "mine" / "long.mkv", " ".join(["NORD REGEN"] * 300))
    videos = ("mine/a.mkv", "mine/long.mkv")
    process = Forked(forked.sla, "transcribe", *videos, "--format", "eaf", *RUN, printed=folder)
    while not Path("mine/a.eaf").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, reported = process.communicate(timeout=200)
    assert process.returncode == 130, reported
    assert "Traceback" not in reported and "interrupted" in reported
    assert names(folder / "mine") == ["a.eaf", "a.mkv", "long.mkv"]


def read_signs(path: Path) -> list[str]:
    return [value for *_, value in pympi.Elan.Eaf(path).get_annotation_data_for_tier("SIGN")]


def test_a_folder_of_the_name_of_an_output_is_no_output(folder: Path) -> None:
    Path("mine/a.csv").mkdir()
    assert "mine/a.csv is a folder" in refused("transcribe", "mine/a.mkv", "--format", "csv", *RUN)


def test_a_tier_is_added_to_an_elan_file(folder: Path) -> None:
    run("mine/a.mkv", "-o", "x.eaf", "--tier", "mine")
    before = pympi.Elan.Eaf("x.eaf").get_annotation_data_for_tier("mine")
    run("mine/a.mkv", "--add-to", "x.eaf")
    tiers = pympi.Elan.Eaf("x.eaf")
    assert tiers.get_annotation_data_for_tier("mine") == before
    assert [value for *_, value in tiers.get_annotation_data_for_tier("SIGN")] == ["NORD", "REGEN"]
    twice = refused("transcribe", "mine/a.mkv", "--add-to", "x.eaf", *RUN)
    assert "x.eaf already has a tier SIGN" in twice and "with --tier" in twice and "--sentences" not in twice
    run("mine/a.mkv", "--add-to", "x.eaf", "--tier", "once", "--sentences")
    twice = refused("transcribe", "mine/a.mkv", "--add-to", "x.eaf", "--tier", "other", "--sentences", *RUN)
    assert "already has a tier SENTENCE hint: Leave out --sentences." in " ".join(twice.split())
    run("mine/a.mkv", "--add-to", "x.eaf", "--force")
    shutil.copy("mine/a.mkv", "mine/b.mkv")
    assert "Give one video" in refused("transcribe", "mine/a.mkv", "mine/b.mkv", "--add-to", "x.eaf", *RUN)
    Path("no.eaf").write_text("<xml")
    assert "no.eaf" in refused("transcribe", "mine/a.mkv", "--add-to", "no.eaf", *RUN)
    assert "Write the video before --add-to" in refused("transcribe", "x.eaf", "--add-to", "mine/a.mkv", *RUN)
    shutil.copy("x.eaf", "x.etf")
    assert "Those of annotations end in .eaf" in refused("transcribe", "mine/a.mkv", "--add-to", "x.etf", *RUN)
    assert "no such ELAN file or folder: none" in refused("transcribe", "mine", "--add-to", "none", *RUN)


def test_the_offset_of_a_link_counts_for_a_recording_in_an_archive(folder: Path) -> None:
    run("mine/a.mkv", "-o", "a.eaf", "--tier", "plain")
    Path("a.eaf").write_text(Path("a.eaf").read_text().replace("MIME_TYPE=", 'TIME_ORIGIN="-5000" MIME_TYPE='))
    shutil.make_archive("packed", "zip", "mine")
    run("packed.zip", "--add-to", ".")
    moved, plain = (pympi.Elan.Eaf("a.eaf").get_annotation_data_for_tier(name) for name in ("SIGN", "plain"))
    assert [(start - 5000, end - 5000, sign) for start, end, sign in moved] == plain


def test_a_tier_is_added_to_each_elan_file_of_a_folder(folder: Path) -> None:
    """Which has the name of the video or links it. A second camera, a missing and a damaged file cost no other."""
    for name in ("b", "cam1", "cam2", "lone", "bad"):
        shutil.copy("mine/a.mkv", f"mine/{name}.mkv")
    elan = folder / "elan"
    elan.mkdir()
    for name, *videos in (("a",), ("b", "x.mkv"), ("session", "cam1.mkv", "cam2.mkv")):
        links = [{"MEDIA_URL": f"file:///C:/{video}", "MIME_TYPE": "video/*"} for video in videos]
        (elan / f"{name}.eaf").write_text(Eaf(links=links).xml(), encoding="utf-8")
    (elan / "bad.eaf").write_text("<xml")
    before = {path.name: path.read_bytes() for path in elan.iterdir()}
    reported = refused("transcribe", "mine", "--add-to", "elan", *RUN)
    assert "2 of 6 recordings failed" in reported
    assert "lone.mkv: no ELAN file in elan has its name or links it" in reported and "bad.eaf" in reported
    assert "--format eaf in place of --add-to" in reported
    assert "cam2.mkv: left out, elan/session.eaf links it beside another video" in reported
    changed = {path.name: path.read_bytes() for path in elan.iterdir() if path.read_bytes() != before[path.name]}
    assert sorted(changed) == ["a.eaf", "b.eaf", "session.eaf"]
    for name in changed:
        assert re.findall("<ANNOTATION_VALUE>(.*)</ANNOTATION_VALUE>", changed[name].decode()) == ["NORD", "REGEN"]
    again = refused("transcribe", "mine", "--add-to", "elan", *RUN)
    assert "2 of 6 recordings failed" in again and "elan/a.eaf has the tier" in again
    refused("transcribe", "mine", "--add-to", "elan", "--format", "vtt", *RUN)
    made = {path.stem for path in (folder / "mine").glob("*.vtt")}
    assert made == {"a", "b", "cam1"}, "the other files of recordings whose tier is there"
    assert {name: (elan / name).read_bytes() for name in changed} == changed


def test_folders_of_pictures_and_archives(folder: Path) -> None:
    for number, image in enumerate(images_of("NORD REGEN")):
        (folder / "frames" / "clip").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(f"frames/clip/{number:03}.png", image)
    with zipfile.ZipFile("all.zip", "w") as archive:
        archive.write("mine/a.mkv", "deep/a.mkv")
    assert "NORD" in run("frames", "--fps", "25")
    run("frames/clip", "--fps", "25", "--format", "csv")
    assert names(folder / "frames") == ["clip", "clip.csv"]
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder / "frames" / "clip")
        run(".", "--fps", "25", "--format", "srt", "--run", str(folder / "old" / "runs" / "adapter"))
    assert names(folder / "frames") == ["clip", "clip.csv", "clip.srt"]
    run("all.zip", "-o", "made/")
    assert names(folder / "made") == ["a.eaf"]
    with zipfile.ZipFile("all.2.zip", "w") as archive:
        for picture in (folder / "frames" / "clip").iterdir():
            archive.write(picture, picture.name)
    run("all.2.zip", "--fps", "25", "-o", "made/")
    assert names(folder / "made") == ["a.eaf", "all.2.eaf"]
    (folder / "bare").mkdir()
    assert "contains neither videos nor pictures" in refused("transcribe", "bare", *RUN)


def test_outputs_that_would_replace_each_other_or_are_unknown(folder: Path) -> None:
    signed(folder / "mine" / "a.avi", "SONNE")
    assert "would be written for both" in refused("transcribe", "mine", "--format", "eaf", *RUN)
    two = ("mine/a.mkv", str(folder / "mine" / "a.avi"))  # one folder in two spellings
    assert "would be written for both" in refused("transcribe", *two, "--format", "eaf", "--force", *RUN)
    (folder / "mine" / "deep").mkdir()
    run("mine/a.mkv", "-o", "mine/deep/x.eaf")
    assert "a.mkv" in (folder / "mine" / "deep" / "x.eaf").read_text(encoding="utf-8")
    run("mine", "--format", "eaf")  # each has its own: that of a.mkv links it
    assert names(folder / "mine" / "deep") == ["x.eaf"] and "a.eaf" in names(folder / "mine")
    assert "is one file for 2 recordings" in refused("transcribe", "mine", "-o", "x.eaf", *RUN)
    unknown = refused("transcribe", "mine/a.mkv", "-o", "x.doc", *RUN)
    assert "no annotation format has the extension '.doc'" in unknown and ".html" in unknown
    refusal = refused("transcribe", "mine/a.mkv", "-o", "-", "--format", "csv", *RUN)
    assert "names no file" in refusal and "Without it, --format and --add-to" in refusal
    assert "is followed by an empty text" in refused("transcribe", "", *RUN)


def test_json_names_signs_and_files(folder: Path) -> None:
    found = sla("transcribe", "mine/a.mkv", "--format", "vtt", *RUN)
    [one] = found["recordings"]
    assert [sign["gloss"] for sign in one["signs"]] == ["NORD", "REGEN"]
    assert one["files"] == ["mine/a.vtt"]


def test_a_page_without_the_video(folder: Path) -> None:
    run("mine/a.mkv", "--format", "html")
    assert "a.mkv" in Path("mine/a.html").read_text(encoding="utf-8")
    shutil.copy("mine/a.mkv", "mine/Anna Muster.mkv")
    run("mine/Anna Muster.mkv", "-o", "page.html", "--no-video")
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<video" not in page and "Anna" not in page and str(folder) not in page  # nor in the files inside it
    assert "--no-video has no effect" in refused("transcribe", "mine/a.mkv", "-o", "a.eaf", "--no-video", *RUN)
    assert not Path("a.eaf").exists()


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["-o", "a.eaf", "--cue", "gloss"], "on eaf"),
        (["--add-to", "other.eaf", "--cue", "gloss"], "on eaf"),
        (["--format", "csv", "--format", "ctm", "--tier", "B"], "on csv and ctm"),
        (["-o", "a.srt", "--confidence"], "on srt"),
        (["--sentences"], "on what is printed"),
    ],
)
def test_an_option_that_changes_no_file_is_refused(folder: Path, arguments: list[str], where: str) -> None:
    said = refused("transcribe", "mine/a.mkv", *arguments, *RUN)
    assert f"--{next(one for one in arguments[::-1] if one.startswith('--'))[2:]} has no effect {where}" in said
    assert names(folder / "mine") == ["a.mkv"] and not list(folder.glob("a.*"))


def test_an_option_that_changes_one_of_the_files_is_used(folder: Path) -> None:
    run("mine/a.mkv", "--format", "eaf", "--format", "srt", "--cue", "gloss")
    assert Path("mine/a.srt").read_text(encoding="utf-8").count("-->") == 2
    run("mine/a.mkv", "--format", "html", "--cue", "gloss", "--tier", "B")  # on the files that a page holds
