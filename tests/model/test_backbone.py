from __future__ import annotations

import tarfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from deep_pickle import DEEP
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from synthetic import ADDING, FORMS, tiny
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sla_cli.config.settings import Config, ModelConfig
from sla_cli.errors import SlaError
from sla_cli.model.added import AddedModule, chosen_layers
from sla_cli.model.backbone import Backbone
from sla_cli.model.patches import whiten_patches
from sla_cli.model.temporal_shift import temporal_shift
from sla_cli.model.variants.adapter import TemporalAdapter
from sla_cli.model.variants.lora import LoraBranch, LoraQKV

SMALL = {"embed_dim": 32, "depth": 2, "num_heads": 2}
CLIP = {"model__backbone_args": {**SMALL, "patch_size": 16, "num_classes": 24}}
REGISTERS = {"model__backbone": "vit_small_patch14_reg4_dinov2", "model__backbone_args": SMALL, "model__image_size": 28}
NO_CLASS_TOKEN = {"model__backbone": "vit_base_patch16_siglip_224", "model__backbone_args": SMALL}
EVA = {"embed_dim": 48, "depth": 2, "num_heads": 2}
APART = "eva-02 clip, rotary, q k v apart"
BACKBONES = {
    "clip": CLIP,
    "registers": REGISTERS,
    "no class token": NO_CLASS_TOKEN,
    APART: {"model__backbone": "eva02_base_patch16_clip_224", "model__backbone_args": EVA},
    "eva-02, rotary, bias apart": {
        "model__backbone": "eva02_tiny_patch14_224",
        "model__backbone_args": EVA,
        "model__image_size": 28,
    },
    "rotary mixed by block": {"model__backbone": "vit_small_patch16_rope_mixed_224", "model__backbone_args": SMALL},
    "dinov3": {"model__backbone": "vit_small_patch16_dinov3", "model__backbone_args": SMALL},
}
VARIANTS = {
    "frozen": {"model__variant": "frozen"},
    "lora": {"model__variant": "lora", "lora__rank": 2},
    "lora everywhere": {"model__variant": "lora", "lora__rank": 2, "lora__targets": "q,k,v,proj,mlp"},
    "lora without shift on k": {"model__variant": "lora", "lora__targets": "k", "lora__shift": "off"},
    "adapter": {"model__variant": "adapter", "adapter__place": "both"},
    "adapter unnormed": {"model__variant": "adapter", "adapter__place": "both", "adapter__normed": False},
    "adapter before mlp": {"model__variant": "adapter", "adapter__place": "mlp"},
    "adapter before attention of the last": {"adapter__place": "attention", "model__layers": "last:1"},
    "plain adapter": {"adapter__temporal": "none", "adapter__width": 5, "adapter__activation": "relu"},
    **FORMS,
}
MAIN = ("frozen", "lora everywhere", "adapter")
# Every variant on CLIP's backbone, the main ones on every backbone, and LoRA's where its three matrices are apart.
PAIRS = [
    (kind, variant)
    for kind in BACKBONES
    for variant in VARIANTS
    if kind == "clip" or variant in MAIN or (kind == APART and "lora" in variant)
]
LENGTHS = torch.tensor([3, 1, 2])


def adapted(config: Config) -> Backbone:
    backbone = Backbone(config.model)
    backbone.adapt(config)
    return backbone


def bare(config: Config) -> nn.Module:
    """timm's own model, with the weights of ours."""
    model, extra = config.model, dict(config.model.backbone_args)
    if "clip" not in model.backbone:
        extra["num_classes"] = 0
    made = timm.create_model(model.backbone, img_size=model.image_size, **extra)
    made.load_state_dict(Backbone(model).vit.state_dict())
    return made.eval().requires_grad_(False)


def computing_all(backbone: Backbone) -> Backbone:
    """All outputs of the last block, as timm does, also those that nothing reads."""
    backbone.vit.blocks[-1].read = None
    return backbone


def pixels(config: Config) -> Tensor:
    return torch.randn(int(LENGTHS.sum()), 3, config.model.image_size, config.model.image_size)


def disturb(backbone: Backbone) -> None:
    """As if trained: initially zero weights are no longer zero."""
    for module in backbone.modules():
        if isinstance(module, TemporalAdapter):
            nn.init.normal_(module.up.weight)
            if module.temporal:
                nn.init.normal_(module.taps)
        elif isinstance(module, LoraBranch):
            nn.init.normal_(module.lora_B)


