"""Backbone weights from published files, in timm's names. No code in the files is executed.

OpenAI's TorchScript archives, OpenAI's and open_clip's state dicts, Hugging Face's CLIP and SigLIP, timm's own.
Of models with text, the image tower is taken.
"""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sla_cli.errors import SlaError, some

HINT = (
    "--weights takes state dicts of timm, OpenAI, open_clip and Hugging Face CLIP (.safetensors or .pt), "
    "and OpenAI's TorchScript archives."
)

# What PyTorch, safetensors and timm raise on files that are damaged or something else, found by trying them.
UNREADABLE = (
    *(AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(SafetensorError, pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True)
class Weights:
    """A file's image tower.

    Attributes:
        layout: recognised kind of file.
        tensors: by names that timm reads; it converts some itself (open_clip's, DINOv2's).
        archive: whether it is a TorchScript archive, as OpenAI publishes.
    """

    layout: str
    tensors: dict[str, Tensor]
    archive: bool = False


def read_weights(path: Path) -> Weights:
    """Recognise a file and read it.

    Raises:
        SlaError: not weights, or weights of the image tower that are not understood.
    """
    try:
        archive = _is_torchscript(path)
        content = _content(path, archive)
        tensors = _tensors(content)
    except UNREADABLE as error:
        raise SlaError(f"{path}: cannot be read as weights: {first_line(error)}", HINT) from error
    if "embeddings.patch_embedding.weight" in tensors:  # the vision part alone
        tensors = {
            name if name.startswith("visual_projection.") else f"vision_model.{name}": value
            for name, value in tensors.items()
        }
    if "vision_model.embeddings.patch_embedding.weight" in tensors:
        return Weights("Hugging Face CLIP", _from_hugging_face(tensors, path))
    if "visual.class_embedding" in tensors:
        return Weights("OpenAI CLIP" if archive else "CLIP", tensors, archive)
    if any(name.startswith("visual.trunk.") for name in tensors):
        return Weights("open_clip", tensors)
    return Weights("timm", tensors)


def first_line(error: BaseException) -> str:
    """An exception in one sentence, without PyTorch's advice to run the code of a pickle."""
    if isinstance(error, pickle.UnpicklingError):
        return "it is no state dict, or holds more than tensors, which might be code and is not loaded"
    text = str(error).strip().splitlines()
    return text[0] if text and not isinstance(error, LookupError) else type(error).__name__


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _content(path: Path, archive: bool) -> object:
    if archive:
        _check_code(path)
        return torch.jit.load(str(path), map_location="cpu").state_dict()
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_code(path: Path) -> None:
    """Refuse archives with __setstate__, which runs on loading and may write files; CLIP's have none."""
    with zipfile.ZipFile(path) as archive:
        if any(b"__setstate__" in archive.read(part) for part in archive.infolist() if part.filename.endswith(".py")):
            raise ValueError("it is a TorchScript archive that runs code as it is loaded")


def _tensors(content: object) -> dict[str, Tensor]:
    """The state dict in a training checkpoint, without the prefix of a parallel wrapper."""
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError("it is no state dict")
    names = [str(name) for name in content]
    wrapped = all(name.startswith("module.") for name in names)
    return {name.removeprefix("module.") if wrapped else name: content[name] for name in names}


_OF_TEXT = re.compile(r"text_model\.|text_projection\.|logit_(scale|bias)$|.*\.position_ids$")
_TOWER = {
    "vision_model.embeddings.patch_embedding.": "patch_embed.proj.",
    "vision_model.pre_layrnorm.": "norm_pre.",  # as misspelt there
    "vision_model.post_layernorm.": "norm.",
    "vision_model.head.attention.out_proj.": "attn_pool.proj.",
    "vision_model.head.layernorm.": "attn_pool.norm.",
    "vision_model.head.mlp.": "attn_pool.mlp.",
    "visual_projection.": "head.",
}
_LAYER = {
    "layer_norm1.": "norm1.",
    "layer_norm2.": "norm2.",
    "self_attn.out_proj.": "attn.proj.",
    "mlp.fc1.": "mlp.fc1.",
    "mlp.fc2.": "mlp.fc2.",
}


def _from_hugging_face(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Hugging Face's CLIPModel, SiglipModel or their vision parts in timm's names."""
    left = {name: value for name, value in tensors.items() if not _OF_TEXT.match(name)}
    made = {}
    position = left.pop("vision_model.embeddings.position_embedding.weight", None)
    if position is not None:
        made["pos_embed"] = position[None]
    if (token := left.pop("vision_model.embeddings.class_embedding", None)) is not None:
        made["cls_token"] = token.view(1, 1, -1)
    if (probe := left.pop("vision_model.head.probe", None)) is not None:
        made["attn_pool.latent"] = probe
    for kind in ("weight", "bias"):
        if (fused := left.pop(f"vision_model.head.attention.in_proj_{kind}", None)) is not None:
            width = len(fused) // 3
            made[f"attn_pool.q.{kind}"], made[f"attn_pool.kv.{kind}"] = fused[:width], fused[width:]
    for prefix in sorted(
        {match[0] for name in left if (match := re.match(r"vision_model\.encoder\.layers\.\d+\.", name))}
    ):
        block = f"blocks.{prefix.split('.')[3]}."
        for kind in ("weight", "bias"):
            names = [f"{prefix}self_attn.{part}_proj.{kind}" for part in "qkv"]
            if all(name in left for name in names):
                made[f"{block}attn.qkv.{kind}"] = torch.cat([left.pop(name) for name in names])
        made |= _renamed(left, {prefix + old: block + new for old, new in _LAYER.items()})
    made |= _renamed(left, _TOWER)
    if "head.weight" in made:
        made["head.bias"] = torch.zeros(len(made["head.weight"]))  # timm's has one, CLIP's projection does not
    if left:
        raise SlaError(f"{path} has weights of the image tower that are not understood: {some(left, 3)}", HINT)
    return made


def _renamed(left: dict[str, Tensor], prefixes: dict[str, str]) -> dict[str, Tensor]:
    """Take the tensors out whose name begins with one of the prefixes, and give them the new prefix."""
    made = {}
    for old, new in prefixes.items():
        for name in [name for name in left if name.startswith(old)]:
            made[new + name.removeprefix(old)] = left.pop(name)
    return made
