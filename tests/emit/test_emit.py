from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked import Forked, sla_in_two
from safetensors.torch import load_file, save_file
from synthetic import GLOSSES, SENTENCES, tiny, write_store
from typer.testing import CliRunner

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.cli.main import app
from sla_cli.config.settings import Config, EmitConfig
from sla_cli.data.augment import PixelTransform
from sla_cli.data.batching import Sample, collate, to_pixels
from sla_cli.data.seen import SeenClips
from sla_cli.emit.emit import emit
from sla_cli.emit.inference import batches_by_length, emit_batches
from sla_cli.errors import FormatError, SlaError
from sla_cli.model.added import merge_added
from sla_cli.model.backbone import Backbone
from sla_cli.model.checkpoint import load_weights, save_weights
from sla_cli.model.device import place
from sla_cli.model.frame_scores import FrameScorer, save_scorer
from sla_cli.model.network import Network
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emission, Emissions, emission_receipt, is_current
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

CONFIG = tiny(model__variant="lora")


def make_run(folder: Path, glosses: tuple[str, ...] = GLOSSES, seed: int = 0, **values: object) -> Run:
    """A run folder with a model of random weights in it."""
    run, config = Run(folder), tiny(model__variant="lora", **values)
    frames = FrameFormat(32, "squash", 25.0, 25.0, 25.0)
    run.create(
        config, glosses, RunFacts("/store", "", "phoenix2014", "tiny", {"train": "", "dev": ""}, "raw", "none", frames)
    )
    torch.manual_seed(seed)
    model = Network(config, len(glosses))
    torch.nn.init.normal_(model.backbone.vit.blocks[0].block.attn.qkv.lora_B)
    save_weights(run.best, model, glosses)
    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    torch.set_num_threads(1)
    return write_store(tmp_path_factory.mktemp("store"))


