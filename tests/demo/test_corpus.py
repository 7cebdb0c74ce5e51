from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sla_cli.artifact.table import read_table
from sla_cli.demo.corpus import FOLDER, draw_corpus
from sla_cli.demo.grammar import GLOSSES
from sla_cli.errors import SlaError

COUNTS: dict[str, Any] = {"train": 2, "dev": 1, "test": 1}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn")
    draw_corpus(out, seed=3, jobs=1, **COUNTS)
    return out / FOLDER


def rows(root: Path, split: str) -> list[dict[str, str]]:
    table = root / "annotations" / "manual" / f"{split}.corpus.csv"
    return [row.fields for row in read_table(table, ("id", "folder", "signer", "annotation"))]


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("split", COUNTS)
def test_every_listed_clip_has_frames_from_0_without_gap(drawn: Path, split: str) -> None:
    table = rows(drawn, split)
    assert len(table) == COUNTS[split]
    for row in table:
        assert row["folder"] == f"{row['id']}/1/*.png"
        pattern = drawn / "features" / "fullFrame-210x260px" / split / row["folder"]
        names = sorted(path.name for path in pattern.parent.iterdir())
        assert names == [f"{row['id']}.avi_pid0_fn{number:06d}-0.png" for number in range(len(names))]
        assert len(names) >= 2 * 4 * len(row["annotation"].split()), "too short for CTC at stride 4"
        assert all(cv2.imread(str(pattern.parent / name)).shape == (260, 210, 3) for name in names[::10])


def test_nothing_but_the_listed_clips_is_drawn(drawn: Path) -> None:
    features = drawn / "features" / "fullFrame-210x260px"
    assert {path.name for path in features.iterdir()} == set(COUNTS)
    for split in COUNTS:
        assert {path.name for path in (features / split).iterdir()} == {row["id"] for row in rows(drawn, split)}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_stm_says_what_the_table_says(drawn: Path, split: str) -> None:
    stm = (drawn / "evaluation" / f"phoenix2014-groundtruth-{split}.stm").read_text("utf-8").splitlines()
    for line, row in zip(stm, rows(drawn, split), strict=True):
        clip, channel, signer, start, end, glosses = line.split(" ", 5)
        assert (clip, glosses, signer) == (row["id"], row["annotation"], row["signer"].lower())
        assert (channel, start, end) == ("1", "0.0", "1.79769e+308")


def test_layout_is_that_of_the_release(drawn: Path) -> None:
    """Header, row and STM line have the form of the real corpus's, character for character."""
    real = Path(__file__).parents[2].parent / "shared" / "data" / "phoenix2014"
    if not real.is_dir():
        pytest.skip("the released annotations are not on this machine")
    drawn_table = (drawn / "annotations" / "manual" / "dev.corpus.csv").read_bytes()
    form = re.compile(rb"id\|folder\|signer\|annotation\n(?:(\S+)\|\1/1/\*\.png\|Signer\d\d\|[^|\n]+\n)+")
    stm_form = re.compile(rb"(?:\S+ 1 signer\d\d 0\.0 1\.79769e\+308 [^\n]+\n*)+")
    assert form.fullmatch(drawn_table)
    assert form.fullmatch((real / "dev.corpus.csv").read_bytes())
    assert stm_form.fullmatch((drawn / "evaluation" / "phoenix2014-groundtruth-dev.stm").read_bytes())
    assert stm_form.fullmatch((real / "phoenix2014-groundtruth-dev.stm").read_bytes())


def test_same_seed_same_bytes_with_any_number_of_processes(drawn: Path, tmp_path: Path) -> None:
    done: list[int] = []
    draw_corpus(tmp_path, seed=3, jobs=2, progress=done.append, **COUNTS)
    assert digests(tmp_path / FOLDER) == digests(drawn)
    assert sum(done) == sum(COUNTS.values())


def test_a_clip_depends_on_nothing_but_seed_split_and_number(drawn: Path, tmp_path: Path) -> None:
    draw_corpus(tmp_path / "fewer", seed=3, train=1, dev=0, test=1, jobs=1)
    fewer = digests(tmp_path / "fewer" / FOLDER / "features")
    assert fewer.items() <= digests(drawn / "features").items()
    draw_corpus(tmp_path / "other", seed=4, train=1, dev=0, test=0, jobs=1)
    assert digests(tmp_path / "other" / FOLDER / "features").items().isdisjoint(fewer.items())


def test_the_first_training_clips_hold_every_gloss(drawn: Path) -> None:
    for row, gloss in zip(rows(drawn, "train"), GLOSSES, strict=False):
        assert gloss in row["annotation"].split()


def test_an_existing_corpus_is_left_alone(drawn: Path) -> None:
    before = digests(drawn)
    with pytest.raises(SlaError, match="exists already"):
        draw_corpus(drawn.parent, jobs=1, **COUNTS)
    assert digests(drawn) == before


def test_a_drawing_that_broke_off_leaves_no_corpus_and_can_be_repeated(drawn: Path, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_corpus(tmp_path, seed=3, jobs=1, progress=stop, train=2, dev=0, test=0)
    assert not (tmp_path / FOLDER).exists()
    draw_corpus(tmp_path, seed=3, jobs=1, train=1, dev=0, test=0)
    assert digests(tmp_path / FOLDER / "features").items() <= digests(drawn / "features").items()


def test_frames_change_little_from_one_to_the_next(drawn: Path) -> None:
    """No cut: between successive frames most of the picture stays."""
    for split in COUNTS:
        for row in rows(drawn, split):
            folder = (drawn / "features" / "fullFrame-210x260px" / split / row["folder"]).parent
            film = [cv2.imread(str(path)) for path in sorted(folder.iterdir())]
            changed = np.array([(cv2.absdiff(*pair).max(axis=-1) > 8).mean() for pair in pairwise(film)])
            assert changed.max() < 0.25
            assert changed.mean() > 0.005
