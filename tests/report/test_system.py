from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clip_store import clip, make_store
from report_work import make_work

from sla_cli.artifact.receipt import read_receipt, write_receipt
from sla_cli.errors import SlaError
from sla_cli.prep.left_out import leave_out
from sla_cli.report.system import load_systems
from sla_cli.store.left_out import add_digests_before
from sla_cli.store.store import Store
from sla_cli.work.scores import read_scores, write_scores


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_work(tmp_path_factory.mktemp("work"))


@pytest.fixture
def moved(scores: list[Path], tmp_path: Path) -> Iterator[Path]:
    """A copy of the first score and all behind it, while nothing lies where its receipts say."""
    original = scores[0].parents[1]
    copy = Path(shutil.copytree(original, tmp_path / "copy"))
    aside = original.rename(original.with_name("aside"))
    yield copy / "scores" / scores[0].name
    aside.rename(original)


def test_everything_is_found_from_the_score(scores: list[Path]) -> None:
    first, second = load_systems(scores)
    assert first.split is not None and first.split.store.name == "signs"
    assert first.emissions is not None and first.emissions.path.parent.name == "adapter"
    assert second.run is not None and second.run.path.name == "lora"
    assert first.hypotheses["clip-3"].glosses == ("REGEN", "SONNE")
    assert first.missing == second.missing == ()


def test_systems_are_named_and_described_by_what_made_them(scores: list[Path]) -> None:
    first, second = load_systems(scores)
    assert (first.name, second.name) == ("adapter · beam 10", "lora · beam 10")
    assert {"variant": "adapter", "beam": "10", "language model": "none"}.items() <= first.settings.items()
    assert "alpha" not in first.settings  # there is nothing that it would weigh
    assert "depth=2" in first.settings["backbone arguments"], "a small ViT under the name of a large one"
    assert first.settings["signature"] == first.score.signature


def test_weights_tuned_on_the_scored_split_are_among_the_settings(moved: Path) -> None:
    assert "weights tuned on" not in load_systems([moved])[0].settings
    receipt = read_receipt(moved)
    assert receipt is not None
    receipt.results["digests"] = write_scores(moved, replace(read_scores(moved), tuned_on="test"))
    write_receipt(receipt, moved)
    assert load_systems([moved])[0].settings["weights tuned on"] == "test, the split scored here"


def test_systems_of_one_name_are_called_by_their_folders(scores: list[Path]) -> None:
    assert [system.name for system in load_systems([scores[0]] * 2)] == [scores[0].name] * 2
    assert [system.name for system in load_systems(scores, ("x", "y"))] == ["x", "y"]
    with pytest.raises(SlaError, match="1 name is given for 2 scores"):
        load_systems(scores, ("x",))


def test_signers_come_from_the_store(scores: list[Path]) -> None:
    assert {clip.signer for clip in load_systems(scores)[0].score.clips} == {"<s>Signer</s>0", "<s>Signer</s>1"}


def test_a_work_folder_may_have_been_moved(moved: Path) -> None:
    (system,) = load_systems([moved])
    assert system.missing == ()
    assert system.emissions is not None and moved.parents[1] in system.emissions.path.parents


@pytest.mark.parametrize(
    ("gone", "printed"),
    [
        ("hypotheses", "The hypotheses .* is gone"),
        ("emissions", "The emissions .* is gone"),
        ("runs", "The run .* is gone"),
        ("stores", "The store .* is gone"),
    ],
)
def test_what_is_gone_is_left_out_and_said(moved: Path, gone: str, printed: str) -> None:
    shutil.rmtree(moved.parents[1] / gone)
    (system,) = load_systems([moved])
    assert len(system.missing) == 1
    assert re.search(printed, system.missing[0])
    assert len(system.score.clips) == 5


def test_hypotheses_that_were_replaced_are_not_shown(moved: Path) -> None:
    hypotheses = next((moved.parents[1] / "hypotheses" / "adapter").glob("*.tsv"))
    hypotheses.write_text(hypotheses.read_text(encoding="utf-8").replace("REGEN", "WIND"), encoding="utf-8")
    (system,) = load_systems([moved])
    assert "has changed since `sla score` read it" in system.missing[0]
    assert system.hypotheses == {}


def test_another_run_in_the_place_of_its_run_is_not_shown(moved: Path) -> None:
    """As after `sla train --force`."""
    runs = moved.parents[1] / "runs"
    shutil.rmtree(runs / "adapter")
    shutil.copytree(runs / "lora", runs / "adapter")
    (system,) = load_systems([moved])
    assert system.run is None and re.search("The run .*adapter has changed since `sla emit` read it", system.missing[0])
    assert system.split is not None


def test_a_store_without_a_signer_is_not_the_one_that_was_scored(moved: Path) -> None:
    work = moved.parents[1]
    store, (hypotheses,) = work / "stores" / "signs", (work / "hypotheses" / "adapter").glob("*.tsv")
    decoded = read_receipt(hypotheses)
    assert decoded is not None
    digest = Store(store)["test"].digest
    write_receipt(replace(decoded, sources=decoded.sources | {"split_digest": digest}), hypotheses)
    leave_out(store, ["<s>Signer</s>0"], work)
    (system,) = load_systems([moved])
    assert system.split is None and "has changed since `sla emit` read it" in system.missing[0]
    shutil.rmtree(work / "emissions")  # they may have been made again
    for _ in range(2):
        (system,) = load_systems([moved])
        assert system.split is None and any("store" in one and "has changed since" in one for one in system.missing)
        shutil.rmtree(store)  # then without anybody of the split
        make_store(store, {"train": [clip("a", "A")]})
        add_digests_before(store, [digest])


def test_a_run_whose_settings_were_edited_is_left_out_and_said(moved: Path) -> None:
    for settings in (moved.parents[1] / "runs").glob("*/config.toml"):
        kept = [line for line in settings.read_text().splitlines(keepends=True) if not line.startswith("batch_frames")]
        settings.write_text("".join(kept))
    (system,) = load_systems([moved])
    assert system.run is None and system.split is not None
    assert re.search("The run .* has changed since `sla emit` read it", system.missing[0])


def test_a_copied_work_folder_is_read_itself_though_the_original_is_there(scores: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(scores[0].parents[1], tmp_path / "copy"))
    (system,) = load_systems([copy / "scores" / scores[0].name])
    assert system.missing == ()
    parts = [part for part in (system.split, system.emissions, system.run) if part is not None]
    assert [copy in (part.store if part is system.split else part.path).parents for part in parts] == [True] * 3


def test_what_differs_in_a_copied_work_folder_is_read_where_it_was(scores: list[Path], tmp_path: Path) -> None:
    """The page is of the score: what has changed in the copy since is not what was scored."""
    original = scores[0].parents[1]
    copy = Path(shutil.copytree(original, tmp_path / "copy"))
    weights = copy / "runs" / "adapter" / "best.safetensors"
    weights.write_bytes(b"trained again")
    (system,) = load_systems([copy / "scores" / scores[0].name])
    assert system.run is not None and original in system.run.path.parents
    assert system.emissions is not None and copy in system.emissions.path.parents
