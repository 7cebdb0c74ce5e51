"""Dev WER during training: greedy decoding, the corpus's scoring profile, each clip scored by one process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple

import torch

from sla_cli.core.edit_alignment import Counts, align, count
from sla_cli.core.normalize import Profile
from sla_cli.data.kept import KeptFeatures
from sla_cli.data.seen import SeenClips
from sla_cli.emit.inference import emit_features, feature_batches
from sla_cli.errors import SlaError
from sla_cli.log import progress
from sla_cli.search.decoder import GreedyDecoder
from sla_cli.store.clips import Split
from sla_cli.train.out_of_memory import memory_suffices
from sla_cli.train.state import State
from sla_cli.train.step import DIVERGES
from sla_cli.work.emissions import Emission

_HINT = "Scoring needs less memory than training: does another program use it?"


def evaluate(
    state: State,
    clips: SeenClips,
    profile: Profile,
    before_clip: Callable[[], None] = lambda: None,
    kept: KeptFeatures | None = None,
) -> Counts:
    """Pooled error counts of a split as the run sees it; the model is left in evaluation mode.

    Args:
        before_clip: called before each clip, in all processes.
        kept: the features of the split; None computes them.

    Raises:
        SlaError: a clip's log-probabilities are NaN or infinite.
    """
    group, split = state.group, clips.split
    references, total = split.references(), Counts()
    mine = range(group.rank, len(split), group.world_size)
    alone = [[index] for index in mine]
    if kept is not None:
        read = (kept.together(clips, one) for one in alone)
        features = ((rows.to(state.placement.device), lengths) for rows, lengths in read)
    else:
        features = feature_batches(state.model, clips, state.config, state.placement, alone)
    batches = emit_features(state.model, clips, state.placement, alone, features)
    with closing(features), closing(batches), progress(f"scoring {split.name}", len(split)) as advance:
        for first in range(0, len(split), group.world_size):
            before_clip()
            if first + group.rank < len(split):
                clip = first + group.rank
                with memory_suffices([split.ids[clip]], clips.lengths[clip], state.config, hint=_HINT):
                    [emission] = next(batches)
                total = total + _count(emission, split, references, profile)
            advance(min(group.world_size, len(split) - first))
    sums = group.sum(torch.tensor(astuple(total), device=state.placement.device))
    return Counts(*sums.tolist())


def _count(emission: Emission, split: Split, references: dict[str, tuple[str, ...]], profile: Profile) -> Counts:
    try:  # the last step may have broken the weights: they must not replace good ones
        found = GreedyDecoder(split.vocabulary).decode(emission.log_probs)
    except SlaError as error:
        raise SlaError(f"clip {emission.id}: {error.message}", DIVERGES) from error
    return count(align(profile.reference(references[emission.id]), profile.hypothesis(found.glosses)))
