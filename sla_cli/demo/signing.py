"""Movement: a sentence as continuous trajectories of two hands and a face.

Between two signs the hands move from the end of one to the beginning of the next (coarticulation), so frames around a
boundary are influenced by both, as in real continuous signing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sla_cli.demo.lexicon import CALM, REST, SIGNS, Move, Sign
from sla_cli.demo.signers import Signer

# Columns of a trajectory. A hand is x, y (shoulder widths), angle (degrees), then the six numbers of its Shape.
RIGHT, LEFT, FACE = slice(0, 9), slice(9, 18), slice(18, 23)
WIDTH = 23

REST_FRAMES = 2
_TRAVEL_FRAMES = (3, 7)
_FRAMES_PER_WIDTH = 3.0

Poses = npt.NDArray[np.float64]


class Signed(NamedTuple):
    """Consecutively signed sentences.

    Attributes:
        poses: (frames, 23) float64 in the columns RIGHT, LEFT, FACE; positions in shoulder widths from the
            point between the shoulders, x to the right of the picture and y down; angles in degrees.
        spans: for each sentence, first frame and frame after the last of each of its signs. Movements from sign to
            sign, and from and to rest, belong to none.
    """

    poses: Poses
    spans: tuple[tuple[tuple[int, int], ...], ...]


def sign_sentence(glosses: Sequence[str], signer: Signer, rng: np.random.Generator) -> Poses:
    """One random realisation of `glosses` by `signer`, from rest to rest: the poses of `Signed`."""
    return sign_sentences([glosses], signer, rng, [REST_FRAMES, REST_FRAMES]).poses


def sign_sentences(
    sentences: Sequence[Sequence[str]],
    signer: Signer,
    rng: np.random.Generator,
    rests: Sequence[int],
    movements: Mapping[int, Sign] | None = None,
) -> Signed:
    """One random realisation of several sentences by `signer` in one recording, with the hands at rest in between.

    Args:
        rests: frames of rest before the first sentence and after each one.
        movements: what the signer does that is no sign, after the rest that follows a sentence; by the sentence's
            number. The same rest comes again after it.
    """
    rest = _rest_pose()
    parts, at = [np.repeat(rest, rests[0], axis=0)], rests[0]
    spans = []
    for number, (glosses, pause) in enumerate(zip(sentences, rests[1:], strict=True)):
        pace = signer.speed * rng.normal(1.0, 0.05)
        resting = np.repeat(rest, pause, axis=0)
        after = [resting]
        if movements and number in movements:
            after += [*_performed([movements[number]], signer, pace, rng), resting]
        starts = []
        for part in [*_performed([SIGNS[gloss] for gloss in glosses], signer, pace, rng), *after]:
            way = _travel(parts[-1][-1], part[0], pace)
            parts += [way, part]
            starts.append((at + len(way), at + len(way) + len(part)))
            at = starts[-1][1]
        spans.append(tuple(starts[: len(glosses)]))
    return Signed(_with_jitter(np.concatenate(parts), rng), tuple(spans))


def _performed(signs: Sequence[Sign], signer: Signer, pace: float, rng: np.random.Generator) -> Iterator[Poses]:
    """The signs one by one, each with small random variations."""
    for sign in signs:
        frames = max(5, round(sign.frames / pace * rng.normal(1.0, 0.06)))
        poses = _sign_poses(sign, frames)
        size, shift = signer.amplitude * rng.normal(1.0, 0.05), rng.normal(0.0, 0.03, size=2)
        for hand in [RIGHT] if sign.left == "rest" else [RIGHT, LEFT]:
            place = poses[:, hand][:, :2]
            centre = place.mean(axis=0)
            poses[:, hand][:, :2] = centre + size * (place - centre) + shift
        yield poses


def _sign_poses(sign: Sign, frames: int) -> Poses:
    poses = np.repeat(_rest_pose(), frames, axis=0)
    poses[:, RIGHT] = _hand_way(sign.right, frames)
    if sign.left != "rest":
        poses[:, LEFT] = _mirrored(poses[:, RIGHT])
    if sign.left == "parallel":
        poses[:, LEFT][:, 0] = poses[:, RIGHT][:, 0] - 2 * sign.right.start[0]
    poses[:, FACE] = sign.face
    return poses


def _hand_way(move: Move, frames: int) -> Poses:
    """(frames, 9): the right hand along its path, slower at both ends."""
    time = np.linspace(0.0, 1.0, frames)[:, None]
    ease = _ease(time)
    turns = 2 * np.pi * move.turns * ease
    place = (
        np.array(move.start)
        + ease * np.array(move.by)
        - np.sin(np.pi * ease) * np.array([0.0, move.rise])
        + (1 - np.cos(2 * np.pi * move.taps * time)) / 2 * np.array(move.tap)
        + np.sin(2 * np.pi * move.sways * time) * np.array(move.sway)
        + move.radius * np.hstack([np.sin(turns), 1 - np.cos(turns)]) * (1, -1)
    )
    shape, to = np.array(move.shape), np.array(move.to or move.shape)
    return np.hstack([place, move.angle + ease * move.turn, shape + ease * (to - shape)])


def _mirrored(hand: Poses) -> Poses:
    return np.asarray(hand * np.array([-1, 1, -1, 1, 1, 1, 1, 1, 1]))


def _rest_pose() -> Poses:
    hand = _hand_way(REST, 1)
    return np.hstack([hand, _mirrored(hand), np.array([CALM])])


def _travel(start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], pace: float) -> Poses:
    """The frames strictly between two poses; more of them if a hand has a longer way."""
    way = max(np.hypot(*(end[hand] - start[hand])[:2]) for hand in (RIGHT, LEFT))
    frames = int(np.clip(round(_FRAMES_PER_WIDTH * way / pace) + 1, *_TRAVEL_FRAMES))
    time = np.arange(1, frames + 1)[:, None] / (frames + 1)
    return np.asarray(start + _ease(time) * (end - start))


def _ease(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """0 to 1, slower at both ends: half smoothstep, half linear."""
    return (time + time * time * (3 - 2 * time)) / 2


def _with_jitter(poses: Poses, rng: np.random.Generator) -> Poses:
    """Adds a slow drift of the hands and a small tremor in every frame, as in real people."""
    tremor = rng.normal(0.0, 0.007, size=(len(poses), 4))
    drift = np.sin(np.arange(len(poses))[:, None] / 9 + rng.uniform(0, 2 * np.pi, size=4)) * 0.015
    poses[:, [0, 1, 9, 10]] += tremor + drift
    return poses
