"""What earlier versions wrote keeps its meaning: artifacts of each are used as its own version used them.

`python benchmarks/artifacts.py tests/earlier/VERSION.zip` made them, with the sla of that version.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from sla_cli import Recognizer, __version__
from sla_cli.annotation.eaf_own import is_uncorrected
from sla_cli.config.settings import EmitConfig
from sla_cli.decode.decode_file import decode_file
from sla_cli.emit.emit import emit
from sla_cli.exchange.gloss_files import read_gloss_file
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_file
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.search.options import Settled
from sla_cli.store.store import Store
from sla_cli.work.alignment import read_alignment
from sla_cli.work.describe import describe
from sla_cli.work.emissions import Emissions
from sla_cli.work.run import Run
from sla_cli.work.scores import read_scores
from sla_cli.work.tuning import read_tuned

KEPT = sorted((Path(__file__).parent / "earlier").glob("*.zip"))


def test_this_version_has_its_artifacts_too() -> None:
    assert __version__ in {file.stem for file in KEPT}


@pytest.fixture(scope="module", params=KEPT, ids=[file.stem for file in KEPT])
def work(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    with ZipFile(request.param) as archive:
        archive.extractall(folder)
    return folder


def one(work: Path, pattern: str) -> Path:
    (found,) = work.glob(pattern)
    return found


def test_a_run_gives_the_emissions_that_it_gave(work: Path) -> None:
    """With its store, and as a model that was exported; random weights of another CPU differ in their last bits."""
    before, run = Emissions(work / "dev.h5"), Run(work / "runs" / "r")
    split = Store(work / "store")["dev"]
    emit(run, split, work / "again.h5", device="cpu", how=EmitConfig())
    after = Emissions(work / "again.h5")
    assert after.ids == before.ids
    for new, old in zip(after, before, strict=True):
        np.testing.assert_allclose(new.log_probs, old.log_probs, atol=1e-3)
    clip = next(clip for clip in split if clip.id == before.ids[0])
    with Recognizer.open(work / "model", lm="gloss.arpa", device="cpu") as model:
        found = model.log_probs(np.ascontiguousarray(clip.frames()))
    np.testing.assert_allclose(found, next(iter(before)).log_probs, atol=1e-3)
    assert run.read_calibration() != type(run.read_calibration())()


def test_emissions_give_the_hypotheses_and_the_score_that_they_gave(work: Path) -> None:
    before = read_gloss_file(one(work, "hypotheses/r/*.tsv")).nbest
    made, _ = decode_file(work / "dev.h5", work / "again", Settled(BeamOptions(beam=3)))
    assert {id: [h.glosses for h in hypotheses] for id, hypotheses in read_gloss_file(made).nbest.items()} == {
        id: [h.glosses for h in hypotheses] for id, hypotheses in before.items()
    }
    folder = one(work, "scores/*")
    _, score = score_file(
        one(work, "hypotheses/r/*.tsv"), work / "again", ref=work / "store", options=ScoreOptions("none")
    )
    assert read_scores(folder).total.wer == pytest.approx(score.total.wer)


def test_what_people_and_stages_read_is_read(work: Path) -> None:
    assert is_uncorrected(work / "video.eaf")
    assert read_tuned(one(work, "tuning/*")).beam == 3
    assert read_alignment(one(work, "alignments/r/*.tsv"))
    places = ("store", "runs/r", "model", "dev.h5", "hypotheses/r/*.tsv", "alignments/r/*.tsv", "scores/*", "tuning/*")
    kinds = [describe(one(work, place)).kind for place in places]
    assert kinds == ["store", "run", "model", "emissions", "hypotheses", "alignment", "score", "tuning"]
