"""Blocks are compiled for training alone; where the compiler does not work, nothing of it is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from synthetic import tiny
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from torch._inductor import config as inductor

from sla_cli.config import Config
from sla_cli.errors import SlaError
from sla_cli.model.backbone import Backbone
from sla_cli.model.compiling import compile_for_training, try_to_compile
from sla_cli.model.device import place
from sla_cli.model.distributed import ALONE

CPU = place("cpu", "fp32")
ONE_BLOCK = {"embed_dim": 32, "depth": 1, "num_heads": 2, "patch_size": 16, "num_classes": 24}
X, LENGTHS = torch.randn(10, 3, 32, 32), torch.tensor([7, 3])


def made(setting: str, **values: Any) -> tuple[Backbone, Config]:
    config = tiny(model__compile=setting, model__backbone_args=ONE_BLOCK, adapter__place="attention", **values)
    torch.manual_seed(1)
    backbone = Backbone(config.model)
    backbone.adapt(config)
    return backbone.train(), config


def step(backbone: Backbone) -> list[Tensor]:
    features = backbone(X, LENGTHS)
    trained = [value for value in backbone.parameters() if value.requires_grad]
    return [features, *torch.autograd.grad((features**2).sum(), trained)]


def fails_in_the_backward_pass(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
    """A back end that compiles the backward pass when it is called, and cannot."""

    def fail(slope: Tensor) -> Tensor:
        raise OSError("No space left on device")

    def forward(*values: Any) -> Any:
        outputs = graph(*values)
        outputs[0].register_hook(fail)
        return outputs

    return forward


def test_only_passes_with_gradients_are_compiled_and_training_begins_as_without() -> None:
    backbone, config = made("on")
    counter = CompileCounterWithBackend("eager")
    random = torch.get_rng_state()
    compile_for_training(backbone, config, CPU, backend=counter)
    assert counter.frame_count == 1
    assert torch.equal(torch.get_rng_state(), random)
    assert all(value.grad is None for value in backbone.parameters())
    assert backbone.checkpointing == config.model.checkpointing == "auto"
    for one, two in zip(step(backbone), step(made("off")[0]), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        backbone(X, LENGTHS)
    with torch.inference_mode():
        backbone(X, LENGTHS, chunk=4)
    assert counter.frame_count == 1


@pytest.mark.parametrize(
    ("backend", "cause"),
    [("unheard_of", "InvalidBackend: "), (fails_in_the_backward_pass, "OSError: No space left on device")],
    ids=["forward", "backward"],
)
def test_where_it_fails_training_goes_on_with_the_same_numbers(
    backend: Any, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    backbone, config = made("auto")
    random = torch.get_rng_state()
    try_to_compile(backbone, config, CPU, ALONE, required=False, backend=backend)
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith(f"training goes on without torch.compile, which does not work here: {cause}")
    assert torch.equal(torch.get_rng_state(), random)
    for one, two in zip(step(backbone), step(made("off")[0]), strict=True):
        assert torch.equal(one, two)


def test_a_broken_compiler_is_named_where_compiling_is_asked_for(tmp_path: Path) -> None:
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    backbone, config = made("on", model__variant="frozen")
    with (
        inductor.patch({"cpp.cxx": (None, str(compiler)), "force_disable_caches": True}),
        pytest.raises(SlaError, match=r"model\.compile = on, and the backbone cannot be compiled: .*compiler") as error,
    ):
        compile_for_training(backbone, config, CPU)
    assert "\n" not in error.value.message
    assert "--set model.compile=off" in error.value.hint
    assert torch.equal(backbone(X, LENGTHS), made("off", model__variant="frozen")[0](X, LENGTHS))


@pytest.mark.parametrize("setting", ["auto", "off"])
def test_on_a_cpu_nothing_is_compiled_unless_asked_for(setting: str, caplog: pytest.LogCaptureFixture) -> None:
    backbone, config = made(setting)
    compile_for_training(backbone, config, CPU, backend="unheard_of")
    assert not caplog.records
    for one, two in zip(step(backbone), step(made("off")[0]), strict=True):
        assert torch.equal(one, two)
