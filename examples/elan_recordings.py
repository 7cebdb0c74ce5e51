"""Draws recordings like those of a linguist, for draw_elan.py: videos of several sentences, some annotated in ELAN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sla_cli.annotation.eaf import TierPlan, document_text
from sla_cli.annotation.timed import Interval
from sla_cli.demo.corpus import draw_all
from sla_cli.demo.grammar import draw_sentences
from sla_cli.demo.lexicon import SIGNS
from sla_cli.demo.movie import FPS, write_movie
from sla_cli.demo.signers import SIGNERS
from sla_cli.demo.signing import Signed, sign_sentences
from sla_cli.errors import SlaError
from sla_cli.system.atomic import write_text

PAUSE = (30, 50)  # frames of rest between sentences
RIGHT_HAND, LEFT_HAND, TRANSLATION = "RH-IDgloss", "LH-IDgloss", "Free Translation"  # as in BSL Corpus
ANNOTATOR = "linguist"


class _Recording(NamedTuple):
    """The paths of its video and its annotation, and the sentences signed in it."""

    video: Path
    annotation: Path
    seed: int
    number: int
    sentences: Sequence[tuple[str, ...]]


def draw_elan_corpus(
    out: Path,
    *,
    seed: int = 0,
    annotated: int = 12,
    unannotated: int = 3,
    sentences: int = 6,
    jobs: int = 2,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw `out`/corpus, `out`/rest and `out`/truth.

    `corpus` contains the video and the ELAN file of each annotated recording, `rest` the videos of the others, and
    `truth` the ELAN files that a linguist would make for those. A recording shows one signer, one after the other of
    the six in the demo, with 1.2 to 2 seconds of rest between sentences. No sentence of `rest` occurs in `corpus`.
    Glosses have their true times; those of two-handed signs are on the tiers of both hands.

    Args:
        annotated, unannotated: numbers of recordings.
        sentences: number in each recording.
        progress: called with 1 after each recording.

    Raises:
        SlaError: one of the three folders exists already, or cannot be written.
    """
    for name in ("corpus", "rest", "truth"):
        if (out / name).exists():
            raise SlaError(f"{out / name} exists already", "Name an empty folder, or remove that one.")
    known = draw_sentences(seed, "train", annotated * sentences)
    new = draw_sentences(seed, "test", unannotated * sentences)
    recordings = []
    for number in range(annotated + unannotated):
        name, given = f"rec{number + 1:02d}", number < annotated
        video = out / ("corpus" if given else "rest") / f"{name}.webm"
        annotation = out / ("corpus" if given else "truth") / f"{name}.eaf"
        signed = [*known, *new][number * sentences : (number + 1) * sentences]
        recordings.append(_Recording(video, annotation, seed, number, signed))
    for _ in draw_all(_draw_recording, recordings, jobs, progress):
        pass


def _draw_recording(recording: _Recording) -> None:
    rng = np.random.default_rng([recording.seed, recording.number])
    signer = SIGNERS[recording.number % len(SIGNERS)]
    rests = rng.integers(*PAUSE, size=len(recording.sentences) + 1, endpoint=True).tolist()
    signed = sign_sentences(recording.sentences, signer, rng, rests)
    write_movie(recording.video, signed.poses, signer, light=rng.uniform(0.92, 1.04))
    tiers = [
        TierPlan(name, kind, marks, annotator=ANNOTATOR, participant=signer.name)
        for name, kind, marks in _tiers(recording.sentences, signed)
    ]
    write_text(recording.annotation, document_text(tiers, recording.video, recording.annotation.parent))


def _tiers(sentences: Sequence[tuple[str, ...]], signed: Signed) -> Iterator[tuple[str, str, list[Interval]]]:
    """Names, linguistic types and annotations of the tiers of both hands, and of the translation."""
    right, left, translations = [], [], []
    for number, (glosses, spans) in enumerate(zip(sentences, signed.spans, strict=True)):
        times = [(_milliseconds(first), _milliseconds(after)) for first, after in spans]
        signs = [Interval(*span, gloss) for gloss, span in zip(glosses, times, strict=True)]
        right += signs
        left += [sign for sign in signs if SIGNS[sign.text].left != "rest"]
        before = signed.spans[number - 1][-1][1] if number else 0
        after = signed.spans[number + 1][0][0] if number + 1 < len(sentences) else len(signed.poses)
        # Within the rest between two sentences, so an utterance has rest at both ends.
        start, end = (before + 2 * spans[0][0]) // 3, (2 * spans[-1][1] + after) // 3
        translations.append(Interval(_milliseconds(start), _milliseconds(end), _translated(glosses)))
    yield RIGHT_HAND, "gloss", right
    yield LEFT_HAND, "gloss", left
    yield TRANSLATION, "translation", translations


def _milliseconds(frame: int) -> int:
    return frame * 1000 // FPS


def _translated(glosses: Sequence[str]) -> str:
    """A placeholder translation: the glosses of the sentence as words."""
    return f"{' '.join(gloss.capitalize() for gloss in glosses)}."
