from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sla_cli.demo.drawing import draw_frame, draw_stage
from sla_cli.demo.grammar import GLOSSES, draw_sentences
from sla_cli.demo.lexicon import MOVEMENTS, SIGNS, Sign
from sla_cli.demo.signers import SIGNERS, Signer
from sla_cli.demo.signing import LEFT, RIGHT, sign_sentence, sign_sentences


def performances(signer: Signer) -> list[tuple[tuple[str, ...], np.ndarray]]:
    rng = np.random.default_rng(0)
    return [(sentence, sign_sentence(sentence, signer, rng)) for sentence in draw_sentences(0, "train", 22)]


def test_every_gloss_has_a_sign() -> None:
    assert set(SIGNS) == set(GLOSSES)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.name)
def test_hands_never_jump(signer: Signer) -> None:
    """Not within a sign, not at its borders: less than 0.55 shoulder widths (some 45 pixels) a frame."""
    for _, poses in performances(signer):
        for hand in (RIGHT, LEFT):
            steps = np.linalg.norm(np.diff(poses[:, hand][:, :2], axis=0), axis=1)
            assert steps.max() < 0.55


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.name)
def test_sentences_are_long_enough_for_ctc_at_stride_4(signer: Signer) -> None:
    for sentence, poses in performances(signer):
        assert len(poses) >= 2 * 4 * len(sentence)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.name)
def test_hands_stay_in_the_picture(signer: Signer) -> None:
    for _, poses in performances(signer):
        for hand in (RIGHT, LEFT):
            pixels = np.array(signer.centre) + poses[:, hand][:, :2] * signer.shoulders
            assert (pixels > 0).all()
            assert (pixels < (210, 260)).all()


def test_sentences_begin_and_end_at_rest() -> None:
    for _, poses in performances(SIGNERS[0]):
        first, last = poses[0, [0, 1, 9, 10]], poses[-1, [0, 1, 9, 10]]
        np.testing.assert_allclose(first, [-0.24, 1.22, 0.24, 1.22], atol=0.06)
        np.testing.assert_allclose(last, first, atol=0.1)


def test_signs_differ_in_their_middle() -> None:
    """Each pair of signs differs by place, direction or shape of a hand at some time: nothing is a homonym."""
    steady = np.random.default_rng(0)
    ways = {}
    for gloss in GLOSSES:
        poses = sign_sentence([gloss], SIGNERS[0], steady)
        ways[gloss] = poses[np.linspace(6, len(poses) - 7, 12).astype(int)][:, :18] / np.tile([1, 1, 45] + [1] * 6, 2)
    for one, other in combinations(GLOSSES, 2):
        assert np.abs(ways[one] - ways[other]).max() > 0.2, f"{one} looks like {other}"


@pytest.mark.parametrize("movement", MOVEMENTS.values(), ids=MOVEMENTS)
def test_a_movement_in_a_rest_belongs_to_no_sign(movement: Sign) -> None:
    """The hands leave their rest for it, smoothly, and within the picture."""
    signer, rng = SIGNERS[1], np.random.default_rng(0)
    sentences = [("ICH", "HAUS"), ("HEUTE", "SUED")]
    plain = sign_sentences(sentences, signer, np.random.default_rng(0), [5, 20, 5])
    poses, spans = sign_sentences(sentences, signer, rng, [5, 20, 5], {0: movement})
    assert [len(each) for each in spans] == [2, 2]
    between = poses[spans[0][1][1] : spans[1][0][0]]
    assert len(between) > 2 * 20 + movement.frames / 2
    assert len(poses) > len(plain.poses) + 20
    steps = np.linalg.norm(np.diff(between[:, RIGHT][:, :2], axis=0), axis=1)
    assert steps.max() < 0.55
    assert between[20:-20, RIGHT][:, 1].min() < 0.9 < between[8:18, RIGHT][:, 1].min()
    pixels = np.array(signer.centre) + between[:, RIGHT][:, :2] * signer.shoulders
    assert (pixels > 0).all() and (pixels < (210, 260)).all()


def test_the_same_sentence_is_never_signed_twice_alike() -> None:
    rng = np.random.default_rng(0)
    one, other = (sign_sentence(("ICH", "HAUS", "BLEIBEN"), SIGNERS[0], rng) for _ in range(2))
    assert one.shape != other.shape or not np.allclose(one, other, atol=0.01)


def test_signers_look_and_sign_differently() -> None:
    pictures, lengths = [], []
    for signer in SIGNERS:
        poses = sign_sentence(("HEUTE", "NORD", "REGEN"), signer, np.random.default_rng(1))
        lengths.append(len(poses))
        pictures.append(draw_frame(poses[0], signer, draw_stage(signer, 1.0)).astype(int))
    assert len(set(lengths)) >= 3
    for one, other in combinations(pictures, 2):
        assert (np.abs(one - other).max(axis=-1) > 20).mean() > 0.2


def test_drawing_leaves_the_stage_as_it_was() -> None:
    signer = SIGNERS[2]
    stage = draw_stage(signer, 1.0)
    before = stage.copy()
    pose = sign_sentence(("WIND",), signer, np.random.default_rng(0))[9]
    frame = draw_frame(pose, signer, stage)
    assert frame.shape == (260, 210, 3)
    assert frame.dtype == np.uint8
    assert (stage == before).all()
    assert (frame != before).any()


def test_spans_are_where_the_hand_is_as_the_lexicon_says() -> None:
    """At the first and the last frame of each sign, in several sentences, but for size, place and tremor."""
    sentences = draw_sentences(0, "train", 8)
    signed = sign_sentences(sentences, SIGNERS[3], np.random.default_rng(0), [10, *[30] * len(sentences)])
    hand = signed.poses[:, RIGHT][:, :2]
    for glosses, spans in zip(sentences, signed.spans, strict=True):
        for gloss, (first, after) in zip(glosses, spans, strict=True):
            move = SIGNS[gloss].right
            np.testing.assert_allclose(hand[first], move.start, atol=0.25)
            if not move.radius:
                np.testing.assert_allclose(hand[after - 1], np.add(move.start, move.by), atol=0.25)


def test_hands_rest_between_sentences_as_long_as_asked() -> None:
    rests = [10, 30, 40]
    signed = sign_sentences([("ICH", "HAUS"), ("WIND",)], SIGNERS[0], np.random.default_rng(0), rests)
    bounds = [0, *(frame for spans in signed.spans for frame in (spans[0][0], spans[-1][1])), len(signed.poses)]
    for before, after, rest in zip(bounds[::2], bounds[1::2], rests, strict=True):
        place = signed.poses[before:after, [0, 1, 9, 10]]
        still = (np.abs(place - [-0.24, 1.22, 0.24, 1.22]) < 0.06).all(axis=1)
        assert rest <= still.sum() <= rest + 2, "the ways to and from rest, of 3 to 7 frames each, are no rest"
        assert rest < after - before <= rest + 14


def test_one_sentence_is_signed_alike_with_and_without_its_spans() -> None:
    alone = sign_sentence(("HEUTE", "NORD"), SIGNERS[1], np.random.default_rng(4))
    signed = sign_sentences([("HEUTE", "NORD")], SIGNERS[1], np.random.default_rng(4), [2, 2])
    assert (alone == signed.poses).all()
    assert len(signed.spans[0]) == 2
