"""Compares the settings of two runs by what they mean for trained weights: do the weights of one fit the other?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from sla_cli.config.checks import values_of
from sla_cli.config.settings import Config
from sla_cli.model.added import chosen_layers
from sla_cli.model.backbone import Backbone
from sla_cli.model.temporal_head import SequenceModel, TemporalConv, parse_pattern
from sla_cli.model.variants.adapter import TemporalAdapter
from sla_cli.model.variants.lora import chosen_targets

# Settings that affect neither the shape nor the meaning of trained weights. The weights of the backbone themselves are
# compared when the trained ones are read.
FREE = {"model.weights", "model.checkpointing", "model.compile", "head.dropout", "lora.dropout", "adapter.start"}


def differences(there: Config, here: Config) -> list[str]:
    """Settings that need other weights, as in `head.channels (32 there, 16 here)`; empty if the weights fit.

    Settings with the same meaning are equal: `last:12` of 12 blocks is `all`.

    Raises:
        SlaError: no such backbone, or a setting that cannot be read.
    """
    theirs, ours = _settings(there), _settings(here)
    if not (there.loss.frame_ctc and here.loss.frame_ctc):
        ours.pop("head.frame_norm")  # it belongs to the frame classifier, which one of them does not have
    different = [key for key in ours if key in theirs and theirs[key] != ours[key]]  # variants have their own settings
    if not {"model.backbone", "model.backbone_args"} & set(different):
        different = _of_other_meaning(different, there, here)
    return [f"{key} ({theirs[key]} there, {ours[key]} here)" for key in different]


def _settings(config: Config) -> dict[str, Any]:
    """The settings that determine the weights, by section and key."""
    sections = {"model", "head", config.model.variant}
    values = values_of(config).items()
    return {key: value for key, value in values if key.partition(".")[0] in sections and key not in FREE}


def _of_other_meaning(keys: list[str], there: Config, here: Config) -> list[str]:
    """Those of `keys` whose settings, written differently, also differ in meaning."""
    if not MEANINGS.keys() & set(keys):
        return keys
    theirs, ours = _Model.of(there), _Model.of(here)
    with torch.device("meta"):  # of new parts only the sizes matter
        return [key for key in keys if key not in MEANINGS or MEANINGS[key](theirs) != MEANINGS[key](ours)]


@dataclass(frozen=True)
class _Model:
    """Settings, and a backbone of that form."""

    config: Config
    backbone: Backbone

    @classmethod
    def of(cls, config: Config) -> _Model:
        return cls(config, Backbone(replace(config.model, weights="random")))

    @property
    def shapes(self) -> dict[str, torch.Size]:
        """Of the backbone's weights; the position embedding has the size of the image."""
        return {name: value.shape for name, value in self.backbone.state_dict().items()}

    @property
    def layers(self) -> list[int]:
        """Numbers of the adapted blocks."""
        model = self.config.model
        return [] if model.variant == "frozen" else chosen_layers(model.layers, len(self.backbone.vit.blocks))

    @property
    def channels(self) -> int:
        """Of the temporal layers, which may be without convolutions."""
        return TemporalConv(self.backbone.width, self.config.head).width

    @property
    def lstm_width(self) -> int:
        """Of both directions."""
        return SequenceModel(self.channels, self.config.head).width

    @property
    def bottleneck(self) -> int:
        """Channels of an adapter's bottleneck."""
        adapter = TemporalAdapter(self.backbone.vit.embed_dim, 0, self.config.adapter, self.backbone.borders)
        return adapter.down.out_features


# The meaning of settings that can be written in several ways, or that have no effect in some models.
MEANINGS: dict[str, Callable[[_Model], Any]] = {
    "model.image_size": lambda model: model.shapes,
    "model.layers": lambda model: model.layers,
    "model.normalize": lambda model: (tuple(model.backbone.mean), tuple(model.backbone.std)),
    "head.pattern": lambda model: parse_pattern(model.config.head.pattern),
    "head.channels": lambda model: model.channels,
    "head.lstm_width": lambda model: model.lstm_width,
    "adapter.ratio": lambda model: model.bottleneck,
    "adapter.width": lambda model: model.bottleneck,
    "adapter.kernel": lambda model: model.config.adapter.kernel if model.config.adapter.temporal == "conv" else None,
    "lora.targets": lambda model: chosen_targets(model.config.lora.targets),
    "lora.share": lambda model: model.config.lora.share if model.config.lora.shift != "off" else 0.0,
}
