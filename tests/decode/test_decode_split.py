from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sla_cli.core.calibration import Calibration
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.place import FrameScores
from sla_cli.decode.decode_split import decode_split
from sla_cli.decode.processes import CHUNK, map_clips
from sla_cli.errors import SlaError
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.work.emissions import Emission, EmissionHeader, Emissions, write_emissions

GLOSSES = ("NORD", "SUED", "NULL")


def clips(count: int, seed: int = 0) -> list[Emission]:
    rng = np.random.default_rng(seed)
    emissions = []
    for number in range(count):
        logits = 3 * rng.standard_normal((rng.integers(1, 20), len(GLOSSES) + 1)).astype(np.float32)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        emissions.append(Emission(f"clip {number}", log_probs, 4 * len(logits) - 1))
    return emissions


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    write_arpa(estimate([["NORD", "NULL"], ["SUED", "NULL"], ["NULL"]], 2, fallback=True), path)
    return path


@pytest.mark.parametrize("options", [BeamOptions(), BeamOptions(beam=1), BeamOptions(beam=3, alpha=1.0, beta=0.5)])
@pytest.mark.parametrize("with_lm", [False, True])
def test_jobs_change_nothing(options: BeamOptions, with_lm: bool, lm: Path) -> None:
    options = replace(options, lm=lm if with_lm else None)
    emissions = clips(83)
    one = decode_split(emissions, GLOSSES, 4, options)
    assert [readings[0].id for readings in one] == [emission.id for emission in emissions]
    assert decode_split(emissions, GLOSSES, 4, options, jobs=2) == one


def test_spans_are_the_frames_that_show_the_glosses() -> None:
    log_probs = np.log(np.full((15, 4), 0.01) + 0.96 * np.eye(4)[[1, 0, 2] + [0] * 12]).astype(np.float32)
    shown = np.full((60, 4), -128, np.int8)
    shown[range(60), [0] * 10 + [1] * 15 + [0] * 10 + [2] * 15 + [0] * 10] = 0
    for options in (BeamOptions(beam=1), BeamOptions()):
        emission = Emission("a", log_probs, 60, shown=FrameScores(shown, 7))
        [[hypothesis]] = decode_split([emission], GLOSSES, 4, options)
        assert hypothesis.glosses == ("NORD", "SUED")
        assert hypothesis.spans == ((11, 24), (36, 49))


def test_best_path_in_video_frames() -> None:
    path = [1, 1, 0, 1, 3]
    log_probs = np.log(np.full((5, 4), 0.01) + 0.96 * np.eye(4)[path]).astype(np.float32)
    spans = ((0, 8), (12, 16), (16, 18))
    for options in (BeamOptions(beam=1), BeamOptions()):
        [[hypothesis]] = decode_split([Emission("a", log_probs, 18)], GLOSSES, 4, options)
        assert hypothesis.glosses == ("NORD", "NORD", "NULL")
        assert hypothesis.spans == spans
    [[raw]] = decode_split([Emission("a", log_probs, 18)], GLOSSES, 4, BeamOptions(beam=1))
    [[sure]] = decode_split(
        [Emission("a", log_probs, 18)], GLOSSES, 4, BeamOptions(beam=1), calibration=Calibration(2.0, 1.0)
    )
    assert sure.confidence == Calibration(2.0, 1.0)(raw.confidence) != raw.confidence
    [[greedy]] = decode_split([Emission("a", log_probs, 18)], GLOSSES, 4, BeamOptions(beam=1))
    assert greedy.score == pytest.approx(5 * np.log(0.97))


