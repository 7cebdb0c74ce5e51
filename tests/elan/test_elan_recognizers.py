"""What ELAN gets from the recognisers, called as ELAN calls them."""

from __future__ import annotations

import os
import re
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import pympi
import pytest
from elan_calls import call, read_tiers, write_tier
from recordings import copy_run, signed, sla

from sla_cli import Recognizer
from sla_cli.core.clip import Source
from sla_cli.elan.parameters import RECOGNIZERS
from sla_cli.elan.report import reported, tell

NAME = "Ü 'a' & 视频.mkv"
STEP = 80  # milliseconds of a step of the tiny run


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and a video of 6 signs."""
    folder = tmp_path_factory.mktemp("elan recogniser")
    copy_run(folder)
    signed(folder / NAME, "NORD REGEN SONNE GRAD NORD REGEN")
    return folder


def given(work: Path, out: Path, **values: object) -> dict[str, object]:
    """Parameters of a call that succeeds."""
    run = work / "old" / "runs" / "adapter"
    return {"video": work / NAME, "run": run, "glosses": out / "glosses.xml", "curve": out / "curve.csv"} | values


def test_tiers_are_those_of_transcribe(work: Path, tmp_path: Path) -> None:
    answer = call("recognize", **given(work, tmp_path, tier="Glossen", sentences="yes"))
    assert answer.exit_code == 0, answer.output
    options = ("--tier", "Glossen", "--sentences", "--confidence", "-o", str(tmp_path / "x.eaf"))
    sla("transcribe", str(work / NAME), "--run", str(work / "old/runs/adapter"), *options, "-q")
    eaf = pympi.Elan.Eaf(tmp_path / "x.eaf")
    expected = {name: [one[:3] for one in sorted(eaf.get_annotation_data_for_tier(name))] for name in eaf.tiers}
    assert read_tiers(tmp_path / "glosses.xml") == expected and expected["Glossen"]


def test_progress_rises_and_the_end_comes_last(work: Path, tmp_path: Path) -> None:
    lines = call("recognize", **given(work, tmp_path)).stdout.splitlines()
    shares = [float(found[1]) for line in lines if (found := re.match(r"PROGRESS: (\S+) .", line))]
    assert shares == sorted(shares) and len(shares) > 1 and 0 <= shares[-1] < 1
    assert lines[-1] == "RESULT: DONE." and not any(len(line) == 1 for line in lines)


def test_the_curve_is_the_confidence_of_the_sign_at_each_moment(work: Path, tmp_path: Path) -> None:
    call("recognize", **given(work, tmp_path))
    head, *rows = (tmp_path / "curve.csv").read_text().splitlines()
    sure = read_tiers(tmp_path / "glosses.xml")["SIGN-confidence"]
    assert head == "time;confidence" and sure
    for row in rows:
        time, value = map(float, row.split(";"))
        inside = [float(text) for start, end, text in sure if start <= round(time * 1000) < end]
        assert value == (inside[0] if inside else 0)


def test_only_the_parts_of_a_tier_are_recognised(work: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.xml"
    call("recognize", **given(work, tmp_path, glosses=whole))
    spans = read_tiers(whole)["SIGN"]
    start, end = spans[1][0] / 1000, spans[-2][1] / 1000
    parts = write_tier(tmp_path / "parts.xml", [(start, end, "x"), (end - 0.05, end, "in it"), (900.0, 901.0, "")])
    answer = call("recognize", **given(work, tmp_path, parts=parts))
    assert answer.exit_code == 0, answer.output
    assert (
        f"warning: 900.0-901.0 s: {work / NAME} ends at " in answer.stdout
        and "before 901.00 s: left out" in answer.stdout
    )
    found = read_tiers(tmp_path / "glosses.xml")["SIGN"]
    assert found and all(start * 1000 - STEP <= one[0] < one[1] <= end * 1000 + STEP for one in found)
    with Recognizer.open(work / "old" / "runs" / "adapter") as model:  # of the part that both parts cover
        signs = model.transcribe(Source(work, NAME, start, end)).signs
    assert [one[2] for one in found] == [one.gloss for one in signs]


def test_glosses_are_placed_within_their_passage_in_their_order(work: Path, tmp_path: Path) -> None:
    call("recognize", **given(work, tmp_path))
    signs = read_tiers(tmp_path / "glosses.xml")["SIGN"]
    begin, middle, end = (time / 1000 for time in (signs[0][0], (signs[0][0] + signs[2][1]) // 2, signs[2][1]))
    first, second = " ".join([signs[0][2], "FREMD\u202e"]), " ".join(sign[2] for sign in signs[1:3])
    tier = write_tier(tmp_path / "given.xml", [(begin, middle, first), (middle, end, second)])
    answer = call("align", **given(work, tmp_path, given=tier, tier="neu"))
    assert answer.exit_code == 0, answer.output
    assert "warning: no times for glosses that the run does not know: FREMD\\u202e (1)" in answer.stdout
    placed = read_tiers(tmp_path / "glosses.xml")["neu"]
    assert [one[2] for one in placed] == [sign[2] for sign in signs[:3]]
    for one, sign in zip(placed, signs, strict=False):
        assert abs(one[0] - sign[0]) <= 2 * STEP and abs(one[1] - sign[1]) <= 2 * STEP


@pytest.mark.parametrize(
    ("recognizer", "values", "sentence"),
    [
        ("recognize", {"video": ""}, "Video: nothing is chosen"),
        ("recognize", {"video": "gone.mp4"}, "no such video: gone.mp4"),
        ("recognize", {"run": ""}, "no run is named"),
        ("recognize", {"run": "gone"}, "no such run: gone"),
        ("recognize", {"lm": "gone.arpa"}, "cannot read the language model gone.arpa"),
        ("recognize", {"tier": "A B"}, "'A B' cannot name a tier"),
        ("recognize", {"beam": "1000.0"}, "Beam width; 1 is the fastest, 0 as tuned: 1000 is not from 0 to 200"),
        ("recognize", {"sentences": "perhaps"}, "'perhaps' is not one of no, yes"),
        ("recognize", {"parts": "TIER"}, "the tier with the parts has no annotation"),
        ("recognize", {"parts": "gone.xml"}, "cannot read gone.xml"),
        ("recognize", {"video": "BROKEN"}, "broken.mp4"),
        ("recognize", {"glosses": "READ-ONLY"}, "cannot write"),
        ("align", {"given": ""}, "Tier with the glosses: nothing is chosen"),
        ("align", {"given": "TIER"}, "the tier with the glosses has no annotation"),
        ("align", {"given": "UNKNOWN"}, "the run knows no gloss of the tier"),
        ("align", {"given": "CROWDED"}, "cannot fit in"),
    ],
)
def test_what_is_wrong_is_a_sentence_in_the_report(
    work: Path, tmp_path: Path, recognizer: str, values: dict[str, str], sentence: str
) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (tmp_path / "read-only.xml").touch(0o444)
    files = {
        "TIER": write_tier(tmp_path / "empty.xml", []),
        "BROKEN": tmp_path / "broken.mp4",
        "READ-ONLY": tmp_path / "read-only.xml",
        "UNKNOWN": write_tier(tmp_path / "unknown.xml", [(0, 1, "FREMD")]),
        "CROWDED": write_tier(tmp_path / "crowded.xml", [(0, 0.2, "NORD REGEN " * 20)]),
    }
    changed = {name: files.get(value, value) for name, value in values.items()}
    answer = call(recognizer, **given(work, tmp_path, **changed))
    lines = answer.output.splitlines()
    assert answer.exit_code == 2 and answer.stdout.splitlines()[-1] == "RESULT: FAILED."
    assert sentence in " ".join(lines) and sum(line.startswith("error: ") for line in lines) == 1
    assert "Traceback" not in answer.output and not (tmp_path / "glosses.xml").exists()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("VIDEO", "would replace an input"), ("PARTS", "would replace an input"), ("EAF", "is not a file with tiers"),
        ("THESIS", "is not a file with tiers"), ("WEIGHTS", "is an artifact of sla (file of a run)"),
        ("CURVE", "is chosen for the glosses and for the curve"), ("NEW IN RUN", "into which nothing else is written"),
    ],
)  # fmt: skip
def test_no_file_of_somebody_is_replaced(work: Path, tmp_path: Path, output: str, sentence: str) -> None:
    values = given(work, tmp_path) | {"parts": write_tier(tmp_path / "parts.xml", [(0, 1, "x")])}
    run = work / "old" / "runs" / "adapter"
    (tmp_path / "own.eaf").write_text('<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT/>')
    (tmp_path / "thesis.txt").write_text("my thesis")
    files = {
        "VIDEO": work / NAME, "PARTS": tmp_path / "parts.xml", "EAF": tmp_path / "own.eaf", "CURVE": values["curve"],
        "THESIS": tmp_path / "thesis.txt", "WEIGHTS": run / "best.safetensors", "NEW IN RUN": run / "glosses.xml",
    }  # fmt: skip
    before = {path: path.read_bytes() for path in (*run.iterdir(), *tmp_path.iterdir(), work / NAME) if path.is_file()}
    answer = call("recognize", **values | {"glosses": files[output]})
    assert answer.exit_code == 2 and sentence in " ".join(answer.output.split()), answer.output
    after = {path: path.read_bytes() for path in (*run.iterdir(), *tmp_path.iterdir(), work / NAME) if path.is_file()}
    assert after == before


def test_what_a_recogniser_wrote_is_replaced_and_what_differs_is_kept(work: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "glosses.xml", tmp_path / "curve.csv"):
        path.touch()  # as ELAN does
    for name in ("first", "second"):
        answer = call("recognize", **given(work, tmp_path, tier=name))
        assert answer.exit_code == 0, answer.output
    assert {path.name for path in tmp_path.iterdir()} == {"glosses.xml", "glosses.xml.~1~", "curve.csv"}
    assert set(read_tiers(tmp_path / "glosses.xml.~1~")) == {"first", "first-confidence"}


def test_of_a_call_only_a_bounded_part_is_read() -> None:
    answer = call("recognize", tier="x" * (1 << 20))
    assert answer.exit_code == 2 and "error: the call from ELAN has more than 1 MiB" in answer.output


def test_if_elan_no_longer_reads_the_call_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    pipe = os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdout", pipe)
    with pytest.raises(SystemExit, match="1"), reported(nullcontext):
        tell("PROGRESS: 0.10 of it")
    with suppress(BrokenPipeError):
        pipe.close()


def test_each_recogniser_is_a_command() -> None:
    for one in RECOGNIZERS:
        answer = call(one.name)
        assert "error: Video: nothing is chosen" in answer.output and answer.exit_code == 2
