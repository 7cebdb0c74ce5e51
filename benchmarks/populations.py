"""Synthetic populations for tuning: errors of 400 clips at each setting of the default grid.

There are two kinds. First, a recogniser for the demo's grammar whose emissions are uncertain about some glosses,
decoded by sla with a bigram of training sentences: neighbouring settings differ in few clips, as in practice. Second,
fields: the change in errors of each clip is a smooth random function of alpha and beta, so many settings differ in many
clips, and the fewest errors are chance.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np

from sla_cli.config.settings import TuneConfig
from sla_cli.core.normalize import profile
from sla_cli.decode.grid_search import grid, search_grid
from sla_cli.decode.tune_choice import ErrorTable
from sla_cli.demo.grammar import GLOSSES, draw_sentences
from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.work.emissions import Emission

CLIPS, TRAINING = 400, 200
POINTS = grid(TuneConfig.alphas, TuneConfig.betas, [10])
COLUMNS = {gloss: column for column, gloss in enumerate(GLOSSES, start=1)}
LOOK_ALIKE = (("REGEN", "SCHNEE"), ("SUED", "BLEIBEN"), ("MEER", "WANDERN"))


def made_up() -> dict[str, ErrorTable]:
    """Populations by name."""
    return {
        "recogniser": recognised(0.075, 8),
        "recogniser, weak": recognised(0.11, 7),
        "recogniser, shuffled bigram": recognised(0.075, 6, shuffle=True),
        "recogniser, strong": recognised(0.02, 8),
        "field": field(0.3, 1.6, 0.0, 0),
        "field, small gain": field(0.5, 1.5, 0.12, 1),
        "field, few errors": field(0.4, 2.1, 0.03, 2),
    }


class Clips(list[Emission]):
    """Emissions in memory, in the form that `search_grid` reads."""

    ids: tuple[str, ...] = ()


def recognised(doubt: float, margin: float, *, shuffle: bool = False) -> ErrorTable:
    """A population decoded by sla.

    Args:
        doubt: probability that a gloss is confused with another one; deletions and insertions are less frequent.
        margin: by how much the wrong gloss is more probable, natural logarithm, on average.
        shuffle: shuffle the glosses in the bigram's sentences.
    """
    sentences, training = draw_sentences(0, "test", CLIPS), draw_sentences(0, "train", TRAINING)
    if shuffle:
        order = random.Random(0)
        training = [tuple(order.sample(sentence, len(sentence))) for sentence in training]
    rng = np.random.default_rng(0)
    clips = Clips(_emission(f"{number}", sentence, doubt, margin, rng) for number, sentence in enumerate(sentences))
    clips.ids = tuple(clip.id for clip in clips)
    with tempfile.TemporaryDirectory() as folder:
        lm = Path(folder) / "gloss.arpa"
        write_arpa(estimate([list(sentence) for sentence in training], 2, fallback=True), lm)
        references = dict(zip(clips.ids, sentences, strict=True))
        trials = search_grid(clips, GLOSSES, references, profile("none"), BeamOptions(lm=lm), POINTS)
    words = np.array([len(sentence) for sentence in sentences], np.float64)  # equal references are kept separate
    errors = np.array([[clip.counts.errors for clip in trial.clips] for trial in trials], np.float64).T
    return ErrorTable(tuple(POINTS), errors, words)


def _emission(name: str, sentence: tuple[str, ...], doubt: float, margin: float, rng: np.random.Generator) -> Emission:
    alike = {COLUMNS[a]: COLUMNS[b] for pair in LOOK_ALIKE for a, b in (pair, pair[::-1])}
    doubt *= rng.gamma(2, 0.5)  # clips differ
    rows: list[np.ndarray] = []

    def step(column: int, other: int | None = None, ahead: float = 0.0) -> None:
        row = rng.normal(0, 0.7, len(GLOSSES) + 1)
        row[column] += 9
        if other is not None and other != column:
            row[other] = row[column] + ahead
        rows.append(row)

    for column in (COLUMNS[gloss] for gloss in sentence):
        other, ahead = None, rng.normal(margin, 3)
        if rng.random() < doubt:
            chosen = column in alike and rng.random() < 0.8
            other = alike[column] if chosen else int(rng.integers(1, len(GLOSSES) + 1))
        elif rng.random() < 0.6 * doubt:
            other = 0
        for _ in range(1 if other == 0 else rng.integers(1, 3)):
            step(column, other, ahead)
        step(0)
        if rng.random() < 0.4 * doubt:
            step(0, int(rng.integers(1, len(GLOSSES) + 1)), rng.normal(margin, 3))
            step(0)
    logits = np.array(rows, np.float32)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Emission(name, log_probs, 4 * len(rows), 25.0)


def field(smooth: float, rare: float, gain: float, seed: int) -> ErrorTable:
    """Two smooth random fields over alpha and beta for each clip: one error more where high, one less where low.

    Args:
        smooth: distance in alpha (and twice that in beta) over which a field changes.
        rare: height above which it counts, in standard deviations.
        gain: by how much one error less is easier, around alpha 0.75 and beta 1.
    """
    rng, places = np.random.default_rng(seed), np.array([(point.alpha, point.beta) for point in POINTS])
    distance = ((places[:, None] - places[None]) ** 2 / np.array([smooth**2, (2 * smooth) ** 2])).sum(axis=-1)
    root = np.linalg.cholesky(np.exp(-distance / 2) + 1e-8 * np.eye(len(places)))
    none = next(column for column, point in enumerate(POINTS) if point == point.without)
    words = rng.integers(3, 8, CLIPS).astype(np.float64)
    errors = np.repeat(4.0 + rng.binomial(words.astype(int), 0.15)[:, None], len(places), axis=1)
    bowl = gain * (1 - ((places[:, 0] - 0.75) ** 2 / 0.75**2 + (places[:, 1] - 1) ** 2 / 3))
    for _ in range(2):
        heights = rng.normal(size=(CLIPS, len(places))) @ root.T
        heights = (heights - heights[:, [none]]) / np.sqrt(2)
        errors += (heights > rare).astype(float) - (heights < bowl - rare)
    return ErrorTable(tuple(POINTS), errors, words)
