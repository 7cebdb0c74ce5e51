"""Named settings: what differs from the defaults of config.py, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Named settings that differ from the defaults."""

    description: str
    values: dict[str, dict[str, Any]]


# Swin-MSTP, by the authors of CLIP-SLA and of Isharah.
_SWIN_MSTP: dict[str, dict[str, Any]] = {"head": {"lstm_layers": 3}, "loss": {"distillation": 10.0}}

PRESETS = {
    "base": Preset("CLIP-SLA on OpenAI CLIP ViT-B/16 at 224 px, lineage recipe; for a GPU", {}),
    **{
        name: Preset("base: nothing is known that the lineage does otherwise on this corpus", {})
        for name in ("phoenix2014", "phoenix2014-si5", "phoenix2014t", "csl-daily")
    },
    **{
        name: Preset("base with the BiLSTM of 3 layers and the distillation of 10 of Swin-MSTP", _SWIN_MSTP)
        for name in ("isharah500", "isharah1000", "isharah2000")
    },
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


def preset_for_corpus(corpus: str) -> str:
    """The preset of a corpus, `base` for one that has none of its own."""
    return corpus if corpus in PRESETS else "base"
