"""From log-probabilities and features to candidates, and from stores and ELAN files to what is annotated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotation_files import write_annotation
from clip_store import bytes_only, make_store
from elan_files import Eaf

from sla_cli.choose.candidate import Annotated
from sla_cli.choose.from_folder import annotated_spans, widened
from sla_cli.choose.from_store import annotated_splits, pool_of
from sla_cli.choose.read import add_aligned, annotated_in, as_candidate, peak_features, read_clip
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.errors import SlaError
from sla_cli.store.store import Store
from sla_cli.transcribe.transcript import Transcript
from sla_cli.work.emissions import Emission

VOCABULARY = ("HAUS", "MEER")


def log_probs(*columns: int, sure: float = 0.8) -> np.ndarray:
    """A step for each column, in which it is the most probable."""
    found = np.full((len(columns), 3), (1 - sure) / 2, np.float32)
    found[np.arange(len(columns)), columns] = sure
    return np.log(found)


def test_a_clip_gets_hypothesis_confidence_and_the_probability_of_all_paths() -> None:
    clip = as_candidate("a", 12, 25.0, signer="anna", origin="b.mp4 3.5-3.98")
    assert (clip.seconds, clip.recording, clip.start) == (pytest.approx(0.48), "b.mp4", 3.5)
    read = read_clip(clip, Emission("a", log_probs(1, 0, 2), 12, 25.0), VOCABULARY)
    assert (read.glosses, read.confidence, read.signer) == (("HAUS", "MEER"), pytest.approx((0.8, 0.8)), "anna")
    # All ways to write HAUS MEER in three steps: a blank before, between, after, or a gloss twice.
    p = np.exp(log_probs(1, 0, 2)).astype(float)
    paths = [(0, 1, 2), (1, 0, 2), (1, 2, 0), (1, 1, 2), (1, 2, 2)]
    assert np.exp(read.log_likelihood) == pytest.approx(sum(p[0, a] * p[1, b] * p[2, c] for a, b, c in paths))


def test_minutes_need_a_frame_rate() -> None:
    with pytest.raises(SlaError, match="the frame rate of clip a is unknown"):
        as_candidate("a", 12, 0.0)


def test_features_are_those_around_the_peak_of_a_gloss() -> None:
    features = np.array([[9, 0], [1, 0], [0, 1], [0, 1], [0, 9]], np.float32)
    steps = log_probs(0, 1, 1, 0, 0)
    steps[2, 1] += 0.1  # the peak
    found = peak_features(features, steps, [1], [(1, 3)])
    assert found.dtype == np.float16
    assert found[0] == pytest.approx(np.array([1, 2]) / 5**0.5, abs=1e-3)


def test_annotated_glosses_are_aligned_and_unknown_ones_left_out() -> None:
    known = Annotated()
    features = np.eye(5, dtype=np.float32)
    add_aligned(known, ("HAUS", "NEW", "MEER"), log_probs(0, 1, 0, 2, 0), VOCABULARY, features)
    add_aligned(known, ("HAUS",) * 9, log_probs(0, 1, 0, 2, 0), VOCABULARY, features)  # does not fit
    haus, meer = known.peaks("HAUS"), known.peaks("MEER")
    assert haus is not None and meer is not None and known.peaks("NEW") is None
    assert [(peaks > 0).tolist() for peaks in (haus, meer)] == [
        [[True, True, True, False, False]],
        [[False, False, True, True, True]],
    ]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    clips = {
        "train": [bytes_only("a", ["HAUS", "MEER"], 50, signer="anna"), bytes_only("b", ["HAUS"], 25, signer="bert")],
        "dev": [bytes_only("c", ["MEER"], 25, signer="anna")],
        "test": [bytes_only("d", [], 25, signer="cleo")],
    }
    return make_store(tmp_path / "store", clips)


def test_clips_without_annotation_are_chosen_from_and_the_others_are_known(store: Path) -> None:
    opened = Store(store)
    pool = pool_of(opened, None, None)
    assert pool.ids == ["d"]
    known = annotated_in(annotated_splits(opened, pool, None))
    assert known.glosses == {"HAUS": 2, "MEER": 2}
    assert known.signers == {"anna": 3.0, "bert": 1.0}
    assert pool_of(opened, None, "dev").ids == ["c"]
    with pytest.raises(SlaError, match="no split 'other'"):
        pool_of(opened, None, "other")


def test_what_a_person_annotated_and_what_sla_wrote(tmp_path: Path) -> None:
    own = tmp_path / "own.eaf"
    signs = (Sentence((Sign("HAUS", 1.0, 2.0, 1.0),)),)
    write_annotation(own, "eaf", Annotation("own", None, 4.0, signs))
    assert annotated_spans(own, Path("own.mp4")) == annotated_spans(tmp_path / "none.eaf", Path("none.mp4")) == []
    own.write_text(own.read_text().replace("HAUS", "MAUS"))
    assert annotated_spans(own, Path("own.mp4")) == [(1.0, 2.0)]
    theirs = Eaf(links=[{"MEDIA_URL": "file:///x/theirs.mp4", "MIME_TYPE": "video/mp4", "TIME_ORIGIN": "8000"}])
    theirs.mark(theirs.tier("GLOSS"), 500, 900, "HAUS")
    (tmp_path / "theirs.eaf").write_text(theirs.xml())
    assert annotated_spans(tmp_path / "theirs.eaf", Path("in/theirs.mp4")) == [(8.5, 8.9)]
    assert annotated_spans(tmp_path / "theirs.eaf", Path("renamed.mp4")) == [(8.5, 8.9)]


def test_a_recording_without_a_sign_has_no_sentence() -> None:
    assert widened(Transcript("a", None, 10.0, ())) == []


def test_sentences_get_edges_of_pauses_but_never_share_them() -> None:
    sentences = tuple(Sentence((Sign("HAUS", start, end, 1.0),)) for start, end in ((0.2, 1.0), (1.6, 3.0), (9.0, 9.8)))
    found = widened(Transcript("a", None, 10.0, sentences))
    assert np.array(found) == pytest.approx(np.array([(0.0, 1.3), (1.3, 3.5), (8.5, 10.0)]))
