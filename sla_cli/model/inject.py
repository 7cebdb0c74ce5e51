"""Put a variant's modules into a frozen ViT."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sla_cli.config import AdapterConfig, LoraConfig, ModelConfig
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.model.adapters import TemporalAdapter
from sla_cli.model.blocks import AdaptedBlock
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.lora import LoraLinear, LoraQKV

TARGETS = ("q", "k", "v", "proj", "mlp")


def adapt(vit: Any, borders: ClipBorders, model: ModelConfig, adapter: AdapterConfig, lora: LoraConfig) -> None:
    """Wrap every block of a timm ViT, and add the variant's modules to the chosen ones. Raises SlaError."""
    chosen = chosen_layers(model.layers, len(vit.blocks)) if model.variant != "frozen" else []
    for number, block in enumerate(vit.blocks):
        if number not in chosen:
            wrapped = AdaptedBlock(block, borders)
        elif model.variant == "lora":
            wrapped = _with_lora(block, borders, lora)
        else:
            wrapped = _with_adapters(block, borders, vit.embed_dim, vit.num_prefix_tokens, adapter)
        vit.blocks[number] = wrapped
    if model.variant == "lora" and lora.shift == "residual":
        log.info("lora.shift=residual moves frames in the frozen path: even untrained, the model is not its backbone")
    if (
        model.variant == "adapter"
        and adapter.place != "attention"
        and len(vit.blocks) - 1 in chosen
        and _reads_class(vit)
    ):
        log.info("the adapter before the last MLP learns nothing: the class token is read, which it does not reach")


def chosen_layers(text: str, depth: int) -> list[int]:
    """Block numbers out of `all`, `last:K` or `0,5,11`. Raises SlaError."""
    hint = f"layers is all, last:K, or numbers from 0 to {depth - 1} as in 0,{depth - 1}."
    if text == "all":
        return list(range(depth))
    try:
        if text.startswith("last:"):
            count = int(text.removeprefix("last:"))
            numbers = list(range(depth - count, depth)) if 0 < count <= depth else []
        else:
            numbers = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise SlaError(f"model.layers = {text!r} cannot be read", hint) from error
    if not numbers or numbers[0] < 0 or numbers[-1] >= depth:
        raise SlaError(f"model.layers = {text!r} does not fit a backbone of {depth} blocks", hint)
    return numbers


def chosen_targets(text: str) -> set[str]:
    """`q,v` → {"q", "v"}. Raises SlaError."""
    targets = {part.strip() for part in text.split(",")}
    if not targets <= set(TARGETS):
        raise SlaError(f"lora.targets = {text!r} cannot be read", f"It is some of {', '.join(TARGETS)}, as in q,v.")
    return targets


def _with_adapters(
    block: nn.Module, borders: ClipBorders, width: int, prefix: int, config: AdapterConfig
) -> AdaptedBlock:
    if config.kernel % 2 == 0:
        raise SlaError(f"adapter.kernel = {config.kernel} is even", "An odd kernel looks equally far to both sides.")
    before_attention, before_mlp = (
        TemporalAdapter(width, prefix, config, borders) if config.place in (place, "both") else None
        for place in ("attention", "mlp")
    )
    return AdaptedBlock(block, borders, before_attention, before_mlp, normed=config.normed)


def _with_lora(block: Any, borders: ClipBorders, config: LoraConfig) -> AdaptedBlock:
    targets = chosen_targets(config.targets)
    _fuse_bias(block.attn)
    layers = [(block.attn, "proj")] if "proj" in targets else []
    parts = {part for part in "qkv" if part in targets}
    if getattr(block.attn, "qkv", None) is None:
        layers += [(block.attn, f"{part}_proj") for part in sorted(parts)]
    elif parts:
        block.attn.qkv = LoraQKV(block.attn.qkv, parts, config, borders)
    if "mlp" in targets:
        layers += [(block.mlp, name) for name, child in block.mlp.named_children() if isinstance(child, nn.Linear)]
    for parent, name in layers:
        setattr(parent, name, LoraLinear(getattr(parent, name), config, borders))
    # Branches that read what others wrote look one frame further: q, k and v, then proj, then the MLP's two layers.
    stages = bool(parts) + ("proj" in targets) + 2 * ("mlp" in targets)
    return AdaptedBlock(
        block,
        borders,
        share=config.share if config.shift == "residual" else 0.0,
        lora_reach=stages if config.shift == "lora" else 0,
    )


def _fuse_bias(attention: Any) -> None:
    """EVA keeps the bias of its fused projection apart and reads the weight only: give it one layer to call."""
    if getattr(attention, "q_bias", None) is None or attention.qkv_bias_separate:
        return
    bias = torch.cat((attention.q_bias, attention.k_bias, attention.v_bias))
    attention.qkv.bias = nn.Parameter(bias.detach(), requires_grad=False)
    attention.q_bias = attention.k_bias = attention.v_bias = None


def _reads_class(vit: Any) -> bool:
    return vit.global_pool == "token" and getattr(vit, "attn_pool", None) is None