@pytest.mark.parametrize(("kind", "variant"), PAIRS)
def test_a_fresh_model_is_the_bare_backbone_to_the_bit(kind: str, variant: str) -> None:
    """In fp32 and bf16, evaluating and training; and once trained it is not."""
    config = tiny(**BACKBONES[kind], **VARIANTS[variant])
    ours, theirs, x = computing_all(adapted(config)), bare(config), pixels(config)
    for mixed in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            expected = theirs(x)
            assert torch.equal(ours.eval()(x, LENGTHS), expected)
            assert torch.equal(ours.train()(x, LENGTHS), expected)
    assert expected.shape == (len(x), ours.width)
    disturb(ours)
    assert torch.equal(ours(x, LENGTHS), theirs(x)) == (variant == "frozen")


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_fresh_model_whose_weights_are_bf16_is_the_bare_backbone_too(kind: str) -> None:
    for variant in ("lora everywhere", "adapter"):
        config = tiny(**BACKBONES[kind], **VARIANTS[variant])
        x = pixels(config).bfloat16()
        assert torch.equal(computing_all(adapted(config)).bfloat16()(x, LENGTHS), bare(config).bfloat16()(x))


@pytest.mark.parametrize(("kind", "variant"), PAIRS)
def test_outputs_that_nothing_reads_change_nothing(kind: str, variant: str) -> None:
    """Features and gradients are those of the whole last block, and a fresh model's features are timm's."""
    config = tiny(**BACKBONES[kind], **VARIANTS[variant])
    ours, x = adapted(config).double().train(), pixels(config).double()
    torch.testing.assert_close(ours(x, LENGTHS), bare(config).double()(x), rtol=1e-11, atol=1e-11)
    disturb(ours)
    trained = [value for value in ours.parameters() if value.requires_grad]
    found = []
    for model in (ours, computing_all(ours)):
        features = model(x, LENGTHS)
        slopes = torch.autograd.grad(features.square().sum(), trained, allow_unused=True) if trained else ()
        found.append((features, *slopes))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("variant", ["frozen", "adapter"])
@pytest.mark.parametrize("kind", BACKBONES)
def test_where_only_the_class_token_is_read_the_last_mlp_sees_no_patch(kind: str, variant: str) -> None:
    config = tiny(**BACKBONES[kind], **VARIANTS[variant])
    ours, seen = adapted(config), list[int]()
    for block in ours.vit.blocks:
        block.block.mlp.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    with torch.no_grad():
        ours(pixels(config), LENGTHS)
    tokens = ours.vit.patch_embed.num_patches + ours.vit.num_prefix_tokens
    pooled = kind in ("no class token", "eva-02, rotary, bias apart", "dinov3")
    assert seen == [tokens, tokens if pooled else ours.vit.num_prefix_tokens]


@pytest.mark.parametrize("targets", ["", "q,v"])
def test_queries_of_patches_are_not_computed_in_the_last_block(targets: str) -> None:
    values = {"model__variant": "lora", "lora__targets": targets} if targets else {"model__variant": "frozen"}
    config = tiny(**CLIP, **values)
    x, flops = pixels(config), []
    for model in (adapted(config), computing_all(adapted(config))):
        math = sdpa_kernel(SDPBackend.MATH)  # whose products are counted
        with FlopCounterMode(display=False) as counter, math, torch.no_grad():
            model(x, LENGTHS)
        flops.append(counter.get_total_flops())
    patches, width = (len(x) * 4, SMALL["embed_dim"])
    dense = patches * 2 * width**2 * (1 + 2 * 4)  # attention's projection, and the MLP, which is four times as wide
    queries = 0 if "q" in targets else patches * 2 * width**2  # LoRA's are a part of a larger product
    scores = patches * 5 * 4 * width  # of queries with keys, and of what they give with values
    assert flops[1] - flops[0] == dense + queries + scores


