"""Clips of features in which the frames of every sign are known, between frames that show none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from clip_store import one_split
from synthetic import tiny

from sla_cli.core.force_align import align_frames
from sla_cli.core.place import FrameScores
from sla_cli.core.place import place as place_glosses
from sla_cli.data.seen import SeenClips
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.model.open_run import OpenedModel
from sla_cli.store.content import EncodedClip, EncodedFrames
from sla_cli.train.clip_features import clip_features
from sla_cli.train.fit_scorer import HELD, fit, fit_scorer

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
    clips = Clips(30)
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


def test_a_run_places_glosses_as_their_annotation_does(tmp_path: Path) -> None:
    """From a store to spans: the annotator leaves out the movement to a sign, in which it is a third as bright."""
    torch.manual_seed(0)
    within = {}
    for annotated in (True, False):
        clips = [movement_then_sign(number, annotated=annotated) for number in range(24)]
        split = one_split(tmp_path / str(annotated), [clip for clip, _ in clips], size=32)
        config = tiny()
        network = Network(config, len(split.vocabulary)).eval()
        opened = OpenedModel(network, config, place("cpu", "fp32"), split.vocabulary, 0)
        features = clip_features(opened, SeenClips(split), held=HELD)
        scorer = fit_scorer(opened, features)
        errors: list[np.ndarray] = []
        for rows, glosses, (_, spans) in zip(features.rows, split.glosses, clips, strict=True):
            labels = [split.vocabulary.index(gloss) + 1 for gloss in glosses]
            shown = FrameScores(scorer(rows[HELD : len(rows) - HELD]).numpy(), scorer.least)
            emitted = [(start // 4, start // 4 + 1) for start, _ in spans]
            found = place_glosses(labels, emitted, 4, len(rows) - 2 * HELD, shown)
            errors += [
                abs(one - other) for pair in zip(found, spans, strict=True) for one, other in zip(*pair, strict=True)
            ]
        within[annotated] = np.mean([error <= 1 for error in errors])
    assert within[True] > within[False] + 0.3


def movement_then_sign(seed: int, *, annotated: bool) -> tuple[EncodedClip, list[tuple[int, int]]]:
    """A clip of three signs of 8 frames, each after 6 frames of movement to it, and where the signs are."""
    rng = np.random.default_rng(seed)
    glosses, images, spans = rng.permutation(4)[:3].tolist(), [], []
    for gloss in glosses:
        levels = [0] * int(rng.integers(4, 9)) + [1] * 6 + [2] * 8
        spans.append((len(images) + len(levels) - 8, len(images) + len(levels)))
        for level in levels:
            image = rng.integers(0, 30, (32, 32, 3), np.uint8)
            image[gloss // 2 * 16 :, gloss % 2 * 16 :][:16, :16, gloss % 3] += np.uint8((0, 70, 200)[level])
            images.append(image)
    images += [rng.integers(0, 30, (32, 32, 3), np.uint8) for _ in range(5)]
    parts = [cv2.imencode(".jpg", image)[1].ravel() for image in images]
    frames = EncodedFrames(np.concatenate(parts), np.array([len(part) for part in parts], np.int64), 25.0)
    times = tuple((start / 25, end / 25) for start, end in spans) if annotated else ()
    return EncodedClip(f"c{seed}", "", tuple(f"G{gloss}" for gloss in glosses), frames, times=times), spans
