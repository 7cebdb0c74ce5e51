"""The linguist's example, examples/linguist.sh, run like by a user, but on few recordings and with little training."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pympi
import pytest

from sla_cli.store.store import Split, Store

pytestmark = pytest.mark.long

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = {"ANNOTATED": "6", "UNANNOTATED": "2", "SENTENCES": "2", "CORRECTED": "1", "EPOCHS": "1"}
PAUSE = 2000  # milliseconds without a sign that end a clip, as the script has it


class Loop(NamedTuple):
    folder: Path
    printed: str

    def store(self, name: str) -> Store:
        return Store(self.folder / "sla-work" / "stores" / name)

    def results(self, name: str) -> dict[str, Any]:
        return dict(json.loads((self.store(name).path / "receipt.json").read_text(encoding="utf-8"))["results"])


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    folder = tmp_path_factory.mktemp("linguist")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "PYTHONPATH": str(EXAMPLES.parent), "OMP_NUM_THREADS": "1"}
    environment = {key: value for key, value in os.environ.items() if key != "SLA_WORK"} | own | SMALL
    command = ["bash", str(EXAMPLES / "linguist.sh"), str(folder)]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return Loop(folder, answer.stdout)


def signers(split: Split) -> set[str]:
    return {clip.signer for clip in split}


def frames(store: Store) -> dict[str, list[np.ndarray]]:
    return {clip.id: clip.encoded() for split in store.splits for clip in store[split]}


def gloss_tier(path: Path) -> list[tuple[int, int, str]]:
    return sorted(mark[:3] for mark in pympi.Elan.Eaf(path).get_annotation_data_for_tier("RH-IDgloss"))


def expected_clips(loop: Loop, *numbers: int) -> int:
    """Of recordings of the corpus: one more than there are pauses between signs of the right hand, which has all."""
    signs = [gloss_tier(loop.folder / "corpus" / f"rec{number:02d}.eaf") for number in numbers]
    return sum(1 + sum(after[0] - before[1] >= PAUSE for before, after in pairwise(marks)) for marks in signs)


@pytest.mark.parametrize("name", ["first", "second"])
def test_no_signer_is_in_two_splits(loop: Loop, name: str) -> None:
    store = loop.store(name)
    assert store.splits == ["train", "dev", "test"]
    by_split = [signers(store[split]) for split in store.splits]
    assert sorted(name for people in by_split for name in people) == [f"Signer0{number}" for number in range(1, 7)]


def test_glosses_of_the_first_store_are_those_of_the_annotation(loop: Loop) -> None:
    store = loop.store("first")
    stored = sorted(gloss for split in store.splits for clip in store[split] for gloss in clip.glosses)
    files = [loop.folder / "corpus" / f"rec{number:02d}.eaf" for number in range(1, 7)]
    assert stored == sorted(gloss for path in files for _, _, gloss in gloss_tier(path))
    assert sum(len(store[split]) for split in store.splits) == expected_clips(loop, *range(1, 7))


def test_the_rest_is_transcribed_into_elan_files(loop: Loop) -> None:
    """The second one, which nobody corrected, still lies beside its video, and is of sla."""
    assert sorted(path.name for path in (loop.folder / "rest").iterdir()) == ["rec08.eaf", "rec08.webm"]
    read = pympi.Elan.Eaf(loop.folder / "rest" / "rec08.eaf")
    assert read.tiers["RH-IDgloss"][2]["ANNOTATOR"] == "sla"
    assert re.search(r"rec08: \d+ gloss(es)? in \d+\.\d s: rest/rec08\.eaf", loop.printed)


def test_what_is_corrected_joins_the_corpus_with_its_video(loop: Loop) -> None:
    assert gloss_tier(loop.folder / "corpus" / "rec07.eaf") == gloss_tier(loop.folder / "truth" / "rec07.eaf")
    [link] = pympi.Elan.Eaf(loop.folder / "corpus" / "rec07.eaf").get_linked_files()
    assert (loop.folder / "corpus" / link["RELATIVE_MEDIA_URL"]).is_file()


def test_only_the_new_clips_are_encoded_for_the_second_store(loop: Loop) -> None:
    first, second = loop.results("first"), loop.results("second")
    old, new = expected_clips(loop, *range(1, 7)), expected_clips(loop, 7)
    assert (first["encoded"], first["reused"]) == (old, 0)
    assert (second["encoded"], second["reused"]) == (new, old)
    reported = re.findall(r"encoded now: (\d+) clips?; taken over: (\d+)", loop.printed)
    assert reported == [(f"{old}", "0"), (f"{new}", f"{old}")]


def test_frames_of_the_first_store_are_those_of_the_second(loop: Loop) -> None:
    first, second = frames(loop.store("first")), frames(loop.store("second"))
    new = second.keys() - first.keys()
    assert len(second) == len(first) + expected_clips(loop, 7)
    assert {name.split("_")[0] for name in new} == {"rec07"}
    for name, pictures in first.items():
        assert [one.tobytes() for one in pictures] == [one.tobytes() for one in second[name]]


def test_two_runs_were_trained(loop: Loop) -> None:
    runs = loop.folder / "sla-work" / "runs"
    assert sorted(path.name for path in runs.iterdir()) == ["first", "second"]
    assert all((path / "receipt.json").is_file() for path in runs.iterdir())
