"""Each published layout of weights, made here from one model, is read back as that model."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from synthetic import tiny
from torch import Tensor, nn

from sla_cli.config.settings import Config
from sla_cli.errors import SlaError
from sla_cli.model.backbone import Backbone
from sla_cli.model.weights import read_weights

State = dict[str, Tensor]
SIZES = {"embed_dim": 32, "depth": 2, "num_heads": 2}
CLIP = {"model__backbone_args": {**SIZES, "patch_size": 16, "num_classes": 24}}
PLAIN = {**CLIP, "model__backbone": "vit_base_patch16_clip_224"}
SIGLIP = {"model__backbone": "vit_base_patch16_siglip_224", "model__backbone_args": SIZES}
EVA = {
    "model__backbone": "eva02_base_patch16_clip_224",
    "model__backbone_args": {"embed_dim": 48, "depth": 2, "num_heads": 2, "num_classes": 24},
}
TEXT = {
    "positional_embedding": torch.zeros(77, 16),
    "text_projection": torch.zeros(16, 24),
    "logit_scale": torch.zeros(()),
    "transformer.resblocks.0.ln_1.weight": torch.zeros(16),
}


def weights_of(config: Config) -> State:
    """Random weights in timm's names, other than those that a new model has; CLIP's projection has no bias."""
    torch.manual_seed(3)
    state = Backbone(config.model).vit.state_dict()
    made = {name: torch.randn_like(value) * 0.1 for name, value in state.items() if value.is_floating_point()}
    if "clip" in config.model.backbone:
        made["head.bias"] = torch.zeros_like(made["head.bias"])
    return made


OPENAI = [
    ("patch_embed.proj.", "conv1."),
    ("norm_pre.", "ln_pre."),
    ("norm.", "ln_post."),
    ("blocks.", "transformer.resblocks."),
    (".norm1.", ".ln_1."),
    (".norm2.", ".ln_2."),
    (".attn.qkv.", ".attn.in_proj_"),
    (".attn.proj.", ".attn.out_proj."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
]


def openai(state: State) -> State:
    """OpenAI's names, which open_clip has kept; with a text tower."""
    made = dict(TEXT)
    for name, value in state.items():
        if name == "head.bias":
            continue
        if name in ("head.weight", "cls_token", "pos_embed"):
            new = {"head.weight": "proj", "cls_token": "class_embedding", "pos_embed": "positional_embedding"}[name]
            value = value.T if name == "head.weight" else value[0, 0] if name == "cls_token" else value[0]
        else:
            new = name
            for ours, theirs in OPENAI:
                if not (ours == "norm." and "blocks" in new):
                    new = new.replace(ours, theirs)
        made[f"visual.{new}"] = value.contiguous()
    return made


HUGGING_FACE = [
    ("patch_embed.proj.", "embeddings.patch_embedding."),
    ("norm_pre.", "pre_layrnorm."),
    (".norm1.", ".layer_norm1."),
    (".norm2.", ".layer_norm2."),
    (".attn.proj.", ".self_attn.out_proj."),
    ("attn_pool.proj.", "head.attention.out_proj."),
    ("attn_pool.norm.", "head.layernorm."),
    ("attn_pool.mlp.", "head.mlp."),
    ("blocks.", "encoder.layers."),
]


def hugging_face(state: State) -> State:
    """CLIPModel's and SiglipModel's names; q, k and v apart; with a text tower and a buffer of positions."""
    made = {"logit_scale": torch.zeros(()), "text_model.encoder.layers.0.mlp.fc1.bias": torch.zeros(4)}
    for name, value in state.items():
        if name == "head.bias":
            continue
        if name == "head.weight":
            made["visual_projection.weight"] = value
        elif name == "cls_token":
            made["vision_model.embeddings.class_embedding"] = value[0, 0].contiguous()
        elif name == "pos_embed":
            made["vision_model.embeddings.position_embedding.weight"] = value[0].contiguous()
            made["vision_model.embeddings.position_ids"] = torch.arange(value.shape[1])[None]
        elif ".attn.qkv." in name:
            block, kind = name.split(".")[1], name.rpartition(".")[2]
            for part, third in zip("qkv", value.chunk(3), strict=True):
                made[f"vision_model.encoder.layers.{block}.self_attn.{part}_proj.{kind}"] = third.contiguous()
        elif name.startswith("attn_pool.q."):
            kind = name.rpartition(".")[2]
            made[f"vision_model.head.attention.in_proj_{kind}"] = torch.cat((value, state[f"attn_pool.kv.{kind}"]))
        elif name == "attn_pool.latent":
            made["vision_model.head.probe"] = value
        elif not name.startswith("attn_pool.kv."):
            new = "post_layernorm." + name.rpartition(".")[2] if name.startswith("norm.") else name
            for ours, theirs in HUGGING_FACE:
                new = new.replace(ours, theirs)
            made[f"vision_model.{new}"] = value
    return made


