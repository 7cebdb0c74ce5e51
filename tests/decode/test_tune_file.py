"""Tuning finds what brute force over whole-file decoding finds, and test never tunes."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.core.clip_score import score_clip
from sla_cli.core.edit_alignment import Counts, align, count
from sla_cli.core.normalize import profile
from sla_cli.decode.decode_split import decode_split
from sla_cli.decode.grid_plot import draw_grid
from sla_cli.decode.grid_search import GridPoint, Trial, grid, search_grid
from sla_cli.decode.tune_file import BESIDE, check_tunable, tune_file
from sla_cli.errors import SlaError
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled, settle
from sla_cli.search.prefix_beam import PrefixBeam
from sla_cli.work.emissions import Emission, EmissionHeader, Emissions, write_emissions
from sla_cli.work.tuning import CHOICE

GLOSSES = ("NORD", "SUED", "NULL")
SENTENCES = [("NORD", "NULL"), ("SUED", "NULL"), ("NORD", "NULL", "NULL"), ("NULL", "NORD")] * 3


def clips(seed: int = 0) -> tuple[list[Emission], dict[str, tuple[str, ...]]]:
    """Emissions in which the correct glosses are usually the most probable."""
    rng = np.random.default_rng(seed)
    emissions, references = [], {}
    for number, sentence in enumerate(SENTENCES):
        path = [column for gloss in sentence for column in (0, GLOSSES.index(gloss) + 1, 0)]
        logits = 1.4 * rng.standard_normal((len(path), 4))
        logits[range(len(path)), path] += 2
        log_probs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
        emissions.append(Emission(f"clip {number}", log_probs, 4 * len(path)))
        references[f"clip {number}"] = sentence
    return emissions, references


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    write_arpa(estimate([list(sentence) for sentence in SENTENCES], 2, fallback=True), path)
    return path


def write(folder: Path, split: str = "dev", weights: str = "w") -> Path:
    header = EmissionHeader("phoenix2014", split, GLOSSES, 4, "/store", "/runs/adapter-1", "phoenix2014")
    path = folder / f"{split}.h5"
    write_emissions(path, header, clips()[0])
    write_receipt(Receipt("emit", {}, {"weights": weights}), path)
    return path


@pytest.mark.parametrize("jobs", [1, 2])
def test_equals_decoding_the_file_once_a_setting(jobs: int, lm: Path) -> None:
    emissions, references = clips()
    settings = grid([0.0, 1.0], [-1.0, 2.0], [1, 4])
    rules, calls = profile("phoenix2014"), list[int]()
    trials = search_grid(emissions, GLOSSES, references, rules, BeamOptions(lm=lm), settings, jobs, calls.append)
    assert calls == [1] * len(emissions)
    assert [trial.point for trial in trials] == settings
    for trial in trials:
        options = BeamOptions(trial.point.beam, trial.point.alpha, trial.point.beta, lm=lm)
        expected = Counts()
        for [best] in decode_split(emissions, GLOSSES, 4, options):
            expected += count(align(references[best.id], rules.hypothesis(best.glosses)))
        assert trial.counts == expected
    assert len({trial.counts.errors for trial in trials}) > 2


def test_a_grid_has_each_point_once() -> None:
    assert grid([1, 1], [0], [5]) == [GridPoint(5, 1, 0)]
    with pytest.raises(SlaError, match="empty grid"):
        grid([], [0], [5])
    with pytest.raises(SlaError, match="10,100 points, more than 10,000"):
        grid([number / 101 for number in range(101)], range(100), [5])


def test_files_and_the_choice_taken_up_by_test(tmp_path: Path, lm: Path) -> None:
    emissions, references = write(tmp_path), clips()[1]
    settings = grid([0.5, 1.0], [-1.0, 0.0, 2.0], [5])
    options = BeamOptions(lm=lm)
    out, tuned, trials = tune_file(emissions, references, tmp_path / "tuning", options, settings)
    assert tuned.errors == min(trial.counts.errors for trial in trials)
    assert tuned.wer == pytest.approx(100 * tuned.errors / tuned.ref_words)
    rows = (out / "tune.tsv").read_text().splitlines()
    assert rows[0].split("\t")[:5] == ["beam", "alpha", "beta", "wer", "errors"]
    assert [int(row.split("\t")[4]) for row in rows[1:-1]] == [trial.counts.errors for trial in trials]
    assert (out / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "tuned.json").read_text())["format"] == "sla-tuned"
    again = tune_file(emissions, references, tmp_path / "tuning", options, settings)
    assert again == (out, tuned, [])
    corrected = dict.fromkeys(references, ("NULL",))
    _, other, trials = tune_file(emissions, corrected, tmp_path / "tuning", options, settings)
    assert trials and other.ref_words == len(corrected)
    assert len(list(out.iterdir())) == 5, "what sla wrote is replaced without a copy"
    for name in (CHOICE, *BESIDE):
        (out / name).write_text("mine")
    (out / "receipt.json").unlink()
    assert tune_file(emissions, references, tmp_path / "tuning", options, settings)[2]
    assert [(out / f"{name}.~1~").read_text() for name in (CHOICE, *BESIDE)] == ["mine"] * 4

    tunings, weights = tmp_path / "tuning", {"alpha": options.alpha, "beta": options.beta}
    best = replace(options, alpha=tuned.alpha, beta=tuned.beta)
    assert settle({"lm": lm}, tunings, "w", split="test") == Settled(replace(best, beam=5), "dev")
    assert settle({"lm": lm, "beam": 3}, tunings, "w") == Settled(replace(best, beam=3), "dev")
    assert settle({"lm": lm, **weights}, tunings, "w") == Settled(replace(options, beam=5))
    assert settle({"lm": lm, "alpha": 0.3}, tunings, "w") == Settled(replace(options, alpha=0.3, beam=5))
    for given in ({}, {"beam": 3}, {"lm": lm, "beam": 3, **weights}):
        assert settle(given, tunings, "w") == Settled(BeamOptions(**given))
    assert settle({"lm": lm}, tunings, "others") == Settled(options), "the run was trained again"
    write(tmp_path, weights="others")
    assert tune_file(emissions, references, tunings, options, settings)[2], "where decode takes no old choice"


def test_the_picture_of_a_large_grid_is_bounded(tmp_path: Path) -> None:
    for name, points in (
        ("wide", grid([1.0], [number / 1000 for number in range(1000)], [1, 5])),
        ("beams", grid([1.0], [0.0, 1.0], range(1, 201))),
    ):
        trials = [Trial(point, (score_clip("clip", ("NORD",), ("NORD",)),)) for point in points]
        draw_grid(tmp_path / f"{name}.png", trials, points[0], "WER %")
        height, width, _ = cv2.imread(str(tmp_path / f"{name}.png")).shape
        assert height <= 1050 and width <= 2100


def test_no_language_model_at_a_beam_of_1_is_the_best_path_that_decode_gives(lm: Path) -> None:
    emissions, references = clips()
    point, options = GridPoint(1, 0.0, 0.0), BeamOptions(lm=lm)
    [found] = search_grid(emissions, GLOSSES, references, profile("none"), options, [point])
    greedy = [best.glosses for [best] in decode_split(emissions, GLOSSES, 4, BeamOptions(beam=1))]
    assert [clip.hypothesis for clip in found.clips] == greedy
    prefix = PrefixBeam(len(GLOSSES), None, frozenset(), 0.0)
    searched = [prefix.search(clip.log_probs, 1, -10.0, -5.0)[0][0] for clip in emissions]
    assert [tuple(GLOSSES[column - 1] for column in columns) for columns in searched] != greedy


def test_refusals(tmp_path: Path, lm: Path) -> None:
    dev, test, references = write(tmp_path), write(tmp_path, "test"), clips()[1]
    settings = grid([0.5], [1.0], [5])
    with pytest.raises(SlaError, match="of 'train', and weights are tuned on dev"):
        tune_file(write(tmp_path, "train"), references, tmp_path, BeamOptions(lm=lm), settings)
    with pytest.raises(SlaError, match="--alphas: alpha is nan"):
        tune_file(dev, references, tmp_path, BeamOptions(lm=lm), grid([math.nan], [1.0], [5]))
    with pytest.raises(SlaError, match="of 'val', and weights are tuned on dev"):
        check_tunable("val")
    with pytest.raises(SlaError, match="of 'test', and weights are tuned on dev"):
        tune_file(test, references, tmp_path, BeamOptions(lm=lm), settings)
    with pytest.raises(SlaError, match="none is given"):
        tune_file(dev, references, tmp_path, BeamOptions(), settings)
    write_emissions(tmp_path / "none.h5", Emissions(dev).header, [])
    with pytest.raises(SlaError, match="has no clips"):
        tune_file(tmp_path / "none.h5", {}, tmp_path, BeamOptions(lm=lm), settings)
    write_emissions(tmp_path / "other.h5", replace(Emissions(dev).header, profile="mine"), clips()[0])
    with pytest.raises(SlaError, match=r"other\.h5: no normalisation profile 'mine'"):
        tune_file(tmp_path / "other.h5", references, tmp_path, BeamOptions(lm=lm), settings)
    with pytest.raises(SlaError, match="--beams: beam is 0"):
        tune_file(dev, references, tmp_path, BeamOptions(lm=lm), grid([0.5], [1.0], [0]))


def test_a_choice_that_was_cut_off_is_not_taken(
    tmp_path: Path, lm: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    emissions, references = write(tmp_path), clips()[1]
    options, first, second = BeamOptions(lm=lm), grid([0.0], [0.0], [5]), grid([1.0], [2.0], [5])
    given = (emissions, references, tmp_path / "tuning", options)
    _, tuned, _ = tune_file(*given, first)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("sla_cli.work.making.write_receipt", _killed)
        tune_file(*given, second)
    assert settle({"lm": lm}, tmp_path / "none", "w") == Settled(options)
    assert "is not complete" not in caplog.text
    assert settle({"lm": lm}, tmp_path / "tuning", "w") == Settled(options)
    assert "is not complete, so it is not used" in caplog.text
    assert tune_file(*given, first)[1] == tuned


def test_a_full_disk_costs_no_choice(tmp_path: Path, small_disk: Path, lm: Path) -> None:
    emissions, references = write(tmp_path), clips()[1]
    options, first, second = BeamOptions(lm=lm), grid([0.0], [0.0], [5]), grid([0.0, 1.0], [0.0, 2.0], [5])
    given = (emissions, references, small_disk / "tuning", options)
    out, tuned, _ = tune_file(*given, first)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    rest = os.statvfs(small_disk)
    with (small_disk / "rest").open("wb") as file:
        file.write(bytes(rest.f_bavail * rest.f_frsize - 16384))  # less than the picture takes
    with pytest.raises(SlaError, match="No space left"):
        tune_file(*given, second)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (small_disk / "rest").unlink()
    assert tune_file(*given, first) == (out, tuned, [])


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_log_says_what_was_taken(tmp_path: Path, lm: Path, caplog: pytest.LogCaptureFixture) -> None:
    emissions, options = write(tmp_path), BeamOptions(lm=lm)
    tune_file(emissions, clips()[1], tmp_path / "tuning", options, grid([0.25], [0.5], [3]))
    beam, weights = "beam 3 as tuned on dev", "alpha 0.25, beta 0.5 as tuned on dev"
    for given, printed in (({}, [beam, weights]), ({"alpha": 1.0}, [beam]), ({"beam": 9}, [weights])):
        caplog.clear()
        with caplog.at_level("INFO", "sla"):
            settle({"lm": lm, **given}, tmp_path / "tuning", "w")
        assert caplog.messages == printed
