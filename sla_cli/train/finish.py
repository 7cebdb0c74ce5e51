"""What a run gets after its last epoch: where signs are in frames, what confidences are worth, what is unlike training.

All of it is computed from the features of the trained backbone, so each split passes the backbone once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sla_cli.data.seen import SeenClips
from sla_cli.model.domain import fit_domain, save_domain
from sla_cli.model.frame_scores import save_scorer
from sla_cli.model.open_run import open_model
from sla_cli.store.store import Store
from sla_cli.train.calibrate import calibrate
from sla_cli.train.clip_features import clip_features
from sla_cli.train.fit_scorer import HELD, fit_scorer
from sla_cli.train.keep_features import kept_features
from sla_cli.work.calibration import write_calibration
from sla_cli.work.run import Run


def finish_run(run: Run, store: Store, device: str, between: Callable[[], None] = lambda: None) -> None:
    """Write what is not there yet.

    Args:
        between: called between batches; an exception from it ends this, and what is written stays.
    """
    scored = run.frame_scores.is_file() or not run.config.loss.frame_ctc
    if scored and run.calibration.is_file() and run.domain.is_file():
        return
    opened, weights = open_model(run, device=device, fitted=False), run.weights_digest
    keeps = opened.config.train.keep_views
    kept_train, kept_dev = (
        kept_features(store[name], opened.network, opened.config, opened.placement) if keeps else None
        for name in ("train", "dev")
    )
    if not scored or not run.domain.is_file():
        train = clip_features(opened, SeenClips(store["train"]), between, kept=kept_train, held=HELD, dtype=torch.half)
    if not scored:
        save_scorer(run.frame_scores, fit_scorer(opened, train, between), weights)
    dev = clip_features(opened, SeenClips(store["dev"], run.facts.frames), between, kept=kept_dev)
    if not run.calibration.is_file():
        write_calibration(run.calibration, calibrate(opened, dev, between), weights)
    if not run.domain.is_file():
        looks = [appearance._asdict() for appearance in train.appearances + dev.appearances]
        save_domain(run.domain, fit_domain(train.rows, dev.rows, looks, opened.placement.device), weights)
