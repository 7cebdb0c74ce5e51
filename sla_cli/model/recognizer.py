"""Frames to gloss logits: frozen backbone with adapters, temporal head, classifiers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sla_cli.config import Config
from sla_cli.formats.receipt import digest_bytes
from sla_cli.model.backbone import Backbone
from sla_cli.model.temporal import Classifier, SequenceModel, TemporalConv


@dataclass(frozen=True)
class Logits:
    """What the losses need. Clips concatenated; column 0 is the blank.

    Attributes:
        sequence: (steps, glosses + 1) of the BiLSTM, what is decoded.
        conv: (steps, glosses + 1) of the temporal convolutions.
        frame: (frames, glosses + 1) straight from the backbone's features.
        steps, frames: int64 (clips,), lengths on the CPU.
    """

    sequence: Tensor
    conv: Tensor
    frame: Tensor
    steps: Tensor
    frames: Tensor


class Recognizer(nn.Module):
    """CLIP-SLA (Alyami & Luqman, 2025) with lineage defaults where the paper is silent."""

    def __init__(self, config: Config, glosses: int) -> None:
        super().__init__()
        self.backbone = Backbone(config.model)
        self.backbone_digest = _digest(self.backbone)
        self.backbone.adapt(config.model, config.adapter, config.lora)
        self.conv = TemporalConv(self.backbone.width, config.head)
        self.sequence = SequenceModel(self.conv.width, config.head)
        self.classifier = Classifier(self.conv.width, glosses + 1)
        self.frame_classifier = frame_classifier(self.backbone.width, glosses + 1)
        self.stride = self.conv.stride

    def forward(self, pixels: Tensor, lengths: Tensor) -> Logits:
        """pixels: normalised float (frames, 3, height, width), clips concatenated; lengths: int64 (clips,), CPU."""
        features = self.backbone(pixels, lengths)
        conv, steps = self.conv(features, lengths)
        sequence = self.sequence(conv, steps)
        return Logits(
            self.classifier(sequence).float(),
            self.classifier(conv).float(),
            self.frame_classifier(features).float(),
            steps,
            lengths,
        )

    def trained_state(self) -> dict[str, Tensor]:
        """Parameters that are trained and running statistics, by name: all that a checkpoint holds."""
        frozen = {name for name, parameter in self.named_parameters() if not parameter.requires_grad}
        buffers = {f"backbone.{name}" for name, _ in self.backbone.named_buffers()}
        return {name: value for name, value in self.state_dict().items() if name not in frozen | buffers}


def frame_classifier(width: int, classes: int) -> nn.Linear:
    """A linear layer that starts where CTC over frames would first go anyway: blank is ten times as likely as all else.

    From random weights that takes hundreds of steps, whose gradients push the adapters about for nothing (choice).
    """
    layer = nn.Linear(width, classes)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.bias[0] = math.log(10 * (classes - 1))
    return layer


def _digest(backbone: nn.Module) -> str:
    """Identity of the frozen weights: digest over names and values."""
    parts = []
    for name, value in sorted(backbone.state_dict().items()):
        parts.append(name + digest_bytes(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes()))
    return digest_bytes("\n".join(parts).encode())
