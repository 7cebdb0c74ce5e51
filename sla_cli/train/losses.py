"""The loss of CLIP-SLA: CTC on three heads and VAC's alignment of two of them (method.md, "Losses")."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from sla_cli.config.settings import LossConfig
from sla_cli.model.network import Logits

NEVER = -1e4  # log-probability of a gloss at rest; -inf would give gradients that are not a number


@dataclass(frozen=True)
class Losses:
    """total: scalar with gradient; parts: name to detached scalar, unweighted; clips: (clips,) detached total CTC."""

    total: Tensor
    parts: dict[str, Tensor]
    clips: Tensor


def ctc(logits: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor, rest: Tensor | None = None) -> Tensor:
    """CTC loss of each clip (Graves et al., 2006), nats, not divided by length; infinite where impossible.

    Args:
        logits: (steps, classes), clips concatenated, blank in column 0.
        lengths: int64 (clips,), steps of each clip.
        targets: int64 (all glosses,), from 1; with int64 PyTorch does not use cuDNN's CTC, which returns wrong
            values for long targets.
        target_lengths: int64 (clips,), on the CPU, as PyTorch reads both kinds of lengths there.
        rest: bool (steps,), where only paths with the blank count; None: nowhere.
    """
    log_probs = logits.log_softmax(-1)
    if rest is not None:
        glosses = log_probs[:, 1:].masked_fill(rest.unsqueeze(1), NEVER)
        log_probs = torch.cat((log_probs[:, :1], glosses), 1)
    padded = pad_sequence(list(log_probs.split(lengths.tolist())))
    return F.ctc_loss(padded, targets, lengths, target_lengths, reduction="none")


def right_path(logits: Tensor, lengths: Tensor, shown: Tensor, otherwise: Tensor) -> Tensor:
    """Minus the log-probability, in nats, of what the frames of each clip show, (clips,).

    It is that of the only path of CTC that is right, where `ctc` sums over all.

    Args:
        logits: (frames, classes), clips concatenated.
        lengths: int64 (clips,), frames of each.
        shown: int64 (frames,), -1 for unknown.
        otherwise: (clips,), the loss of clips of which a frame is unknown.
    """
    each = F.cross_entropy(logits, shown.clamp_min(0), reduction="none")
    parts = lengths.tolist()
    known = pad_sequence(list((shown >= 0).split(parts)), batch_first=True, padding_value=True).all(1)
    return torch.where(known, pad_sequence(list(each.split(parts)), batch_first=True).sum(1), otherwise)


def distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """VAC's visual alignment: KL from student to the detached teacher, mean over steps, blank left out.

    Args:
        student, teacher: logits (steps, classes) of real steps only.
    """
    student = (student[:, 1:] / temperature).log_softmax(-1)
    teacher = (teacher.detach()[:, 1:] / temperature).log_softmax(-1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def losses(
    logits: Logits,
    targets: Tensor,
    target_lengths: Tensor,
    config: LossConfig,
    totals: tuple[int, int] | None = None,
    shown: Tensor | None = None,
) -> Losses:
    """All parts with a weight other than 0; CTC parts are means over clips, distillation is a mean over steps.

    Args:
        totals: numbers of clips and output steps by which the sums are divided; None means those of this batch. With
            the same totals, the losses of several batches add up to the loss of one batch with all their clips.
        shown: int64 (frames,), what each frame shows: a gloss, 0 for no sign, -1 for unknown. A step of which all
            frames show no sign can have no gloss. From clips of which all frames are known, the frame classifier
            learns what each shows, instead of any path of CTC.
    """
    rest = shown == 0 if shown is not None else None
    total_clips, total_steps = totals or (len(target_lengths), int(logits.steps.sum()))
    heads: list[tuple[str, float, Tensor | None, Tensor]] = [("ctc", 1.0, logits.sequence, logits.steps)]
    heads += [("conv_ctc", config.conv_ctc, logits.conv, logits.steps)]
    heads += [("frame_ctc", config.frame_ctc, logits.frame, logits.frames)]
    total, parts = logits.sequence.new_zeros(()), {}
    clips = logits.sequence.new_zeros(len(target_lengths))
    for name, weight, head, lengths in heads:
        if weight and head is not None:
            each = ctc(head, lengths, targets, target_lengths, _of_steps(rest, len(head)))
            if name == "frame_ctc" and shown is not None:
                each = right_path(head, lengths, shown, each)
            part = each.sum() / total_clips
            total, clips, parts[name] = total + weight * part, clips + each.detach(), part.detach()
    if config.distillation and logits.conv is not None:
        share = len(logits.conv) / total_steps
        part = share * distillation(logits.conv, logits.sequence, config.temperature)
        total, parts["distillation"] = total + config.distillation * part, part.detach()
    return Losses(total, parts, clips)


def _of_steps(rest: Tensor | None, steps: int) -> Tensor | None:
    """bool (frames,) to (steps,): whether all frames of a step are at rest."""
    return rest.view(steps, -1).all(1) if rest is not None else None