def vision_part(state: State) -> State:
    """CLIPVisionModelWithProjection as newer versions of transformers save it."""
    made = hugging_face(state)
    return {
        name.removeprefix("vision_model."): value
        for name, value in made.items()
        if name.startswith(("vision_model.", "visual_projection."))
    }


def wrapped(state: State) -> dict[str, Any]:
    """A training checkpoint of open_clip under DataParallel."""
    return {"epoch": 3, "name": "run", "state_dict": {f"module.{name}": value for name, value in openai(state).items()}}


def trunk(state: State) -> State:
    """open_clip around a timm model."""
    return {f"visual.trunk.{name}": value for name, value in state.items()} | {"logit_scale": torch.zeros(())}


def half(state: State) -> State:
    return {name: value.half() for name, value in openai(state).items()}


LAYOUTS: dict[str, tuple[dict[str, Any], Callable[[State], dict[str, Any]], str]] = {
    "timm": (CLIP, dict, "timm"),
    "timm, eva": (EVA, dict, "timm"),
    "openai": (CLIP, openai, "CLIP"),
    "openai, fp16": (CLIP, half, "CLIP"),
    "open_clip's checkpoint": (PLAIN, wrapped, "CLIP"),
    "open_clip around timm": (SIGLIP, trunk, "open_clip"),
    "open_clip around eva": (EVA, trunk, "open_clip"),
    "hugging face clip": (PLAIN, hugging_face, "Hugging Face CLIP"),
    "hugging face clip, the vision part": (PLAIN, vision_part, "Hugging Face CLIP"),
    "hugging face siglip": (SIGLIP, hugging_face, "Hugging Face CLIP"),
}


def loads(path: Path, values: dict[str, Any]) -> State:
    return Backbone(tiny(**values, model__weights=str(path)).model).vit.state_dict()


def same(found: State, expected: State) -> None:
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def rounded(state: State) -> State:
    """As fp16 keeps it."""
    return {name: value.half().float() for name, value in state.items()}