@pytest.mark.parametrize("patch", [(16, 8), (8, 16)])
def test_a_grid_of_patches_that_is_no_square(tmp_path: Path, patch: tuple[int, int]) -> None:
    """Of 2 x 4 patches and of 4 x 2: what changes with the second patch of the first row are its neighbours there."""
    args = {**SMALL, "patch_size": list(patch)}
    other = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=5, **args)
    save_file(other.state_dict(), tmp_path / "weights.safetensors")
    values = {"model__backbone": "vit_tiny_patch16_224", "model__weights": str(tmp_path / "weights.safetensors")}
    ours = adapted(tiny(**values, model__backbone_args=args, adapter__kernel=[1, 1, 3]))
    whiten_patches(ours.vit.patch_embed.proj)  # as with random weights
    disturb(ours)
    ours.borders.set(LENGTHS, torch.device("cpu"))
    adapter, tokens = ours.vit.blocks[0].before_attention, torch.randn(6, 1 + 8, 32)
    changed = tokens.clone()
    changed[0, 1 + 1] += 1
    differs = (adapter(changed) != adapter(tokens)).any(-1).nonzero().tolist()
    assert differs == [[0, 1 + column] for column in range(3) if column < 32 // patch[1]]


def test_settings_of_the_adapter_that_do_not_fit_each_other_are_refused() -> None:
    for values, message, hint in (
        ({"adapter__kernel": [3, 4, 3]}, r"adapter\.kernel = 4 is even", "odd"),
        ({"adapter__kernel": [3, 5, 3]}, r"\[3, 5, 3\] reaches beyond the 2 x 2 patches", "--image-size"),
        ({"adapter__kernel": [3, 3, 3], "adapter__temporal": "none"}, "which adapter.temporal = none", "kernel=3"),
        ({"adapter__start": "conv", "adapter__temporal": "none"}, "start = conv needs a convolution", "start=up"),
        ({"adapter__place": "after"}, "place = after", "adapter.normed=false"),
    ):
        with pytest.raises(SlaError, match=message) as caught:
            adapted(tiny(**CLIP, **values))
        assert hint in caught.value.hint


@pytest.mark.parametrize("kind", BACKBONES)
def test_shifted_keys_and_values_are_not_the_backbones(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    config = tiny(**BACKBONES[kind], model__variant="lora", lora__shift="kv", lora__share=0.25)
    with caplog.at_level("INFO", "sla"):
        ours = adapted(config).eval()
    assert "lora.shift=kv shifts channels in the frozen path" in caplog.text
    theirs, x = bare(config), pixels(config)
    found, plain = ours(x, LENGTHS), theirs(x)
    assert not (found == plain).all(-1).any()
    alone = ours(x[3:4], torch.tensor([1]))
    torch.testing.assert_close(found[3:4], alone)  # a clip of one frame reads zeros of both sides


def test_the_residual_shift_says_that_a_fresh_model_is_not_the_backbone(caplog: pytest.LogCaptureFixture) -> None:
    config = tiny(**CLIP, model__variant="lora", lora__shift="residual", model__layers="last:1")
    with caplog.at_level("INFO", "sla"):
        ours = adapted(config)
    assert "differs from its backbone" in caplog.text
    theirs, x = bare(config), pixels(config)
    assert not torch.allclose(ours(x, LENGTHS), theirs(x), atol=1e-3)
    shift = partial(temporal_shift, borders=ours.borders, share=config.lora.share)
    theirs.blocks[1].norm1.register_forward_hook(lambda module, inputs, output: shift(output))
    torch.testing.assert_close(ours(x, LENGTHS), theirs(x))


def test_adapters_before_the_last_mlp_are_said_to_learn_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for place, layers, kind, told in (
        ("mlp", "all", CLIP, True),
        ("both", "last:1", REGISTERS, True),
        ("attention", "all", CLIP, False),
        ("mlp", "0", CLIP, False),
        ("mlp", "all", NO_CLASS_TOKEN, False),
        ("after", "all", CLIP, True),
        ("after", "0", CLIP, False),
        ("after", "all", NO_CLASS_TOKEN, False),
    ):
        caplog.clear()
        normed = place != "after"
        with caplog.at_level("INFO", "sla"):
            ours = adapted(tiny(**kind, adapter__place=place, adapter__normed=normed, model__layers=layers))
        assert ("learns nothing" in caplog.text) == told
        disturb(ours)
        ours(pixels(tiny(**kind)), LENGTHS).square().sum().backward()
        dead = [name for name, value in ours.named_parameters() if value.grad is not None and not value.grad.any()]
        assert bool(dead) == told, dead


def test_lora_goes_where_it_is_asked_to() -> None:
    fused = {"q,v": {"attn.qkv"}, "proj": {"attn.proj"}, "mlp": {"mlp.fc1", "mlp.fc2"}}
    apart = {"q,v": {"attn.q_proj", "attn.v_proj"}, "mlp": {"mlp.fc1_g", "mlp.fc1_x", "mlp.fc2"}}
    for kind, places in (("clip", fused), ("eva-02 clip, rotary, q k v apart", apart)):
        for targets, expected in places.items():
            ours = adapted(tiny(**BACKBONES[kind], model__variant="lora", lora__targets=targets))
            found = {
                name for name, module in ours.vit.blocks[0].block.named_modules() if isinstance(module, LoraBranch)
            }
            assert found == expected


def test_a_kernel_that_looks_further_to_one_side_is_refused() -> None:
    with pytest.raises(SlaError, match=r"adapter\.kernel = 4 is even"):
        adapted(tiny(**CLIP, adapter__kernel=4))


@pytest.mark.parametrize(("kind", "variant"), [pair for pair in PAIRS if pair[0] in ("clip", APART)])
def test_any_chunking_gives_the_same_features(kind: str, variant: str) -> None:
    config = tiny(**BACKBONES[kind], **VARIANTS[variant])
    ours, lengths = adapted(config).double().eval(), torch.tensor([5, 1, 4])
    disturb(ours)
    x = torch.randn(10, 3, config.model.image_size, config.model.image_size, dtype=torch.double)
    with torch.inference_mode():
        whole = ours(x, lengths)
        for chunk in (1, 3, 7, 100):
            torch.testing.assert_close(ours(x, lengths, chunk), whole)


@pytest.mark.parametrize("share", [0.125, 0.5])
@pytest.mark.parametrize("shift", ["residual", "kv"])
def test_chunks_of_shifted_frames_reach_far_enough(shift: str, share: float) -> None:
    config = tiny(**CLIP, model__variant="lora", lora__shift=shift, lora__share=share)
    ours, lengths = adapted(config).double().eval(), torch.tensor([7])
    x = torch.randn(7, 3, 32, 32, dtype=torch.double)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x, lengths, 2), ours(x, lengths))