def test_what_the_model_says_of_each_clip(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "emissions" / "dev.h5"
    emit(run, store["dev"], out, device="cpu")
    emissions = Emissions(out)
    header = emissions.header
    assert (header.corpus, header.split, header.glosses, header.stride) == ("phoenix2014", "dev", GLOSSES, 4)
    assert emissions.ids == store["dev"].ids
    model = Network(CONFIG, len(GLOSSES)).eval()
    load_weights(run.best, model, GLOSSES)
    for emission, clip in zip(emissions, store["dev"], strict=True):
        assert emission.frames == len(clip)
        assert emission.log_probs.shape == (-(-len(clip) // 4), len(GLOSSES) + 1)
        np.testing.assert_allclose(np.exp(emission.log_probs).sum(axis=1), 1, rtol=1e-5)
        batch = collate([Sample(clip.id, clip.frames(), PixelTransform(), ())])
        pixels = to_pixels(batch, crop=1.0, size=32, like=model.backbone, device=torch.device("cpu"))
        with torch.inference_mode():
            expected = model(pixels, batch.lengths).sequence.log_softmax(-1)
        np.testing.assert_allclose(emission.log_probs, expected.numpy(), rtol=0, atol=1e-6)
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.results["clips"] == 2
    assert receipt.results["digest"] == digest_file(out)
    data = bytearray(out.read_bytes())
    data[data.index(emissions[0].log_probs[1].tobytes())] ^= 1
    out.write_bytes(data)
    with pytest.raises(FormatError, match=r"dev\.h5 is damaged or was edited: it is not what `sla emit` wrote"):
        emit(run, store["dev"], out, device="cpu")
    emit(run, store["dev"], out, device="cpu", how=EmitConfig(), force=True)
    assert digest_file(out) == receipt.results["digest"]


def emissions_of(model: Network, clips: SeenClips, config: Config, max_frames: int = 1) -> Iterator[Emission]:
    batches = batches_by_length(clips.lengths, max_frames)
    return chain.from_iterable(emit_batches(model, clips, config, place("cpu", "fp32"), batches))


def test_the_model_is_left_in_evaluation_mode(store: Store) -> None:
    model = Network(CONFIG, len(GLOSSES)).train()
    for emission in emissions_of(model, SeenClips(store["dev"]), CONFIG):
        assert emission.log_probs.dtype == np.float32
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    assert not any(module.training for module in model.modules())


def test_reused_while_current_and_remade_when_anything_changes(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    emit(run, store["dev"], out, device="cpu")
    first, made = out.read_bytes(), out.stat().st_mtime_ns
    out.chmod(0o444)
    emit(run, store["dev"], out, device="cpu")
    assert out.stat().st_mtime_ns == made
    out.chmod(0o644)
    make_run(tmp_path / "run", seed=1)
    assert not is_current(out, emission_receipt(run, store["dev"]))
    emit(run, store["dev"], out, device="cpu")
    assert out.read_bytes() != first
    second = out.stat().st_mtime_ns
    run.create(tiny(model__variant="lora", train__crop=0.75), run.glosses, run.facts)
    emit(run, store["dev"], out, device="cpu")
    assert out.stat().st_mtime_ns != second
    other = write_store(tmp_path / "store", {"dev": SENTENCES["dev"][:1]})
    emit(run, other["dev"], out, device="cpu")
    assert len(Emissions(out)) == 1


def test_a_file_without_receipt_or_a_receipt_without_file_is_not_current(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    emit(run, store["dev"], out, device="cpu")
    good = out.read_bytes()
    out.write_bytes(b"half of it")
    (tmp_path / "dev.h5.receipt.json").unlink()
    with pytest.raises(SlaError, match="is not a file of the kind 'emissions'"):
        emit(run, store["dev"], out, device="cpu")  # it may be somebody's
    out.write_bytes(good)
    emit(run, store["dev"], out, device="cpu")
    assert len(Emissions(out)) == 2
    out.unlink()
    emit(run, store["dev"], out, device="cpu")
    assert len(out.read_bytes()) == len(good)


def test_a_checkpoint_of_other_glosses_than_its_runs_is_refused(store: Store, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    other = make_run(tmp_path / "other", ("A", "B", "C", "D"))
    run.best.write_bytes(other.best.read_bytes())
    with pytest.raises(SlaError, match="other glosses"):
        emit(run, store["dev"], tmp_path / "dev.h5", device="cpu")


def test_a_damaged_calibration_is_refused_before_anything_is_computed(
    store: Store, tmp_path: Path, calls: list[int]
) -> None:
    run = make_run(tmp_path / "run")
    run.calibration.write_text("{}")
    with pytest.raises(FormatError, match=r"calibration\.json"):
        emit(run, store["dev"], tmp_path / "dev.h5", device="cpu")
    assert not calls and [path.name for path in tmp_path.iterdir()] == ["run"]


def test_weights_that_moved_and_weights_that_are_others(store: Store, tmp_path: Path) -> None:
    state = {name: value.contiguous() for name, value in Backbone(CONFIG.model).vit.state_dict().items()}
    save_file(state, tmp_path / "old.safetensors")
    run = make_run(tmp_path / "run", model__weights=str(tmp_path / "old.safetensors"))
    (tmp_path / "old.safetensors").rename(tmp_path / "new.safetensors")
    with pytest.raises(SlaError, match="no such weights file"):
        emit(run, store["dev"], tmp_path / "dev.h5", device="cpu")
    emit(run, store["dev"], tmp_path / "dev.h5", device="cpu", weights=str(tmp_path / "new.safetensors"))
    assert len(Emissions(tmp_path / "dev.h5")) == 2
    save_file({name: value + 1 for name, value in state.items()}, tmp_path / "other.safetensors")
    with pytest.raises(SlaError, match="another backbone"):
        emit(run, store["train"], tmp_path / "train.h5", device="cpu", weights=str(tmp_path / "other.safetensors"))


def test_a_run_in_fp16_decodes_on_a_cpu(store: Store, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", train__precision="fp16")
    emit(run, store["dev"], tmp_path / "dev.h5", device="cpu")
    receipt = read_receipt(tmp_path / "dev.h5")
    assert receipt is not None
    assert receipt.results["precision"] == "torch.float32"


@pytest.mark.parametrize("workers", [0, 1])
def test_nan_leaves_no_file_and_no_process(store: Store, tmp_path: Path, workers: int) -> None:
    run = make_run(tmp_path / "run", train__workers=workers)
    weights = load_file(run.best)
    broken = Network(CONFIG, len(GLOSSES))
    broken.load_state_dict({**weights, "classifier.weight": weights["classifier.weight"] * torch.nan}, strict=False)
    save_weights(run.best, broken, GLOSSES)
    before = multiprocessing.active_children()
    with pytest.raises(FormatError, match="clip dev-1: the model gave NaN") as caught:
        emit(run, store["dev"], tmp_path / "dev.h5", device="cpu")
    assert "`sla emit --precision fp32`" in caught.value.hint, "sla decode, which emits too, has no such option"
    assert not list(tmp_path.glob("*dev.h5*"))
    # Processes that load clips ignore signals: a remaining one would be waited for at the end, forever. They must have
    # ended although the error still references all frames of the call.
    assert caught.tb is not None and set(multiprocessing.active_children()) <= set(before)


def test_a_run_without_weights(store: Store, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.best.unlink()
    with pytest.raises(SlaError, match="run has no weights yet"):
        emit(run, store["dev"], tmp_path / "dev.h5", device="cpu")


def test_batches_hold_each_clip_once_within_the_budget() -> None:
    lengths = [5, 90, 30, 30, 31, 200, 0, 12]
    for budget in (1, 31, 60, 100, 10**6):
        groups = batches_by_length(lengths, budget)
        assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
        assert all(len(group) == 1 or sum(lengths[index] for index in group) <= budget for group in groups)
        flat = [lengths[index] for group in groups for index in group]
        assert flat == sorted(lengths, reverse=True)
    assert batches_by_length([], 100) == []


@pytest.mark.parametrize("values", [{}, {"model__variant": "adapter"}, {"lora__shift": "off"}])
def test_a_clip_does_not_depend_on_the_clips_beside_it(values: dict[str, str], store: Store) -> None:
    config = tiny(**{"model__variant": "lora", **values})
    torch.manual_seed(3)
    model = Network(config, len(GLOSSES))
    for parameter in model.parameters():
        if parameter.requires_grad and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    alone = {e.id: e for e in emissions_of(model, SeenClips(store["train"]), config)}
    assert set(alone) == set(store["train"].ids)
    for budget in (50, 10**6):
        together = {e.id: e for e in emissions_of(model, SeenClips(store["train"]), config, budget)}
        assert together.keys() == alone.keys()
        for name, emission in together.items():
            assert emission.frames == alone[name].frames
            np.testing.assert_allclose(emission.log_probs, alone[name].log_probs, rtol=0, atol=2e-5)


def test_lora_is_merged_where_that_is_exact_and_left_where_it_is_not(store: Store) -> None:
    for shift, count in (("off", 2), ("lora", 0)):
        config = tiny(model__variant="lora", lora__shift=shift)
        torch.manual_seed(1)
        model = Network(config, len(GLOSSES))
        for block in model.backbone.vit.blocks:
            torch.nn.init.normal_(block.block.attn.qkv.lora_B)
        before = list(emissions_of(model, SeenClips(store["dev"]), config))
        assert merge_added(model) == count
        after = emissions_of(model, SeenClips(store["dev"]), config)
        for one, two in zip(before, after, strict=True):
            np.testing.assert_allclose(one.log_probs, two.log_probs, rtol=0, atol=2e-5)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each forward pass of any model has had."""
    counted: list[int] = []
    head = Network.head

    def counting(self: Network, features: torch.Tensor, lengths: torch.Tensor) -> object:
        counted.append(len(lengths))
        if len(counted) == 3 and counted[0] == -1:
            raise KeyboardInterrupt
        return head(self, features, lengths)

    monkeypatch.setattr(Network, "head", counting)
    return counted


SMALL = EmitConfig(max_frames=1)


def add_scorer(run: Run) -> None:
    """Random scores of frames, as training adds them at its end."""
    classes, width = len(run.glosses) + 1, Network(run.config, len(run.glosses)).backbone.width
    save_scorer(
        run.frame_scores, FrameScorer(torch.randn(classes, width), torch.zeros(classes), 7), digest_file(run.best)
    )


def test_scores_of_frames_need_new_emissions(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    emit(run, store["dev"], out, device="cpu")
    before = list(Emissions(out))
    add_scorer(run)
    emit(run, store["dev"], out, device="cpu")
    for old, new in zip(before, Emissions(out), strict=True):
        assert old.shown is None
        assert new.shown is not None and new.shown.least == 7
        assert (new.shown.scores.max(axis=1) == 0).all()
        np.testing.assert_array_equal(new.log_probs, old.log_probs)


def test_interrupted_it_goes_on_and_ends_with_the_same_file(store: Store, tmp_path: Path, calls: list[int]) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "train.h5"
    add_scorer(run)
    emit(run, store["train"], tmp_path / "whole.h5", device="cpu", how=SMALL)
    assert calls == [1] * 6
    calls[:] = [-1]  # the second batch of the next attempt is cut off
    with pytest.raises(KeyboardInterrupt):
        emit(run, store["train"], out, device="cpu", how=SMALL)
    assert not out.exists()
    calls.clear()
    emit(run, store["train"], out, device="cpu", how=SMALL)
    assert len(calls) == 5
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert all(clip.shown is not None and len(clip.shown.scores) == clip.frames for clip in Emissions(out))
    assert sorted(path.name for path in tmp_path.glob("*train.h5*")) == ["train.h5", "train.h5.receipt.json"]


def test_what_a_job_left_that_was_killed_at_its_end_is_removed(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    for _ in range(2):
        emit(run, store["dev"], out, device="cpu")
        assert not (tmp_path / ".dev.h5.parts").exists()
        part = tmp_path / ".dev.h5.parts" / "key" / "000000.npz"
        part.parent.mkdir(parents=True)
        part.touch()
    with locked(tmp_path / ".dev.h5.parts", "busy"):
        emit(run, store["dev"], out, device="cpu")
        assert part.exists(), "another job works with it"


def test_what_another_model_began_is_not_taken_up(store: Store, tmp_path: Path, calls: list[int]) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "train.h5"
    calls[:] = [-1]
    with pytest.raises(KeyboardInterrupt):
        emit(run, store["train"], out, device="cpu", how=SMALL)
    calls.clear()
    emit(make_run(tmp_path / "run", seed=1), store["train"], out, device="cpu", how=SMALL)
    assert len(calls) == 6
    assert not list(tmp_path.glob(".train.h5*"))


@pytest.mark.parametrize("other", [SMALL, EmitConfig(max_frames=30)])
def test_two_jobs_at_once_do_the_work_once(store: Store, tmp_path: Path, calls: list[int], other: EmitConfig) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "train.h5"
    threads = [
        threading.Thread(target=emit, args=(run, store["train"], out), kwargs={"device": "cpu", "how": how})
        for how in (SMALL, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(calls) == 6
    assert len(Emissions(out)) == 6


def test_a_folder_is_no_place_for_emissions(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "folder"
    out.mkdir()
    (out / "receipt.json").write_text("of something else")
    with pytest.raises(SlaError, match="is a folder"):
        emit(run, store["dev"], out, device="cpu", force=True)
    assert (out / "receipt.json").is_file()


def test_a_file_that_somebody_makes_meanwhile_is_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    emit(run, store["dev"], tmp_path / "other.h5", device="cpu")

    def made_meanwhile(*arguments: Any) -> Any:
        (tmp_path / "other.h5").rename(out)
        return emit_batches(*arguments)

    monkeypatch.setattr("sla_cli.emit.emit.emit_batches", made_meanwhile)
    theirs = (tmp_path / "other.h5").read_bytes()
    with pytest.raises(SlaError, match=r"dev\.h5 exists"):
        emit(run, store["dev"], out, device="cpu", named=True)
    assert out.read_bytes() == theirs
    assert list(tmp_path.glob(".dev.h5.parts/*")), "what was computed is kept"


def test_emissions_of_a_store_that_is_replaced_meanwhile_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by `sla store leave-out`: they would hold somebody who is no longer in the store."""
    store, out, run = write_store(tmp_path / "store"), tmp_path / "dev.h5", make_run(tmp_path / "run")
    fewer = write_store(tmp_path / "fewer", {**SENTENCES, "dev": SENTENCES["dev"][:1]})

    def replaced_meanwhile(*arguments: Any) -> Any:
        store.path.rename(tmp_path / "before")
        fewer.path.rename(store.path)
        return emit_batches(*arguments)

    with monkeypatch.context() as patched, pytest.raises(SlaError, match="was replaced by another command"):
        patched.setattr("sla_cli.emit.emit.emit_batches", replaced_meanwhile)
        emit(run, store["dev"], out, device="cpu")
    assert not out.exists()
    assert not list(tmp_path.glob(".dev.h5.parts/*")), "nor are they kept to be continued"
    emit(run, Store(store.path)["dev"], out, device="cpu")
    assert list(Emissions(out).ids) == ["dev-0"]


def test_another_precision_on_disk_needs_force(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    emit(run, store["dev"], out, device="cpu")
    exact, size = list(Emissions(out)), out.stat().st_size
    half = replace(EmitConfig(), dtype="float16")
    with pytest.raises(SlaError, match="dtype was 'float32', now 'float16'"):
        emit(run, store["dev"], out, device="cpu", how=half)
    emit(run, store["dev"], out, device="cpu", how=half, force=True)
    for one, two in zip(exact, Emissions(out), strict=True):
        assert two.log_probs.dtype == np.float32
        np.testing.assert_allclose(one.log_probs, two.log_probs, rtol=1e-3, atol=1e-6)
    assert out.stat().st_size <= size
    made = out.stat().st_mtime_ns
    emit(run, store["dev"], out, device="cpu")  # who does not ask takes it as it is
    assert out.stat().st_mtime_ns == made


def test_one_process_prints_whatever_its_environment_says_of_a_rank(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "dev.h5"
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "")
    given = ["--split", "dev", "--store", str(store.path), "--device", "cpu", "-o", str(out), "--json", "-q"]
    for _ in range(2):  # made, and up to date
        answer = CliRunner().invoke(app, ["emit", str(run.path), *given])
        assert json.loads(answer.stdout)["emissions"] == str(out), answer.output


def test_two_processes_under_torchrun_write_the_same_file(store: Store, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "two.h5"
    emit(run, store["train"], tmp_path / "one.h5", device="cpu", how=EmitConfig(max_frames=40))
    options = ["--store", str(store.path), "--device", "cpu", "--max-frames", "40", "-o", str(out), "--json"]
    process = Forked(sla_in_two, "emit", str(run.path), "--split", "train", *options, printed=tmp_path)
    printed, reported = process.communicate(timeout=200)
    assert process.returncode == 0, reported
    assert printed.count('"emissions"') == 1
    receipt = read_receipt(out)
    assert receipt is not None
    assert receipt.results["processes"] == 2
    assert out.read_bytes() == (tmp_path / "one.h5").read_bytes()
    assert not list(tmp_path.glob(".two.h5*"))
