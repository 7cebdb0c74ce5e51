from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import torch
from synthetic import FORMS, VARIANTS, tiny
from torch import Tensor, nn

from sla_cli.config.settings import Config, LossConfig, resolve
from sla_cli.errors import SlaError
from sla_cli.model.added import AddedModule
from sla_cli.model.network import Network
from sla_cli.train.losses import losses

GLOSSES = 5
LENGTHS = [9, 1, 14]


def trained(config: Config) -> Network:
    """As if trained: no weight is zero, and batch norm has statistics."""
    model = Network(config, GLOSSES)
    for name, value in model.trained_state().items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if name.endswith("running_var") else value.normal_(std=0.3)
    return model.eval()


def clips() -> list[Tensor]:
    return [torch.randn(length, 3, 32, 32) for length in LENGTHS]


def recognise(model: Network, batch: list[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(sequence, conv, frame) logits of each clip."""
    with torch.inference_mode():
        out = model(torch.cat(batch), torch.tensor([len(clip) for clip in batch]))
    steps, frames = out.steps.tolist(), out.frames.tolist()
    assert frames == [len(clip) for clip in batch]
    assert steps == [-(-length // model.stride) for length in frames]
    return list(zip(out.sequence.split(steps), out.conv.split(steps), out.frame.split(frames), strict=True))


# By name: the variants of today's defaults, and other forms of them.
KINDS: dict[str, dict[str, Any]] = {variant: {"model__variant": variant} for variant in VARIANTS}
KINDS |= {"kv": {"model__variant": "lora", "lora__shift": "kv"}} | FORMS


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_the_same_alone_in_any_batch_in_any_order(kind: str) -> None:
    model, batch = trained(tiny(**KINDS[kind])), clips()
    alone = [recognise(model, [clip])[0] for clip in batch]
    assert alone[0][0].std() > 0.01
    for order in permutations(range(len(batch))):
        for index, found in zip(order, recognise(model, [batch[i] for i in order]), strict=True):
            torch.testing.assert_close(found, alone[index], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_any_chunking_gives_the_same_logits(variant: str) -> None:
    model, batch = trained(tiny(model__variant=variant)), clips()
    x, lengths = torch.cat(batch), torch.tensor(LENGTHS)
    with torch.inference_mode():
        whole = model(x, lengths).sequence
        for chunk in (1, 5, 23):
            torch.testing.assert_close(model(x, lengths, chunk).sequence, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_in_half_precision_the_head_reads_the_features_in_float32(kind: str) -> None:
    model, x, lengths = trained(tiny(**KINDS[kind])), torch.cat(clips()), torch.tensor(LENGTHS)
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            features, found = model.backbone(x, lengths), model(x, lengths)
        expected = model.head(features.float(), lengths)
    assert features.dtype == torch.bfloat16
    assert found.sequence.dtype == found.conv.dtype == found.frame.dtype == torch.float32
    assert torch.equal(found.sequence, expected.sequence)
    assert torch.equal(found.conv, expected.conv)
    assert torch.equal(found.frame, expected.frame)


def test_what_all_frames_share_does_not_dwarf_the_gradient_of_anything_else() -> None:
    """Of features with a large constant part, as class tokens of DINOv2 are."""
    torch.manual_seed(0)
    features, lengths = torch.randn(24, 24) + 10 * torch.randn(24), torch.tensor([14, 10])
    norms = {}
    for kind in ("none", "batch"):
        torch.manual_seed(0)
        model = Network(tiny(head__frame_norm=kind), GLOSSES).train()
        out = losses(model.head(features, lengths), torch.tensor([1, 3, 2]), torch.tensor([2, 1]), LossConfig())
        out.total.backward()
        assert model.frame_classifier is not None
        norms[kind] = model.frame_classifier.weight.grad.norm().item()
    assert norms["batch"] < 0.2 * norms["none"]


def test_the_frame_classifier_reads_features_normalised_over_frames_or_as_they_are() -> None:
    features, lengths = 3 + 2 * torch.randn(20, 24), torch.tensor([11, 9])
    for kind in ("none", "batch"):
        model = Network(tiny(head__frame_norm=kind), GLOSSES).train()
        assert model.frame_classifier is not None
        nn.init.normal_(model.frame_classifier.weight)
        seen = features
        if kind == "batch":
            seen = (features - features.mean(0)) / (features.var(0, unbiased=False) + 1e-5).sqrt()
        torch.testing.assert_close(model.head(features, lengths).frame, model.frame_classifier(seen))


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_clip_spoils_no_other(kind: str) -> None:
    model, batch = trained(tiny(**KINDS[kind])), clips()
    batch[1][:] = torch.nan
    first, broken, last = recognise(model, batch)
    assert all(logits.isnan().all() for logits in broken)
    assert all(logits.isfinite().all() for logits in (*first, *last))


@pytest.mark.parametrize("kind", KINDS)
def test_time_matters_where_neighbours_are_looked_at(kind: str) -> None:
    """The temporal modules do look at neighbours: frame features change with the order of frames."""
    model, clip = trained(tiny(**KINDS[kind])), clips()[0]
    [(_, _, forward)], [(_, _, backward)] = recognise(model, [clip]), recognise(model, [clip.flip(0)])
    alike = torch.allclose(forward, backward.flip(0), atol=1e-5)
    assert alike == (kind in ("frozen", "one frame", "plain with norms"))


def test_trained_state_is_parameters_that_train_and_statistics() -> None:
    for variant in VARIANTS:
        model = Network(tiny(model__variant=variant), GLOSSES)
        trainable = {name for name, value in model.named_parameters() if value.requires_grad}
        norms = ("conv.norms.0", "conv.norms.1", "frame_norm")
        statistics = {f"{n}.{s}" for n in norms for s in ("running_mean", "running_var", "num_batches_tracked")}
        assert model.trained_state().keys() == trainable | statistics
        inside = {name for name in trainable if name.startswith("backbone.")}
        assert bool(inside) == (variant != "frozen")


def test_the_digest_is_the_frozen_weights_whatever_the_variant() -> None:
    digests = {Network(tiny(model__variant=v), GLOSSES).backbone_digest for v in VARIANTS}
    assert len(digests) == 1
    args = {"embed_dim": 32, "depth": 1, "num_heads": 2, "patch_size": 16, "num_classes": 24}
    assert Network(tiny(model__backbone_args=args), GLOSSES).backbone_digest not in digests


def count(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters() if value.requires_grad)


def inside(model: Network, kind: type[nn.Module]) -> int:
    return sum(count(module) for module in model.modules() if isinstance(module, kind))


@pytest.mark.parametrize("variant", ["adapter", "lora"])
def test_parameters_by_method_mds_arithmetic(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.models.vision_transformer.trunc_normal_", lambda tensor, **_: tensor)  # slow
    model = Network(resolve("base", flags={"model.weights": "random", "model.variant": variant}), 1232)
    assert count(model.conv) == 7_870_464
    assert count(model.sequence) == 12_599_296
    assert count(model.classifier) == 1024 * 1233
    assert count(model.frame_classifier) == 512 * 1233 + 1233
    assert sum(p.numel() for p in model.backbone.vit.parameters() if not p.requires_grad) == 86_193_152
    expected = {"adapter": 12 * (768 * 384 + 384 + 3 * 384 + 384 + 384 * 768 + 768), "lora": 12 * 16 * 2 * (768 + 768)}
    assert inside(model, AddedModule) == expected[variant]
    assert round(expected["adapter"] / 1e6, 2) == 7.11
    assert round(expected["lora"] / 1e6, 3) == 0.590
    head = 7_870_464 + 12_599_296 + 1024 * 1233 + 513 * 1233
    assert count(model) == head + expected[variant]


def test_what_no_loss_trains_is_not_built() -> None:
    off = {"loss__frame_ctc": 0.0, "loss__conv_ctc": 0.0, "loss__distillation": 0.0}
    batch, lengths = torch.cat(clips()), torch.tensor(LENGTHS)
    for values, conv, frame in (
        ({}, True, True),
        (off, True, False),  # the classifier is there anyway
        ({**off, "head__shared": False}, False, False),
        ({**off, "head__shared": False, "loss__distillation": 1.0}, True, False),
    ):
        model = Network(tiny(**values), GLOSSES)
        out = model(batch, lengths)
        assert (out.conv is not None, out.frame is not None) == (conv, frame)
        used = sum(part.square().sum() for part in (out.sequence, out.conv, out.frame) if part is not None)
        used.backward()
        assert all(value.grad is not None for value in model.parameters() if value.requires_grad)


def test_the_heads_width_depth_and_classifiers_are_settings() -> None:
    batch, lengths = torch.cat(clips()), torch.tensor(LENGTHS)
    model = Network(tiny(head__lstm_width=7, head__lstm_layers=3, head__shared=False), GLOSSES)
    assert (model.sequence.lstm.hidden_size, model.sequence.lstm.num_layers) == (7, 3)
    assert model(batch, lengths).sequence.shape == (3 + 1 + 4, GLOSSES + 1)
    plain = Network(tiny(head__normalized=False), GLOSSES)
    assert isinstance(plain.classifier, nn.Linear)
    with pytest.raises(SlaError, match="cannot share a classifier") as caught:
        Network(tiny(head__lstm_width=7), GLOSSES)
    assert "head.shared=false" in caught.value.hint
