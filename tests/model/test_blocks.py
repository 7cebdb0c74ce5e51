"""Results do not depend on how much of the forward pass is stored, and whether it is compiled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from synthetic import FORMS, tiny
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend

from sla_cli.config.settings import Config
from sla_cli.errors import SlaError
from sla_cli.model import backbone as backbone_module
from sla_cli.model.backbone import Backbone
from sla_cli.model.blocks import compile_blocks
from sla_cli.model.checkpointing import SHARE_OF_MEMORY, bytes_kept, free_memory
from sla_cli.model.compiling import compile_for_training
from sla_cli.model.device import place
from sla_cli.model.variants.adapter import TemporalAdapter
from sla_cli.model.variants.lora import LoraBranch

LENGTHS = torch.tensor([5, 1, 4])
CLIP = {"model__backbone_args": {"embed_dim": 32, "depth": 3, "num_heads": 2, "patch_size": 16, "num_classes": 24}}
EVA = {
    "model__backbone": "eva02_base_patch16_clip_224",
    "model__backbone_args": {"embed_dim": 48, "depth": 3, "num_heads": 2},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "adapter": {"model__variant": "adapter", "adapter__place": "attention"},
    "lora": {"model__variant": "lora", "lora__targets": "q,v,proj,mlp", "lora__dropout": 0.3},
    "residual": {"model__variant": "lora", "lora__shift": "residual"},
    "kv": {"model__variant": "lora", "lora__shift": "kv"},
    "st-adapter": FORMS["st-adapter"] | {"adapter__place": "attention"},
    "lvm-stem": FORMS["lvm-stem"] | {"model__layers": "0,1"},
    "last": {"model__layers": "last:1", "adapter__place": "attention"},
}


def trained(config: Config) -> Backbone:
    torch.manual_seed(1)
    backbone = Backbone(config.model)
    backbone.adapt(config)
    for module in backbone.modules():
        if isinstance(module, TemporalAdapter):
            nn.init.normal_(module.up.weight, std=0.1)
            nn.init.normal_(module.taps, std=0.1)
        elif isinstance(module, LoraBranch):
            nn.init.normal_(module.lora_B, std=0.1)
    return backbone.train()


def step(backbone: Backbone, x: Tensor, lengths: Tensor) -> list[Tensor]:
    """Features, then gradients of all that is trained."""
    torch.manual_seed(2)
    features = backbone(x, lengths)
    trained = [value for value in backbone.parameters() if value.requires_grad]
    return [features, *torch.autograd.grad((features**2).sum(), trained)]


# Every variant on CLIP's backbone, and where blocks take rotary positions those that compute attention differently.
CHECKPOINTED = [(CLIP, variant) for variant in VARIANTS] + [(EVA, variant) for variant in ("adapter", "lora", "kv")]


@pytest.mark.parametrize(("kind", "variant"), CHECKPOINTED)
def test_checkpointing_changes_no_bit(kind: dict[str, Any], variant: str) -> None:
    """Of all blocks or of some, in fp32 and bf16."""
    config, x = tiny(**kind, **VARIANTS[variant]), torch.randn(10, 3, 32, 32)
    off, *others = (
        trained(replace(config, model=replace(config.model, checkpointing=way))) for way in ("off", "on", "1")
    )
    for mixed in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            expected = step(off, x, LENGTHS)
            for model in others:
                for one, two in zip(expected, step(model, x, LENGTHS), strict=True):
                    assert torch.equal(one, two)
                    assert one.any()


def test_checkpointing_keeps_less_and_only_where_there_is_a_gradient() -> None:
    x = torch.randn(10, 3, 32, 32)
    kept = {}
    for way in ("off", "on"):
        for layers in ("all", "last:1"):
            model = trained(tiny(**CLIP, model__checkpointing=way, model__layers=layers))
            kept[way, layers] = bytes_kept(model, lambda model=model: model(x, LENGTHS))
    assert kept["on", "all"] < 0.4 * kept["off", "all"]
    assert kept["off", "last:1"] < 0.4 * kept["off", "all"]
    assert kept["on", "last:1"] < kept["off", "last:1"]


def test_a_batch_that_comes_in_between_changes_nothing() -> None:
    """Activations are computed again with the clips of their own batch, whatever came after it."""
    model, x = trained(tiny(**CLIP, model__checkpointing="on")), torch.randn(10, 3, 32, 32)
    trained_values = [value for value in model.parameters() if value.requires_grad]
    expected = step(model, x, LENGTHS)[1:]
    features = model(x, LENGTHS)
    model(x, torch.tensor([10]))
    for one, two in zip(torch.autograd.grad((features**2).sum(), trained_values), expected, strict=True):
        assert torch.equal(one, two)


def test_auto_checkpoints_where_memory_would_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = trained(tiny(**CLIP, **VARIANTS["adapter"])), torch.randn(10, 3, 32, 32)
    assert model.checkpointing == "auto"
    need = bytes_kept(model, lambda: model(x, LENGTHS))
    found = {}
    for share in (10, 1.4, 0.1):
        monkeypatch.setattr(backbone_module, "free_memory", lambda device, free=share * need: free)
        kept = bytes_kept(model, lambda: model(x, LENGTHS))
        found[share] = [block.checkpointing for block in model.vit.blocks]
        assert kept <= 1.02 * SHARE_OF_MEMORY * share * need or all(found[share])
    assert found == {10: [False] * 3, 1.4: [True, False, False], 0.1: [True] * 3}


def test_a_number_of_blocks_is_checkpointed_from_the_first_that_keeps_something() -> None:
    x = torch.randn(10, 3, 32, 32)
    kept = []
    for count in ("off", "1", "2", "9"):
        model = trained(tiny(**CLIP, **VARIANTS["adapter"], model__layers="1,2", model__checkpointing=count))
        kept.append(bytes_kept(model, lambda model=model: model(x, LENGTHS)))
        checkpointed = [block.checkpointing for block in model.vit.blocks]
        assert (
            checkpointed == [False, *(number < min(2, int(count)) for number in range(2))] if count != "off" else True
        )
    assert kept[0] > kept[1] > kept[2] == kept[3]
    with pytest.raises(SlaError, match=r"model\.checkpointing is 'some'\nIt must be auto, on, off, or a number"):
        tiny(model__checkpointing="some")


def test_the_need_of_a_frame_is_that_of_many_divided() -> None:
    x = torch.randn(10, 3, 32, 32)
    for variant in VARIANTS.values():
        model = trained(tiny(**CLIP, **variant, model__checkpointing="off"))
        torch.manual_seed(5)
        whole = bytes_kept(model, lambda model=model: model(x, LENGTHS))
        once = bytes_kept(model, lambda model=model: model(x[:1], LENGTHS[1:2]))
        assert 9 * model.bytes_per_frame(x) == pytest.approx(whole - once, rel=0.01)
        expected = torch.rand(1)
        torch.manual_seed(5)
        assert torch.equal(torch.rand(1), expected), "measuring takes no random numbers"


def test_there_is_memory() -> None:
    assert 1 << 20 < free_memory(torch.device("cpu")) <= 1 << 62


COMPILED = [
    pytest.param(VARIANTS["adapter"], "aot_eager", id="adapter"),  # traces the backward pass too
    pytest.param({"model__variant": "lora"}, "eager", id="lora"),
    pytest.param({**VARIANTS["adapter"], **FORMS["3 x 3 x 3"], **FORMS["norms"]}, "eager", id="3 x 3 x 3"),
]


@pytest.mark.ci
@pytest.mark.parametrize(("variant", "backend"), COMPILED)
def test_compiled_is_as_not_compiled(variant: dict[str, Any], backend: str) -> None:
    """With the compiler's front end alone; what a back end rounds is its own.

    No batch is compiled again, nor is the code that measures the memory of a batch. No pass without gradients is
    compiled. Training starts in the same state as without.
    """
    args = {**CLIP["model__backbone_args"], "depth": 1}
    config = tiny(model__backbone_args=args, **variant, model__compile="on")
    plain, compiled = trained(config), trained(config)
    counter = CompileCounterWithBackend(backend)
    random = torch.get_rng_state()
    compile_for_training(compiled, config, place("cpu", "fp32"), backend=counter)
    made = [counter.frame_count]
    assert torch.equal(torch.get_rng_state(), random)
    assert all(value.grad is None for value in compiled.parameters())
    assert compiled.checkpointing == config.model.checkpointing == "auto"
    for lengths in (LENGTHS, torch.tensor([3, 3]), torch.tensor([8])):
        x = torch.randn(int(lengths.sum()), 3, 32, 32)
        expected = step(plain, x, lengths)
        for compiled.checkpointing in ("auto", "on"):
            for one, two in zip(step(compiled, x, lengths), expected, strict=True):
                torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
            made.append(counter.frame_count)
        with torch.no_grad():
            compiled(x, lengths)
        with torch.inference_mode():
            compiled(x, lengths, chunk=4)
    made.append(counter.frame_count)
    assert made[0] > 0
    assert set(made) == {made[0]}


def test_as_many_blocks_are_compiled_as_there_are() -> None:
    """PyTorch gives up on a function after 8 compilations, and all blocks are one function."""
    before = torch._dynamo.config.cache_size_limit
    try:
        compile_blocks([trained(tiny(**CLIP)).vit.blocks[0]] * 24, backend="eager")
        assert torch._dynamo.config.cache_size_limit >= 24
    finally:
        torch._dynamo.config.cache_size_limit = before
