"""Graphs give what PyTorch gives, for clips of any length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from synthetic import FACTS, FORMS, GLOSSES, tiny

from sla_cli.config.settings import Config
from sla_cli.model.added import merge_added
from sla_cli.model.device import place
from sla_cli.model.domain import Domain
from sla_cli.model.frame_scores import FrameScorer
from sla_cli.model.network import Network
from sla_cli.model.open_run import OpenedModel
from sla_cli.share.onnx_export import write_graphs
from sla_cli.transcribe.torch_runtime import TorchRuntime
from sla_cli.work.onnx_graphs import BACKBONE, HEAD, check_graph

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

TOLERANCE = 1e-4
SMALL = {"embed_dim": 32, "depth": 2, "num_heads": 2}
CONFIGS: dict[str, dict[str, Any]] = {
    "adapter": {"train__crop": 0.875, "model__image_size": 16},
    "frozen": {"model__variant": "frozen", "model__backbone_args": {**SMALL, "patch_size": 16, "num_classes": 24}},
    "lora": {"model__variant": "lora", "lora__targets": "q,v,proj,mlp", "head__normalized": False},
    "residual": {"model__variant": "lora", "lora__shift": "residual"},
    "kv, causal head": {"model__variant": "lora", "lora__shift": "kv", "head__causal": True},
    "grid": {**FORMS["lvm-stem"], "head__pattern": "K3,P2", "head__lstm_layers": 1},
    "norms": {**FORMS["norms"], "adapter__activation": "quickgelu", "adapter__kernel": 5},
    "rotary": {
        "model__backbone": "eva02_base_patch16_clip_224",
        "model__backbone_args": {"embed_dim": 48, "depth": 2, "num_heads": 2},
    },
    "dinov3": {"model__backbone": "vit_small_patch16_dinov3", "model__backbone_args": SMALL},
}


def opened(config: Config) -> OpenedModel:
    """With added modules that add something, and all that a run may have."""
    torch.manual_seed(1)
    network = Network(config, len(GLOSSES)).eval()
    for parameter in network.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    merged, width = merge_added(network), network.backbone.width
    scorer = FrameScorer(torch.randn(len(GLOSSES) + 1, width), torch.randn(len(GLOSSES) + 1), 3)
    domain = Domain(torch.randn(width), torch.randn(width, width), 2.0, {"brightness": (1.0, 2.0)})
    return OpenedModel(network, config, place("cpu", "fp32"), GLOSSES, merged, scorer, domain)


@pytest.mark.ci  # PyTorch takes seconds to export one
@pytest.mark.parametrize("name", CONFIGS)
def test_a_graph_gives_what_pytorch_gives(tmp_path: Path, name: str) -> None:
    model = opened(tiny(**CONFIGS[name]))
    write_graphs(model, tmp_path, FACTS.frames)
    backbone, head = (onnxruntime.InferenceSession(tmp_path / file) for file in (BACKBONE, HEAD))
    side, runtime, rng = FACTS.frames.size, TorchRuntime(model), np.random.default_rng(0)
    for file in (BACKBONE, HEAD):
        check_graph(tmp_path / file, "")  # it has known operators only
    for length in (1, 2, 5, 30):
        frames = rng.integers(0, 256, (length, side, side, 3), np.uint8)
        push = runtime.streaming()
        parts = [*push(frames, False), *push(frames[:0], True)]
        features, shown, distances = backbone.run(["features", "shown", "distances"], {"frames": frames})
        expected = np.concatenate([part.rows for part in parts])
        np.testing.assert_allclose(features, expected, rtol=TOLERANCE, atol=TOLERANCE)
        assert np.abs(shown - np.concatenate([part.shown for part in parts]).astype(int)).max() <= 1
        np.testing.assert_allclose(distances, np.concatenate([part.distances for part in parts]), rtol=TOLERANCE)
        (log_probs,) = head.run(None, {"features": expected})
        np.testing.assert_allclose(log_probs, runtime.head(expected), rtol=TOLERANCE, atol=TOLERANCE)
