"""Every default, once. Frozen dataclasses that resolve from preset < file < --set < flag.

Values marked *lineage* come from the code that CLIP-SLA descends from (VAC, AdaptSign, ST-Adapter), since the
paper's own tables are not public; values marked *choice* are ours. None is "the paper's".
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sla_cli.errors import SlaError, suggestion


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
        return cls(**{key: _fitting(key, value, hints[key], f"--{key}") for key, value in values.items()})


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


@dataclass(frozen=True)
class AdapterConfig:
    """SLA-Adapter: bottleneck with a depthwise temporal convolution (ST-Adapter's form, lineage)."""

    ratio: float = 0.5  # bottleneck width over model width (choice)
    kernel: int = 3  # frames; 1 is the plain bottleneck
    place: Literal["mlp", "attention", "both"] = "mlp"  # what it stands before
    normed: bool = True  # reads tokens through the frozen norm that follows it (choice; False is ST-Adapter's form)


@dataclass(frozen=True)
class LoraConfig:
    """SLA-LoRA: low-rank updates of q and v with temporal shift on their input (choice)."""

    rank: int = 16
    alpha: int = 16
    dropout: float = 0.0
    shift: Literal["lora", "off"] = "lora"
    share: float = 0.125  # of the channels, shifted in each direction (TSM)


@dataclass(frozen=True)
class HeadConfig:
    """Temporal convolutions, BiLSTM, classifier (lineage)."""

    pattern: str = "K5,P2,K5,P2"
    channels: int = 1024
    lstm_layers: int = 2
    dropout: float = 0.3


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss parts; 0 switches a part off."""

    conv_ctc: float = 1.0
    distillation: float = 25.0  # AdaptSign; VAC uses 10
    temperature: float = 8.0
    frame_ctc: float = 1.0  # CTC on the backbone's frame features (weight: choice)


@dataclass(frozen=True)
class TrainConfig:
    """Recipe (lineage)."""

    epochs: int = 40
    batch: int = 2  # clips
    lr: float = 1e-4
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = (20, 30)  # epochs after which lr is multiplied by gamma
    gamma: float = 0.2
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"  # auto: fp16 on CUDA, fp32 on CPU
    crop: float = 0.875  # side of the crop over side of the stored frame: 224/256
    flip: float = 0.5  # probability of mirroring a clip
    rescale: float = 0.2  # clips are resampled to 1±rescale of their length
    min_frames: int = 32
    max_frames: int = 230
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
    beta: float = 1.5  # reward a gloss, with a language model
    hotword_weight: float = 10.0  # added to the score for each hot word, natural log (pyctcdecode's default)
    max_oov: float = 20.0  # percent of the glosses that a language model may lack (choice)


@dataclass(frozen=True)
class EmitConfig:
    """How a split's log-probabilities are computed and kept."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"  # auto: as the run was trained, where the device can
    dtype: Literal["float32", "float16"] = "float32"  # on disk
    max_frames: int = 400  # of the clips in a batch; a longer clip goes alone (choice)

    @classmethod
    def checked(cls, precision: str, dtype: str, max_frames: int) -> EmitConfig:
        """From the command line. Raises SlaError for what is none of the choices."""
        hints = get_type_hints(cls)
        return cls(
            _fitting("precision", precision, hints["precision"], "--precision"),
            _fitting("dtype", dtype, hints["dtype"], "--dtype"),
            max_frames,
        )


@dataclass(frozen=True)
class TuneConfig:
    """The grid of `sla decode --tune` (choice)."""

    alphas: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
    betas: tuple[float, ...] = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.5)


@dataclass(frozen=True)
class Preset:
    """Named settings that differ from the defaults."""

    description: str
    values: dict[str, dict[str, Any]]


PRESETS = {
    "base": Preset("CLIP-SLA on OpenAI CLIP ViT-B/16 at 224 px, lineage recipe; for a GPU", {}),
    "tiny": Preset(
        "a ViT of 64-px pictures without pretrained weights: runs anywhere in minutes; for trying the tool",
        {
            "model": {
                "backbone": "vit_base_patch16_clip_quickgelu_224",
                "weights": "random",
                "image_size": 64,
                "backbone_args": {
                    "embed_dim": 96,
                    "depth": 2,
                    "num_heads": 2,
                    "patch_size": 64,
                    "num_classes": 0,
                    "class_token": False,
                    "global_pool": "avg",
                },
            },
            "head": {"channels": 256},
            "loss": {"distillation": 10.0},
            "train": {"epochs": 18, "batch": 2, "lr": 2e-3, "milestones": [12, 15], "flip": 0.0},
        },
    ),
}


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
            values.setdefault(section, {})[key] = _fitting(f"{section}.{key}", value, known[key], where)


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


def _fitting(key: str, value: Any, hint: Any, where: str) -> Any:
    """The value as its setting holds it. Raises SlaError where it is of another type or out of bounds."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise SlaError(f"{where}: {key} is {value!r}", suggestion(str(value), get_args(hint)))
        return value
    name, fits, convert = _KINDS[hint]
    if not fits(value):
        raise SlaError(f"{where}: {key} is {value!r}", f"It must be {name}.")
    least, most = _BOUNDS.get(key, (-math.inf, math.inf))
    if key in _BOUNDS and not least <= value <= most:
        raise SlaError(f"{where}: {key} is {value!r}", f"It must lie between {least} and {most}.")
    return convert(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return _whole(value) or (isinstance(value, float) and math.isfinite(value))


# Type of a setting: its name, whether a value is one, and what makes it one.
_KINDS: dict[Any, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool), bool),
    int: ("a whole number", _whole, int),
    float: ("a number", _number, float),
    str: ("text", lambda value: isinstance(value, str), str),
    tuple[int, ...]: (
        "a list of whole numbers, as in [20, 30]",
        lambda value: isinstance(value, list | tuple) and all(map(_whole, value)),
        tuple,
    ),
    dict[str, Any]: ("a table, as in {depth = 2}", lambda value: isinstance(value, dict), dict),
}

# Beyond these a run ends in an error that names no setting.
_BOUNDS = {
    "model.image_size": (1, math.inf),
    "train.epochs": (1, math.inf),
    "train.batch": (1, math.inf),
    "train.lr": (0, math.inf),
    "train.seed": (0, math.inf),
    "train.crop": (0.1, 1),
    "train.flip": (0, 1),
    "train.rescale": (0, 0.9),
    "train.min_frames": (1, math.inf),
    "train.max_frames": (1, math.inf),
}