@pytest.fixture(scope="module")
def dinov2(shared: Path) -> Path:
    file = shared / "data" / "weights" / "vit_small_patch14_dinov2-img224.fp16.safetensors"
    if not file.is_file():
        pytest.skip(f"no weights at {file}")
    return file


@pytest.mark.parametrize("variant", ADDING)
def test_real_weights_fresh_and_resized(dinov2: Path, variant: str) -> None:
    name, size = "vit_small_patch14_dinov2", 56
    model = ModelConfig(variant, name, str(dinov2), size)
    ours = Backbone(model)
    ours.adapt(Config(model=model))
    theirs = timm.create_model(
        name, pretrained=True, pretrained_cfg_overlay={"file": str(dinov2)}, img_size=size, num_classes=0
    ).eval()
    x = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x, torch.tensor([2])), theirs(x))
        assert torch.equal(computing_all(ours)(x, torch.tensor([2])), theirs(x))
    stored = load_file(dinov2)["blocks.3.mlp.fc1.weight"].float()
    assert torch.equal(dict(theirs.named_parameters())["blocks.3.mlp.fc1.weight"], stored)
    assert ours.width == 384


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_variants_modules_are_trainable(variant: str) -> None:
    ours = adapted(tiny(**CLIP, **VARIANTS[variant]))
    trainable = {name.rpartition(".")[2] for name, value in ours.named_parameters() if value.requires_grad}
    injected = any(isinstance(module, AddedModule) for module in ours.modules())
    assert injected == bool(trainable) == (variant != "frozen")
    if variant == "lora":
        assert trainable == {"lora_A", "lora_B"}
    frozen = {id(value) for value in ours.parameters() if not value.requires_grad}
    assert len(frozen) == len(list(bare(tiny(**CLIP)).parameters()))


@pytest.mark.parametrize("variant", ADDING)
def test_no_gradient_for_frozen_weights_nor_below_the_first_adapted_block(variant: str) -> None:
    config = tiny(**CLIP, model__variant=variant, model__layers="last:1")
    ours, outputs = adapted(config).train(), list[Tensor]()
    disturb(ours)
    for block in ours.vit.blocks:
        block.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    ours(pixels(config), LENGTHS).sum().backward()
    assert [output.requires_grad for output in outputs[-2:]] == [False, True]  # before them memory was measured
    for name, value in ours.named_parameters():
        assert (value.grad is not None) == value.requires_grad, name
        assert not value.requires_grad or name.startswith("vit.blocks.1."), name


