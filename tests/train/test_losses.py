from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
import torch
from synthetic import ADDING, tiny
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from sla_cli.config.settings import LossConfig
from sla_cli.model.network import Logits, Network
from sla_cli.train.losses import ctc, distillation, losses


def enumerated(logits: Tensor, labels: tuple[int, ...]) -> float:
    """-log of the summed probability of all paths that collapse to `labels`."""
    probs = logits.softmax(-1).tolist()
    total = 0.0
    for path in product(range(logits.shape[1]), repeat=len(logits)):
        if tuple(label for label, _ in groupby(path) if label) == labels:
            total += float(np.prod([row[label] for row, label in zip(probs, path, strict=True)]))
    return -np.log(total) if total else float("inf")


@pytest.mark.parametrize("labels", [(), (1,), (2, 1), (1, 1), (2, 2, 1), (1, 1, 1)])
def test_ctc_is_the_sum_over_all_paths(labels: tuple[int, ...]) -> None:
    for steps in range(1, 6):
        logits = 2 * torch.randn(steps, 3, dtype=torch.double)
        [loss] = ctc(logits, torch.tensor([steps]), torch.tensor(labels, dtype=torch.long), torch.tensor([len(labels)]))
        assert loss.item() == pytest.approx(enumerated(logits, labels))


def test_ctc_of_a_clip_does_not_depend_on_its_batch() -> None:
    lengths, targets = [4, 2, 5], [(1, 2), (), (2, 2)]
    logits = torch.randn(sum(lengths), 3, dtype=torch.double)
    flat = torch.tensor([label for labels in targets for label in labels])
    together = ctc(logits, torch.tensor(lengths), flat, torch.tensor([len(labels) for labels in targets]))
    for loss, part, labels in zip(together, logits.split(lengths), targets, strict=True):
        assert loss.item() == pytest.approx(enumerated(part, labels))


@pytest.mark.parametrize("rest", list(product([False, True], repeat=4)))
def test_ctc_with_rest_is_the_sum_over_the_paths_that_are_blank_there(rest: tuple[bool, ...]) -> None:
    logits = (2 * torch.randn(4, 3, dtype=torch.double)).requires_grad_()
    probs, total = logits.detach().softmax(-1).tolist(), 0.0
    for path in product(range(3), repeat=4):
        is_blank = not any(label for label, held in zip(path, rest, strict=True) if held)
        if is_blank and tuple(label for label, _ in groupby(path) if label) == (2,):
            total += float(np.prod([row[label] for row, label in zip(probs, path, strict=True)]))
    labels = torch.tensor([2]), torch.tensor([1])
    [loss] = ctc(logits, torch.tensor([4]), *labels, torch.tensor(rest))
    if total:
        assert loss.item() == pytest.approx(-np.log(total))
        loss.backward()
        assert logits.grad is not None and logits.grad.isfinite().all()
    else:
        assert loss.item() > 1000


def test_a_step_is_at_rest_if_all_of_its_frames_are() -> None:
    heads = logits((2,))
    held = torch.tensor([True] * 4 + [True] * 3 + [False])
    config = LossConfig(distillation=0.0)
    parts = losses(heads, torch.tensor([1]), torch.tensor([1]), config, shown=torch.where(held, 0, -1)).parts
    steps = torch.tensor([True, False])
    one = torch.tensor([1]), torch.tensor([1])
    assert heads.conv is not None and heads.frame is not None
    assert parts["ctc"].item() == pytest.approx(ctc(heads.sequence, heads.steps, *one, steps).item())
    assert parts["conv_ctc"].item() == pytest.approx(ctc(heads.conv, heads.steps, *one, steps).item())
    assert parts["frame_ctc"].item() == pytest.approx(ctc(heads.frame, heads.frames, *one, held).item())


def test_known_frames_replace_the_paths_of_ctc() -> None:
    """Of a clip of which all frames are known, it is the one path that is right; the next clip has none."""
    heads = logits((1, 2))
    assert heads.frame is not None
    known = torch.tensor([0, 2, 2, 0])
    targets = torch.tensor([2, 1]), torch.tensor([1, 1])
    shown = torch.cat((known, torch.full((8,), -1)))
    config = LossConfig(distillation=0.0)
    found = losses(heads, *targets, config, shown=shown)
    first, second = heads.frame.split([4, 8])
    path = -first.log_softmax(-1)[torch.arange(4), known].sum()
    other = ctc(second, torch.tensor([8]), torch.tensor([1]), torch.tensor([1]))[0]
    assert found.parts["frame_ctc"].item() == pytest.approx(((path + other) / 2).item())
    whole = ctc(first, torch.tensor([4]), torch.tensor([2]), torch.tensor([1]))[0]
    assert path > whole  # which sums over all paths
    without = losses(heads, *targets, config).parts
    assert found.parts["ctc"].item() == pytest.approx(without["ctc"].item())


