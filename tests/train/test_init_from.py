"""A run that starts from another's weights: which rows it copies, what it records, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from clip_store import write_file
from json_schemas import result_name
from safetensors.torch import load_file
from synthetic import CPU, SENTENCES, tiny, write_store
from typer.testing import CliRunner, Result

from sla_cli.artifact.receipt import read_receipt
from sla_cli.cli.main import app
from sla_cli.config.settings import Config, to_toml
from sla_cli.errors import SlaError
from sla_cli.model.device import place
from sla_cli.store.left_out import LEFT_OUT_SPLITS, add_digests_before
from sla_cli.store.paths import clips_path
from sla_cli.store.store import Store
from sla_cli.train.init_from import check_kept, init_from
from sla_cli.train.loop import initial_state
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.run import Run

CONFIG = tiny(train__epochs=1, model__variant="adapter")
OTHER = ("NORD", "REGEN", "WIND", "ZONE")  # two of the four glosses of `store`, in other columns


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The clips of `store` in a store of another vocabulary."""
    folder = tmp_path_factory.mktemp("other")
    made = write_store(folder, {"train": SENTENCES["train"], "dev": SENTENCES["dev"]})
    words = dict(zip(("GRAD", "NORD", "REGEN", "SONNE"), ("WIND", "NORD", "REGEN", "ZONE"), strict=True))
    clips = [
        replace(clip, glosses=tuple(words[gloss] for gloss in clip.glosses), raw_glosses=clip.glosses)
        for clip in (stored.raw() for stored in made.clips)
    ]
    (path := clips_path(folder)).unlink()
    write_file(path, clips, made.header)
    return Store(folder)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_both_keep_what_they_know_and_the_rest_starts_as_usual(
    store: Store, other: Store, tmp_path: Path, normalized: bool, shared: bool
) -> None:
    config = tiny(train__epochs=1, head__normalized=normalized, head__shared=shared, head__lstm_width=16)
    source = Run(tmp_path / "source")
    start_run(store, source.path, config, preset="tiny", group=CPU)
    begin = init_from(source, config)
    fresh, _, nothing = initial_state(other, config, place("cpu", "fp32"), CPU)
    state, _, taken = initial_state(other, config, place("cpu", "fp32"), CPU, begin)
    assert nothing is None and taken is not None
    there, new, ours = load_file(source.best), fresh.model.trained_state(), state.model.trained_state()
    assert (taken.tensors, taken.of_tensors, taken.glosses, taken.of_glosses) == (len(ours), len(ours), 2, 4)
    from_there = {0: 0, OTHER.index("NORD") + 1: 2, OTHER.index("REGEN") + 1: 3}  # of GRAD, NORD, REGEN, SONNE
    seen = set()
    for name, value in ours.items():
        if "classifier" not in name:
            assert torch.equal(value, there[name]), name
            continue
        seen.add(name.partition(".")[0])
        across = value.ndim == 2 and value.shape[0] != 5
        for column in range(5):
            mine, theirs, drawn = ((part.T if across else part) for part in (value, there[name], new[name]))
            expected = theirs[from_there[column]] if column in from_there else drawn[column]
            assert torch.equal(mine[column], expected), (name, column)
    assert seen == {"classifier", "frame_classifier"} | ({"conv_classifier"} if not shared else set())


