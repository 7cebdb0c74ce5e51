"""The frozen image encoder. The only file that knows timm."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import dropwhile
from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled
from timm.models import get_pretrained_cfg
from timm.models.eva import Eva, EvaBlock
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from sla_cli.config.backbone_args import BACKBONE_ARGS
from sla_cli.config.bounds import WEIGHTS
from sla_cli.config.checks import check_setting
from sla_cli.config.settings import Config, ModelConfig
from sla_cli.errors import SlaError, some, suggestion
from sla_cli.log import log
from sla_cli.model.added import AddedModule, reads_class_token
from sla_cli.model.blocks import AdaptedBlock, compile_blocks
from sla_cli.model.checkpointing import bytes_kept, count_by_memory, count_by_setting, fits, free_memory
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.frame_stream import FrameStream
from sla_cli.model.patches import whiten_patches
from sla_cli.model.weights import HINT, OPENAI, UNREADABLE, first_line, read_weights
from sla_cli.system.host_memory import TOO_LITTLE

IS_IT_ONE = "Is it a ViT with weights on the hub, and do model.image_size and model.backbone_args fit it?"
WAYS_OUT = "Connect, or give their file (--weights FILE, not with --resume); `sla train --preset tiny` needs none."

MOVED = "Name their file with --weights, which takes hub, random, or a file."
SMALLEST = 2  # bytes of a parameter in a file
PATCHES = 1 << 14  # of a frame: with more, attention alone takes minutes
# What timm downloads, in its order.
CACHED = ("model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "pytorch_model.bin")


class BackboneStream:
    """A clip whose frames come in parts, in bounded memory. Several may be in progress.

    Attributes:
        streams: of each block, the frames that it holds.
    """

    def __init__(self, vit: Any, chunk: int) -> None:
        self._vit = vit
        self.streams = [FrameStream(chunk, block.reach, lambda rows: torch.cat(tuple(rows))) for block in vit.blocks]

    def __call__(self, pixels: Tensor, last: bool) -> Tensor:
        """The next features (frames, width), which are those of the whole clip; they lag behind until it ends.

        Args:
            pixels: the next ones, normalised (frames, 3, height, width), possibly none.
            last: whether the clip ends with them.
        """
        for block, stream in zip(self._vit.blocks, self.streams, strict=True):
            block.stream, stream.ended = stream, last
        try:
            return self._vit(pixels)
        finally:
            for block in self._vit.blocks:
                block.stream = None


class Backbone(nn.Module):
    """Frames to features: class token or pooled patches, final norm, and CLIP's projection if the model has one.

    Attributes:
        width: channels of the features.
        mean, std: for normalising pixels in 0..1, 3 floats each.
        interpolation: bilinear or bicubic, for resizing frames to the model's input.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.vit = _create(config)
        for parameter in self.vit.parameters():
            parameter.requires_grad_(False)
        self.borders = ClipBorders()
        source = self.vit.pretrained_cfg
        half = config.normalize == "half"
        self.mean: Sequence[float] = (0.5, 0.5, 0.5) if half else tuple(source["mean"])
        self.std: Sequence[float] = (0.5, 0.5, 0.5) if half else tuple(source["std"])
        self.interpolation = "bilinear" if source["interpolation"] == "bilinear" else "bicubic"
        self.width = self.vit.num_classes or self.vit.num_features
        self.checkpointing = config.checkpointing
        self._bytes_per_frame: dict[int, int] = {}

    def forward(self, pixels: Tensor, lengths: Tensor, chunk: int = 0) -> Tensor:
        """Features of concatenated clips.

        Args:
            pixels: normalised (frames, 3, height, width).
            lengths: int64 (clips,).
            chunk: without gradients, frames that a block computes at once; 0 is all. The result is the same.

        Returns:
            (frames, width).
        """
        if torch.is_grad_enabled():
            self._checkpoint(self._checkpointed_blocks(pixels))
        for block in self.vit.blocks:
            block.chunk = chunk
        self.borders.set(lengths, pixels.device)
        return self.vit(pixels)

    def streaming(self, chunk: int) -> BackboneStream:
        """For a clip whose frames come in parts, of which a block computes `chunk` frames at once."""
        return BackboneStream(self.vit, chunk)

    def train(self, mode: bool = True) -> Backbone:
        """Added modules follow `mode`; the frozen weights stay in evaluation mode."""
        super().train(False)
        for module in self.modules():
            if isinstance(module, AddedModule):
                module.train(mode)
        return self

    def adapt(self, config: Config) -> None:
        """Add the variant's modules to the chosen blocks.

        The function `adapt` of the variant's module in model/variants replaces blocks of the ViT by `AdaptedBlock`s
        with new `AddedModule`s. Raises SlaError if settings of the variant do not fit each other or the backbone.
        """
        blocks = self.vit.blocks
        variant = import_module(f"sla_cli.model.variants.{config.model.variant}")
        variant.adapt(self.vit, self.borders, config)
        for number, block in enumerate(blocks):
            if not isinstance(block, AdaptedBlock):
                blocks[number] = AdaptedBlock(block, self.borders)
        if reads_class_token(self.vit):
            blocks[-1].read = self.vit.num_prefix_tokens

    def compile_blocks(self, **options: Any) -> None:
        """Compile the blocks for passes with gradients, at the first such pass; `options` are of `torch.compile`."""
        compile_blocks(self.vit.blocks, **options)
        self._bytes_per_frame.clear()

    def uncompile_blocks(self) -> None:
        """Compute the blocks without compiling, as before `compile_blocks`."""
        for block in self.vit.blocks:
            block.compiled = None
        self._bytes_per_frame.clear()

    @property
    def few_frames(self) -> int:
        """The fewest frames that need no extra code. PyTorch compiles separately if a shift leaves a single frame."""
        return 2 + max(block.reach for block in self.vit.blocks)

    def cast_frozen(self, dtype: torch.dtype) -> None:
        """Store the frozen weights of matrix products in the type to which autocast would convert them at every use.

        The features are bit-identical. Merge added modules before: they are merged in the type of the weights.
        """
        for layer in self.vit.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                for value in (layer.weight, layer.bias):
                    if value is not None and not value.requires_grad:
                        value.data = value.data.to(dtype)

    def bytes_per_frame(self, pixels: Tensor, checkpointed: int = 0) -> int:
        """Memory per frame for the backward pass: the difference that one more copy of the first frame makes.

        Args:
            checkpointed: number of blocks that compute their activations again.
        """
        if checkpointed not in self._bytes_per_frame:
            self._checkpoint(checkpointed)
            few = self.few_frames
            kept = self._bytes_kept(pixels[:1], few + 1) - self._bytes_kept(pixels[:1], few)
            self._bytes_per_frame[checkpointed] = kept
        return self._bytes_per_frame[checkpointed]

    def _bytes_kept(self, frame: Tensor, times: int) -> int:
        self.borders.set(torch.tensor([times]), frame.device)
        return bytes_kept(self, lambda: self.vit(frame.expand(times, -1, -1, -1)))

    @property
    def _kept_blocks(self) -> list[AdaptedBlock]:
        """Blocks whose activations autograd keeps: those from the first trained block."""
        return list(dropwhile(lambda block: not block.trained, self.vit.blocks))

    def _checkpoint(self, count: int) -> None:
        """Let the first `count` of these blocks compute activations again; the last may compute only a class token."""
        for block in self.vit.blocks:
            block.checkpointing = False
        for block in self._kept_blocks[:count]:
            block.checkpointing = True

    def _checkpointed_blocks(self, pixels: Tensor) -> int:
        blocks = len(self._kept_blocks)
        count = count_by_setting(self.checkpointing, blocks)
        if count is not None or not blocks:
            return count or 0
        a_frame = self.bytes_per_frame(pixels)
        need, free = len(pixels) * a_frame, free_memory(pixels.device)
        if fits(need, free):
            return 0
        saved = len(pixels) * (a_frame - self.bytes_per_frame(pixels, 1))
        return count_by_memory(blocks, need, saved, free)


