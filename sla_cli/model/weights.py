"""Backbone weights from published files, in timm's names. No code in the files is executed.

OpenAI's TorchScript archives, OpenAI's and open_clip's state dicts, Hugging Face's CLIP and SigLIP, timm's own, and
models that `sla export` wrote.
Of models with a text part, only the image tower is used.
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

from sla_cli.errors import SlaError, reading, some
from sla_cli.model.torch_file import load_torch_file
from sla_cli.model.torchscript import is_torchscript, read_torchscript
from sla_cli.system.regular_file import open_regular

HINT = (
    "--weights takes state dicts of timm, OpenAI, open_clip and Hugging Face CLIP (.safetensors or .pt), "
    "OpenAI's TorchScript archives, and the model.safetensors of `sla export`."
)

BACKBONE = "backbone"  # part of a model that `sla export` wrote: begins the names of its weights
OPENAI = "OpenAI CLIP"  # layout of the TorchScript archives that OpenAI publishes

# Exceptions of PyTorch, safetensors and timm for damaged or unsuitable files, found by experiment.
UNREADABLE = (
    *(AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(SafetensorError, pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error),
)

UNKNOWN_ARGUMENT = re.compile(r"unexpected keyword argument '(\w+)'")  # of a model of timm
OF_NO_VIT = {"img_size": "it takes no size", "dynamic_img_size": "it is no ViT of the usual kind"}


@dataclass(frozen=True)
class Weights:
    """A file's image tower.

    Attributes:
        layout: recognised kind of file.
        tensors: by names that timm can read; it converts some itself (open_clip's, DINOv2's).
    """

    layout: str
    tensors: dict[str, Tensor]


def read_weights(path: Path) -> Weights:
    """Recognise a file and read it.

    Raises:
        SlaError: it cannot be read, is not weights, or has unknown weights in the image tower.
    """
    with reading(path), open_regular(path):  # what cannot be read is not damaged
        pass
    try:
        archive = is_torchscript(path)
        if archive:
            tensors = _tensors(read_torchscript(path))
        elif _is_safetensors(path):
            tensors = _tensors(load_file(path))
        else:
            with path.open("rb") as file:
                tensors = _tensors(load_torch_file(file))
        patches = "embeddings.patch_embedding.weight"
        if patches in tensors or f"vision_model.{patches}" in tensors:
            return Weights("Hugging Face CLIP", _from_hugging_face(tensors, path))
    except UNREADABLE as error:
        raise SlaError(f"{path}: cannot be read as weights: {first_line(error)}", HINT) from error
    if "visual.class_embedding" in tensors:
        return Weights(OPENAI if archive else "CLIP", tensors)
    if own := {name: value for name, value in tensors.items() if name.startswith(f"{BACKBONE}.")}:
        return Weights("sla", {name.removeprefix(f"{BACKBONE}."): value for name, value in own.items()})
    if any(name.startswith("visual.trunk.") for name in tensors):
        return Weights("open_clip", tensors)
    return Weights("timm", tensors)


def first_line(error: BaseException) -> str:
    """An exception in one sentence, without PyTorch's advice to run the code of a pickle."""
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error):
        return "it is not a state dict, or contains objects other than tensors, which could be code and are not loaded"
    if odd := UNKNOWN_ARGUMENT.search(str(error)):
        return OF_NO_VIT.get(odd[1], f"it takes no {odd[1]}")
    lines = [line.strip() for line in str(error).splitlines() if not line.startswith("Error(s) in loading")]
    text = next(filter(None, lines), "")
    return text if text and not isinstance(error, LookupError) else "it is damaged, or of another kind"


def _is_safetensors(path: Path) -> bool:
    """Whatever its name: a file begins with the length of its header, which is a JSON object."""
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size


def _tensors(content: object) -> dict[str, Tensor]:
    """The state dict in a training checkpoint, without the prefix of a parallel wrapper."""
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError("it is not a state dict")
    if any(value.numel() * value.element_size() > value.untyped_storage().nbytes() for value in content.values()):
        raise ValueError("it has a tensor whose values are not all in the file")
    names = [str(name) for name in content]
    wrapped = all(name.startswith("module.") for name in names)
    return {name.removeprefix("module.") if wrapped else name: content[name] for name in names}


_OF_TEXT = re.compile(r"text_model\.|text_projection\.|logit_(scale|bias)$|.*\.position_ids$")
# Prefixes of Hugging Face's names in the vision part, and timm's prefixes for them; q, k and v are joined below.
_LAYER = r"encoder\.layers\.(\d+)\."
_HUGGING_FACE = {
    r"embeddings\.patch_embedding\.": "patch_embed.proj.",
    r"embeddings\.position_embedding\.weight$": "pos_embed",
    r"embeddings\.class_embedding$": "cls_token",
    r"pre_layrnorm\.": "norm_pre.",  # misspelt in the original
    r"post_layernorm\.": "norm.",
    rf"{_LAYER}layer_norm([12])\.": r"blocks.\1.norm\2.",
    rf"{_LAYER}self_attn\.([qkv])_proj\.": r"blocks.\1.attn.\2.",
    rf"{_LAYER}self_attn\.out_proj\.": r"blocks.\1.attn.proj.",
    rf"{_LAYER}mlp\.fc([12])\.": r"blocks.\1.mlp.fc\2.",
    r"head\.probe$": "attn_pool.latent",
    r"head\.attention\.in_proj_": "attn_pool.qkv.",
    r"head\.attention\.out_proj\.": "attn_pool.proj.",
    r"head\.layernorm\.": "attn_pool.norm.",
    r"head\.mlp\.": "attn_pool.mlp.",
    r"visual_projection\.": "head.",
}


def _from_hugging_face(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Hugging Face's CLIPModel, SiglipModel or their vision parts, with timm's names."""
    made, left = {}, []
    for name, value in tensors.items():
        bare = name.removeprefix("vision_model.")  # missing in a file with only the vision part
        match = next((match for old in _HUGGING_FACE if (match := re.match(old, bare))), None)
        if match is not None:
            made[match.expand(_HUGGING_FACE[match.re.pattern]) + bare[match.end() :]] = value
        elif not _OF_TEXT.match(name):
            left.append(name)
    if left:
        raise SlaError(f"{path} has unknown weights in the image tower: {some(left, 3)}", HINT)
    if "pos_embed" in made:
        made["pos_embed"] = made["pos_embed"][None]
    if "cls_token" in made:
        made["cls_token"] = made["cls_token"].view(1, 1, -1)
    for name in [name for name in made if ".attn.q." in name]:
        names = [name.replace(".attn.q.", f".attn.{part}.") for part in "qkv"]
        if all(part in made for part in names):
            made[name.replace(".attn.q.", ".attn.qkv.")] = torch.cat([made.pop(part) for part in names])
    for kind in ("weight", "bias"):
        if (fused := made.pop(f"attn_pool.qkv.{kind}", None)) is not None:
            width = len(fused) // 3
            made[f"attn_pool.q.{kind}"], made[f"attn_pool.kv.{kind}"] = fused[:width], fused[width:]
    if "head.weight" in made:
        made["head.bias"] = torch.zeros(len(made["head.weight"]))  # timm's layer has a bias, CLIP's projection does not
    return made
