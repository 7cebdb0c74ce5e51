from __future__ import annotations

import csv
import itertools
import math
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import kenlm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peak_memory import peak_memory

from sla_cli.core.ctc import greedy
from sla_cli.errors import SlaError
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.search import prefix_beam
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.search.decoder import GreedyDecoder
from sla_cli.search.engines import CLASSES, Engine

pytestmark = pytest.mark.long

SHARED = Path(__file__).parents[2].parent / "shared"
GOLDEN_LM = SHARED / "golden/gloss-lm/phoenix2014-train.3gram.arpa"
EXACT = {"beam": 10**4, "prune_logp": -1000.0, "token_min_logp": -1000.0}
HOSTILE = [
    "<PAD>", "<pad>", "[PAD]", "|", "##X", "X", "▁", "▁X", "X▁", "▁⁇▁", "⁇", "_", "<unk>", "[UNK]", "<s>", "</s>",
    "<blank>", "[EMPTY]", "NULL", "nan", "LOC-A+B", "A\u200dB", "人", "你们", "انا", "يا_ريت",
    unicodedata.normalize("NFC", "ÜBER"), unicodedata.normalize("NFD", "ÜBER"), "\u0301", "\u200f", "\ue000",
    "\U000f0000", "👋🏽", "ß", "SS", "a", "A", '"', "\\data\\", "\ufeff",
]  # fmt: skip


def beam_decoder(glosses: Sequence[str], lm: Path | None = None, **options: Any) -> BeamDecoder:
    return BeamDecoder(glosses, BeamOptions(lm=lm, **options))


def random_log_probs(steps: int, columns: int, seed: int) -> np.ndarray:
    logits = 2 * np.random.default_rng(seed).standard_normal((steps, columns))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def signed_log_probs(path: Sequence[int], columns: int, rng: np.random.Generator) -> np.ndarray:
    """Peaks as a trained model has them: most steps sure, some torn between the path and another column."""
    probs = 0.1 * rng.dirichlet(np.full(columns, 0.3), len(path))
    for row, column in zip(probs, path, strict=True):
        sure = rng.beta(1.5, 1)
        row[column] += 0.9 * sure
        row[rng.integers(columns)] += 0.9 * (1 - sure)
    return np.log(probs + 1e-9)


def spell(path: list[int], columns: int) -> np.ndarray:
    """Posteriors that leave no doubt about `path`."""
    return np.log(np.full((len(path), columns), 1e-6) + (1 - 1e-6 * columns) * np.eye(columns)[path])


def enumerate_labels(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """ln P(labels) for every label sequence, by summing over every path."""
    total: defaultdict[tuple[int, ...], float] = defaultdict(lambda: -math.inf)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        labels = tuple(c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c))
        total[labels] = np.logaddexp(total[labels], log_probs[range(len(path)), path].sum())
    return total


@pytest.fixture(scope="module")
def toy_lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lm") / "toy.arpa"
    write_arpa(estimate([["|", "##X"], ["|", "A\u200dB", "|"], ["##X"], ["|", "|"], ["C"]], 3, fallback=True), path)
    return path


PYCTCDECODE = pytest.mark.needs("pyctcdecode")
ENGINES = pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=PYCTCDECODE if name == "pyctcdecode" else ()) for name in get_args(Engine)]
)


@ENGINES
@pytest.mark.parametrize("seed", range(2))
def test_equals_exhaustive_enumeration(seed: int, engine: str) -> None:
    log_probs = random_log_probs(5, 4, seed)
    expected = enumerate_labels(log_probs)
    with beam_decoder(["|", "##X", "<pad>"], engine=engine, **EXACT) as decoder:
        readings = decoder.nbest(log_probs, 10**6)
    assert {tuple(1 + decoder.glosses.index(g) for g in r.glosses) for r in readings} == set(expected)
    for reading in readings:
        labels = tuple(1 + decoder.glosses.index(gloss) for gloss in reading.glosses)
        assert reading.score == pytest.approx(expected[labels], abs=1e-9)
    assert [r.score for r in readings] == sorted((r.score for r in readings), reverse=True)


