"""The arguments of timm's ViTs that `model.backbone_args` may hold, with their bounds.

Others would reach files and addresses (checkpoint_path, pretrained_cfg, cache_dir), and a run of somebody else may hold
anything.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from sla_cli.config.bounds import LARGE, LAYERS, PIXELS, WIDE

BACKBONE_ARGS: dict[str, Any] = {
    "embed_dim": Annotated[int, Meta(ge=1, le=WIDE)],
    "depth": Annotated[int, Meta(ge=1, le=LAYERS)],
    "num_heads": Annotated[int, Meta(ge=1, le=WIDE)],
    "patch_size": Annotated[int, Meta(ge=1, le=PIXELS)] | Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)],
    "mlp_ratio": Annotated[float, Meta(gt=0, le=LAYERS)],
    "num_classes": Annotated[int, Meta(ge=0, le=WIDE)],
    "reg_tokens": Annotated[int, Meta(ge=0, le=LAYERS)],
    "init_values": Annotated[float, Meta(ge=0, le=LARGE)],
    "global_pool": Literal["avg", "avgmax", "max", "token", "map"],  # timm's "" would leave a vector per patch
    "pos_embed": Literal["learn", "none"],
    "class_token": bool,
    "no_embed_class": bool,
    "qkv_bias": bool,
    "qk_norm": bool,
    "pre_norm": bool,
    "final_norm": bool,
    "fc_norm": bool,
}