def _create(config: ModelConfig) -> VisionTransformer | Eva:
    """A timm ViT with its weights. Raises SlaError if the model or the weights do not exist."""
    name, *_ = config.backbone.split(".")
    if not timm.is_model(name):
        raise SlaError(f"timm knows no model {config.backbone!r}", suggestion(name, timm.list_models("*vit*")))
    if not config.weights:
        fault = f"no weights of the backbone {config.backbone} are given, or in the folder of the model"
        raise SlaError(fault, f"{MOVED} Where there is no such option, use a model that has them.")
    file = None if config.weights in WEIGHTS else Path(config.weights)
    if file is not None and not file.is_file():
        fault = f"no such weights file: {file}, for the backbone {config.backbone}"
        raise SlaError(fault, f"{MOVED} To resume a run, put the file there again.")
    extra = _checked_args(config.backbone_args)
    try:
        extra["dynamic_img_size"] = False  # frames have one size; with it, timm fails where a part has no frames
        if not _has_projection(config.backbone):
            extra.setdefault("num_classes", 0)
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore", UserWarning)
            # Random weights are frozen too, so they must be the same in every run. They are drawn on the CPU.
            torch.default_generator.manual_seed(0)
            _check_size(config, file, extra)
            model = timm.create_model(
                config.backbone, pretrained=config.weights == "hub", img_size=config.image_size, **extra
            )
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, ConnectionError, ImportError) as error:
        fault = f"the weights of {config.backbone} cannot be downloaded from the hub: {first_line(error)}"
        raise SlaError(fault, WAYS_OUT) from error
    except (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        if TOO_LITTLE.search(str(error)):
            raise MemoryError(f"the backbone {config.backbone} does not fit into it") from error
        fault = f"backbone {config.backbone} at {config.image_size} px: {first_line(error)}"
        raise SlaError(fault, IS_IT_ONE) from error
    _check_kind(model, config.backbone, config.image_size)
    if config.weights == "random":
        whiten_patches(model.patch_embed.proj)
    if file is not None:
        _load(model, file, config)
    return model.eval()


def _checked_args(given: Mapping[str, Any]) -> dict[str, Any]:
    """The further arguments of a ViT. Raises SlaError for one that is not allowed, or out of bounds."""
    setting = "model.backbone_args"
    if unknown := [name for name in given if name not in BACKBONE_ARGS]:
        fault = f"{setting} holds {unknown[0]!r}, which is not allowed"
        raise SlaError(fault, f"It may hold {', '.join(BACKBONE_ARGS)}.")
    return {name: check_setting(name, value, BACKBONE_ARGS[name], setting) for name, value in given.items()}


def _check_size(config: ModelConfig, file: Path | None, extra: Mapping[str, Any]) -> None:
    """Raise SlaError, before it takes memory, for a model larger than its weights' file or than timm's of its name."""
    found = _parameters(config.backbone, config.image_size, tuple(extra.items()))
    if file is None and found > (most := _parameters_of(config.backbone)):
        fault = f"backbone {config.backbone} with model.backbone_args would have {found:,} parameters, not {most:,}"
        raise SlaError(fault, "Make depth or embed_dim smaller, or name a larger backbone.")
    if file is not None and found * SMALLEST > file.stat().st_size:
        fault = f"{file} is too small for the {found:,} parameters of the backbone {config.backbone}"
        raise SlaError(fault, "Give the file of its weights with --weights.")


@cache  # training opens the same model twice
def _parameters(backbone: str, size: int, extra: tuple[tuple[str, Any], ...]) -> int:
    """Number of parameters without the embedding of positions, which grows with the size of pictures.

    Raises SlaError for a model that cannot compute: timm checks little before.
    """
    with torch.device("meta"):
        trial = timm.create_model(backbone, img_size=size, **dict(extra))
    _check_kind(trial, backbone, size)
    trial.eval()(torch.empty(1, 3, size, size, device="meta"))
    return sum(one.numel() for name, one in trial.named_parameters() if name != "pos_embed")


@cache
def _parameters_of(backbone: str) -> int:
    """Number of parameters that a backbone has without settings."""
    with torch.device("meta"):
        return sum(one.numel() for one in timm.create_model(backbone).parameters())


def cached_weights(backbone: str) -> Path | None:
    """Where the weights of a backbone from the hub are on this machine; None if they would be downloaded."""
    source = get_pretrained_cfg(backbone).hf_hub_id
    found = (try_to_load_from_cache(source, name) for name in CACHED) if source else ()
    return next((Path(path) for path in found if isinstance(path, str)), None)


def _has_projection(backbone: str) -> bool:
    """Whether the last layer is CLIP's projection; the logits of a classifier are not features."""
    source = get_pretrained_cfg(backbone)
    return "clip" in backbone and "_ft_" not in (source.tag or "")


def _check_kind(model: Any, backbone: str, size: int) -> None:
    kinds = isinstance(model, VisionTransformer | Eva) and {type(block) for block in model.blocks}
    if not kinds or not kinds <= {Block, EvaBlock}:
        raise SlaError(
            f"{backbone} is not a ViT of standard blocks, which the adapters are made for",
            "Its relatives vit_*, deit_*, eva02_* and *_clip_* mostly are.",
        )
    height, width = model.patch_embed.patch_size
    if size % height or size % width:
        raise SlaError(
            f"image size {size} is no multiple of the patch size {height} of {backbone}",
            f"Use --image-size {max(1, size // height) * height}.",
        )
    if (patches := (size // height) * (size // width)) > PATCHES:
        raise SlaError(f"image size {size} gives {patches:,} patches, more than {PATCHES:,}", "Use a smaller one.")


def _load(model: nn.Module, path: Path, config: ModelConfig) -> None:
    """Load all weights of a file; timm itself would leave missing weights random.

    Raises:
        SlaError: it is not a weights file, the activation differs, or weights are missing or superfluous, except those
            of a classifier.
    """
    weights = read_weights(path)
    other = config.backbone.replace("_clip_", "_clip_quickgelu_")
    if weights.layout == OPENAI and "quickgelu" not in config.backbone:
        raise SlaError(
            f"{path} is OpenAI's, whose activation is QuickGELU, and {config.backbone} has another",
            f"Use --backbone {other}." if other != config.backbone else "Use one with _clip_quickgelu_ in its name.",
        )
    convert = sys.modules[type(model).__module__].checkpoint_filter_fn
    try:
        found = model.load_state_dict(convert(weights.tensors, model), strict=False)
    except UNREADABLE as error:
        raise SlaError(f"{path}: cannot be read as weights of the backbone: {first_line(error)}", HINT) from error
    left = [name for name in found.unexpected_keys if model.num_classes or not name.startswith("head")]
    for what, names in (("lacks", found.missing_keys), ("has beyond the backbone's", left)):
        if names:
            hint = f"It was read in {weights.layout}'s names. Is it made for {config.backbone}? {HINT}"
            if all(name.startswith("head.") for name in names):
                hint = "Without CLIP's projection: use a new run with --set 'model.backbone_args={num_classes = 0}'."
            raise SlaError(f"{path} {what} weights {some(names, 3)}", hint)
    log.info("backbone weights: %s (%s)", path, weights.layout)
