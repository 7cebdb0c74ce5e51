"""Starts a run from the trained weights of another: what fits is copied, classifiers gloss by gloss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from sla_cli.config.settings import Config
from sla_cli.errors import SlaError
from sla_cli.model.checkpoint import read_weights
from sla_cli.model.network import Network
from sla_cli.model.temporal_head import NormalizedClassifier
from sla_cli.train.results import CopiedWeights
from sla_cli.train.weight_settings import differences
from sla_cli.work.model_folder import find_trained
from sla_cli.work.run import Run
from sla_cli.work.run_facts import InitFrom

CLASSIFIERS = ("classifier", "conv_classifier", "frame_classifier")


def init_from(source: Run, config: Config) -> InitFrom:
    """What a run records about the run that it starts from.

    Raises:
        SlaError: the other run has no weights, or settings that need other weights (they are named), or as
            `Run.check_whole`.
    """
    learned = source.facts.learned_from  # first: this refuses what is no run
    source.check_weights()
    source.check_whole()
    if different := differences(source.config, config):
        raise SlaError(
            f"the weights of {source.path} do not fit: {', '.join(different)}",
            "Use its settings (--set KEY=VALUE), or start from another run.",
        )
    return InitFrom(str(source.path.resolve()), source.weights_digest, tuple(sorted(learned)))


def check_kept(begin: InitFrom, replaced: Iterable[Run]) -> None:
    """Raise SlaError if a run that is about to be replaced holds the weights to start from: they would be removed."""
    source = Run(Path(begin.run))
    places = [place for place in (source.path, source.best.resolve().parent) if place.is_dir()]  # it may be a link
    for run in replaced:
        if run.path.is_dir() and any(place.samefile(run.path) for place in places):
            fault = f"{run.path} is the run to start from, so the new run cannot replace it"
            raise SlaError(fault, "Give the new run another --name.")


def copy_weights(begin: InitFrom, model: Network, glosses: Sequence[str]) -> CopiedWeights:
    """Copy the other run's weights into a new model.

    In the classifiers the rows of blank and of common glosses are copied; other rows keep their initial weights. So
    does a classifier that the other run did not have, with its norm.

    Raises:
        SlaError: the other run is gone or was trained again, or has another backbone.
    """
    source = _there(begin)
    known = source.glosses
    weights = read_weights(source.best, model, known)
    columns = {gloss: number for number, gloss in enumerate(known, start=1)}
    both = [(number, columns[gloss]) for number, gloss in enumerate(glosses, start=1) if gloss in columns]
    here, there = map(list, zip((0, 0), *both, strict=True))
    own, copied, hint = model.trained_state(), 0, source.again or "Was config.toml edited?"
    for name, value in own.items():
        part = name.partition(".")[0]
        if name not in weights:
            if part in (*CLASSIFIERS, "frame_norm"):
                continue
            raise SlaError(f"{source.best} does not fit the model: no {name}", hint)
        if part in CLASSIFIERS:
            _copy_rows(value, weights[name], _axis(model.get_submodule(name.rpartition(".")[0])), here, there)
        elif value.shape != weights[name].shape:
            raise SlaError(f"{source.best} does not fit the model: {name}", hint)
        else:
            value.data.copy_(weights[name])
        copied += 1
    return CopiedWeights(begin.run, copied, len(own), len(both), len(glosses))


def _there(begin: InitFrom) -> Run:
    run = find_trained(Path(begin.run))
    if not run.best.is_file() or run.weights_digest != begin.weights:
        raise SlaError(
            f"this run starts from the weights of {run.path}, which is gone or was trained again",
            "Restore it from a copy, or start a new run.",
        )
    return run


def _axis(layer: nn.Module) -> int:
    """The dimension of a classifier's weight that corresponds to classes."""
    return 1 if isinstance(layer, NormalizedClassifier) else 0


@torch.no_grad()
def _copy_rows(own: Tensor, other: Tensor, axis: int, here: list[int], there: list[int]) -> None:
    rows = other.index_select(axis, torch.tensor(there)).to(own.device, own.dtype)
    own.index_copy_(axis, torch.tensor(here, device=own.device), rows)
