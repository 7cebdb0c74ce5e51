from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic import ADDING, GLOSSES, VARIANTS, tiny

from sla_cli.artifact.receipt import read_receipt
from sla_cli.config.settings import to_toml
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import training_batches
from sla_cli.emit.emit import emit
from sla_cli.errors import SlaError
from sla_cli.model.device import place
from sla_cli.model.distributed import ProcessGroup
from sla_cli.model.network import Network
from sla_cli.store.store import Store
from sla_cli.train.out_of_memory import memory_suffices
from sla_cli.train.train_run import resume_run, start_run
from sla_cli.work.emissions import Emissions
from sla_cli.work.run import Run

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


def test_auto_is_half_precision_on_the_device() -> None:
    placement = place("auto", "auto")
    assert placement.cuda
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    assert placement.dtype == (torch.bfloat16 if native else torch.float16)
    assert place("auto", "auto", "fp16").dtype == torch.float16


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_device_says_what_the_cpu_says(variant: str) -> None:
    """LoRA's own index is not a buffer in loralib and would stay behind."""
    model = Network(tiny(model__variant=variant), len(GLOSSES)).eval()
    for name, value in model.trained_state().items():
        if name.endswith(("up.weight", "lora_B")):
            torch.nn.init.normal_(value, std=0.1)
    x, lengths = torch.randn(16, 3, 32, 32), torch.tensor([9, 7])
    with torch.inference_mode():
        expected = model(x, lengths)
        found = model.cuda()(x.cuda(), lengths)
    torch.testing.assert_close(found.sequence.cpu(), expected.sequence, atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(found.frame.cpu(), expected.frame, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize(
    ("precision", "compiled"), [("fp32", "off"), ("bf16", "off"), ("fp16", "off"), ("bf16", "auto"), ("fp16", "on")]
)
@pytest.mark.parametrize("variant", ADDING)
def test_trains_and_emits(store: Store, tmp_path: Path, variant: str, precision: str, compiled: str) -> None:
    config = tiny(
        model__variant=variant, train__precision=precision, train__epochs=3, train__workers=1, model__compile=compiled
    )
    start_run(store, tmp_path / "run", config, preset="tiny", group=ProcessGroup("cuda"))
    run = Run(tmp_path / "run")
    rows = [line.split("\t") for line in run.metrics.read_text(encoding="utf-8").splitlines()]
    losses = [float(row[rows[0].index("loss")]) for row in rows[1:]]
    assert losses[-1] < losses[0]
    emit(run, store["dev"], tmp_path / "cuda.h5", device="cuda")
    emit(run, store["dev"], tmp_path / "cpu.h5", device="cpu")
    for one, two in zip(Emissions(tmp_path / "cuda.h5"), Emissions(tmp_path / "cpu.h5"), strict=True):
        assert abs(one.log_probs - two.log_probs).max() < (0.01 if precision == "fp32" else 0.3)


def test_a_run_resumes_with_its_loss_scale(store: Store, tmp_path: Path) -> None:
    config = tiny(train__precision="fp16", train__epochs=1)
    start_run(store, tmp_path, config, preset="tiny", group=ProcessGroup("cuda"))
    run = Run(tmp_path)
    longer = replace(config, train=replace(config.train, epochs=2))
    run.create(longer, run.glosses, run.facts)
    assert resume_run(run, ProcessGroup("cuda")).best_epoch in (1, 2)
    assert torch.load(run.state, weights_only=True)["scaler"]["scale"] > 0


def test_memory_that_does_not_suffice_names_the_batch(store: Store) -> None:
    config = tiny()
    data = ClipDataset(store["train"], GLOSSES, 4, config.train)
    batch = next(training_batches(data, 1, data.plan(1), pin=True))
    with pytest.raises(SlaError, match="out of memory for clips train-"), memory_suffices(batch.ids, 9, config):
        torch.empty(2**45, dtype=torch.uint8, device="cuda")


def test_tf32_is_as_configured(store: Store, tmp_path: Path) -> None:
    for tf32 in (False, True):
        config = tiny(model__variant="frozen", train__epochs=1, train__tf32=tf32, train__precision="fp32")
        start_run(store, tmp_path / str(tf32), config, preset="tiny", group=ProcessGroup("cuda"))
        assert torch.get_float32_matmul_precision() == ("high" if tf32 else "highest")


def test_emissions_in_float32_are_not_rounded_to_tf32(store: Store, tmp_path: Path) -> None:
    """Whatever training, or PyTorch's defaults, allowed before: the CPU's numbers to float32's rounding."""
    config = tiny(train__epochs=1, train__precision="fp32", train__tf32=True)
    start_run(store, tmp_path / "run", config, preset="tiny", group=ProcessGroup("cuda"))
    torch.backends.cudnn.allow_tf32 = True
    run = Run(tmp_path / "run")
    for device in ("cuda", "cpu"):
        emit(run, store["dev"], tmp_path / f"{device}.h5", device=device)
    assert not torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"
    for one, two in zip(Emissions(tmp_path / "cuda.h5"), Emissions(tmp_path / "cpu.h5"), strict=True):
        assert abs(one.log_probs - two.log_probs).max() < 2e-4


@pytest.mark.parametrize("processes", [1, 2])
def test_torchrun_launches(store: Store, tmp_path: Path, processes: int) -> None:
    if torch.cuda.device_count() < processes:
        pytest.skip("fewer GPUs than processes")
    (tmp_path / "c.toml").write_text(to_toml(tiny(train__epochs=1)), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += [
        "-m",
        "sla_cli",
        "train",
        str(store.path),
        "--work",
        str(tmp_path),
        "--config",
        str(tmp_path / "c.toml"),
        "--name",
        "a",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, answer.stderr
    receipt = read_receipt(tmp_path / "runs" / "a")
    assert receipt is not None
    assert receipt.results["device"].startswith("cuda")
    assert receipt.results["processes"] == processes
