"""If the compiler does not work, the blocks compute as without it. test_blocks.py tests compiled blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from synthetic import tiny
from torch import Tensor

from sla_cli.config.settings import Config
from sla_cli.errors import SlaError
from sla_cli.model.backbone import Backbone
from sla_cli.model.compiling import compile_for_training, try_to_compile
from sla_cli.model.device import place
from sla_cli.model.distributed import ALONE

CPU = place("cpu", "fp32")
ONE_BLOCK = {"embed_dim": 32, "depth": 1, "num_heads": 2, "patch_size": 16, "num_classes": 24}
X, LENGTHS = torch.randn(10, 3, 32, 32), torch.tensor([7, 3])


def made(setting: str) -> tuple[Backbone, Config]:
    config = tiny(model__compile=setting, model__backbone_args=ONE_BLOCK, adapter__place="attention")
    torch.manual_seed(1)
    backbone = Backbone(config.model)
    backbone.adapt(config)
    return backbone.train(), config


def step(backbone: Backbone) -> list[Tensor]:
    features = backbone(X, LENGTHS)
    trained = [value for value in backbone.parameters() if value.requires_grad]
    return [features, *torch.autograd.grad((features**2).sum(), trained)]


def fails_in_the_backward_pass(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
    """A back end that compiles the backward pass only when it is called, and then fails."""

    def fail(slope: Tensor) -> Tensor:
        raise OSError("No space left on device")

    def forward(*values: Any) -> Any:
        outputs = graph(*values)
        outputs[0].register_hook(fail)
        return outputs

    return forward


@pytest.mark.parametrize(
    ("backend", "cause"),
    [("unheard_of", "InvalidBackend: "), (fails_in_the_backward_pass, "OSError: No space left on device")],
    ids=["forward", "backward"],
)
def test_with_auto_training_continues_with_the_same_numbers_if_it_fails(
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


def test_with_on_training_is_refused_if_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's own compiler; it fails before it compiles anything, because its cache folder cannot be created."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    backbone, config = made("on")
    with pytest.raises(SlaError) as refused:
        compile_for_training(backbone, config, CPU)
    message = "model.compile = on, and the backbone cannot be compiled: NotADirectoryError: "
    assert refused.value.message.startswith(message) and "\n" not in refused.value.message
    assert "--set model.compile=off" in refused.value.hint
    for one, two in zip(step(backbone), step(made("off")[0]), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("setting", ["auto", "off"])
def test_on_a_cpu_only_on_compiles(setting: str, caplog: pytest.LogCaptureFixture) -> None:
    backbone, config = made(setting)
    compile_for_training(backbone, config, CPU, backend="unheard_of")
    assert not caplog.records
    for one, two in zip(step(backbone), step(made("off")[0]), strict=True):
        assert torch.equal(one, two)