def test_train_mode_is_for_adapters_only() -> None:
    ours = adapted(tiny(**CLIP, model__variant="lora", lora__dropout=0.5)).train()
    training = {type(module) for module in ours.modules() if module.training}
    assert training == {LoraQKV, nn.Dropout}
    assert not any(module.training for module in ours.eval().modules())


def test_random_weights_are_the_same_each_time_and_leave_the_seed_alone() -> None:
    torch.manual_seed(7)
    one = Backbone(tiny(**CLIP).model)
    after = torch.rand(1)
    two = Backbone(tiny(**CLIP).model)
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name]), name
    torch.manual_seed(7)
    assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize("variant", ["lora everywhere", "adapter"])
@pytest.mark.parametrize("kind", BACKBONES)
def test_frozen_weights_held_in_half_precision_change_no_bit(kind: str, variant: str) -> None:
    """Of features and gradients; what is trained, norms and embeddings stay in float32."""
    config = tiny(**BACKBONES[kind], **VARIANTS[variant])
    model, x = adapted(config), pixels(config)
    disturb(model)
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    found = []
    for held in (torch.float32, torch.bfloat16):
        model.cast_frozen(held)
        with torch.autocast("cpu", torch.bfloat16):
            features = model(x, LENGTHS)
        slopes = torch.autograd.grad(features.float().sum(), list(trained.values())) if trained else ()
        found.append((features, *slopes))
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))
    frozen = [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert any(value.dtype == torch.bfloat16 for value in frozen)
    assert all(value.dtype == torch.float32 for value in trained.values())
    norms = [layer for layer in model.modules() if isinstance(layer, nn.LayerNorm)]
    assert norms and all(value.dtype == torch.float32 for layer in norms for value in layer.parameters())


def test_several_gpus_are_left_alone_where_the_model_is_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch would keep the state of all their generators, with a warning."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.random, "_fork_rng_warned_already", False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = adapted(tiny())
        assert model.bytes_per_frame(pixels(tiny())) > 0


def test_mean_and_std_are_the_backbones_own_or_half() -> None:
    assert Backbone(tiny(**CLIP).model).mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    assert Backbone(tiny(**REGISTERS).model).std == pytest.approx((0.229, 0.224, 0.225))
    half = Backbone(tiny(**CLIP, model__normalize="half").model)
    assert half.mean == half.std == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("name", "size", "mean", "interpolation"),
    [
        ("vit_base_patch32_clip_quickgelu_224.openai", 32, 0.48145466, "bicubic"),
        ("vit_base_patch16_clip_quickgelu_224.openai", 48, 0.48145466, "bicubic"),
        ("vit_large_patch14_clip_quickgelu_224.openai", 28, 0.48145466, "bicubic"),
        ("vit_base_patch16_siglip_224.webli", 32, 0.5, "bicubic"),
        ("eva02_base_patch14_224.mim_in22k", 28, 0.48145466, "bicubic"),
        ("vit_base_patch14_dinov2.lvd142m", 28, 0.485, "bicubic"),
        ("vit_tiny_patch16_224.augreg_in21k", 32, 0.5, "bicubic"),
        ("vit_tiny_patch16_384.augreg_in21k_ft_in1k", 32, 0.5, "bicubic"),
        ("deit_tiny_patch16_224.fb_in1k", 32, 0.485, "bicubic"),
    ],
)
def test_backbones_by_name_take_their_own_normalisation(name: str, size: int, mean: float, interpolation: str) -> None:
    """Made small; each in both variants, other input sizes than their own."""
    args = EVA if "eva" in name else SMALL
    for variant in ADDING:
        ours = adapted(
            tiny(model__backbone=name, model__backbone_args=args, model__image_size=size, model__variant=variant)
        )
        assert (ours.mean[0], ours.interpolation) == (pytest.approx(mean), interpolation)
        disturb(ours)
        ours(torch.randn(2, 3, size, size), torch.tensor([2])).square().sum().backward()
        assert all(value.grad is not None for value in ours.parameters() if value.requires_grad)


