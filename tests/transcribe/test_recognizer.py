"""A recording that is processed in memory gives the same as the stages, with times of the recording itself."""

from __future__ import annotations

import ast
import json
import math
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from movies import ffmpeg, movie
from recordings import copy_run, images_of, signed, sla

import sla_cli
from sla_cli.align.align_clips import align_clip
from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.core.clip import Source
from sla_cli.core.ctc import columns_of
from sla_cli.core.edit_alignment import align, count
from sla_cli.errors import SlaError
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.work.emissions import Emissions

LONG = " ".join(["NORD REGEN SONNE GRAD"] * 12)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, and videos in `mine` that the stages have decoded too."""
    folder = tmp_path_factory.mktemp("recognizer")
    copy_run(folder)
    (folder / "mine").mkdir()
    (folder / "uneven").mkdir()
    for rate in (25, 50):
        signed(folder / "mine" / f"at{rate}.mkv", "NORD REGEN", rate)
    signed(folder / "mine" / "long.mkv", LONG)
    uneven(folder / "uneven" / "uneven.mkv")
    shown = np.repeat(images_of("SONNE NORD GRAD"), 2, axis=0)
    movie(folder / "mine" / "at60.mp4", shown, "-pix_fmt", "yuv420p", rate=60)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        store = sla("prep", "folder", "mine", "--size", "32", "-q")["store"]
        sla("emit", "old/runs/adapter", "--store", store, "-o", "mine.h5", "-q")
        sla("decode", "mine.h5", "--format", "jsonl", "-o", "plain.jsonl", "-q")
        store = sla("prep", "folder", "uneven", "--name", "uneven", "--size", "32", "--fps", "25", "-q")["store"]
        sla("emit", "old/runs/adapter", "--store", store, "-o", "uneven.h5", "-q")
        sla("decode", "uneven.h5", "--format", "jsonl", "-o", "uneven.jsonl", "-q")
        lm = ("--lm", "old/gloss.arpa", "--work", "old")
        sla("decode", "mine.h5", *lm, "--format", "jsonl", "-o", "lm.jsonl", "-q")
        yield folder


def uneven(path: Path, glosses: str = "NORD REGEN SONNE") -> None:
    """25 frames a second, then 10: its header states 25."""
    signed(path.with_name("even.avi"), glosses)
    times = "setpts='if(lt(N,12),N/25,12/25+(N-12)/10)/TB'"
    ffmpeg("-i", str(path.with_name("even.avi")), "-vf", times, "-fps_mode", "vfr", "-c:v", "ffv1", str(path))
    path.with_name("even.avi").unlink()


@pytest.fixture(scope="module")
def model(work: Path) -> Iterator[Recognizer]:
    with Recognizer.open(work / "old" / "runs" / "adapter") as opened:
        yield opened


def by_stages(work: Path, name: str) -> dict[str, dict]:
    lines = (work / name).read_text(encoding="utf-8").splitlines()
    return {facts["id"]: facts for facts in map(json.loads, lines)}


@pytest.mark.parametrize(
    ("emitted", "decoded", "video"),
    [
        ("mine.h5", "plain.jsonl", "mine/at25.mkv"),
        ("mine.h5", "plain.jsonl", "mine/at50.mkv"),
        ("mine.h5", "plain.jsonl", "mine/at60.mp4"),
        ("uneven.h5", "uneven.jsonl", "uneven/uneven.mkv"),
    ],
)
def test_a_video_no_longer_than_a_window_is_read_as_the_stages_read_it(
    work: Path, model: Recognizer, emitted: str, decoded: str, video: str
) -> None:
    stages = by_stages(work, decoded)[Path(video).stem]
    emissions = Emissions(work / emitted)
    found = model.transcribe(work / video)
    assert found.log_probs is not None
    log_probs = emissions[emissions.ids.index(found.name)].log_probs
    np.testing.assert_allclose(found.log_probs, log_probs, rtol=0, atol=1e-5)
    assert [sign.gloss for sign in found.signs] == stages["glosses"]
    assert [sign.confidence for sign in found.signs] == pytest.approx(stages["confidence"], abs=1e-4)
    assert found.score == pytest.approx(stages["score"], abs=1e-4)
    times = [(sign.start, sign.end) for sign in found.signs]
    ends = np.minimum(stages["times"], found.duration)  # frames at 25 a second may last longer than the recording
    np.testing.assert_allclose(times, ends, rtol=0, atol=2e-3)


def test_given_glosses_are_placed_as_sla_align_places_them(work: Path, model: Recognizer) -> None:
    emissions, given = Emissions(work / "mine.h5"), ("NORD", "REGEN")
    emission, header = emissions[emissions.ids.index("at25")], emissions.header
    clip = align_clip(emission, given, columns_of(header.glosses), header.stride, header.calibration)
    found = model.align(work / "mine" / "at25.mkv", given)
    assert [(one.gloss, one.start, one.end) for one in found.signs] == [
        (gloss, start / 25, end / 25) for gloss, (start, end) in zip(given, clip.spans, strict=True)
    ]
    assert [one.confidence for one in found.signs] == pytest.approx([one.confidence for one in clip.placed], abs=1e-3)


def test_a_part_of_a_recording_has_times_of_the_whole(work: Path, model: Recognizer) -> None:
    whole = model.transcribe(work / "mine" / "long.mkv").signs
    start, end = whole[8].start, whole[11].end
    part = Source(work / "mine", "long.mkv", start, end)
    reader, pictures = cv2.VideoCapture(str(work / "mine" / "long.mkv")), []
    while (read := reader.read())[0]:
        pictures.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    found = model.transcribe(part)
    own = model.log_probs(pictures[round(start * 25) : round(end * 25)])
    np.testing.assert_allclose(found.log_probs, own, rtol=0, atol=1e-5)
    given = model.align(part, [one.gloss for one in whole[8:12]])
    assert [one.gloss for one in given.signs] == [one.gloss for one in whole[8:12]]
    for signs in (found.signs, given.signs):  # a sign that the border cuts may be missed, or lie elsewhere
        near = [(one, other) for one in signs for other in whole if one.gloss == other.gloss and lies_near(one, other)]
        assert len(near) >= 2
        assert all(start <= one.start < one.end <= end for one in signs)


def test_a_part_at_another_rate_is_that_of_the_whole(work: Path, model: Recognizer) -> None:
    reader, pictures = cv2.VideoCapture(str(work / "mine" / "at50.mkv")), []
    while (read := reader.read())[0]:
        pictures.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    found = model.transcribe(Source(work / "mine", "at50.mkv", 0.2))
    np.testing.assert_allclose(found.log_probs, model.log_probs(pictures[10::2]), rtol=0, atol=1e-5)
    assert found.step_times is not None
    np.testing.assert_allclose(found.step_times[:2], [0.2, 0.2 + 4 / 25], rtol=0, atol=1e-3)


def lies_near(one: sla_cli.Sign, other: sla_cli.Sign) -> bool:
    return abs(one.start - other.start) < 0.2 and abs(one.end - other.end) < 0.2


@pytest.mark.parametrize(
    ("glosses", "fault"),
    [
        (["NORD", "FREMD"], "the run does not know FREMD"),
        (["NORD", ""], "the run does not know ''"),
        ([], "glosses holds no gloss"),
        (["NORD"] * 99, "99 glosses cannot fit"),
        ("NORD", "glosses is 'NORD'"),
    ],
)
def test_what_cannot_be_aligned_is_refused(work: Path, model: Recognizer, glosses: Any, fault: str) -> None:
    with pytest.raises(SlaError, match=fault):
        model.align(work / "mine" / "at25.mkv", glosses)


def test_another_default_dtype_of_the_program_is_named(work: Path, model: Recognizer) -> None:
    """Weights would be drawn and compared in it, and PyTorch refuses to mix it."""
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(SlaError, match=r"default dtype is torch\.float64"):
            model.transcribe(work / "mine" / "at25.mkv")
        with pytest.raises(SlaError, match=r"default dtype is torch\.float64"):
            Recognizer.open(work / "old" / "runs" / "adapter")
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("again", [False, True])
def test_progress_adds_up_to_the_frames(work: Path, tmp_path: Path, model: Recognizer, again: bool) -> None:
    """Also of a recording that is read again, since its rate is not the one in its header. It is long: the frames of a
    short one are told at its end only."""
    told: list[tuple[int, int | None]] = []

    def advance(amount: int = 1, note: str = "", total: int | None = None) -> None:
        told.append((amount, total))

    if again:
        uneven(tmp_path / "uneven.mkv", LONG)
    found = model.transcribe(tmp_path / "uneven.mkv" if again else work / "mine" / "long.mkv", advance=advance)
    frames = sum(amount for amount, _ in told)
    assert frames == (round(found.duration * 25) if again else len(images_of(LONG)))
    assert again == any(amount < 0 for amount, _ in told)
    assert told[-1][1] == pytest.approx(frames, abs=3)  # the duration in the header is rounded


@pytest.mark.parametrize("fastest", [25.0, 50.0])
@pytest.mark.parametrize("name", ["at25.mkv", "at50.mkv", "piped.mkv"])
def test_the_longest_recording_is_that_of_its_clock(work: Path, model: Recognizer, name: str, fastest: float) -> None:
    """Whatever rates the run was trained on, and whether or not the header states a duration."""
    piped = ffmpeg("-i", str(work / "mine" / "at25.mkv"), "-c", "copy", "-f", "matroska", "-")
    (work / "piped.mkv").write_bytes(piped)
    video = work / name if name == "piped.mkv" else work / "mine" / name
    several = replace(model, frames=replace(model.frames, fps_highest=fastest))
    seconds = several.transcribe(video).duration
    assert several.transcribe(video, longest=math.nextafter(seconds, 0)).duration == seconds  # sums round
    with pytest.raises(SlaError, match=f"{name} is longer than"):
        several.transcribe(video, longest=seconds - 0.1)


def test_times_are_those_of_the_recording_where_its_rate_varies(work: Path, model: Recognizer) -> None:
    """Frame 12 and those after it come at 10 a second."""
    found = model.transcribe(work / "uneven" / "uneven.mkv")
    frames = len(images_of("NORD REGEN SONNE"))
    assert found.duration == pytest.approx(12 / 25 + (frames - 12) / 10, abs=0.11)
    even = model.transcribe(work / "mine" / "at25.mkv").signs
    assert found.signs[0].start == pytest.approx(even[0].start, abs=0.05)
    assert found.signs[-1].end > 0.75 * found.duration
    assert found.signs[-1].end <= found.duration


def test_a_pause_of_the_camera_changes_no_sign_before_and_after_it(
    work: Path, tmp_path: Path, model: Recognizer
) -> None:
    times = "setpts='if(lt(N,24),N/25,4+N/25)/TB'"
    signed(tmp_path / "even.mkv", "NORD REGEN SONNE")
    video = tmp_path / "paused.mkv"
    ffmpeg("-i", str(tmp_path / "even.mkv"), "-vf", times, "-fps_mode", "vfr", "-c:v", "ffv1", str(video))
    even = model.transcribe(tmp_path / "even.mkv").signs
    found = model.transcribe(video).signs
    assert [one.gloss for one in (found[0], found[-1])] == [one.gloss for one in (even[0], even[-1])]
    assert found[0].start == pytest.approx(even[0].start, abs=0.09)
    assert found[-1].end == pytest.approx(even[-1].end + 4, abs=0.09)


def test_a_last_picture_that_comes_late_lasts_as_long(work: Path, tmp_path: Path, model: Recognizer) -> None:
    signed(tmp_path / "even.mkv", "NORD REGEN")
    times = f"setpts='if(lt(N,{len(images_of('NORD REGEN')) - 1}),N/25,4+N/25)/TB'"
    ffmpeg("-i", str(tmp_path / "even.mkv"), "-vf", times, "-fps_mode", "vfr", "-c:v", "ffv1", str(tmp_path / "a.mkv"))
    found = model.transcribe(tmp_path / "a.mkv")
    assert found.step_times is not None and found.duration == pytest.approx(found.step_times[-1], abs=0.05)
    assert (np.diff(found.step_times) > 0).all() and all(one.start < one.end for one in found.signs)


def test_a_result_links_the_recognised_video_from_whatever_folder_it_is_saved(
    work: Path, tmp_path: Path, model: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = work / "mine"
    (tmp_path / "at25.mkv").write_bytes((videos / "at25.mkv").read_bytes())  # another recording of this name
    monkeypatch.chdir(videos)
    found = model.transcribe("at25.mkv")
    monkeypatch.chdir(tmp_path)
    found.save("a.eaf")
    assert f'MEDIA_URL="{(videos / "at25.mkv").as_uri()}"' in Path("a.eaf").read_text(encoding="utf-8")


def test_threads_that_share_a_recognizer_get_their_own_results(work: Path, model: Recognizer) -> None:
    videos = [work / name for name in ("mine/at25.mkv", "uneven/uneven.mkv", "mine/at60.mp4")] * 4
    wanted = {video: model.transcribe(video).signs for video in set(videos)}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda video: model.transcribe(video).signs, videos))
    assert found == [wanted[video] for video in videos]


@pytest.mark.parametrize(("threads", "told"), [(1, "opened"), (2, "this process was forked from one that had opened")])
def test_a_forked_child_opens_its_own_only_where_pytorch_needs_no_threads(
    work: Path, model: Recognizer, threads: int, told: str
) -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def use() -> None:
        torch.set_num_threads(threads)
        try:
            Recognizer.open(work / "old" / "runs" / "adapter")
            theirs.send("opened")
        except SlaError as error:
            theirs.send(error.message)

    child = context.Process(target=use)
    child.start()
    child.join(100)
    assert (child.exitcode, ours.poll()) == (0, True)
    assert ours.recv().startswith(told)


def test_signs_from_log_probabilities_are_those_of_the_search(model: Recognizer) -> None:
    pictures = [frame[..., ::-1] for frame in images_of("NORD REGEN SONNE")]
    log_probs = model.log_probs(pictures)
    signs = model.signs(log_probs)
    assert [sign.gloss for sign in signs] == ["NORD", "REGEN", "SONNE"]
    assert all(0 <= sign.start < sign.end <= len(pictures) / 25 + 0.17 for sign in signs)
    slow = model.signs(log_probs, fps=12.5)
    assert [(sign.start, sign.end) for sign in slow] == [(2 * sign.start, 2 * sign.end) for sign in signs]
    assert {sign.gloss for sign in model.signs(log_probs, min_confidence=1)} <= {"?", *model.glosses}
    for wrong in ({"fps": 0}, {"fps": float("nan")}, {"min_confidence": 2}):
        with pytest.raises(SlaError):
            model.signs(log_probs, **wrong)
    unknown = replace(model, frames=replace(model.frames, fps=0.0))
    with pytest.raises(SlaError, match="does not know the frame rate") as caught:
        unknown.signs(log_probs)
    assert caught.value.hint == "Give fps." and unknown.signs(log_probs, fps=25.0)


@pytest.mark.parametrize(
    "options",
    [
        {"fps": 1e-9},
        {"fps": float("inf")},
        {"fps": -5},
        {"fps": "25"},
        {"pause": -1},
        {"pause": float("nan")},
        {"pause": None},
        {"min_confidence": 1.5},
        {"min_confidence": "x"},
    ],
)
def test_options_out_of_bounds_are_refused(work: Path, model: Recognizer, options: dict[str, Any]) -> None:
    with pytest.raises(SlaError, match=next(iter(options))):
        model.transcribe(work / "mine" / "at25.mkv", **options)


def test_a_call_within_a_call_is_refused_and_the_recognizer_stays_usable(work: Path, model: Recognizer) -> None:
    """In `advance`, and in a generator of pictures."""
    video, picture = work / "mine" / "at25.mkv", np.zeros((32, 32, 3), np.uint8)
    values = model.log_probs([picture] * 8)
    with pytest.raises(SlaError, match="one of its own calls"):
        model.transcribe(video, advance=lambda *_, **__: model.signs(values))
    with pytest.raises(SlaError, match="one of its own calls"):
        model.log_probs(picture for _ in range(8) if model.signs(values) is not None)
    with pytest.raises(KeyError, match="enough"):
        model.transcribe(video, advance=lambda *_, **__: {}["enough"])
    with pytest.raises(SlaError, match="advance is not a function"):
        model.transcribe(video, advance=5)  # type: ignore[arg-type]
    assert [sign.gloss for sign in model.transcribe(video).signs] == ["NORD", "REGEN"]


def test_a_recognizer_may_be_a_key(model: Recognizer) -> None:
    assert {model: "first"}[model] == "first" and model != replace(model)


def test_numbers_of_numpy_are_numbers(work: Path) -> None:
    options: dict[str, Any] = {"beam": np.int64(3), "prune_logp": np.float32(-4)}
    with Recognizer.open(work / "old" / "runs" / "adapter", **options) as opened:
        assert opened.made["search"] == "beam 3, prune_logp -4, token_min_logp -5"


@pytest.mark.parametrize("video", [None, 5, b"a.mp4", np.zeros((2, 4, 4, 3), np.uint8), ["a.mp4"], ""])
def test_what_is_not_a_path_is_not_transcribed(model: Recognizer, video: Any) -> None:
    with pytest.raises(SlaError, match="video is"):
        model.transcribe(video)


def test_windows_that_are_joined_read_what_the_whole_recording_reads(work: Path, model: Recognizer) -> None:
    emissions = Emissions(work / "mine.h5")
    found = model.transcribe(work / "mine" / "long.mkv")
    assert found.log_probs is not None
    whole = emissions[emissions.ids.index("long")]
    assert whole.frames > 2 * model.windows.length - 2 * model.windows.context
    assert found.log_probs.shape == whole.log_probs.shape
    differences = np.abs(np.exp(found.log_probs) - np.exp(whole.log_probs))
    assert np.quantile(differences, 0.98) < 0.02  # how far the run looks depends on the last bits of its training
    assert [sign.gloss for sign in found.signs] == by_stages(work, "plain.jsonl")["long"]["glosses"]


def test_a_language_model_and_what_was_tuned_for_it_are_used_as_by_decode(work: Path) -> None:
    with Recognizer.open(work / "old" / "runs" / "adapter", lm=work / "old" / "gloss.arpa") as model:
        assert "beam 10, language model gloss.arpa" in model.made["search"]
        for name, stages in by_stages(work, "lm.jsonl").items():
            video = next((work / "mine").glob(f"{name}.*"))
            found = model.transcribe(video)
            signs = [sign.gloss for sign in found.signs]
            assert found.name == name
            if name == "long":  # windows change its log-probabilities, and hypotheses of nearly equal score swap
                assert count(align(stages["glosses"], signs)).errors <= 1
            else:
                assert signs == stages["glosses"]
                assert found.score == pytest.approx(stages["score"], abs=1e-4)


def test_commands_and_python_take_the_tuning_of_a_run_that_was_copied(work: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(work / "old" / "runs" / "adapter", tmp_path / "copied"))
    lm, video = work / "old" / "gloss.arpa", work / "mine" / "at25.mkv"
    [tuning] = (run / "tuning").iterdir()
    choice = json.loads((tuning / "tuned.json").read_text(encoding="utf-8"))
    with Recognizer.open(run, lm=lm) as model:
        search = model.made["search"]
    assert (
        f"beam {choice['beam']}, language model gloss.arpa, alpha {choice['alpha']:g}, beta {choice['beta']:g}"
        in search
    )
    elsewhere = ("--lm", str(lm), "--work", str(tmp_path / "elsewhere"), "--device", "cpu", "-q")
    [transcribed] = sla("transcribe", str(video), "--run", str(run), *elsewhere)["recordings"]
    assert transcribed["made"]["search"] == search
    decoded = sla("decode", str(run), "--store", str(work / "old" / "stores" / "phoenix2014"), *elsewhere)
    made = read_receipt(Path(decoded["hypotheses"]))
    assert made is not None and decoded["tuned_on"] == "dev"
    assert [made.arguments[key] for key in ("beam", "alpha", "beta")] == [
        choice[key] for key in ("beam", "alpha", "beta")
    ]


def test_a_language_model_without_gain_is_left_out_and_that_is_said(work: Path, tmp_path: Path) -> None:
    copy_run(tmp_path)
    [tuning] = (tmp_path / "old" / "runs" / "adapter" / "tuning").iterdir()
    nothing, made = {"alpha": 0.0, "beta": 0.0}, read_receipt(tuning)
    assert made is not None
    made.results |= nothing  # the receipt holds the choice too
    write_receipt(made, tuning)
    choice = json.loads((tuning / "tuned.json").read_text(encoding="utf-8"))
    (tuning / "tuned.json").write_text(json.dumps(choice | nothing), encoding="utf-8")
    with Recognizer.open(tmp_path / "old" / "runs" / "adapter", lm=tmp_path / "old" / "gloss.arpa") as model:
        printed = "beam 10, the language model was left out: tuning on dev found no gain, prune_logp -10"
        assert printed in model.made["search"]
        found = model.transcribe(work / "mine" / "at25.mkv")
    assert [sign.gloss for sign in found.signs] == by_stages(work, "plain.jsonl")["at25"]["glosses"]


def test_thresholds_reach_the_search_and_stand_in_what_is_written(work: Path) -> None:
    scores = []
    for options in ({}, {"prune_logp": -1.0}, {"token_min_logp": -0.5}):
        with Recognizer.open(work / "old" / "runs" / "adapter", **options) as model:
            found = model.transcribe(work / "mine" / "long.mkv")
            thresholds = {"prune_logp": -10.0, "token_min_logp": -5.0, **options}
            assert all(f"{name} {value:g}" in found.made["search"] for name, value in thresholds.items())
            scores.append(found.score)
    assert len(set(scores)) == 3, "paths that are dropped are missing from the score"


def test_signs_lie_in_the_recording_one_after_the_other(work: Path, model: Recognizer) -> None:
    found = model.transcribe(work / "mine" / "long.mkv")
    ends = [0.0] + [time for sign in found.signs for time in (sign.start, sign.end)] + [found.duration]
    assert ends == sorted(ends)
    assert all(sign.start < sign.end and 0 <= sign.confidence <= 1 for sign in found.signs)
    assert found.step_times is not None and found.log_probs is not None
    assert len(found.step_times) == len(found.log_probs) + 1
    assert found.step_times[-1] == pytest.approx(found.duration)


def test_pictures_in_memory_and_in_a_folder(
    work: Path,
    model: Recognizer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = images_of("NORD REGEN")
    video = model.transcribe(work / "mine" / "at25.mkv")
    log_probs = model.log_probs(cv2.cvtColor(image, cv2.COLOR_BGR2RGB) for image in images)
    assert video.log_probs is not None
    np.testing.assert_allclose(log_probs, video.log_probs, rtol=0, atol=1e-5)
    (folder := tmp_path / "dev.14").mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    with pytest.raises(SlaError, match="frame rate is unknown") as caught:
        model.transcribe(folder)
    assert "--fps" in caught.value.hint
    found = model.transcribe(folder, fps=25)
    assert (found.media, found.name) == (None, "dev.14")
    for one, two in zip(found.signs, video.signs, strict=True):
        assert (one.gloss, one.start, one.end) == (two.gloss, pytest.approx(two.start), pytest.approx(two.end))
    monkeypatch.chdir(folder)
    assert model.transcribe(".", fps=25).name == "dev.14"
    shutil.make_archive(str(tmp_path / "root"), "zip", folder)
    (tmp_path / "S01").symlink_to(folder)
    plain = shutil.copy(work / "mine" / "at25.mkv", tmp_path / "take.15")
    for place, name, media in (
        (Source(tmp_path / "root.zip", ""), "root", None),
        (tmp_path / "S01", "S01", None),
        (plain, "take.15", plain),
    ):
        named = model.transcribe(place, fps=25)
        assert (named.name, named.media) == (name, media)
    with pytest.raises(SlaError, match="without frames"):
        model.log_probs([])
    assert model.transcribe(Source(folder, "", fps=25)).signs == found.signs
    slow = model.transcribe(Source(folder, "", fps=25), fps=5)
    assert slow.duration == pytest.approx(5 * found.duration)
    assert "missing" not in caplog.text
    (folder / "3.png").unlink()
    model.transcribe(folder, fps=25)
    assert "frame 3 is missing; times are as if the others followed each other" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lm": "none.arpa"}, "none.arpa"),
        ({"alpha": 0.5}, "no language model is given for alpha"),
        ({"device": "tpu"}, "no such device"),
        ({"device": None}, "device is None, not a text"),
        ({"device": 10**400}, "device is a number of 1329 bits"),
        ({"beam": 0}, "beam is 0"),
        ({"beam": "\ud800"}, "beam is"),
        ({"hotwords": ["NORDEN"]}, "hot word 'NORDEN' is not a gloss of the vocabulary"),
        ({"hotword_weight": 1.0}, "no hot word is given for hotword_weight"),
        ({"prune_logp": 1.0}, "prune_logp is 1.0"),
        ({"beam": 1, "token_min_logp": -2.0}, "token_min_logp: no effect on a beam of 1"),
    ],
)
def test_refusals(work: Path, options: dict, message: str) -> None:
    with pytest.raises(SlaError, match=message):
        Recognizer.open(work / "old" / "runs" / "adapter", **options)


def test_a_run_without_weights_says_so(tmp_path: Path) -> None:
    run = copy_run(tmp_path)
    (run / "best.safetensors").unlink()
    with pytest.raises(SlaError, match=r"is finished, but has lost best\.safetensors\nCopy the run again"):
        Recognizer.open(run)
    (run / "receipt.json").unlink()
    with pytest.raises(SlaError, match="has no weights yet") as caught:
        Recognizer.open(run)
    assert "--resume" in caught.value.hint


def test_no_run_and_no_video(work: Path, model: Recognizer) -> None:
    with pytest.raises(SlaError, match=r"is not a run or a model: no run\.toml or config\.json"):
        Recognizer.open(work / "mine")
    with pytest.raises(SlaError, match="no such run"):
        Recognizer.open(work / "none")
    with pytest.raises(SlaError, match="no such video"):
        model.transcribe(work / "none.mp4")


def test_several_videos_are_no_recording(tmp_path: Path, model: Recognizer) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.mp4").write_bytes(b"x")
    shutil.make_archive(str(tmp_path / "mine"), "zip", tmp_path / "mine")
    for name, fault in (("mine", "mine holds no images: a.mp4"), ("mine.zip", "mine.zip is an archive, not a")):
        with pytest.raises(SlaError, match=fault) as refused:
            model.transcribe(tmp_path / name)
        assert "Give one video" in refused.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(SlaError, match="empty holds no images: it is empty"):
        model.transcribe(tmp_path / "empty")


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'cv2', 'numpy', 'h5py', 'rich'}"
    code = f"import sys, sla_cli; dir(sla_cli); assert not {heavy} & set(sys.modules); sla_cli.wer"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"Recognizer", "Transcript", "Store", "wer"} <= set(dir(sla_cli))
    with pytest.raises(AttributeError, match="Recogniser"):
        sla_cli.Recogniser  # noqa: B018


def test_every_name_of_the_package_is_there_and_known_to_type_checkers() -> None:
    stub = (Path(sla_cli.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")
    for name in sla_cli._HOMES:
        assert getattr(sla_cli, name).__name__ == name
        assert f"import {name} as {name}" in stub
    listed = ast.literal_eval(stub.partition("__all__ = ")[2])
    assert sorted(listed) == sorted(sla_cli.__all__)