@pytest.mark.parametrize("seed", range(2))
def test_a_wide_search_keeps_few_prefixes_and_finds_the_same(
    seed: int, toy_lm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 20 x 100 prefixes in each of 15 steps, only those that the beam needs stay in memory."""
    glosses = ["|", "##X", *map(str, range(98))]
    log_probs = random_log_probs(15, 101, seed)
    with beam_decoder(glosses, toy_lm, **(EXACT | {"beam": 20})) as decoder:
        expected = decoder.nbest(log_probs, 20)
        monkeypatch.setattr(prefix_beam, "MANY", 500)
        assert decoder.nbest(log_probs, 20) == expected
        assert peak_memory(lambda: decoder.nbest(log_probs, 20)) < 3 << 20  # all of them: 8 MiB


@ENGINES
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("alpha", "beta", "hot"), [(0.5, 1.5, ()), (2.0, -0.7, ()), (0.5, 1.5, ("##X", "UNSEEN"))])
def test_equals_exhaustive_enumeration_with_lm(
    seed: int, alpha: float, beta: float, hot: tuple[str, ...], engine: str, toy_lm: Path
) -> None:
    """KenLM scores whole sentences here; one gloss is unknown to it. Each hot word adds 3."""
    glosses = ["|", "##X", "A\u200dB", "UNSEEN"]
    log_probs = random_log_probs(4, 5, seed)
    state, out, model = kenlm.State(), kenlm.State(), kenlm.Model(str(toy_lm))
    expected = {}
    for labels, score in enumerate_labels(log_probs).items():
        model.BeginSentenceWrite(state)
        for word in [*(glosses[label - 1] for label in labels), "</s>"]:
            score += alpha * math.log(10) * model.BaseScore(state, word, out)
            state, out = out, state
        score += 3.0 * sum(glosses[label - 1] in hot for label in labels)
        expected[tuple(glosses[label - 1] for label in labels)] = score + beta * len(labels)
    given_settings = {"hotwords": hot, "hotword_weight": 3.0, "engine": engine, **EXACT}
    with beam_decoder(glosses, toy_lm, alpha=alpha, beta=beta, **given_settings) as decoder:
        readings = decoder.nbest(log_probs, 10**6)
        best = decoder.decode(log_probs)
        few = decoder.nbest(log_probs, 3)
    assert few == readings[:3]
    assert decoder.oov == ("UNSEEN",)
    assert best == readings[0]
    assert {reading.glosses: reading.score for reading in readings} == pytest.approx(expected, abs=1e-9)
    assert best.score == pytest.approx(max(expected.values()), abs=1e-9)


@ENGINES
@pytest.mark.parametrize("seed", range(2))
def test_hotwords_equal_exhaustive_enumeration(seed: int, engine: str) -> None:
    log_probs, glosses = random_log_probs(5, 4, seed), ["|", "##X", "<pad>"]
    expected = {
        tuple(glosses[label - 1] for label in labels): score + 2.5 * labels.count(2)
        for labels, score in enumerate_labels(log_probs).items()
    }
    with beam_decoder(glosses, hotwords=("##X",), hotword_weight=2.5, engine=engine, **EXACT) as decoder:
        readings = decoder.nbest(log_probs, 10**6)
    assert {reading.glosses: reading.score for reading in readings} == pytest.approx(expected, abs=1e-9)
    assert readings[0].score == max(reading.score for reading in readings)


@PYCTCDECODE
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_both_engines_answer_alike_where_nothing_is_pruned(toy_lm: Path, data: st.DataObject) -> None:
    """Ties included: log-probabilities are drawn from few values. Longer clips than can be enumerated."""
    columns = data.draw(st.integers(2, 5))
    steps = data.draw(st.integers(1, {2: 14, 3: 9, 4: 6, 5: 5}[columns]))
    cells = st.lists(st.sampled_from([0.0, 1.0, 2.0, 4.0, 6.5]), min_size=columns, max_size=columns)
    logits = np.array(data.draw(st.lists(cells, min_size=steps, max_size=steps)), np.float32)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    glosses = ["|", "##X", "A\u200dB", "UNSEEN"][: columns - 1]
    given = {
        "lm": data.draw(st.sampled_from([None, toy_lm])),
        "hotwords": data.draw(st.sampled_from([(), (glosses[0],)])),
        "hotword_weight": 1.5,
        **EXACT,
    }
    with beam_decoder(glosses, **given) as ours, beam_decoder(glosses, engine="pyctcdecode", **given) as theirs:
        answer, expected = ({one.glosses: one.score for one in each.nbest(log_probs, 10**6)} for each in (ours, theirs))
    assert answer == pytest.approx(expected, abs=1e-6)


def test_a_beam_holds_as_many_hypotheses_as_it_is_wide() -> None:
    """A prefix takes one place however it ends."""
    with beam_decoder(["A", "B", "C"], beam=10) as decoder:
        assert {len(decoder.nbest(random_log_probs(12, 4, seed), 20)) for seed in range(10)} == {10}


@pytest.mark.parametrize("beam", [1, 10])
def test_a_gloss_is_scored_by_the_language_model_when_it_begins(beam: int, toy_lm: Path) -> None:
    """`| ##X` occurs in the text and `| C` does not, which a beam of 1 can only know before it drops one of both."""
    log_probs = np.log(np.array([[0.02, 0.94, 0.02, 0.02], [0.94, 0.02, 0.02, 0.02], [0.02, 0.02, 0.50, 0.46]]))
    log_probs = np.vstack([log_probs, spell([0], 4), log_probs[1:2]])
    with beam_decoder(["|", "C", "##X"], toy_lm, beam=beam) as decoder:
        assert decoder.decode(log_probs).glosses == ("|", "##X")
        assert decoder.decode(log_probs[:3]).glosses == ("|", "##X")


@PYCTCDECODE
def test_at_most_half_the_search_errors_of_pyctcdecode(tmp_path: Path) -> None:
    """With a language model, against a beam of 150: clips whose glosses are others."""
    rng, glosses = np.random.default_rng(0), [f"G{number}" for number in range(8)]
    followers = [rng.choice(8, 3, replace=False) for _ in glosses]

    def sentence(length: int) -> list[int]:
        found = [int(rng.integers(8))]
        while len(found) < length:
            found.append(int(rng.choice(followers[found[-1]])))
        return found

    lm = tmp_path / "bigram.arpa"
    write_arpa(estimate([[glosses[gloss] for gloss in sentence(6)] for _ in range(200)], 2, fallback=True), lm)
    clips = []
    for _ in range(30):
        runs = [[0] * rng.integers(1, 3) + [gloss + 1] * rng.integers(1, 3) for gloss in sentence(5)]
        clips.append(signed_log_probs(list(itertools.chain(*runs)), 9, rng))
    with (
        beam_decoder(glosses, lm, beam=150) as wide,
        beam_decoder(glosses, lm) as ours,
        beam_decoder(glosses, lm, engine="pyctcdecode") as theirs,
    ):
        best = [wide.best_glosses(clip) for clip in clips]
        errors = [
            sum(decoder.best_glosses(clip) != glosses for clip, glosses in zip(clips, best, strict=True))
            for decoder in (ours, theirs)
        ]
    assert errors[1] >= 5
    assert errors[0] <= errors[1] / 2


def test_a_step_with_hot_words_and_a_language_model_costs_the_same_however_long_the_clip(toy_lm: Path) -> None:
    """By calls of functions and steps of generators; adding up the weights of all glosses at every step costs more."""
    rng = np.random.default_rng(0)
    path = [column for gloss in rng.integers(1, 4, 200) for column in (gloss, 0)]
    log_probs = np.log(0.95 * np.eye(4)[path] + 0.05 * rng.dirichlet(np.ones(4), len(path)))
    counts = []
    with beam_decoder(["|", "##X", "C"], toy_lm, hotwords=("|",), hotword_weight=0.1) as decoder:
        for steps in (100, 200, 400):
            events = itertools.count()
            sys.setprofile(lambda *_, events=events: next(events))
            try:
                decoder.best_glosses(log_probs[:steps])
            finally:
                sys.setprofile(None)
            counts.append(next(events))
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    assert second < 2.2 * first


def test_a_beam_of_one_alone_is_the_best_path_however_it_is_opened(toy_lm: Path) -> None:
    glosses = ["|", "##X", "C"]
    best_path, clips = GreedyDecoder(glosses), [random_log_probs(12, 4, seed) for seed in range(20)]
    with beam_decoder(glosses, beam=1) as opened, beam_decoder(glosses, beam=10) as weighed:
        wide = [weighed.decode(clip) for clip in clips]
        weighed.weigh(0.5, 1.5, 1)
        for clip in clips:
            expected = best_path.decode(clip)
            assert opened.decode(clip) == weighed.decode(clip) == expected
            assert opened.best_glosses(clip) == weighed.best_glosses(clip) == expected.glosses
        weighed.weigh(0.5, 1.5, 10)
        assert [weighed.decode(clip) for clip in clips] == wide
        assert wide != [best_path.decode(clip) for clip in clips]
    for options in ({"lm": toy_lm}, {"hotwords": ("|",), "hotword_weight": 3.0}):  # these are searched
        with beam_decoder(glosses, beam=1, **options) as decoder:
            assert [decoder.decode(clip).glosses for clip in clips] != [best_path.decode(c).glosses for c in clips]


def test_a_hot_word_is_raised_and_an_unknown_one_is_refused() -> None:
    log_probs = np.log(np.array([[0.02, 0.58, 0.40], [0.90, 0.05, 0.05]]))
    glosses = ["REGEN", "REGENBOGEN"]
    for weight, expected in ((0.0, "REGEN"), (2.0, "REGENBOGEN"), (-2.0, "REGEN")):
        with beam_decoder(glosses, hotwords=("REGENBOGEN",), hotword_weight=weight) as decoder:
            assert decoder.decode(log_probs).glosses == (expected,)
    with pytest.raises(SlaError, match="hot word 'REGENBOGENN' is not a gloss") as caught:
        beam_decoder(glosses, hotwords=("REGENBOGENN",))
    assert "Did you mean 'REGENBOGEN'?" in caught.value.hint


def test_confidence_is_the_height_of_the_spike(toy_lm: Path) -> None:
    glosses = ["|", "##X", "A\u200dB"]
    certain = np.log(np.eye(4)[[1, 1, 0, 2, 3]] + 1e-300)
    with beam_decoder(glosses, toy_lm) as decoder, np.errstate(divide="ignore"):
        assert decoder.decode(certain).confidence == (1.0, 1.0, 1.0)
        rng = np.random.default_rng(0)
        for _ in range(30):
            log_probs = np.log(rng.dirichlet(np.ones(4), 12))
            for reading in decoder.nbest(log_probs, 5):
                for gloss, (start, end), value in zip(reading.glosses, reading.spans, reading.confidence, strict=True):
                    assert 0 <= value <= 1
                    peak = np.exp(log_probs[start:end, 1 + glosses.index(gloss)]).max()
                    assert value == pytest.approx(peak, abs=1e-4)


def test_language_model_decides_between_equals(toy_lm: Path) -> None:
    log_probs = np.log(np.array([[0.02, 0.94, 0.02, 0.02], [0.94, 0.02, 0.02, 0.02], [0.02, 0.02, 0.48, 0.48]]))
    glosses = ["|", "C", "##X"]
    with beam_decoder(glosses, toy_lm) as decoder:
        assert decoder.decode(log_probs).glosses == ("|", "##X")
    with beam_decoder(["|", "##X", "C"], toy_lm) as decoder:
        assert decoder.decode(log_probs).glosses == ("|", "##X")


@PYCTCDECODE
@pytest.mark.skipif(not GOLDEN_LM.is_file(), reason="shared material is missing")
def test_equals_bare_pyctcdecode_with_a_real_language_model() -> None:
    """Where no gloss is unknown and plain labels are harmless, the mapping must change nothing; our best is equal."""
    from pyctcdecode import build_ctcdecoder

    text = (GOLDEN_LM.parent / "phoenix2014-train.txt").read_text().split("\n")
    glosses = sorted({gloss for line in text for gloss in line.split()})
    rng = np.random.default_rng(0)
    bare = build_ctcdecoder(["", *("▁" + gloss for gloss in glosses)], str(GOLDEN_LM), glosses)
    with (
        beam_decoder(glosses, GOLDEN_LM, engine="pyctcdecode") as decoder,
        beam_decoder(glosses, GOLDEN_LM) as ours,
    ):
        assert decoder.oov == ()
        for line in text[:20]:
            path = [1 + glosses.index(gloss) for gloss in line.split()]
            logits = rng.standard_normal((2 * len(path), len(glosses) + 1)).astype(np.float32)
            logits[range(0, 2 * len(path), 2), path] += 6
            logits[1::2, 0] += 6
            log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            expected = bare.decode_beams(log_probs, beam_width=10, prune_history=False)
            got = decoder.nbest(log_probs, 10)
            assert len(got) == len(expected)
            assert [" ".join(reading.glosses) for reading in got] == [beam[0] for beam in expected]
            assert [reading.score for reading in got] == pytest.approx([beam[-1] for beam in expected])
            best = ours.decode(log_probs)
            assert best.glosses == got[0].glosses
            assert best.score == pytest.approx(got[0].score, abs=0.01)
    bare.cleanup()


@ENGINES
@pytest.mark.parametrize("lm", [False, True])
def test_hostile_glosses_round_trip(lm: bool, engine: str, toy_lm: Path) -> None:
    path = [column for gloss in range(len(HOSTILE)) for column in (gloss + 1, gloss + 1, 0, gloss + 1)]
    with beam_decoder(HOSTILE, toy_lm if lm else None, alpha=0.01, engine=engine) as decoder:
        decoded = decoder.decode(spell(path, len(HOSTILE) + 1))
    assert decoded.glosses == tuple(gloss for gloss in HOSTILE for _ in range(2))
    if lm:
        assert set(HOSTILE) - set(decoder.oov) == {"|", "##X", "A\u200dB"}


def corpus_glosses() -> dict[str, set[str]]:
    """The glosses of every table of the shared material, by file."""
    found: dict[str, set[str]] = {}
    for path in sorted((SHARED / "data").rglob("*.*")):
        if path.suffix not in (".csv", ".txt"):
            continue
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE):
                for name in ("annotation", "orth", "gloss"):
                    found.setdefault(str(path), set()).update((row.get(name) or "").split())
    return {path: glosses for path, glosses in found.items() if glosses}


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared material is missing")
def test_glosses_of_all_corpora_round_trip() -> None:
    vocabularies = corpus_glosses()
    assert len(vocabularies) >= 10
    glosses = sorted(set().union(*vocabularies.values()))
    assert len(glosses) > 3500
    with beam_decoder(glosses) as decoder:
        for start in range(0, len(glosses), 100):
            path = list(range(start + 1, min(start + 100, len(glosses)) + 1))
            assert decoder.decode(spell(path, len(glosses) + 1)).glosses == tuple(glosses[start : start + 100])


@pytest.mark.parametrize("lm", [False, True])
def test_spans_where_the_best_path_has_the_same_glosses_are_its_spans(lm: bool, toy_lm: Path) -> None:
    glosses = ["|", "##X", "A\u200dB"]
    rng = np.random.default_rng(1)
    with beam_decoder(glosses, toy_lm if lm else None) as decoder:
        equal = 0
        for _ in range(100):
            log_probs = np.log(0.3 * rng.dirichlet(np.ones(4), 15) + 0.7 * np.eye(4)[rng.integers(0, 4, 15)])
            labels, decoded = greedy(log_probs), decoder.decode(log_probs)
            if decoded.glosses == tuple(glosses[column - 1] for column, _, _ in labels):
                assert list(decoded.spans) == [(start, end) for _, start, end in labels]
                equal += 1
    assert equal >= 10


def test_spans_are_ordered_and_within_the_clip() -> None:
    with beam_decoder(["A", "B", "C"]) as decoder:
        for seed in range(30):
            for reading in decoder.nbest(random_log_probs(12, 4, seed), 10):
                edges = [step for span in reading.spans for step in span]
                assert edges == sorted(edges) and all(start < end for start, end in reading.spans)
                assert len(reading.spans) == len(reading.glosses) and all(0 <= step <= 12 for step in edges)


def test_nothing_to_decode(toy_lm: Path) -> None:
    with beam_decoder(["|", "C"], toy_lm) as decoder:
        assert decoder.decode(np.empty((0, 3), np.float32)).glosses == ()
        assert decoder.decode(spell([0, 0, 0], 3)).glosses == ()


def test_half_precision_and_zero_probability() -> None:
    log_probs = random_log_probs(6, 4, 3)
    with beam_decoder(["A", "B", "C"]) as decoder:
        assert decoder.decode(log_probs.astype(np.float16)).glosses == decoder.decode(log_probs).glosses
        log_probs[:, 2] = -np.inf
        assert "B" not in decoder.decode(log_probs).glosses


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0])
def test_bad_posteriors_are_refused(value: float) -> None:
    log_probs = random_log_probs(6, 4, 0)
    log_probs[4, 1] = value
    with beam_decoder(["A", "B", "C"]) as decoder, pytest.raises(SlaError, match="output step 4"):
        decoder.decode(log_probs)
    with beam_decoder(["A", "B"]) as decoder, pytest.raises(SlaError, match="2 glosses plus the blank"):
        decoder.decode(random_log_probs(6, 4, 0))


@pytest.mark.parametrize(
    ("glosses", "message"),
    [(["A B"], "white space or control characters: 'A B'"), (["A", ""], "characters: ''"), (["A\n"], "white space"),
     (["A\x1b[31m"], "control characters"), (["A\u2028B", "A"], "white space"), (["A\xa0B"], "white space"),
     (["A\x85"], "white space"),
     (["A", "B", "A"], "twice in the vocabulary: 'A'")],
)  # fmt: skip
def test_impossible_vocabularies_are_refused(glosses: list[str], message: str) -> None:
    with pytest.raises(SlaError, match=message):
        beam_decoder(glosses)


@PYCTCDECODE
def test_pyctcdecode_takes_as_many_glosses_as_there_are_private_characters() -> None:
    with pytest.raises(SlaError, match="takes at most 65534"):
        beam_decoder([str(number) for number in range(70_000)], engine="pyctcdecode")


def test_the_engines_are_those_of_the_registry() -> None:
    assert set(get_args(Engine)) == set(CLASSES)
    with pytest.raises(SlaError, match="no beam search 'prefixx'") as caught:
        beam_decoder(["A"], engine="prefixx")
    assert caught.value.hint == "Did you mean 'prefix'?"


def test_bad_beam_and_missing_lm_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="beam is 0"):
        beam_decoder(["A"], beam=0)
    with pytest.raises(SlaError, match=r"none\.arpa"):
        beam_decoder(["A"], tmp_path / "none.arpa")


@pytest.mark.parametrize("weights", [{"alpha": math.nan}, {"beta": math.inf}, {"hotword_weight": -math.inf}])
def test_weights_that_are_no_finite_numbers_are_refused(weights: dict[str, float], toy_lm: Path) -> None:
    with pytest.raises(SlaError, match=r"is -?(nan|inf)"):
        beam_decoder(["|"], toy_lm, hotwords=("|",), **weights)


@pytest.mark.parametrize("name", ["prune_logp", "token_min_logp"])
@pytest.mark.parametrize("value", [0.5, -1001, math.nan, -math.inf])
def test_thresholds_out_of_bounds_are_refused(name: str, value: float) -> None:
    with pytest.raises(SlaError, match=f"{name} is {value}") as caught:
        beam_decoder(["|"], **{name: value})
    assert "from -1000 to 0" in caught.value.hint


@ENGINES
def test_thresholds_leave_out_what_is_improbable(engine: str) -> None:
    log_probs = np.log(np.array([[0.2, 0.8 - 0.01, 0.01]]))
    for options, count in (({}, 3), ({"prune_logp": -3.0}, 2), ({"token_min_logp": -4.0}, 2), ({"prune_logp": 0.0}, 1)):
        with beam_decoder(["A", "B"], engine=engine, **options) as decoder:
            assert len(decoder.nbest(log_probs, 10)) == count


@ENGINES
@pytest.mark.parametrize("columns", [1, 2])
def test_one_step_and_no_or_one_gloss(columns: int, engine: str) -> None:
    with beam_decoder(["A"][: columns - 1], engine=engine) as decoder:
        assert decoder.decode(np.zeros((1, 1)) if columns == 1 else spell([0], 2)).glosses == ()
        if columns == 2:
            assert decoder.decode(spell([1], 2)).spans == ((0, 1),)


@PYCTCDECODE
def test_closing_frees_the_language_model(toy_lm: Path) -> None:
    from pyctcdecode.decoder import BeamSearchDecoderCTC

    before = len(BeamSearchDecoderCTC.model_container)
    with beam_decoder(["A"], toy_lm, engine="pyctcdecode"):
        assert len(BeamSearchDecoderCTC.model_container) == before + 1
    assert len(BeamSearchDecoderCTC.model_container) == before


def test_nothing_is_printed_or_logged(
    toy_lm: Path, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    with beam_decoder(["A", "##X"], toy_lm) as decoder:
        decoder.decode(random_log_probs(6, 3, 0))
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