@pytest.mark.parametrize("kind", ["pt", "safetensors", "safetensors named pt"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_recognised_and_comes_back(tmp_path: Path, layout: str, kind: str) -> None:
    values, make, name = LAYOUTS[layout]
    state, path = weights_of(tiny(**values)), tmp_path / f"weights.{kind.split()[-1]}"
    content = make(state)
    if kind == "pt":
        torch.save(content, path)
    elif "state_dict" in content:
        pytest.skip("a checkpoint with more than tensors is not a safetensors file")
    else:
        save_file(content, path)
    assert read_weights(path).layout == name
    same(loads(path, values), rounded(state) if layout == "openai, fp16" else state)


class Archive(nn.Module):
    """Something that holds a state dict under given names and can be scripted."""

    def __init__(self, state: State) -> None:
        super().__init__()
        for name, value in state.items():
            parent: nn.Module = self
            *path, last = name.split(".")
            for part in path:
                if not hasattr(parent, part):
                    parent.add_module(part, nn.Module())
                parent = getattr(parent, part)
            parent.register_parameter(last, nn.Parameter(value))

    def forward(self) -> None:
        return None


def test_openais_torchscript_archive(tmp_path: Path) -> None:
    state, path = weights_of(tiny(**CLIP)), tmp_path / "ViT-B-16.pt"
    torch.jit.script(Archive(half(state))).save(str(path))
    assert read_weights(path).layout == "OpenAI CLIP"
    same(loads(path, CLIP), rounded(state))
    with pytest.raises(SlaError, match="QuickGELU") as caught:
        loads(path, PLAIN)
    assert "vit_base_patch16_clip_quickgelu_224" in caught.value.hint


class Armed(nn.Module):
    """TorchScript runs __setstate__ while it loads, and lets it write files."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path, self.training = state
        torch.save(torch.zeros(1), self.path)

    def forward(self) -> None:
        return None


@pytest.mark.parametrize("part", ["", "/code/", "/constants.pkl", "/data.pkl"])
def test_no_archive_runs_code(tmp_path: Path, part: str) -> None:
    """Whatever the case of the names of its parts, which PyTorch disregards."""
    written, saved, path = tmp_path / "written", tmp_path / "saved.pt", tmp_path / "armed.pt"
    torch.jit.script(Armed(str(written))).save(str(saved))
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name.upper() if part and part in name else name, old.read(name))
    torch.jit.load(str(saved))
    assert written.is_file()  # what is to be prevented
    written.unlink()
    with pytest.raises(SlaError, match=r"armed\.pt: cannot be read as weights"):
        read_weights(path)
    assert not written.exists()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_not_one_weight_may_be_missing(tmp_path: Path, layout: str) -> None:
    """Each of the image tower is left out once."""
    values, make, _ = LAYOUTS[layout]
    content, path = make(weights_of(tiny(**values))), tmp_path / "weights.pt"
    tensors = content.get("state_dict", content)
    bare = {name.removeprefix("module."): name for name in tensors}
    of_tower = [
        bare[name]
        for name in bare
        if name not in TEXT and not name.startswith(("text_model", "logit")) and not name.endswith("position_ids")
    ]
    for name in of_tower[:: max(1, len(of_tower) // 5)]:
        left = {other: value for other, value in tensors.items() if other != name}
        torch.save({**content, "state_dict": left} if "state_dict" in content else left, path)
        with pytest.raises(SlaError, match="weights"):
            loads(path, values)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_weight_of_the_image_tower_is_left_over(tmp_path: Path, layout: str) -> None:
    values, make, name = LAYOUTS[layout]
    content, path = make(weights_of(tiny(**values))), tmp_path / "weights.pt"
    tensors = content.get("state_dict", content)
    prefix = {"timm": "", "CLIP": "visual.", "open_clip": "visual.trunk.", "Hugging Face CLIP": "vision_model."}[name]
    if layout.endswith("the vision part"):
        prefix = ""
    tensors[("module." if "state_dict" in content else "") + prefix + "more.weight"] = torch.zeros(3)
    torch.save(content, path)
    with pytest.raises(SlaError, match=r"more\.weight"):
        loads(path, values)


def test_a_weight_of_another_size_is_named(tmp_path: Path) -> None:
    state, path = weights_of(tiny(**CLIP)), tmp_path / "weights.pt"
    name = next(name for name in state if name.endswith("fc1.weight"))
    torch.save(state | {name: torch.zeros(3, 4)}, path)
    with pytest.raises(SlaError, match=rf"cannot be read as weights of the backbone: size mismatch for {name}: "):
        loads(path, CLIP)


def test_another_size_has_its_positions_interpolated(tmp_path: Path) -> None:
    state = weights_of(tiny(**CLIP))
    for make in (dict, openai, hugging_face):
        path = tmp_path / "weights.pt"
        torch.save(make(state), path)
        found = loads(path, {**CLIP, "model__image_size": 64})
        assert found["pos_embed"].shape == (1, 1 + 16, 32)
        torch.testing.assert_close(found["pos_embed"][:, 0], state["pos_embed"][:, 0])
        grid, old = (
            part["pos_embed"][:, 1:].unflatten(1, (-1, side)).permute(0, 3, 1, 2)
            for part, side in ((found, 4), (state, 2))
        )
        expected = nn.functional.interpolate(old, (4, 4), mode="bicubic", antialias=True, align_corners=False)
        torch.testing.assert_close(grid, expected)


def test_a_clip_without_projection_is_told_how_to_be_used(tmp_path: Path) -> None:
    state, path = hugging_face(weights_of(tiny(**PLAIN))), tmp_path / "weights.pt"
    del state["visual_projection.weight"]
    torch.save(state, path)
    with pytest.raises(SlaError, match="head") as caught:
        loads(path, PLAIN)
    assert "a new run with --set 'model.backbone_args={num_classes = 0}'" in caught.value.hint
    bare = {**PLAIN, "model__backbone_args": {**PLAIN["model__backbone_args"], "num_classes": 0}}
    assert "norm.weight" in loads(path, bare)


def test_a_tensor_that_repeats_one_value_of_the_file_is_refused(tmp_path: Path) -> None:
    """A file of some bytes would become one of any size in memory."""
    torch.save({"weight": torch.zeros(1).expand(10**12)}, tmp_path / "large.pt")
    with pytest.raises(SlaError, match=r"large\.pt: .*a tensor whose values are not all in the file"):
        read_weights(tmp_path / "large.pt")


def test_an_archive_without_its_parts_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip/constants.pkl", b"")
    with pytest.raises(SlaError, match=r"weights\.pt: cannot be read as weights: it is damaged, or of another kind\n"):
        read_weights(path)
