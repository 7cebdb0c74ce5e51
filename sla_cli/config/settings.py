"""Every setting, once: type, bounds and default. Frozen dataclasses that resolve from preset < file < --set < flag.

The tables of the paper itself are not public. So values are those of the named code (VAC, AdaptSign, ST-Adapter), or
marked *choice*, which means our own; see docs/method.md. None is "the paper's".

The comment on a line, or above it, describes the setting in docs/settings.md (`python docs/reference.py` writes it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from sla_cli.config.bounds import BEAM, LARGE, LAYERS, LONG, MANY, PIXELS, PROCESSES, SEED, SLOWEST, WEIGHT, WIDE
from sla_cli.config.checks import (
    OptionValues,
    annotations_of,
    check_setting,
    option,
    parse_value,
    settings_of,
)
from sla_cli.config.presets import PRESETS
from sla_cli.config.toml_file import read_toml
from sla_cli.errors import SlaError, suggestion

Variant = Literal["adapter", "lora", "frozen"]  # modules of model/variants
KernelSize = Annotated[int, Meta(ge=1, le=LAYERS)]
# Not tuple[KernelSize, KernelSize, KernelSize]: msgspec 0.22 crashes on a union of it with a bounded number.
KernelSizes = Annotated[tuple[KernelSize, ...], Meta(min_length=3, max_length=3)]
Layers = Annotated[
    str,
    Meta(
        pattern=r"^(all|last:[0-9]{1,4}|\s*[0-9]{1,4}\s*(,\s*[0-9]{1,4}\s*)*)\Z",
        description="all, last:K, or numbers like 0,5,11",
    ),
]
Checkpointing = Annotated[str, Meta(pattern=r"^(auto|on|off|[0-9]{1,4})\Z", description="auto, on, off, or a number")]
Targets = Annotated[
    str,
    Meta(
        pattern=r"^\s*(q|k|v|proj|mlp)\s*(,\s*(q|k|v|proj|mlp)\s*)*\Z",
        description="some of q, k, v, proj, mlp with commas between",
    ),
]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
ProfileName = Literal["phoenix2014", "phoenix2014t", "phoenix2014t-vac", "none"]  # core.normalize.PROFILES


@dataclass(frozen=True)
class PrepConfig(OptionValues):
    """How frames and glosses are stored. VAC squashes 210x260 to 256x256."""

    size: Annotated[int, Meta(ge=16, le=PIXELS)] = option(256, "Side of the stored frames in pixels.")
    fit: Literal["squash", "pad", "crop"] = option(
        "squash", "How a frame becomes a square: stretched, with black bars, or its middle."
    )
    codec: Literal["jpeg", "png", "raw"] = option("jpeg", "How frames are stored; png and raw are lossless.")
    quality: Annotated[int, Meta(ge=1, le=100)] = option(95, "JPEG quality.")
    fps: Annotated[float, Meta(ge=0, le=1000)] = option(0.0, "Frames per second, the nearest in time; 0 keeps all.")
    labels: Literal["auto", "raw", ProfileName] = option(
        "auto", "Cleaning of training glosses: raw, or a scoring profile; auto is that of the corpus."
    )
    shard_clips: Annotated[int, Meta(ge=0, le=MANY)] = option(0, "Clips per file; 0 writes one file.")

    def __post_init__(self) -> None:
        """Raise SlaError for a frame rate so low that nobody can sign at it."""
        if 0 < self.fps < SLOWEST:
            raise SlaError(f"--fps: fps is {self.fps}", f"It must be 0, or at least {SLOWEST:g}.")


@dataclass(frozen=True)
class DivisionConfig(OptionValues):
    """A division into splits that `sla split` draws."""

    by: Literal["signer", "sentence", "random"] = "signer"  # what no two splits share; random: single clips
    shares: tuple[Annotated[float, Meta(ge=0, le=LARGE)], ...] = (80.0, 10.0, 10.0)  # of train, dev, test
    fold: str = ""  # K/N: part K of N equal ones is test, the next is dev
    seed: Annotated[int, Meta(ge=0, le=SEED)] = 0  # random seed


@dataclass(frozen=True)
class ModelConfig:
    """The frozen backbone and what is added to it."""

    variant: Variant = "adapter"  # what is added to the backbone; frozen: nothing
    backbone: str = "vit_base_patch16_clip_quickgelu_224.openai"  # name of any ViT in timm
    weights: str = "hub"  # weights of the backbone: hub (downloaded), random, or a file
    # Input of the backbone in pixels, a multiple of its patch size.
    image_size: Annotated[int, Meta(ge=1, le=PIXELS)] = 224
    layers: Layers = "all"  # blocks that are adapted, by numbers from 0; last:K are the last K
    normalize: Literal["backbone", "half"] = "backbone"  # pixels: with the backbone's mean and std, or x/127.5-1 (VAC)
    # Arguments of timm's ViT, such as depth, to make it smaller; an unknown one is refused, and the known are named.
    backbone_args: dict[str, Any] = field(default_factory=dict)
    # Blocks that compute activations again instead of storing them. on: all; auto: as many as free memory requires.
    checkpointing: Checkpointing = "auto"
    # Compile the blocks for training with torch.compile. auto: on a GPU, and where the compiler does not work, train
    # without; on: refuse to train where it does not work.
    compile: Literal["auto", "on", "off"] = "auto"


@dataclass(frozen=True)
class AdapterConfig:
    """SLA-Adapter: bottleneck with a depthwise convolution (its layers are ST-Adapter's).

    The page on the method compares it with AdaptSign, ST-Adapter and LVM-STeM; it has settings for the last two.
    """

    # Bottleneck width over model width (ST-Adapter; AdaptSign: 0.25).
    ratio: Annotated[float, Meta(ge=0, le=LAYERS)] = 0.5
    width: Annotated[int, Meta(ge=0, le=WIDE)] = 0  # bottleneck width in channels; 0: by ratio
    temporal: Literal["conv", "none"] = "conv"  # none: the plain bottleneck, which uses no other frame
    # Length of the convolution in frames, or [frames, rows, columns] of patches; odd.
    kernel: KernelSize | KernelSizes = 3
    # Activation after the convolution (choice); ST-Adapter has none, AdaptSign QuickGELU.
    activation: Literal["gelu", "quickgelu", "relu", "silu", "none"] = "gelu"
    # Before which part of a block it is placed, or after the block (ST-Adapter: mlp, LVM-STeM: after).
    place: Literal["mlp", "attention", "both", "after"] = "attention"
    normed: bool = True  # its input passes the frozen norm that follows it (choice; False as in ST-Adapter)
    # Additional trained LayerNorms in the adapter, on its input and on the output of the convolution (LVM-STeM).
    layer_norm: bool = False
    # Which layer is zero before training: the up projection (AdaptSign), or the convolution (ST-Adapter, LVM-STeM).
    start: Literal["up", "conv"] = "up"

    def __post_init__(self) -> None:
        """Equal kernels get the same form: `[3, 1, 1]` becomes 3."""
        if isinstance(self.kernel, tuple) and self.kernel[1:] == (1, 1):
            object.__setattr__(self, "kernel", self.kernel[0])

    @property
    def kernel_3d(self) -> tuple[int, int, int]:
        """Frames, rows and columns of the kernel."""
        frames, rows, columns = (self.kernel, 1, 1) if isinstance(self.kernel, int) else self.kernel
        return frames, rows, columns


@dataclass(frozen=True)
class LoraConfig:
    """SLA-LoRA: low-rank updates with temporal shift (choice)."""

    targets: Targets = "q,v"  # layers with an update; proj is attention's output projection
    rank: Annotated[int, Meta(ge=1, le=WIDE)] = 16  # rank of each update
    alpha: Annotated[int, Meta(ge=1, le=WIDE)] = 16  # an update is scaled by alpha / rank
    dropout: Annotated[float, Meta(ge=0, le=1)] = 0.0  # dropout on the input of each update, in training
    # What is shifted in time: the input of each update; the input of attention, as in the original TSM; or its keys and
    # values, in each head (LVM-STeM). With the last two an untrained model differs from its backbone.
    shift: Literal["lora", "residual", "kv", "off"] = "lora"
    share: Annotated[float, Meta(ge=0, le=0.5)] = 0.125  # share of the channels that is shifted in each direction (TSM)


@dataclass(frozen=True)
class HeadConfig:
    """Temporal convolutions, BiLSTM, classifier (as in VAC and AdaptSign)."""

    pattern: str = "K5,P2,K5,P2"  # temporal layers: K5 is a convolution over 5 frames, P2 a pooling of 2
    channels: Annotated[int, Meta(ge=1, le=WIDE)] = 1024  # channels of the temporal convolutions
    lstm_layers: Annotated[int, Meta(ge=1, le=LAYERS)] = 2  # layers of the BiLSTM
    lstm_width: Annotated[int, Meta(ge=0, le=WIDE)] = 0  # width of the LSTM per direction; 0: channels / directions
    # No step sees later frames, for live use: convolutions look back only, the LSTM has one direction.
    causal: bool = False
    dropout: Annotated[float, Meta(ge=0, le=1)] = 0.3  # dropout between LSTM layers
    shared: bool = True  # one classifier for convolutions and BiLSTM
    # Input of the frame classifier: features normalised over frames without learnt scale (choice), or unchanged. In
    # some backbones nine tenths of a class token are one constant vector, which alone makes the gradient large.
    frame_norm: Literal["batch", "none"] = "batch"
    normalized: bool = True  # class weights are L2-normalised and there is no bias; off: a plain linear layer


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss parts; 0 switches a part off."""

    conv_ctc: Annotated[float, Meta(ge=0, le=LARGE)] = 1.0  # CTC on the temporal convolutions
    distillation: Annotated[float, Meta(ge=0, le=LARGE)] = 25.0  # BiLSTM teaches convolutions (AdaptSign; VAC: 10)
    temperature: Annotated[float, Meta(ge=0.01, le=LARGE)] = 8.0  # temperature of the distillation
    frame_ctc: Annotated[float, Meta(ge=0, le=LARGE)] = 1.0  # CTC on the backbone's frame features (weight: choice)


@dataclass(frozen=True)
class TrainConfig:
    """Mostly the recipe of AdaptSign: [what differs](method.md#training-and-frames)."""

    epochs: Annotated[int, Meta(ge=1, le=MANY)] = 40  # passes over the training clips
    batch: Annotated[int, Meta(ge=1, le=MANY)] = 2  # clips per batch of a process
    batch_frames: Annotated[int, Meta(ge=0, le=MANY)] = 0  # most frames per batch, a longer clip is alone; 0: no limit
    # Number of batches whose clips are sorted by length before batching; 0: no sorting.
    bucket: Annotated[int, Meta(ge=0, le=MANY)] = 0
    # Batches of each process whose gradients are summed before a step.
    accumulate: Annotated[int, Meta(ge=1, le=MANY)] = 1
    infeasible: Literal["stretch", "skip", "refuse"] = "stretch"  # clips too short for CTC; stretch repeats frames
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"  # optimiser
    lr: Annotated[float, Meta(ge=0, le=LARGE)] = 1e-4  # learning rate
    adapter_lr: Annotated[float, Meta(ge=0, le=LARGE)] = 1.0  # learning rate of the added parts, as a share of lr
    weight_decay: Annotated[float, Meta(ge=0, le=LARGE)] = 1e-4  # L2; decoupled for adamw
    decay_all: bool = True  # weight decay on biases and norms too
    clip_norm: Annotated[float, Meta(ge=0, le=LARGE)] = 0.0  # limit of the gradient's norm; 0: none
    schedule: Literal["step", "cosine"] = "step"  # how lr decreases
    warmup: Annotated[float, Meta(ge=0, le=LARGE)] = 0.0  # epochs in which lr rises from 0
    # Epochs after which lr is times gamma (step).
    milestones: tuple[Annotated[int, Meta(ge=0, le=MANY)], ...] = (20, 30)
    gamma: Annotated[float, Meta(ge=0, le=1)] = 0.2  # factor of lr at each milestone (step)
    floor: Annotated[float, Meta(ge=0, le=1)] = 0.0  # final lr, as a share of lr (cosine)
    # Decay per step of averaged weights, which are scored; 0: none.
    ema: Annotated[float, Meta(ge=0, le=0.999999)] = 0.0
    # Number of last epochs; the mean of the weights after each of them is scored and saved. 0: none.
    average: Annotated[int, Meta(ge=0, le=MANY)] = 0
    # Epochs without a better dev WER after which training stops; 0: never.
    patience: Annotated[int, Meta(ge=0, le=MANY)] = 0
    save_minutes: Annotated[float, Meta(ge=0, le=LARGE)] = 10.0  # minutes between saves within an epoch (choice)
    seed: Annotated[int, Meta(ge=0, le=SEED)] = 0  # random seed for weights, order and augmentation
    precision: Precision = "auto"  # precision of the backbone; auto: half precision on CUDA, fp32 on CPU
    # The precision of auto on CUDA; bf16 becomes fp16 on devices that do not support it (choice).
    half: Literal["bf16", "fp16"] = "bf16"
    tf32: bool = True  # with precision fp32: matrix products in TF32 on CUDA (choice)
    crop: Annotated[float, Meta(ge=0.1, le=1)] = 0.875  # side of the crop over side of the stored frame: 224/256
    flip: Annotated[float, Meta(ge=0, le=1)] = 0.5  # probability of mirroring a clip
    rescale: Annotated[float, Meta(ge=0, le=0.9)] = 0.2  # clips are resampled to 1±rescale of their length
    # A lengthened clip shows every frame, repeated evenly (choice), or frames drawn with replacement, which leaves out
    # a third of them (AdaptSign).
    lengthen: Literal["even", "random"] = "even"
    min_frames: Annotated[int, Meta(ge=1, le=LONG)] = 32  # minimum length of a clip after resampling
    max_frames: Annotated[int, Meta(ge=1, le=LONG)] = 230  # maximum length after resampling
    # Most frames by which a clip's first and last frame are held, as hands at rest, in which no gloss may be emitted.
    # For recognition in recordings with pauses (choice).
    rest: Annotated[int, Meta(ge=0, le=LONG)] = 0
    drop: Annotated[float, Meta(ge=0, le=0.9)] = 0.0  # probability that a frame is replaced by the previous one
    # A clip's brightness, contrast, saturation are scaled by 1±jitter.
    jitter: Annotated[float, Meta(ge=0, le=0.9)] = 0.0
    erase: Annotated[float, Meta(ge=0, le=1)] = 0.0  # probability that a rectangle is erased in all frames of a clip
    keep_views: Annotated[int, Meta(ge=0, le=LAYERS)] = 0  # kept views of a clip (variant frozen); 0: none (choice)
    workers: Annotated[int, Meta(ge=-1, le=PROCESSES)] = -1  # processes that load clips; -1 chooses


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
class DecodeConfig(OptionValues):
    """Beam search. alpha and beta are pyctcdecode's defaults; tune them on dev."""

    beam: Annotated[int, Meta(ge=1, le=BEAM)] = 10  # as in published results; 1 is greedy without a language model
    alpha: Annotated[float, Meta(ge=0, le=WEIGHT)] = 0.5  # weight of the language model
    beta: Annotated[float, Meta(ge=-WEIGHT, le=WEIGHT)] = 1.5  # reward per gloss, with a language model
    hotword_weight: Annotated[float, Meta(ge=-WEIGHT, le=WEIGHT)] = 0.15  # per hot word, natural log (docs/decoding.md)
    # Prefixes worse than the best by this are dropped, columns below this are not tried (natural log; pyctcdecode's).
    prune_logp: Annotated[float, Meta(ge=-WEIGHT, le=0)] = -10.0
    token_min_logp: Annotated[float, Meta(ge=-WEIGHT, le=0)] = -5.0
    # Percent of the glosses that a language model may lack (choice).
    max_oov: Annotated[float, Meta(ge=0, le=100)] = 20.0


@dataclass(frozen=True)
class EmitConfig(OptionValues):
    """How a split's log-probabilities are computed and stored."""

    precision: Precision = "auto"  # auto: as in training, if the device supports it
    dtype: Literal["float32", "float16"] = "float32"  # type on disk
    max_frames: Annotated[int, Meta(ge=1, le=MANY)] = 400  # most frames per batch; a longer clip is alone (choice)
    # Frames that the backbone computes at once, to limit its memory (choice).
    chunk: Annotated[int, Meta(ge=0, le=MANY)] = 64


@dataclass(frozen=True)
class TranscribeConfig(OptionValues):
    """What is written of a recording."""

    pause: Annotated[float, Meta(ge=0, le=LARGE)] = 1.0  # seconds without a sign that end a sentence (choice)
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0  # glosses that are less sure become ?


@dataclass(frozen=True)
class TuneConfig(OptionValues):
    """The grid of `sla tune` (choice)."""

    alphas: tuple[Annotated[float, Meta(ge=0, le=WEIGHT)], ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
    betas: tuple[Annotated[float, Meta(ge=-WEIGHT, le=WEIGHT)], ...] = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.5)


def resolve(
    preset: str = "base", file: Path | None = None, sets: Sequence[str] = (), flags: Mapping[str, Any] | None = None
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
        key, equals, value = (part.strip() for part in text.partition("="))
        section, dot, name = key.partition(".")
        if not equals or not dot:
            raise SlaError(f"--set {text}: expected section.key=value", "For example --set train.epochs=10.")
        _update(values, {section: {name: parse_value(key, value, settings_of(Config).get(key))}}, f"--set {text}")
    for key, value in (flags or {}).items():
        section, _, name = key.partition(".")
        if value is not None:
            _update(values, {section: {name: value}}, f"--{name.replace('_', '-')}")
    return from_dict(values)


def from_dict(values: Mapping[str, Any]) -> Config:
    """A Config from nested values; keys and types are checked. Raises SlaError.

    A setting that is not there has its default. So the run of an earlier version is as it was: a setting that is added
    later has a default that does what was done before.
    """
    checked: dict[str, dict[str, Any]] = {}
    _update(checked, values, "configuration")
    sections = annotations_of(Config)
    return Config(**{section: sections[section](**entries) for section, entries in checked.items()})


def to_toml(config: Config) -> str:
    """The configuration as TOML, which `--config` can read."""
    import tomli_w

    return tomli_w.dumps(asdict(config))


def _update(values: dict[str, dict[str, Any]], news: Mapping[str, Any], where: str) -> None:
    """Merge `news` into `values`, refusing unknown sections and keys, and values of another type."""
    sections = annotations_of(Config)
    for section, entries in news.items():
        if section not in sections:
            raise SlaError(f"{where}: unknown section {section!r}", suggestion(section, sections))
        if not isinstance(entries, Mapping):
            raise SlaError(f"{where}: {section} is a section, not a value", f"Write {section}.KEY=VALUE.")
        known = annotations_of(sections[section])
        for key, value in entries.items():
            if key not in known:
                raise SlaError(f"{where}: unknown key {section}.{key}", suggestion(key, known))
            values.setdefault(section, {})[key] = check_setting(f"{section}.{key}", value, known[key], where)