def sla(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def train(work: Path, config: Config, *arguments: str, code: int = 0) -> Result:
    (work / "c.toml").write_text(to_toml(config), encoding="utf-8")
    options = ("--work", str(work), "--device", "cpu", "--config", str(work / "c.toml"))
    return sla("train", *arguments, *options, code=code)


def copy(whole: Run, work: Path, name: str) -> Run:
    """The run in a work folder under another name."""
    return Run(shutil.copytree(whole.path, work / "runs" / name))


def test_receipt_and_info_say_what_was_taken(whole: Run, other: Store, tmp_path: Path) -> None:
    source, run = copy(whole, tmp_path, "source"), Run(tmp_path / "runs" / "next-seed1")
    train(tmp_path, CONFIG, str(other.path), "--name", "next", "--init-from", "source", "--seeds", "0,1")
    receipt = read_receipt(run.path)
    assert receipt is not None
    taken = receipt.results["init_from"]
    assert taken == json.loads(run.copied.read_text(encoding="utf-8"))
    assert (taken["glosses"], taken["of_glosses"], taken["tensors"]) == (2, 4, taken["of_tensors"])
    assert receipt.sources["init_from"] == taken["run"] == str(source.path.resolve())
    text = sla("info", str(run.path)).stdout
    assert "glosses 2, of glosses 4" in text
    again = read_receipt(source.path)
    assert again is not None and "init_from" not in {**again.results, **again.inputs, **again.sources}
    error = train(tmp_path, CONFIG, str(other.path), "--init-from", "next", code=2).stderr
    assert "next means several runs: next-seed0, next-seed1" in error
    assert "nothing is not a run" in train(tmp_path, CONFIG, str(other.path), "--init-from", "nothing", code=2).stderr


def test_what_does_not_fit_is_named(whole: Run, store: Store, tmp_path: Path) -> None:
    copy(whole, tmp_path, "source")
    for changed, reported in (
        ({"model__variant": "frozen"}, "model.variant (adapter there, frozen here)"),
        ({"head__channels": 16}, "head.channels (32 there, 16 here)"),
        ({"adapter__kernel": 5}, "adapter.kernel (3 there, 5 here)"),
        ({"adapter__kernel": [3, 3, 3]}, "adapter.kernel (3 there, (3, 3, 3) here)"),
    ):
        config = tiny(**{"train__epochs": 1, "model__variant": "adapter", **changed})
        error = train(tmp_path, config, str(store.path), "--init-from", "source", "--name", "new", code=2).stderr
        assert reported in error
        assert not (tmp_path / "runs" / "new").exists()
    other_start = replace(CONFIG, adapter=replace(CONFIG.adapter, start="conv"))
    assert init_from(Run(tmp_path / "runs" / "source"), other_start), "a start is over where weights are taken"
    run = Run(tmp_path / "empty")
    run.create(CONFIG, store.vocabulary, Run(tmp_path / "runs" / "source").facts)
    with pytest.raises(SlaError, match="has no weights yet"):
        init_from(run, CONFIG)
    with pytest.raises(SlaError, match=f"{tmp_path} is not a run"):
        init_from(Run(tmp_path), CONFIG)


def test_a_resumed_one_needs_the_other_only_until_its_first_save(whole: Run, store: Store, tmp_path: Path) -> None:
    source, run = copy(whole, tmp_path, "source"), Run(tmp_path / "next")
    start_run(store, run.path, CONFIG, preset="tiny", begin=init_from(source, CONFIG), group=CPU)
    source.best.rename(tmp_path / "kept")
    (run.path / "receipt.json").unlink()
    resume_run(run, CPU)
    receipt = read_receipt(run.path)
    assert receipt is not None and receipt.results["init_from"]["glosses"] == 4
    for path in (run.path / "receipt.json", run.state, run.best, run.last):
        path.unlink()
    with pytest.raises(SlaError, match="is gone or was trained again"):
        resume_run(run, CPU)
    (tmp_path / "kept").rename(source.best)
    resume_run(run, CPU)
    assert read_receipt(run.path) is not None


def test_the_run_to_start_from_is_never_replaced(whole: Run, store: Store, tmp_path: Path) -> None:
    source, linked = copy(whole, tmp_path, "a-seed1"), copy(whole, tmp_path, "linked")
    linked.best.unlink()
    linked.best.symlink_to(source.best)
    (tmp_path / "link").symlink_to(source.path)
    before = {path: path.read_bytes() for path in source.path.rglob("*") if path.is_file()}
    for begin, *options in (
        ("a-seed1", "--name", "a-seed1", "--force"),
        ("a-seed1", "--name", "a-seed1"),
        (str(tmp_path / "link"), "--name", "a-seed1", "--force"),
        ("linked", "--name", "a-seed1", "--force"),
        ("a-seed1", "--name", "a", "--seeds", "0,1", "--force"),
    ):
        error = train(tmp_path, CONFIG, str(store.path), "--init-from", begin, *options, code=2).stderr
        assert "a-seed1 is the run to start from" in error and "another --name" in error
    assert {path: path.read_bytes() for path in source.path.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "runs" / "a-seed0").exists()
    check_kept(init_from(copy(whole, tmp_path / "elsewhere", "a-seed1"), CONFIG), [source])


def test_a_dry_run_says_what_it_would_take(whole: Run, other: Store, tmp_path: Path) -> None:
    copy(whole, tmp_path, "source")
    options = (str(other.path), "--init-from", "source", "--dry-run")
    said = train(tmp_path, CONFIG, *options).stdout.splitlines()[-1]
    found = json.loads(train(tmp_path, CONFIG, *options, "--json").stdout)
    assert result_name("train", found) == "train-dry-run"
    taken, tensors = found["init_from"], len(load_file(whole.best))
    assert (taken["tensors"], taken["of_tensors"], taken["glosses"], taken["of_glosses"]) == (tensors, tensors, 2, 4)
    assert said.startswith(f"start: {tensors} of {tensors} tensors") and "2 of 4 glosses are copied from" in said
    left, source = Path(shutil.copytree(other.path, tmp_path / "left")), Run(tmp_path / "runs" / "source")
    add_digests_before(left, whole.facts.digests.values())
    (source.path / "receipt.json").rename(tmp_path / "receipt.json")
    warned = " ".join(train(tmp_path, CONFIG, str(left), *options[1:]).stderr.split())
    assert f"run source has learned from signers who were left out of {left} since" in warned
    assert f"run {source.path} is not finished: its best weights so far are used" in warned
    (tmp_path / "receipt.json").rename(source.path / "receipt.json")
    (left / LEFT_OUT_SPLITS).rename(note := Path(whole.facts.store) / LEFT_OUT_SPLITS)  # of its own store
    assert "who were left out of" in train(tmp_path, CONFIG, *options).stderr
    note.unlink()
    damaged = bytearray(whole.best.read_bytes())
    damaged[-1] ^= 1
    source.best.write_bytes(damaged)
    assert "not the checkpoint with which the run ended" in train(tmp_path, CONFIG, *options, code=2).stderr
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["source"]