def test_distillation_is_vacs_formula() -> None:
    student, teacher = torch.randn(7, 5, requires_grad=True), torch.randn(7, 5, requires_grad=True)
    p = np.exp(student.detach().numpy().astype(float)[:, 1:] / 8)
    q = np.exp(teacher.detach().numpy().astype(float)[:, 1:] / 8)
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    loss = distillation(student, teacher, 8.0)
    assert loss.item() == pytest.approx(64 * (q * np.log(q / p)).sum() / 7, rel=1e-4)
    loss.backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert not student.grad[:, 0].any()
    assert student.grad[:, 1:].any()


def logits(steps: tuple[int, ...] = (5, 3), stride: int = 4) -> Logits:
    total = sum(steps)
    return Logits(
        torch.randn(total, 4), torch.randn(total, 4), torch.randn(stride * total, 4), torch.tensor(steps),
        stride * torch.tensor(steps),
    )  # fmt: skip


TARGETS, SIZES = torch.tensor([1, 2, 3]), torch.tensor([2, 1])


def test_parts_are_unweighted_and_add_up_by_their_weights() -> None:
    config = LossConfig(conv_ctc=0.5, distillation=3.0, temperature=4.0, frame_ctc=0.25)
    heads = logits()
    result = losses(heads, TARGETS, SIZES, config)
    each = [ctc(heads.sequence, heads.steps, TARGETS, SIZES), ctc(heads.conv, heads.steps, TARGETS, SIZES)]
    each.append(ctc(heads.frame, heads.frames, TARGETS, SIZES))
    parts = {name: value.item() for name, value in result.parts.items()}
    expected = {name: part.mean().item() for name, part in zip(("ctc", "conv_ctc", "frame_ctc"), each, strict=True)}
    expected["distillation"] = distillation(heads.conv, heads.sequence, 4.0).item()
    assert parts == pytest.approx(expected)
    whole = parts["ctc"] + 0.5 * parts["conv_ctc"] + 0.25 * parts["frame_ctc"] + 3 * parts["distillation"]
    assert result.total.item() == pytest.approx(whole)
    torch.testing.assert_close(result.clips, sum(each))


def test_a_weight_of_zero_switches_a_part_off() -> None:
    result = losses(logits(), TARGETS, SIZES, LossConfig(conv_ctc=0, distillation=0, frame_ctc=0))
    assert result.parts.keys() == {"ctc"}
    assert result.total.item() == pytest.approx(result.parts["ctc"].item())


def test_the_clip_that_does_not_fit_is_identified() -> None:
    result = losses(logits((5, 1)), torch.tensor([1, 2, 2]), torch.tensor([1, 2]), LossConfig())
    assert result.clips.isfinite().tolist() == [True, False]
    assert not result.total.isfinite()


LENGTHS, GLOSSES = [23, 9, 14], 4
LABELS = [(1, 2, 2), (4,), (3, 1)]
FLAT, COUNTS = torch.tensor([label for labels in LABELS for label in labels]), torch.tensor([3, 1, 2])


def masked(counts: list[int], width: int) -> Tensor:
    return torch.arange(width) < torch.tensor(counts)[:, None]