def test_a_classifier_is_no_feature() -> None:
    args = {**SMALL, "patch_size": 16}
    finetuned = tiny(model__backbone="vit_base_patch16_clip_224.openai_ft_in1k", model__backbone_args=args)
    assert Backbone(finetuned.model).width == 32
    clip = tiny(model__backbone="vit_base_patch16_clip_224.openai", model__backbone_args=args)
    assert Backbone(clip.model).width == 512


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("all", [0, 1, 2, 3]), ("last:1", [3]), ("last:4", [0, 1, 2, 3]), ("2", [2]), ("3,0, 3", [0, 3])],
)
def test_layers(text: str, numbers: list[int]) -> None:
    assert chosen_layers(text, 4) == numbers


@pytest.mark.parametrize("text", ["last:0", "last:5", "4", "0,4"])
def test_layers_that_do_not_exist(text: str) -> None:
    with pytest.raises(SlaError, match="layers") as caught:
        chosen_layers(text, 4)
    assert "last:K" in caught.value.hint


def test_weights_from_a_file_whatever_its_classifier(tmp_path: Path) -> None:
    config = tiny(model__backbone="vit_tiny_patch16_224", model__backbone_args=SMALL)
    other = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=5, **SMALL)
    for name, write in (("a.safetensors", save_file), ("a.pt", torch.save)):
        write(other.state_dict(), tmp_path / name)
        loaded = Backbone(tiny_with(config, tmp_path / name))
        for key, value in loaded.vit.state_dict().items():
            assert torch.equal(value, other.state_dict()[key])


def tiny_with(config: Config, file: Path) -> ModelConfig:
    return ModelConfig(**{**vars(config.model), "weights": str(file)})


def wrong_files(folder: Path) -> dict[str, Path]:
    """Files that are not weights of the tiny backbone."""
    state = Backbone(tiny(**CLIP).model).vit.state_dict()
    contents: dict[str, Any] = {
        "foreign.pt": {"fc.weight": torch.zeros(3)},
        "short.pt": {name: value for name, value in state.items() if name != "blocks.1.mlp.fc2.bias"},
        "long.pt": {**state, "blocks.2.norm1.weight": torch.zeros(32)},
        "wide.pt": {**state, "norm.weight": torch.zeros(33)},
        "uneven.pt": {
            "embeddings.patch_embedding.weight": torch.zeros(2),
            "text_model.large": torch.zeros(10**5),
            **{f"encoder.layers.0.self_attn.{part}_proj.weight": torch.zeros(2, len(part)) for part in "qv"},
            "encoder.layers.0.self_attn.k_proj.weight": torch.zeros(2, 3),
        },
        "list.pt": [1, 2],
        "tensor.pt": torch.zeros(3),
        "repeated.pt": {**state, "pos_embed": torch.zeros(1).expand(1, 10**9, 32)},
        "code.pt": {"a": Path("a pickle that is more than tensors")},
    }
    for name, content in contents.items():
        torch.save(content, folder / name)
    save_file({"fc.weight": torch.zeros(3)}, folder / "foreign.safetensors")
    (folder / "empty.pt").touch()
    (folder / "empty.safetensors").touch()
    (folder / "text.pt").write_text("no weights here")
    (folder / "text.safetensors").write_text("no weights here")
    with tarfile.open(folder / "tar.pt", "w") as archive:  # the format of PyTorch's first versions
        for part in ("storages", "tensors", "pickle"):
            archive.addfile(tarfile.TarInfo(part))
    (folder / "deep.pt").write_bytes(DEEP)
    (folder / "cut.pt").write_bytes((folder / "short.pt").read_bytes()[:2000])
    return {path.name: path for path in folder.iterdir()}


def test_wrong_weights_are_refused_and_named(tmp_path: Path) -> None:
    config = tiny(**CLIP)
    for name, path in wrong_files(tmp_path).items():
        with pytest.raises(SlaError) as caught:
            Backbone(tiny_with(config, path))
        assert name in caught.value.message, name
        assert "--weights" in caught.value.hint, name
        assert "\n" not in caught.value.message
        assert "weights_only" not in caught.value.message, name  # PyTorch's advice to run what a pickle holds


