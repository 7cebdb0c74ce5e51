"""Frames to gloss logits: frozen backbone with adapters, temporal head, classifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from sla_cli.config.settings import Config
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import SlaError
from sla_cli.model.backbone import Backbone
from sla_cli.model.temporal_head import SequenceModel, TemporalConv, classifier
from sla_cli.model.weight_memory import check_weights


@dataclass(frozen=True)
class Logits:
    """Logits of each head, clips concatenated; column 0 is the blank.

    Attributes:
        sequence: (steps, glosses + 1) of the BiLSTM; these are decoded.
        conv: (steps, glosses + 1) of the temporal convolutions; None if no loss uses it and the classifier is not
            shared.
        frame: (frames, glosses + 1) of the backbone's features; None if no loss uses it.
        steps, frames: int64 (clips,), lengths on the CPU.
    """

    sequence: Tensor
    conv: Tensor | None
    frame: Tensor | None
    steps: Tensor
    frames: Tensor


CPU = torch.device("cpu")


class Network(nn.Module):
    """CLIP-SLA (Alyami & Luqman, 2025), with the defaults of earlier code for what the paper does not specify.

    Parts that no loss trains are not created.

    Args:
        copies: number of values that the caller keeps for each trained weight on `device`, including the weight itself.
        most: number of values in the file from which the trained weights will be loaded.

    Raises:
        SlaError: settings do not fit each other, or the weights exceed the memory.
        FormatError: the weights are more than the file has.
    """

    def __init__(
        self, config: Config, glosses: int, copies: int = 1, device: torch.device = CPU, *, most: int | None = None
    ) -> None:
        super().__init__()
        self.backbone = Backbone(config.model)
        classes = glosses + 1
        heads_of = partial(_heads, self.backbone.width, classes, config)
        check_weights(heads_of, self.backbone, config, copies, device, most)
        self.backbone_name, self.backbone_digest = config.model.backbone, backbone_digest(self.backbone)
        # CPUs differ in the last bits of random weights, so a digest is too strict for them.
        self.backbone_norms = _norms(self.backbone) if config.model.weights == "random" else None
        self.backbone.adapt(config)
        heads = heads_of()
        self.conv, self.sequence, self.classifier = heads.conv, heads.sequence, heads.classifier
        self.conv_classifier = heads.conv_classifier
        self.frame_norm, self.frame_classifier = heads.frame_norm, heads.frame_classifier
        self.shared, self.stride = config.head.shared, self.conv.stride

    def forward(self, pixels: Tensor, lengths: Tensor, chunk: int = 0) -> Logits:
        """Logits of concatenated clips.

        Args:
            pixels: normalised float (frames, 3, height, width); or their features (frames, width).
            lengths: int64 (clips,), on the CPU.
            chunk: without gradients, frames that the backbone computes at once; 0 is all. The result is the same.
        """
        features = pixels if pixels.dim() == 2 else self.backbone(pixels, lengths, chunk)
        return self.head(features, lengths)

    def head(self, features: Tensor, lengths: Tensor) -> Logits:
        """Logits from the backbone's features: (frames, width) of concatenated clips; lengths as in `forward`.

        Computed in the type of the head's weights also if the backbone runs in half precision: near 16, values of
        bfloat16 are 0.125 apart, and the head is only a thousandth of the work.
        """
        with torch.autocast(features.device.type, enabled=False):
            features = features.to(next(self.sequence.parameters()).dtype)
            conv, steps = self.conv(features, lengths)
            sequence = self.sequence(conv, steps)
            by_conv = self.classifier if self.shared else self.conv_classifier
            return Logits(
                self.classifier(sequence),
                by_conv(conv) if by_conv is not None else None,
                self.by_frame(features),
                steps,
                lengths,
            )

    def by_frame(self, features: Tensor) -> Tensor | None:
        """Logits (frames, glosses + 1) of features (frames, width); None if no loss trains the frame classifier."""
        if self.frame_classifier is None:
            return None
        if self.frame_norm is not None:
            features = self.frame_norm(features.T.unsqueeze(0)).squeeze(0).T
        return self.frame_classifier(features)

    def trained_state(self) -> dict[str, Tensor]:
        """Trained parameters and running statistics by name: the content of a checkpoint."""
        frozen = {name for name, parameter in self.named_parameters() if not parameter.requires_grad}
        buffers = {f"backbone.{name}" for name, _ in self.backbone.named_buffers()}
        return {name: value for name, value in self.state_dict().items() if name not in frozen | buffers}

    def misfits(self, weights: Mapping[str, Tensor]) -> list[str]:
        """Names of trained weights that are missing, unknown, or have another shape."""
        ours, given = ({(key, value.shape) for key, value in part.items()} for part in (self.trained_state(), weights))
        return sorted({name for name, _ in ours ^ given})


@dataclass(frozen=True)
class _Heads:
    """The parts that process the backbone's features."""

    conv: TemporalConv
    sequence: SequenceModel
    classifier: nn.Module
    conv_classifier: nn.Module | None
    frame_norm: nn.Module | None
    frame_classifier: nn.Module | None


def _heads(width: int, classes: int, config: Config) -> _Heads:
    """Parts that no loss trains are not created. Raises SlaError if settings do not fit each other."""
    head, loss = config.head, config.loss
    conv = TemporalConv(width, head)
    sequence = SequenceModel(conv.width, head)
    by_sequence = classifier(sequence.width, classes, head)
    by_conv: nn.Module | None = None
    if not head.shared and (loss.conv_ctc or loss.distillation):
        by_conv = classifier(conv.width, classes, head)
    if head.shared and sequence.width != conv.width:
        raise SlaError(
            f"an LSTM whose output has {sequence.width} channels and convolutions of {conv.width} channels "
            "cannot share a classifier",
            "Use --set head.lstm_width=0, or --set head.shared=false.",
        )
    by_frame = frame_classifier(width, classes) if loss.frame_ctc else None
    norm = nn.BatchNorm1d(width, affine=False) if loss.frame_ctc and head.frame_norm == "batch" else None
    return _Heads(conv, sequence, by_sequence, by_conv, norm, by_frame)


def frame_classifier(width: int, classes: int) -> nn.Linear:
    """A linear layer whose initial bias makes blank ten times as likely as all glosses together.

    CTC over frames always reaches this state first. From random weights this takes hundreds of steps, with useless
    gradients for the adapters (choice).
    """
    layer = nn.Linear(width, classes)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.bias[0] = math.log(10 * (classes - 1))
    return layer


def backbone_digest(backbone: nn.Module) -> str:
    """Digest of names and values of the weights of a `Backbone` that is not adapted yet."""
    parts = []
    for name, value in sorted(backbone.state_dict().items()):
        parts.append(name + digest_bytes(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes()))
    return digest_bytes("\n".join(parts).encode())


def _norms(backbone: nn.Module) -> list[float]:
    """Euclidean norm of each tensor of the frozen weights, in the order of their names."""
    return [float(value.detach().double().norm()) for _, value in sorted(backbone.state_dict().items())]
