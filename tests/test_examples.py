"""The linguist's example, examples/linguist.sh, run like by a user, but on few recordings and with little training."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pympi
import pytest

from sla_cli.store.clips import Split
from sla_cli.store.store import Store

pytestmark = [pytest.mark.long, pytest.mark.ci]

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = {"ANNOTATED": "3", "UNANNOTATED": "2", "SENTENCES": "2", "CORRECTED": "1", "EPOCHS": "1"}
PAUSE = 2000  # milliseconds without a sign that end a clip, as the script has it


class Loop(NamedTuple):
    folder: Path
    printed: str

    @property
    def store(self) -> Store:
        return Store(self.folder / "sla-work" / "stores" / "elan")

    @property
    def clips(self) -> list[list[int]]:
        """Of train, dev and test, as `sla split` printed them for the first and for the second model."""
        printed = re.findall(r"^  (?:train|dev|test) (\d+), signers: (\d+)$", self.printed, re.MULTILINE)
        counts = [int(clips) for clips, _ in printed]
        return [counts[:3], counts[3:]]


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


def gloss_tier(path: Path) -> list[tuple[int, int, str]]:
    return sorted(mark[:3] for mark in pympi.Elan.Eaf(path).get_annotation_data_for_tier("RH-IDgloss"))


def expected_clips(loop: Loop, *numbers: int) -> int:
    """Of recordings of the corpus: one more than there are pauses between signs of the right hand, which has all."""
    signs = [gloss_tier(loop.folder / "corpus" / f"rec{number:02d}.eaf") for number in numbers]
    return sum(1 + sum(after[0] - before[1] >= PAUSE for before, after in pairwise(marks)) for marks in signs)


def test_no_signer_is_in_two_splits(loop: Loop) -> None:
    store = loop.store
    assert store.splits == ["train", "dev", "test"]
    by_split = [signers(store[split]) for split in store.splits]
    everybody = [f"Signer0{number}" for number in range(1, 5)]
    assert sorted(name for found in by_split for name in found) == everybody


def test_glosses_of_the_store_are_those_of_the_annotation(loop: Loop) -> None:
    stored = sorted(gloss for clip in loop.store.clips for gloss in clip.glosses)
    files = [loop.folder / "corpus" / f"rec{number:02d}.eaf" for number in range(1, 5)]
    assert stored == sorted(gloss for path in files for _, _, gloss in gloss_tier(path))
    assert len(loop.store.clips) == expected_clips(loop, *range(1, 5))


def test_the_rest_is_transcribed_into_elan_files(loop: Loop) -> None:
    """The second one, which nobody corrected, still lies beside its video, and is of sla."""
    assert sorted(path.name for path in (loop.folder / "rest").iterdir()) == ["rec05.eaf", "rec05.webm"]
    read = pympi.Elan.Eaf(loop.folder / "rest" / "rec05.eaf")
    assert read.tiers["SIGN"][2]["ANNOTATOR"] == "sla"
    assert re.search(r"rec05: \d+ signs? in \d+\.\d s: rest/rec05\.eaf", loop.printed)


def test_what_is_corrected_joins_the_corpus_with_its_video(loop: Loop) -> None:
    assert gloss_tier(loop.folder / "corpus" / "rec04.eaf") == gloss_tier(loop.folder / "truth" / "rec04.eaf")
    [link] = pympi.Elan.Eaf(loop.folder / "corpus" / "rec04.eaf").get_linked_files()
    assert (loop.folder / "corpus" / link["RELATIVE_MEDIA_URL"]).is_file()


def test_only_the_new_clips_are_encoded_when_annotations_are_added(loop: Loop) -> None:
    old, new = expected_clips(loop, *range(1, 4)), expected_clips(loop, 4)
    reported = re.findall(r"encoded now: (\d+) clips?; taken over: (\d+)", loop.printed)
    assert reported == [(f"{old}", "0"), (f"{new}", f"{old}")]
    assert [sum(counts) for counts in loop.clips] == [old, old + new]


def test_nobody_changes_the_split(loop: Loop) -> None:
    """The corrected recording is of a new person, who is put into one of the three."""
    first, second = loop.clips
    assert sum(after > before for before, after in zip(first, second, strict=True)) == 1


def test_two_runs_were_trained(loop: Loop) -> None:
    runs = loop.folder / "sla-work" / "runs"
    assert sorted(path.name for path in runs.iterdir()) == ["first", "second"]
    assert all((path / "receipt.json").is_file() for path in runs.iterdir())
