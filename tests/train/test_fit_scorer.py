"""Clips of features in which the frames of every sign are known, between frames that show none."""

from __future__ import annotations

import numpy as np
import torch

from sla_cli.core.force_align import align_frames
from sla_cli.train.fit_scorer import HELD, fit

CPU = torch.device("cpu")
WIDTH, GLOSSES = 12, 6


class Clips:
    """Signs of 6 to 12 frames with movements of 1 to 5 frames between them, and longer rests at the ends."""

    def __init__(self, number: int, movement: float = 0.0) -> None:
        """`movement`: how much the three frames before a sign look like it."""
        rng = np.random.default_rng(0)
        means = rng.normal(0, 2, (GLOSSES + 1, WIDTH))
        self.features, self.labels, self.spans, self.first = [], [], [], []
        for _ in range(number):
            labels = rng.integers(1, GLOSSES + 1, rng.integers(2, 6)).tolist()
            columns, spans = [0] * (HELD + int(rng.integers(0, 30))), []
            for label in labels:
                columns += [0] * int(rng.integers(1, 6))
                spans.append((len(columns), len(columns) + int(rng.integers(6, 13))))
                columns += [label] * (spans[-1][1] - spans[-1][0])
            columns += [0] * (HELD + int(rng.integers(1, 30)))
            shown = means[columns] + rng.normal(0, 1, (len(columns), WIDTH))
            for label, (start, _) in zip(labels, spans, strict=True):
                shown[start - 3 : start] += movement * (means[label] - means[0])
            self.features.append(torch.from_numpy(shown).half())
            self.labels.append(labels)
            self.spans.append(spans)
            # A CTC head: a spike of one frame anywhere in the sign, else the blank.
            probs = np.full((len(columns), GLOSSES + 1), 1e-3)
            probs[:, 0] = 1
            for label, (start, end) in zip(labels, spans, strict=True):
                probs[rng.integers(start, end), [0, label]] = 0.1, 0.9
            self.first.append(np.log(probs / probs.sum(1, keepdims=True)))

    def fit(self, annotated: int = 0) -> torch.Tensor:
        """Scores of all frames. Of the first clips the true times are given, also that a sign may be short."""
        inner = zip(self.first, self.labels, strict=True)
        spans = [align_frames(clip[HELD : len(clip) - HELD], labels, 5) for clip, labels in inner]
        true = [[(start - HELD, end - HELD) for start, end in places] for places in self.spans]
        spans = true[:annotated] + spans[annotated:]
        fixed = [number < annotated for number in range(len(spans))]
        scorer = fit(self.features, self.labels, spans, 5, GLOSSES + 1, 0, CPU, fixed=fixed)
        return scorer(torch.cat(self.features))

    def within(self, scores: list[np.ndarray], frames: int) -> float:
        """Share of the starts and ends that are at most so many frames beside the true ones."""
        errors = [
            abs(found - true)
            for clip, labels, spans in zip(scores, self.labels, self.spans, strict=True)
            for place, span in zip(align_frames(clip, labels, 5), spans, strict=True)
            for found, true in zip(place, span, strict=True)
        ]
        return float(np.mean([error <= frames for error in errors]))

    @property
    def lengths(self) -> list[int]:
        return [len(clip) for clip in self.features]


def test_it_finds_whole_signs_although_it_is_told_only_their_order() -> None:
    clips = Clips(60)
    scores = [part.numpy() for part in clips.fit().split(clips.lengths)]
    assert clips.within(scores, 1) > 0.97
    assert clips.within(clips.first, 1) < 0.6  # the spikes alone


def test_annotated_times_are_learnt_as_they_are() -> None:
    """Nothing but they can say that the movement to a sign, which looks like it, is not a part of it."""
    clips, within = Clips(60, movement=0.5), []
    for annotated in (0, 60):
        within.append(clips.within([part.numpy() for part in clips.fit(annotated).split(clips.lengths)], 1))
    without, with_times = within
    assert with_times > without + 0.2


def test_the_same_clips_give_the_same_scorer() -> None:
    clips = Clips(8)
    assert torch.equal(clips.fit(), clips.fit())
