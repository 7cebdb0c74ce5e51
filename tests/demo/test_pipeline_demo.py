"""The demo end to end, on as few clips as its grammar allows, and not long enough to learn from them."""

from __future__ import annotations

import html
import json
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pympi
import pytest
import torch
from few_clips import FEW
from forked import Forked
from json_schemas import result_name

from sla_cli.cli.options import json_text
from sla_cli.demo import pipeline
from sla_cli.demo.figures import DemoFigures
from sla_cli.demo.pipeline import run_demo
from sla_cli.errors import SlaError, Stopped
from sla_cli.store.store import Store

pytestmark = pytest.mark.long

FEWER = {"train": 3, "dev": 1, "test": 1}


def test_all_files_are_kept_and_every_stage_ran(demo: DemoFigures) -> None:
    assert demo.kept is not None
    work = demo.kept / "work"
    store = Store(work / "stores" / "phoenix2014")
    assert {split: len(store[split]) for split in store.splits} == FEW
    assert len(list(work.glob("hypotheses/*/test-*.tsv"))) == 2  # without and with the bigram
    assert len(list(work.glob("scores/*/score.json"))) == 2
    assert (demo.kept / "gloss.arpa").is_file()


def test_what_is_said_is_what_was_scored(demo: DemoFigures) -> None:
    assert demo.kept is not None
    scores = [json.loads(path.read_text())["wer"] for path in demo.kept.glob("work/scores/*/score.json")]
    assert sorted(scores) == sorted([demo.wer, demo.wer_lm])
    assert f"{demo.wer:.2f} %" in demo.text()
    assert demo.gain.difference == demo.wer_lm - demo.wer
    assert f"difference {demo.gain.difference:+.2f} points, 95 % interval " in demo.text()
    assert demo.gain.verdict in demo.text() and demo.gain.verdict in demo.page.read_text(encoding="utf-8")
    page = html.unescape(demo.page.read_text(encoding="utf-8"))
    assert f"{demo.wer:.2f} % without a language model, {demo.wer_lm:.2f} % with a gloss bigram" in page
    assert f"difference {demo.gain.difference:+.2f} points, 95 % interval " in page
    assert re.search("<h1[^>]*>Synthetic signing", page)
    facts = json.loads(json_text(demo))
    assert (result_name("demo", facts), facts["clips"]) == ("demo", FEW["test"])


def test_a_video_that_the_model_has_not_seen_is_transcribed(demo: DemoFigures) -> None:
    page, elan = demo.transcript.files
    assert [path.parent for path in (page, elan)] == 2 * [demo.kept]
    read = [value for *_, value in pympi.Elan.Eaf(elan).get_annotation_data_for_tier("SIGN")]
    assert tuple(read) == demo.transcript.read
    assert f"signed  {' '.join(demo.transcript.signed)}" in demo.text() and str(page) in demo.text()
    movie = page.with_suffix(".webm")
    assert movie.name in page.read_text(encoding="utf-8")
    video = cv2.VideoCapture(str(movie))
    frames = sum(1 for _ in iter(video.grab, False))
    assert frames / 25 == pytest.approx(demo.transcript.duration, abs=0.05)
    assert len(demo.transcript.signed) >= 3


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(SlaError, match="not empty"):
        run_demo(tmp_path, clips=FEW)
    assert (tmp_path / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sla-demo.html", "<html>mine"),
        ("sla-demo-video.webm", "mine"),
        ("sla-demo-video.html", "<html>mine"),
        ("sla-demo-video.eaf", "<ANNOTATION_DOCUMENT/>"),
        ("sla-demo-video-true.eaf", "<ANNOTATION_DOCUMENT/>"),
    ],
)
def test_a_file_of_somebody_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(SlaError, match=name) as caught:
        run_demo(clips=FEWER)
    assert "another folder" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == content


def test_a_demo_that_ends_before_its_page_leaves_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one would take it for somebody's."""
    monkeypatch.chdir(tmp_path)

    def interrupted(*_: Any, **__: Any) -> None:
        assert (tmp_path / "sla-demo-video.webm").is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline.Recognizer, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_demo(clips=FEWER, epochs=1, jobs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["sla-demo.html"]


def endless() -> None:
    torch.set_num_threads(1)
    try:
        run_demo(clips=FEWER, epochs=100_000, jobs=2)
    except Stopped as stopped:
        sys.stdout.write(f"{stopped.signal} {stopped}\n")


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("sla-demo-*/work/runs/*/state.pt", signal.SIGTERM),
        ("sla-demo-*/corpus/**/*.png", signal.SIGINT),
    ],
)
def test_what_is_not_kept_is_removed_when_the_demo_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, end: signal.Signals
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    demo = Forked(endless, printed=tmp_path, environment={"TMPDIR": str(folder)})
    try:
        while not any(folder.glob(moment)):
            assert demo.poll() is None
            time.sleep(0.05)
        demo.send_signal(end)
        out, _ = demo.communicate(timeout=200)
    finally:
        demo.kill()
    assert (demo.returncode, out) == (0, f"{int(end)} {end.name}: the demo was stopped\n")
    assert not any(folder.glob("sla-demo-*"))
