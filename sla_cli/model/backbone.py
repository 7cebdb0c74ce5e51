"""The frozen image encoder. The only file that knows timm."""

from __future__ import annotations

import pickle
import struct
import warnings
from pathlib import Path

import timm
import torch
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from safetensors import SafetensorError
from timm.models import get_pretrained_cfg, load_state_dict
from timm.models.vision_transformer import Block, VisionTransformer, checkpoint_filter_fn
from torch import Tensor, nn

from sla_cli.config import AdapterConfig, LoraConfig, ModelConfig
from sla_cli.errors import SlaError, some, suggestion
from sla_cli.model.adapters import AdaptedBlock, ShiftedLoRA, TemporalAdapter
from sla_cli.model.clips import ClipBorders
from sla_cli.model.patches import whiten_patches

WAYS_OUT = "Give the weights as a local file (--weights FILE), or try the tool with --preset tiny, which needs none."

# What PyTorch, safetensors and timm raise on files that are damaged or something else, found by trying them.
UNREADABLE = (
    *(AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(SafetensorError, pickle.UnpicklingError, struct.error),
)


class Backbone(nn.Module):
    """Frames to features: class token, final norm, and CLIP's projection where the model has one.

    Attributes:
        width: channels of the features.
        mean, std: what pixels in 0..1 are normalised with, 3 floats each.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.vit = _create(config)
        for parameter in self.vit.parameters():
            parameter.requires_grad_(False)
        self.borders = ClipBorders()
        source = self.vit.pretrained_cfg
        lineage = config.normalize == "half"
        self.mean = (0.5, 0.5, 0.5) if lineage else tuple(source["mean"])
        self.std = (0.5, 0.5, 0.5) if lineage else tuple(source["std"])
        self.width = self.vit.num_classes or self.vit.num_features

    def forward(self, pixels: Tensor, lengths: Tensor) -> Tensor:
        """pixels: normalised (frames, 3, height, width), clips concatenated; lengths: (clips,) → (frames, width)."""
        self.borders.set(lengths, pixels.device)
        return self.vit(pixels)

    def train(self, mode: bool = True) -> Backbone:
        """Adapters follow `mode`; the frozen weights stay in evaluation mode."""
        super().train(False)
        for module in self.modules():
            if isinstance(module, TemporalAdapter | ShiftedLoRA):
                module.train(mode)
        return self

    def adapt(self, model: ModelConfig, adapter: AdapterConfig, lora: LoraConfig) -> None:
        """Inject the variant's modules into the chosen blocks."""
        if model.variant == "frozen":
            return
        for number in chosen_layers(model.layers, len(self.vit.blocks)):
            block = self.vit.blocks[number]
            if model.variant == "lora":
                block.attn.qkv = ShiftedLoRA(block.attn.qkv, lora, self.borders)
                continue
            width, prefix = self.vit.embed_dim, self.vit.num_prefix_tokens
            before_attention, before_mlp = (
                TemporalAdapter(width, prefix, adapter, self.borders) if adapter.place in (place, "both") else None
                for place in ("attention", "mlp")
            )
            self.vit.blocks[number] = AdaptedBlock(block, before_attention, before_mlp, adapter.normed)


def chosen_layers(text: str, depth: int) -> list[int]:
    """Block numbers out of `all`, `last:K` or `0,5,11`. Raises SlaError."""
    hint = f"layers is all, last:K, or numbers from 0 to {depth - 1} as in 0,{depth - 1}."
    if text == "all":
        return list(range(depth))
    try:
        if text.startswith("last:"):
            count = int(text.removeprefix("last:"))
            numbers = list(range(depth - count, depth)) if 0 < count <= depth else []
        else:
            numbers = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise SlaError(f"model.layers = {text!r} cannot be read", hint) from error
    if not numbers or numbers[0] < 0 or numbers[-1] >= depth:
        raise SlaError(f"model.layers = {text!r} does not fit a backbone of {depth} blocks", hint)
    return numbers


def _create(config: ModelConfig) -> VisionTransformer:
    """A timm ViT with the weights asked for. Raises SlaError where there are none, or no such model."""
    name, *_ = config.backbone.split(".")
    if not timm.is_model(name):
        raise SlaError(f"timm knows no model {name!r}", suggestion(name, timm.list_models("*vit*")))
    file = None if config.weights in ("hub", "random") else _weights_file(config.weights)
    try:
        extra = dict(config.backbone_args)
        if not _has_projection(config.backbone):
            extra.setdefault("num_classes", 0)
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore", UserWarning)
            torch.manual_seed(0)  # random weights are frozen too: the same in every run and when loaded again
            model = timm.create_model(
                config.backbone, pretrained=config.weights == "hub", img_size=config.image_size, **extra
            )
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, ConnectionError) as error:
        raise SlaError(
            f"the weights of {config.backbone} cannot be had from the hub: {_first(error)}", WAYS_OUT
        ) from error
    except (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise SlaError(
            f"backbone {config.backbone} at {config.image_size} px: {_first(error)}",
            "Is it a ViT, and do model.image_size and model.backbone_args fit it?",
        ) from error
    _check_kind(model, config)
    if config.weights == "random":
        whiten_patches(model.patch_embed.proj)
    if file is not None:
        _load(model, file)
    return model.eval()


def _has_projection(backbone: str) -> bool:
    """Whether the model's last layer is CLIP's projection; a classifier's logits are no feature."""
    source = get_pretrained_cfg(backbone)
    return "clip" in backbone and "_ft_" not in (source.tag or "")


def _check_kind(model: nn.Module, config: ModelConfig) -> None:
    if not isinstance(model, VisionTransformer) or not all(isinstance(block, Block) for block in model.blocks):
        raise SlaError(
            f"{config.backbone} is not a ViT of standard blocks, which the adapters are made for",
            "Its relatives vit_*, deit_* and *_clip_* mostly are.",
        )
    height, width = model.patch_embed.patch_size
    if config.image_size % height or config.image_size % width:
        raise SlaError(
            f"image size {config.image_size} is no multiple of the patch size {height} of {config.backbone}",
            f"Use --image-size {max(1, config.image_size // height) * height}.",
        )


def _weights_file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise SlaError(f"no such weights file: {path}", "--weights takes hub, random, or a file.")
    return path


def _load(model: VisionTransformer, path: Path) -> None:
    """Load a file in any layout that timm converts, whole: timm itself lets missing weights stay random.

    Raises:
        SlaError: not a weights file, or weights are missing or left over; a classifier may be left over.
    """
    hint = "Is it made for this model? --weights takes state dicts of timm, open_clip and OpenAI: .safetensors or .pt."
    try:
        state = checkpoint_filter_fn(load_state_dict(str(path), weights_only=True), model)
        found = model.load_state_dict(state, strict=False)
    except UNREADABLE as error:
        raise SlaError(f"{path}: cannot be read as weights of the backbone: {_first(error)}", hint) from error
    left = [name for name in found.unexpected_keys if model.num_classes or not name.startswith("head")]
    for what, names in (("lacks", found.missing_keys), ("has beyond the backbone's", left)):
        if names:
            raise SlaError(f"{path} {what} weights {some(names, 3)}", hint)


def _first(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text and not isinstance(error, LookupError) else type(error).__name__
