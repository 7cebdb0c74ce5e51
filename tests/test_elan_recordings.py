"""Drawn recordings with ELAN files, read by pympi and OpenCV."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pympi
import pytest
from elan_recordings import draw_elan_corpus

from sla_cli.demo.lexicon import SIGNS
from sla_cli.demo.signers import SIGNERS
from sla_cli.errors import SlaError

pytestmark = pytest.mark.ci

COUNTS = {"annotated": 1, "unannotated": 1, "sentences": 2}
NAMES = ["corpus/rec01", "truth/rec02"]
Marks = list[tuple[int, int, str]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn")
    draw_elan_corpus(out, seed=3, jobs=1, **COUNTS)
    return out


def tiers(out: Path, name: str) -> dict[str, Marks]:
    eaf = pympi.Elan.Eaf(out / f"{name}.eaf")
    return {tier: sorted(mark[:3] for mark in eaf.get_annotation_data_for_tier(tier)) for tier in eaf.get_tier_names()}


def film(path: Path) -> np.ndarray:
    capture, pictures = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        pictures.append(read[1])
    return np.stack(pictures)


def test_every_recording_is_in_its_folder(drawn: Path) -> None:
    files = sorted(str(path.relative_to(drawn)) for path in drawn.rglob("*") if path.is_file())
    videos = ["corpus/rec01.webm", "rest/rec02.webm"]
    assert files == sorted([f"{name}.eaf" for name in NAMES] + videos)


def test_participant_is_the_signer_of_the_recording(drawn: Path) -> None:
    for name, signer in zip(NAMES, SIGNERS, strict=False):
        kinds = pympi.Elan.Eaf(drawn / f"{name}.eaf").tiers.values()
        assert {tier[2]["PARTICIPANT"] for tier in kinds} == {signer.name}
        assert {tier[2]["ANNOTATOR"] for tier in kinds} == {"linguist"}


@pytest.mark.parametrize("name", NAMES)
def test_the_left_hand_has_the_signs_of_two_hands(drawn: Path, name: str) -> None:
    found = tiers(drawn, name)
    assert found["LH-IDgloss"] == [mark for mark in found["RH-IDgloss"] if SIGNS[mark[2]].left != "rest"]
    assert 0 < len(found["LH-IDgloss"]) < len(found["RH-IDgloss"])


@pytest.mark.parametrize("name", NAMES)
def test_every_sign_lies_in_the_sentence_that_says_it(drawn: Path, name: str) -> None:
    found = tiers(drawn, name)
    assert len(found["Free Translation"]) == COUNTS["sentences"]
    for start, end, text in found["Free Translation"]:
        inside = [gloss for first, last, gloss in found["RH-IDgloss"] if start <= first < last <= end]
        assert [gloss.capitalize() for gloss in inside] == text.rstrip(".").split()
    assert sum(len(text.split()) for *_, text in found["Free Translation"]) == len(found["RH-IDgloss"])


@pytest.mark.parametrize("name", NAMES)
def test_sentences_lie_more_than_a_second_apart_and_signs_do_not(drawn: Path, name: str) -> None:
    """So a pause of one second, the default of prep, divides a recording into its sentences."""
    signs = tiers(drawn, name)["RH-IDgloss"]
    gaps = [second[0] - first[1] for first, second in pairwise(signs)]
    assert sum(gap >= 1200 for gap in gaps) == COUNTS["sentences"] - 1
    assert all(gap < 400 for gap in gaps if gap < 1200)


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_moves_where_signs_are_and_rests_elsewhere(drawn: Path, name: str) -> None:
    signs = tiers(drawn, name)["RH-IDgloss"]
    pictures = film(drawn / f"{name.replace('truth', 'rest')}.webm")
    changed = np.array([(cv2.absdiff(*pair).max(axis=-1) > 24).mean() for pair in pairwise(pictures)])  # n to n + 1
    moving = [changed[start // 40 : end // 40 - 1].mean() for start, end, _ in signs]
    bounds = [0, *(time for mark in signs for time in mark[:2]), 40 * len(pictures)]
    gaps = [(end, start) for end, start in zip(bounds[::2], bounds[1::2], strict=True) if start - end >= 1200]
    resting = [changed[end // 40 + 10 : start // 40 - 10].mean() for end, start in gaps]
    assert len(gaps) == COUNTS["sentences"] + 1
    assert min(moving) > 1.4 * max(resting)


def test_no_sentence_of_the_rest_is_annotated(drawn: Path) -> None:
    known, new = ({text for name in names for *_, text in tiers(drawn, name)["Free Translation"]}
                  for names in (NAMES[:1], NAMES[1:]))  # fmt: skip
    assert known.isdisjoint(new)


def test_same_seed_same_pictures_with_any_number_of_processes(drawn: Path, tmp_path: Path) -> None:
    draw_elan_corpus(tmp_path, seed=3, jobs=2, **COUNTS)
    for name in NAMES:
        assert tiers(tmp_path, name) == tiers(drawn, name)
    assert (film(tmp_path / "rest" / "rec02.webm") == film(drawn / "rest" / "rec02.webm")).all()


def test_what_is_there_is_left_alone(drawn: Path) -> None:
    with pytest.raises(SlaError, match="exists already"):
        draw_elan_corpus(drawn, jobs=1, **COUNTS)