def test_a_beam_of_one_with_a_language_model_uses_it(lm: Path) -> None:
    emissions = clips(50)
    assert decode_split(emissions, GLOSSES, 4, BeamOptions(beam=1, lm=lm)) != decode_split(
        emissions, GLOSSES, 4, BeamOptions(beam=1)
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_readings_are_ranked_and_come_with_spans_and_confidence(jobs: int) -> None:
    for readings in decode_split(clips(12), GLOSSES, 4, BeamOptions(nbest=4), jobs):
        assert [reading.rank for reading in readings] == list(range(1, len(readings) + 1))
        assert len({reading.glosses for reading in readings}) == len(readings) <= 4
        assert [r.score for r in readings] == sorted((r.score for r in readings), reverse=True)
        for reading in readings:
            assert len(reading.glosses) == len(reading.spans) == len(reading.confidence)
    with pytest.raises(SlaError, match="a beam of 10 cannot give 11 hypotheses for each clip"):
        decode_split(clips(1), GLOSSES, 4, BeamOptions(nbest=11))


def test_confidence_of_the_best_path_is_the_height_of_its_spikes() -> None:
    for emission, [best] in zip(clips(9), decode_split(clips(9), GLOSSES, 1, BeamOptions(beam=1)), strict=True):
        for gloss, (start, end), value in zip(best.glosses, best.spans, best.confidence, strict=True):
            peak = np.exp(emission.log_probs[start:end, 1 + GLOSSES.index(gloss)]).max()
            assert value == pytest.approx(peak, abs=1e-4)
    certain = np.log(np.eye(4, dtype=np.float32)[[1, 0, 2]] + np.float32(1e-30))
    [[best]] = decode_split([Emission("a", certain, 12)], GLOSSES, 4, BeamOptions(beam=1))
    assert best.confidence == (1.0, 1.0)


def test_hot_words_reach_the_decoder_also_with_a_beam_of_one() -> None:
    options = {"beam": 1, "hotword_weight": 3.0}
    plain, hot = (decode_split(clips(40), GLOSSES, 4, BeamOptions(hotwords=w, **options)) for w in ((), ("SUED",)))
    count = [sum(readings[0].glosses.count("SUED") for readings in answers) for answers in (plain, hot)]
    assert count[1] > 1.5 * count[0]


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_counts_clips(jobs: int) -> None:
    calls: list[int] = []
    decode_split(clips(21), GLOSSES, 4, BeamOptions(), jobs, calls.append)
    assert calls == [1] * 21
    assert decode_split([], GLOSSES, 4, BeamOptions(), jobs) == []


class OneByOne:
    """Clips that exist only as long as they are referenced."""

    def __init__(self, count: int) -> None:
        self.clips = clips(count)
        self.held: list[weakref.ref[Emission]] = []
        self.read = 0

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Emission:
        self.read += 1
        self.held = [one for one in self.held if one() is not None]
        if len(self.held) > 1:
            raise MemoryError(f"{len(self.held)} clips are held while another is read")
        emission = replace(self.clips[index])
        self.held.append(weakref.ref(emission))
        return emission


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_process_holds_more_than_the_clip_it_reads(jobs: int) -> None:
    emissions = OneByOne(100)
    assert len(decode_split(emissions, GLOSSES, 4, BeamOptions(), jobs)) == 100
    assert emissions.read == (100 if jobs == 1 else 0), "what processes decode the parent does not read"


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_emissions_file_decodes_like_its_clips(jobs: int, tmp_path: Path) -> None:
    header = EmissionHeader("phoenix2014", "dev", GLOSSES, 4, "/store", "/runs/adapter-1", "phoenix2014")
    write_emissions(tmp_path / "dev.h5", header, clips(40))
    file = Emissions(tmp_path / "dev.h5")
    assert file[39].id == "clip 39"  # opened here before processes fork
    expected = decode_split(clips(40), GLOSSES, 4, BeamOptions())
    for _ in range(2):
        assert decode_split(file, GLOSSES, 4, BeamOptions(), jobs) == expected


@pytest.mark.parametrize(("count", "jobs"), [(1, 2), (2, 3), (5, 4), (17, 2), (111, 5)])
def test_any_number_of_clips_and_processes(count: int, jobs: int) -> None:
    one = decode_split(clips(count), GLOSSES, 4, BeamOptions(beam=2))
    assert decode_split(clips(count), GLOSSES, 4, BeamOptions(beam=2), jobs) == one


@pytest.mark.parametrize(
    ("count", "jobs", "least", "most"), [(31, 8, 16, 0), (40, 8, 16, 2), (40, 3, 1, 3), (9, 0, 16, 0)]
)
def test_no_more_processes_than_there_is_work_for(count: int, jobs: int, least: int, most: int) -> None:
    pids = set(map_clips(lambda _: os.getpid(), clips(count), jobs, least=least))
    if most == 0:
        assert pids == {os.getpid()}
    else:
        assert 1 <= len(pids) <= most and os.getpid() not in pids


@pytest.mark.parametrize("most", [0, 1])
def test_a_process_that_cannot_be_started_leaves_no_other(most: int, limit_processes: Callable[[int], None]) -> None:
    """Python waited at its exit for the first process of the pool, which waited for work."""
    before = active_children()
    limit_processes(most)
    with pytest.raises(SlaError, match="a process cannot be started: Resource temporarily unavailable"):
        list(map_clips(lambda _: os.getpid(), clips(64), 2))
    for process in set(active_children()) - set(before):
        process.join(60)
    assert active_children() == before


def test_who_stops_listening_waits_for_the_current_clips_only(tmp_path: Path) -> None:
    def decode_slowly(emission: Emission) -> str:
        (tmp_path / emission.id).touch()
        if int(emission.id.removeprefix("clip ")) >= CHUNK:
            time.sleep(0.5)
        return emission.id

    answers = map_clips(decode_slowly, clips(400), jobs=2)
    assert next(answers) == "clip 0"
    answers.close()  # as Ctrl-C does
    begun = len(list(tmp_path.iterdir()))
    assert CHUNK <= begun < 3 * CHUNK, "five chunks were handed out"


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("options", [BeamOptions(), BeamOptions(beam=1)])
def test_bad_emissions_name_the_clip(jobs: int, options: BeamOptions) -> None:
    emissions = clips(30)
    emissions[17].log_probs[0, 2] = np.nan
    with pytest.raises(SlaError, match="clip 17: output step 0 holds NaN\nThe model has diverged"):
        decode_split(emissions, GLOSSES, 4, options, jobs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_bad_options_are_refused_before_any_clip(jobs: int, tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_text("NORD NULL\n")
    for options in (BeamOptions(lm=tmp_path / "lm.arpa"), BeamOptions(beam=0)):
        with pytest.raises(SlaError, match=r"lm\.arpa, line 1|beam of 0"):
            decode_split(clips(3), GLOSSES, 4, options, jobs)
    with pytest.raises(SlaError, match="-1 is not a number of processes"):
        decode_split([], GLOSSES, 4, BeamOptions(), -1)


class Deadly(list[Emission]):
    """The process that reads clip 100 is killed, as by the kernel when memory runs out."""

    def __getitem__(self, index: Any) -> Any:
        if index == 100:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def test_a_killed_process_is_reported() -> None:
    with pytest.raises(SlaError, match="process was killed"):
        decode_split(Deadly(clips(200)), GLOSSES, 4, BeamOptions(), 2)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_processes_die_with_a_killed_parent() -> None:
    code = (
        "import sys, time; sys.path.insert(0, 'tests/decode')\n"
        "from test_decode_split import *\n"
        "class Slow(list):\n"
        "    def __getitem__(self, index):\n"
        "        os.write(1, b'reading\\n'); time.sleep(60)\n"
        "decode_split(Slow(clips(100)), GLOSSES, 4, BeamOptions(), 2)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    assert parent.stdout is not None and parent.stdout.readline() == b"reading\n"
    children = _children(parent.pid)
    assert len(children) == 2
    parent.kill()
    deadline = time.monotonic() + 100
    while any(_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(child) for child in children)
    parent.communicate()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_answer_is_a_hypothesis() -> None:
    assert isinstance(decode_split(clips(1), GLOSSES, 4, BeamOptions())[0][0], Hypothesis)