def test_missing_weights_name_the_flag(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(SlaError, match="no such weights file") as caught:
            Backbone(tiny_with(tiny(**CLIP), path))
        assert "--weights" in caught.value.hint
        assert "To resume a run, put the file there again." in caught.value.hint  # --resume takes no --weights
    with pytest.raises(SlaError, match=r"no weights of the backbone .* are given") as caught:
        Backbone(tiny(**{**CLIP, "model__weights": ""}).model)
    assert "--weights" in caught.value.hint and "use a model that has them" in caught.value.hint, "as in sla annotate"


def test_an_unreachable_hub_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # the variables are read when the package is imported
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    name = "vit_tiny_patch16_224.augreg_in21k"
    with pytest.raises(SlaError, match=f"the weights of {name} cannot be downloaded") as caught:
        Backbone(ModelConfig(backbone=name))
    assert "--weights FILE" in caught.value.hint
    assert "--preset tiny" in caught.value.hint
    assert "Connect" in caught.value.hint, "sla train --resume takes no --weights"


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        (
            {"model__backbone": "vit_base_patch16_clip_quikgelu_224"},
            "no model",
            "'vit_base_patch16_clip_quickgelu_224'",
        ),
        ({"model__backbone": "zzz"}, "no model", "more"),
        ({"model__backbone": "../../x"}, "no model '../../x'", "more"),
        ({"model__backbone": "vit_base_patch16_clip_quickgelu_224.mine"}, "mine", "ViT"),
        ({"model__backbone": "resnet18", "model__backbone_args": {}}, "resnet18 at 32 px: it takes no size", "ViT"),
        ({"model__backbone": "beit_base_patch16_224", "model__backbone_args": {}}, "it is no ViT of the usual", "ViT"),
        (
            {"model__backbone": "eva02_tiny_patch14_224", "model__backbone_args": {"fc_norm": True}},
            "it takes no fc_norm",
            "backbone_args",
        ),
        ({"model__backbone": "vit_base_patch16_rpn_224", "model__backbone_args": SMALL}, "standard blocks", "vit_"),
        ({"model__backbone": "vit_small_patch16_18x2_224", "model__backbone_args": SMALL}, "standard blocks", "vit_"),
        ({"model__image_size": 33}, "image size 33", "--image-size 32"),
        ({"model__image_size": 4}, "image size 4", "--image-size 16"),
        ({"model__backbone_args": {"embed_dim": 33, "num_heads": 2}}, "num_heads", "backbone_args"),
        (
            {"model__backbone": "vit_small_patch16_dinov3", "model__backbone_args": {"embed_dim": 8, "depth": 1}},
            "vit_small_patch16_dinov3 at 32 px: The size of tensor",
            "backbone_args",
        ),
        ({"model__backbone_args": {"global_pool": ""}}, "global_pool is ''", "Known: avg, avgmax"),
        ({"model__backbone_args": {"mlp_ratio": 1e9}}, "mlp_ratio is 1000000000.0", "a number above 0 to 1000"),
        ({"model__backbone_args": {"embed_dmi": 32}}, "embed_dmi", "embed_dim"),
        ({"model__backbone_args": {"checkpoint_path": "/etc/passwd"}}, "checkpoint_path", "embed_dim"),
        ({"model__backbone_args": {"pretrained_cfg": {"file": "x"}}}, "pretrained_cfg", "embed_dim"),
        ({"model__backbone_args": {"depth": 1_000_000}}, "depth is 1000000", "from 1 to 1000"),
        ({"model__backbone_args": {"depth": 13}}, "parameters, not 86,193,152", "depth or embed_dim"),
        ({"model__image_size": 4096}, "image size 4096 gives 65,536 patches", "smaller"),
    ],
)
def test_backbones_that_cannot_be_made(values: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(SlaError) as caught:
        Backbone(tiny(**values).model)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert len(str(caught.value)) < 1000


def test_a_patch_embedding_of_one_channel_is_whitened() -> None:
    args = {"embed_dim": 1, "depth": 1, "num_heads": 1, "patch_size": 16, "num_classes": 0}
    assert Backbone(tiny(model__backbone_args=args).model).width == 1


@pytest.mark.parametrize("kind", BACKBONES)
def test_attention_goes_through_pytorchs_fused_kernels(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, fused = [], torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional,
        "scaled_dot_product_attention",
        lambda *inputs, **options: calls.append(1) or fused(*inputs, **options),
    )
    config = tiny(**BACKBONES[kind])
    adapted(config)(pixels(config), LENGTHS)
    assert len(calls) >= 2
