"""Which settings of two runs need the same weights: what fits is copied whole, what does not is named alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from synthetic import CPU, FACTS, GLOSSES, TINY, tiny

from sla_cli.errors import SlaError
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.device import place
from sla_cli.model.network import Network
from sla_cli.store.store import Store
from sla_cli.train.init_from import init_from
from sla_cli.train.loop import initial_state
from sla_cli.work.run import Run

ADAPTER, LORA, FROZEN = ({"model__variant": variant} for variant in ("adapter", "lora", "frozen"))
ARGS: dict[str, Any] = dict(TINY["model.backbone_args"])  # type: ignore[call-overload]
NO_POSITIONS = {**ADAPTER, "model__backbone_args": {**ARGS, "pos_embed": "none"}}
HALF_ANYWAY = {
    **FROZEN,
    "model__backbone": "vit_base_patch16_siglip_224",
    "model__backbone_args": {**ARGS, "num_classes": 0},
}


def untrained(folder: Path, **settings: Any) -> Run:
    """A run with the weights that training begins with."""
    run, config = Run(folder), tiny(train__seed=7, **settings)
    torch.manual_seed(7)
    run.create(config, GLOSSES, FACTS)
    save_weights(run.best, Network(config, len(GLOSSES)), GLOSSES)
    return run


@pytest.mark.parametrize(
    ("both", "there", "here"),
    [
        (ADAPTER, {"model__compile": "auto"}, {"model__compile": "off"}),
        (ADAPTER, {"model__checkpointing": "1"}, {}),
        (ADAPTER, {"model__layers": "last:2"}, {"model__layers": "1,0"}),
        (ADAPTER, {"adapter__ratio": 0.25}, {"adapter__width": 8}),
        (ADAPTER, {"adapter__temporal": "none", "adapter__kernel": 5}, {"adapter__temporal": "none"}),
        (LORA, {"lora__targets": "q,v"}, {"lora__targets": "v, q"}),
        (LORA, {"lora__shift": "off"}, {"lora__shift": "off", "lora__share": 0.25}),
        (FROZEN, {"model__layers": "last:1"}, {}),
        (FROZEN, {"head__lstm_width": 16}, {"head__pattern": "K5, P2, K5, P2"}),
        (
            FROZEN,
            {"head__pattern": "P2", "head__channels": 24, "head__shared": False},
            {"head__pattern": "P2", "head__shared": False},
        ),
        (FROZEN, {"loss__frame_ctc": 0, "head__frame_norm": "none"}, {"loss__frame_ctc": 0}),
        (HALF_ANYWAY, {"model__normalize": "half"}, {}),
        (NO_POSITIONS, {"model__image_size": 64}, {}),
    ],
    ids=str,
)
def test_what_means_the_same_fits(
    store: Store, tmp_path: Path, both: dict[str, Any], there: dict[str, Any], here: dict[str, Any]
) -> None:
    source, config = untrained(tmp_path / "source", **{**both, **there}), tiny(**{**both, **here})
    state, _, taken = initial_state(store, config, place("cpu", "fp32"), CPU, init_from(source, config))
    assert taken is not None
    weights = load_file(source.best)
    assert taken.tensors == taken.of_tensors == len(weights)
    assert all(torch.equal(value, weights[name]) for name, value in state.model.trained_state().items())


@pytest.mark.parametrize(
    ("both", "there", "here", "named"),
    [
        ({}, FROZEN, ADAPTER, "model.variant (frozen there, adapter here)"),
        (ADAPTER, {}, {"model__layers": "last:1"}, "model.layers (all there, last:1 here)"),
        (ADAPTER, {}, {"model__image_size": 64}, "model.image_size (32 there, 64 here)"),
        (ADAPTER, {}, {"adapter__ratio": 0.25}, "adapter.ratio (0.5 there, 0.25 here)"),
        (ADAPTER, {"adapter__width": 8}, {}, "adapter.width (8 there, 0 here)"),
        (LORA, {"lora__targets": "q"}, {}, "lora.targets (q there, q,v here)"),
        (LORA, {}, {"lora__share": 0.25}, "lora.share (0.125 there, 0.25 here)"),
        (FROZEN, {"head__frame_norm": "none"}, {}, "head.frame_norm (none there, batch here)"),
        (
            FROZEN,
            {"head__shared": False},
            {"head__shared": False, "head__lstm_width": 8},
            "head.lstm_width (0 there, 8 here)",
        ),
        (FROZEN, {}, {"head__pattern": "K5,P2"}, "head.pattern (K5,P2,K5,P2 there, K5,P2 here)"),
        (FROZEN, {}, {"model__normalize": "half"}, "model.normalize (backbone there, half here)"),
    ],
    ids=str,
)
def test_what_means_something_else_is_named_alone(
    tmp_path: Path, both: dict[str, Any], there: dict[str, Any], here: dict[str, Any], named: str
) -> None:
    source = untrained(tmp_path / "source", **{**both, **there})
    with pytest.raises(SlaError) as caught:
        init_from(source, tiny(**{**both, **here}))
    assert caught.value.message == f"the weights of {source.path} do not fit: {named}"
    assert "--set KEY=VALUE" in caught.value.hint


def test_a_frame_classifier_that_was_not_trained_starts_as_usual_with_its_norm(store: Store, tmp_path: Path) -> None:
    source, config = untrained(tmp_path / "source", loss__frame_ctc=0, **FROZEN), tiny(**FROZEN)
    fresh, _, _ = initial_state(store, config, place("cpu", "fp32"), CPU)
    state, _, taken = initial_state(store, config, place("cpu", "fp32"), CPU, init_from(source, config))
    weights, new = load_file(source.best), fresh.model.trained_state()
    assert taken is not None and taken.tensors == len(weights) < taken.of_tensors
    for name, value in state.model.trained_state().items():
        own = name.startswith("frame_")
        assert own == (name not in weights)
        assert torch.equal(value, new[name] if own else weights[name]), name
