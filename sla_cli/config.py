"""Every default, once. Frozen dataclasses that resolve from preset < file < --set < flag.

Values marked *lineage* come from the code that CLIP-SLA descends from (VAC, AdaptSign, ST-Adapter), since the
paper's own tables are not public; values marked *choice* are ours. None is "the paper's".
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from sla_cli.errors import SlaError, suggestion
from sla_cli.limits import fitting
from sla_cli.presets import PRESETS


@dataclass(frozen=True)
class PrepConfig:
    """How frames and glosses are stored. The lineage squashes 210x260 to 256x256."""

    size: int = 256  # pixels, both sides
    fit: Literal["squash", "pad", "crop"] = "squash"  # pad and crop keep the aspect
    codec: Literal["jpeg", "png", "raw"] = "jpeg"
    quality: int = 95  # JPEG
    fps: float = 0.0  # frames a second, taken by nearest time; 0 keeps every frame
    labels: str = "auto"  # cleaning of training glosses: auto (the corpus's), raw, or a profile of core.normalize
    shard_clips: int = 0  # clips a file; 0 is one file a split

    @classmethod
    def checked(cls, **values: Any) -> PrepConfig:
        """From the command line. Raises SlaError naming the option for what is none of the choices."""
        hints = get_type_hints(cls)
        return cls(**{key: fitting(key, value, hints[key], f"--{key}") for key, value in values.items()})


@dataclass(frozen=True)
class ModelConfig:
    """The frozen backbone and what is added to it."""

    variant: Literal["adapter", "lora", "frozen"] = "adapter"
    backbone: str = "vit_base_patch16_clip_quickgelu_224.openai"  # any timm ViT
    weights: str = "hub"  # hub, random, or a file
    image_size: int = 224  # pixels; a multiple of the patch size
    layers: str = "all"  # blocks that are adapted: all, last:K, or numbers from 0 as in 0,5,11
    normalize: Literal["backbone", "half"] = "backbone"  # the backbone's mean and std, or x/127.5-1 (lineage)
    backbone_args: dict[str, Any] = field(default_factory=dict)  # for timm.create_model
    checkpointing: Literal["auto", "on", "off"] = "auto"  # compute activations again instead of keeping them;
    # auto: for batches whose activations would not fit into the memory that is free
    compile: bool = False  # the backbone's blocks through torch.compile


@dataclass(frozen=True)
class AdapterConfig:
    """SLA-Adapter: bottleneck with a depthwise temporal convolution (ST-Adapter's form, lineage)."""

    ratio: float = 0.5  # bottleneck width over model width (choice)
    width: int = 0  # bottleneck width in channels; 0: by ratio
    temporal: Literal["conv", "none"] = "conv"  # none: the plain bottleneck, which looks at no other frame
    kernel: int = 3  # frames, odd
    activation: Literal["gelu", "quickgelu", "relu", "silu", "none"] = "gelu"
    place: Literal["mlp", "attention", "both"] = "attention"  # what it stands before (lineage: mlp; see method.md)
    normed: bool = True  # reads tokens through the frozen norm that follows it (choice; False is ST-Adapter's form)


@dataclass(frozen=True)
class LoraConfig:
    """SLA-LoRA: low-rank updates with temporal shift (choice)."""

    targets: str = "q,v"  # any of q, k, v, proj (attention's output projection), mlp
    rank: int = 16
    alpha: int = 16
    dropout: float = 0.0
    shift: Literal["lora", "residual", "off"] = "lora"  # the input of each LoRA branch, or that of the block's
    # attention, as in the original TSM: then a fresh model does not equal its backbone
    share: float = 0.125  # of the channels, shifted in each direction (TSM)


@dataclass(frozen=True)
class HeadConfig:
    """Temporal convolutions, BiLSTM, classifier (lineage)."""

    pattern: str = "K5,P2,K5,P2"
    channels: int = 1024
    lstm_layers: int = 2
    lstm_width: int = 0  # a direction; 0: half the channels
    dropout: float = 0.3  # between LSTM layers
    shared: bool = True  # one classifier for convolutions and BiLSTM
    normalized: bool = True  # class weights are L2-normalised and there is no bias; off: a plain linear layer


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss parts; 0 switches a part off."""

    conv_ctc: float = 1.0
    distillation: float = 25.0  # AdaptSign; VAC uses 10
    temperature: float = 8.0
    frame_ctc: float = 1.0  # CTC on the backbone's frame features (weight: choice)


@dataclass(frozen=True)
class TrainConfig:
    """Recipe (lineage); what the lineage does not have is off."""

    epochs: int = 40
    batch: int = 2  # clips that a process takes at once
    batch_frames: int = 0  # frames that a batch holds at most, a longer clip goes alone; 0: no bound
    bucket: int = 0  # batches' worth of clips that are sorted by length before they are cut into batches; 0: none
    accumulate: int = 1  # batches of each process whose gradients are summed before a step
    infeasible: Literal["stretch", "skip", "refuse"] = "stretch"  # a clip too short for its glosses; by repeated frames
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 1e-4
    adapter_lr: float = 1.0  # of what is added to the backbone, as a share of lr
    weight_decay: float = 1e-4
    decay_all: bool = True  # weight decay on biases and norms too
    clip_norm: float = 0.0  # bound of the gradient's norm; 0: none
    schedule: Literal["step", "cosine"] = "step"
    warmup: float = 0.0  # epochs in which lr rises from 0
    milestones: tuple[int, ...] = (20, 30)  # epochs after which lr is multiplied by gamma (step)
    gamma: float = 0.2
    floor: float = 0.0  # where lr ends, as a share of it (cosine)
    ema: float = 0.0  # decay, a step, of the averaged weights that are scored and kept; 0: none
    patience: int = 0  # epochs without a better dev WER after which training stops; 0: never
    save_minutes: float = 10.0  # between saves within an epoch (choice)
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"  # auto: fp16 on CUDA, fp32 on CPU
    tf32: bool = True  # matrix products of fp32 in TF32 on CUDA (choice)
    crop: float = 0.875  # side of the crop over side of the stored frame: 224/256
    flip: float = 0.5  # probability of mirroring a clip
    rescale: float = 0.2  # clips are resampled to 1±rescale of their length
    min_frames: int = 32
    max_frames: int = 230
    drop: float = 0.0  # probability that a frame is lost and the one before is shown again
    jitter: float = 0.0  # brightness, contrast and saturation of a clip are multiplied by 1±jitter
    erase: float = 0.0  # probability that a rectangle of a clip is erased, the same in all its frames
    workers: int = -1  # processes that load clips; -1 chooses


@dataclass(frozen=True)
class Config:
    """All settings of a training run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class DecodeConfig:
    """Beam search. alpha and beta are pyctcdecode's defaults; tune them on dev."""

    beam: int = 10  # as the field's published numbers; 1 is greedy without a language model
    alpha: float = 0.5  # weight of the language model
    beta: float = 1.5  # added for each gloss, with a language model
    hotword_weight: float = 10.0  # added to the score for each hot word, natural log (pyctcdecode's default)
    prune_logp: float = -10.0  # prefixes this much worse than the best are dropped, natural log (pyctcdecode's default)
    token_min_logp: float = -5.0  # columns below this are not tried, natural log (pyctcdecode's default)
    max_oov: float = 20.0  # percent of the glosses that a language model may lack (choice)


@dataclass(frozen=True)
class EmitConfig:
    """How a split's log-probabilities are computed and kept."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"  # auto: as the run was trained, where the device can
    dtype: Literal["float32", "float16"] = "float32"  # on disk
    max_frames: int = 400  # of the clips in a batch; a longer clip goes alone (choice)
    chunk: int = 64  # frames that the backbone computes at once, which bounds memory for clips of any length (choice)

    @classmethod
    def checked(cls, precision: str, dtype: str, max_frames: int) -> EmitConfig:
        """From the command line. Raises SlaError for what is none of the choices."""
        hints = get_type_hints(cls)
        return cls(
            fitting("precision", precision, hints["precision"], "--precision"),
            fitting("dtype", dtype, hints["dtype"], "--dtype"),
            max_frames,
        )


@dataclass(frozen=True)
class TuneConfig:
    """The grid of `sla tune` (choice)."""

    alphas: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
    betas: tuple[float, ...] = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.5)


def resolve(
    preset: str = "base",
    file: Path | None = None,
    sets: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Settings from preset < file < `section.key=value` strings < flags (`section.key` to value; None is unset).

    Raises:
        SlaError: unknown preset, section or key (with the nearest name), or a value of another type.
    """
    if preset not in PRESETS:
        raise SlaError(f"unknown preset {preset!r}", suggestion(preset, PRESETS))
    values: dict[str, dict[str, Any]] = {}
    _update(values, PRESETS[preset].values, f"preset {preset}")
    if file is not None:
        _update(values, read_toml(file), str(file))
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or "." not in key:
            raise SlaError(f"--set {text}: expected section.key=value", "For example --set train.epochs=10.")
        _update(values, _nested(key.strip(), _value(value.strip(), _hints().get(key.strip()))), f"--set {text}")
    for key, value in (flags or {}).items():
        if value is not None:
            _update(values, _nested(key, value), f"--{key.rpartition('.')[2]}")
    return from_dict(values)


@cache
def _hints() -> dict[str, Any]:
    """`section.key` to its type, of every setting."""
    sections = get_type_hints(Config).items()
    return {f"{section}.{key}": hint for section, kind in sections for key, hint in get_type_hints(kind).items()}


def from_dict(values: Mapping[str, Any]) -> Config:
    """A Config out of nested values; keys and types are checked. Raises SlaError."""
    import dacite

    checked: dict[str, dict[str, Any]] = {}
    _update(checked, values, "configuration")
    return dacite.from_dict(Config, checked, dacite.Config(strict=True))


def to_toml(config: Config) -> str:
    """The configuration as TOML that `--config` takes back."""
    import tomli_w

    return tomli_w.dumps(asdict(config))


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file's content. Raises SlaError naming file and place."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SlaError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SlaError(f"{file}: not TOML: {error}") from error


def _update(values: dict[str, dict[str, Any]], news: Mapping[str, Any], where: str) -> None:
    """Merge `news` into `values`, refusing sections and keys that do not exist and values of another type."""
    sections = get_type_hints(Config)
    for section, entries in news.items():
        if section not in sections:
            raise SlaError(f"{where}: unknown section {section!r}", suggestion(section, sections))
        if not isinstance(entries, Mapping):
            raise SlaError(f"{where}: {section} is a section, not a value", f"Write {section}.KEY=VALUE.")
        known = get_type_hints(sections[section])
        for key, value in entries.items():
            if key not in known:
                raise SlaError(f"{where}: unknown key {section}.{key}", suggestion(key, known))
            values.setdefault(section, {})[key] = fitting(f"{section}.{key}", value, known[key], where)


def _nested(key: str, value: Any) -> dict[str, dict[str, Any]]:
    section, _, name = key.partition(".")
    return {section: {name: value}}


def _value(text: str, hint: Any) -> Any:
    """A TOML value, or the text itself where it is none or text is wanted, so that a shell needs no quotes."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return text if hint is str and not isinstance(value, str) else value