def padded_convolutions(model: Network, features: Tensor) -> tuple[Tensor, list[int]]:
    """(clips, longest, channels), padded with what must not matter, by mask."""
    clips, counts = [], []
    for clip in features.split(LENGTHS):
        total = -(-len(clip) // 4) * 4 + 12
        clips.append(torch.cat([clip[:1]] * 6 + [clip] + [clip[-1:]] * (total - 6 - len(clip))))
        counts.append(total)
    x = pad_sequence(clips, batch_first=True, padding_value=7.0).transpose(1, 2)
    for conv, norm in zip(model.conv.convs, model.conv.norms, strict=True):
        x, counts = F.conv1d(x, conv.weight, conv.bias), [count - 4 for count in counts]
        real = masked(counts, x.shape[2])[:, None].to(x.dtype)
        mean = (x * real).sum(dim=(0, 2)) / sum(counts)
        centred = x - mean[:, None]
        variance = (centred**2 * real).sum(dim=(0, 2)) / sum(counts)
        x = centred / (variance[:, None] + norm.eps).sqrt() * norm.weight[:, None] + norm.bias[:, None]
        x, counts = F.relu(x), [count // 2 for count in counts]
        x = torch.maximum(x[..., 0 : 2 * (x.shape[2] // 2) : 2], x[..., 1::2])
    return x.transpose(1, 2), counts


def forward_algorithm(logits: Tensor, labels: tuple[int, ...]) -> Tensor:
    """CTC loss of one clip by Graves' alphas, as written in the paper."""
    log_probs = logits.log_softmax(-1)
    states = [0]
    for label in labels:
        states += [label, 0]
    never = torch.tensor(-1e30, dtype=logits.dtype)
    alphas = [log_probs[0, state] if index < 2 else never for index, state in enumerate(states)]
    for row in log_probs[1:]:
        before = alphas
        alphas = []
        for index, state in enumerate(states):
            ways = [before[index]] + ([before[index - 1]] if index else [])
            if index > 1 and state and state != states[index - 2]:
                ways.append(before[index - 2])
            alphas.append(torch.stack(ways).logsumexp(0) + row[state])
    return -torch.stack(alphas[-2:]).logsumexp(0)


def straightforward(model: Network, features: Tensor, config: LossConfig) -> Tensor:
    """The temporal head and all losses on padded tensors, clip by clip where that is plainer."""
    conv, steps = padded_convolutions(model, features)
    assert steps == [-(-length // 4) for length in LENGTHS]
    packed = pack_padded_sequence(conv, torch.tensor(steps), batch_first=True, enforce_sorted=False)
    sequence, _ = pad_packed_sequence(model.sequence.lstm(packed)[0], batch_first=True)
    weight = model.classifier.weight / model.classifier.weight.norm(dim=0)
    student, teacher = conv @ weight, sequence @ weight
    centred = features - features.mean(0)
    normed = centred / (centred.square().mean(0) + 1e-5).sqrt()
    frame = normed @ model.frame_classifier.weight.T + model.frame_classifier.bias
    total = torch.zeros((), dtype=features.dtype)
    for index, (labels, part) in enumerate(zip(LABELS, frame.split(LENGTHS), strict=True)):
        count = steps[index]
        total = total + forward_algorithm(teacher[index, :count], labels)
        total = total + config.conv_ctc * forward_algorithm(student[index, :count], labels)
        total = total + config.frame_ctc * forward_algorithm(part, labels)
    total = total / len(LABELS)
    kl = torch.zeros((), dtype=features.dtype)
    for index, count in enumerate(steps):
        for step in range(count):
            p = (student[index, step, 1:] / config.temperature).softmax(-1)
            q = (teacher[index, step, 1:].detach() / config.temperature).softmax(-1)
            kl = kl + (q * (q.log() - p.log())).sum()
    return total + config.distillation * config.temperature**2 * kl / sum(steps)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("normalized", [True, False])
def test_half_precision_ends_with_the_backbone(half: torch.dtype, normalized: bool) -> None:
    """Of the same features, logits, losses and the gradients of the head are those of float32."""
    model = Network(tiny(head__normalized=normalized, head__dropout=0.0), GLOSSES).train()
    assert model.frame_classifier is not None
    nn.init.normal_(model.frame_classifier.weight)
    features, lengths = 10 * torch.randn(sum(LENGTHS), model.backbone.width).to(half), torch.tensor(LENGTHS)
    found = []
    for mixed in (False, True):
        torch.manual_seed(0)
        model.zero_grad()
        with torch.autocast("cpu", half, enabled=mixed):
            out = model.head(features if mixed else features.float(), lengths)
        assert out.conv is not None and out.frame is not None
        result = losses(out, FLAT, COUNTS, LossConfig())
        result.total.backward()
        slopes = [value.grad for value in model.parameters() if value.requires_grad and value.grad is not None]
        found.append((out.sequence, out.conv, out.frame, result.total, result.clips, *result.parts.values(), *slopes))
    torch.testing.assert_close(found[1], found[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("variant", ADDING)
def test_head_and_losses_against_a_straightforward_implementation(variant: str) -> None:
    """Values, and gradients of everything that is trained, through the adapters too.

    Before the last block's MLP an adapter would get no gradient: no patch reaches the class token from there.
    """
    config = tiny(model__variant=variant, head__dropout=0.0, adapter__place="attention")
    model, lengths = Network(config, GLOSSES).double().train(), torch.tensor(LENGTHS)
    for name, value in model.trained_state().items():
        if name.endswith(("up.weight", "lora_B")):
            value.normal_(std=0.1)
    pixels = torch.randn(sum(LENGTHS), 3, 32, 32, dtype=torch.double)
    expected = straightforward(model, model.backbone(pixels, lengths), config.loss)
    total = losses(model(pixels, lengths), FLAT, COUNTS, config.loss).total
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    ours = torch.autograd.grad(total, list(trained.values()))
    theirs = torch.autograd.grad(expected, list(trained.values()))
    for name, got, right in zip(trained, ours, theirs, strict=True):
        torch.testing.assert_close(got, right, rtol=1e-3, atol=1e-4 * right.abs().max().item() + 1e-6, msg=name)
        assert right.any(), name
