"""Named sets of settings on which training is based; config/settings.py checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Named settings that differ from the defaults."""

    description: str
    values: dict[str, dict[str, Any]]


PRESETS = {
    "base": Preset("CLIP-SLA with OpenAI CLIP ViT-B/16 at 224 px and AdaptSign's recipe; for a GPU", {}),
    "small": Preset(
        "base for a few hundred clips: half the head's width, no losses on the convolutions, a cosine schedule, rest",
        {
            "head": {"channels": 512},
            "loss": {"conv_ctc": 0.0, "distillation": 0.0},
            "train": {"lr": 5e-4, "schedule": "cosine", "rest": 40},
        },
    ),
    "isharah": Preset(
        "base with 3 BiLSTM layers and a distillation weight of 10, like Swin-MSTP by the authors of Isharah",
        {"head": {"lstm_layers": 3}, "loss": {"distillation": 10.0}},
    ),
    "tiny": Preset(
        "a ViT for 64-px pictures without pretrained weights: takes minutes on any machine; for trying the tool",
        {
            "model": {
                "backbone": "vit_base_patch16_clip_quickgelu_224",
                "weights": "random",
                "image_size": 64,
                "compile": "off",  # compiling would take longer than it saves
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
            "train": {"epochs": 14, "batch": 2, "lr": 2e-3, "milestones": [9, 12], "flip": 0.0, "rest": 40},
        },
    ),
}
