"""examples/compose_signs.py: sentences of single signs for `sla prep folder`, and divisions of them by person."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from sla_cli.prep.corpora import find_corpus
from sla_cli.store.division import read_division

pytestmark = pytest.mark.ci

SCRIPT = Path(__file__).parents[1] / "examples" / "compose_signs.py"
WORDS, PEOPLE, TAKES, SIZE = ("call", "help", "hot", "lose"), 7, 2, 32


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signs")
    for number in range(len(WORDS) * PEOPLE * TAKES):
        word, person, take = number % len(WORDS), number // len(WORDS) % PEOPLE, number // (len(WORDS) * PEOPLE)
        path = folder / "recordings" / WORDS[word] / f"s{person + 1:02d}_t{take + 1}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5.0, (SIZE, SIZE))
        for _ in range(3 + word):
            video.write(np.full((SIZE, SIZE, 3), 30 * word + person, np.uint8))
        video.release()
    arguments = ["--folds", "3", "--people", "1", "2", "--sentences", "5", "--size", str(SIZE)]
    command = [sys.executable, str(SCRIPT), str(folder / "recordings"), str(folder / "out"), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return folder / "out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_folds_share_no_person_and_test_everybody_once(out: Path) -> None:
    tested, sentences = Counter[str](), {row["id"]: row for row in rows(out / "all.tsv")}
    for fold in (1, 2, 3):
        for people in (1, 2):
            by_split: dict[str, set[str]] = {}
            found = rows(out / f"fold{fold}-{people}.tsv")
            for row in found:
                by_split.setdefault(row["split"], set()).add(sentences[row["clip"]]["signer"])
            train, dev, test = (by_split[name] for name in ("train", "dev", "test"))
            assert not train & dev and not train & test and not dev & test
            assert len(train) == people
            assert sum(row["split"] == "train" for row in found) == 5
        tested.update(test)
    assert tested == {f"person{number:02d}": 1 for number in range(1, PEOPLE + 1)}


def test_a_sentence_of_test_holds_no_recording_twice(out: Path) -> None:
    for row in rows(out / "all.tsv"):
        assert all(before != after for before, after in pairwise(row["gloss"].split()))
        frames = len(list((out / row["video"]).glob("*.png")))
        assert frames == sum(math.ceil((3 + WORDS.index(gloss.lower())) / 2) for gloss in row["gloss"].split())
    sentences = {row["id"]: row for row in rows(out / "all.tsv")}
    for fold in (1, 2, 3):
        test = [sentences[row["clip"]] for row in rows(out / f"fold{fold}-2.tsv") if row["split"] == "test"]
        held = Counter((row["signer"], gloss) for row in test for gloss in row["gloss"].split())
        assert held == {(row["signer"], word.upper()): TAKES for row in test for word in WORDS}


def test_prep_reads_the_sentences_and_a_store_their_divisions(out: Path) -> None:
    corpus = find_corpus("folder")
    found = corpus.read(corpus.open(out / "all.tsv", None), corpus.options())
    signers = {clip.id: clip.signer for clip in found.clips}
    assert signers == {row["id"]: row["signer"] for row in rows(out / "all.tsv")}
    for path in sorted(out.glob("fold*.tsv")):
        assert set(read_division(path).splits) <= set(signers)
