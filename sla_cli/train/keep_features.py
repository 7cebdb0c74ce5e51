"""Computes the features of a frozen backbone once, and keeps them beside the store (`train.keep_views`)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing

from sla_cli.config.settings import Config
from sla_cli.core.digest import digest_json
from sla_cli.data.kept import KeptFeatures
from sla_cli.data.seen import SeenClips
from sla_cli.emit.inference import feature_batches
from sla_cli.errors import SlaError
from sla_cli.log import log, progress
from sla_cli.model.device import Placement
from sla_cli.model.network import Network
from sla_cli.store.clips import Split
from sla_cli.store.paths import features_folder
from sla_cli.store.store import Store
from sla_cli.train.state import State

VERSION = 1  # increases if the same settings give other features


def check_keeps(model: Network, config: Config) -> None:
    """Raise SlaError if features are to be kept that change in training."""
    if config.train.keep_views and any(value.requires_grad for value in model.backbone.parameters()):
        raise SlaError(
            f"train.keep_views needs a frozen backbone, and {config.model.variant} trains parts of it",
            "Use --variant frozen, or leave it out.",
        )


def keep_features(
    state: State, store: Store, between: Callable[[], None] = lambda: None
) -> tuple[list[KeptFeatures], KeptFeatures]:
    """The features of the views of train, and of dev; those that no training has computed yet are computed.

    Nothing is written into the store. Call it in all processes; each computes a share.

    Args:
        between: called between batches; an exception from it ends this, and what is computed stays.

    Raises:
        SlaError: the disk is too small, the folder cannot be written, or features are not finite in float16.
    """
    with state.group.agreed():
        train, dev = features_to_keep(store, state.model, state.config, state.placement)
    for kept in (*train, dev):
        compute_missing(state, kept, between)
    return train, dev


def features_to_keep(
    store: Store, network: Network, config: Config, placement: Placement
) -> tuple[list[KeptFeatures], KeptFeatures]:
    """As `keep_features`, of which some may be missing. Raises SlaError if the disk is too small for those."""
    train = [kept_features(store["train"], network, config, placement, view) for view in range(config.train.keep_views)]
    dev = kept_features(store["dev"], network, config, placement)
    _check_space(*train, dev)
    return train, dev


def kept_features(split: Split, network: Network, config: Config, placement: Placement, view: int = 0) -> KeptFeatures:
    """The features of a view that are kept beside the store for this backbone and recipe; some may be missing."""
    path, model, train = split.store.resolve(), config.model, config.train
    key = digest_json(  # of everything that can change a feature
        [
            *(VERSION, split.digest, network.backbone_digest, model.backbone, model.backbone_args),
            *(model.image_size, model.normalize, train.crop),
            *(placement.device.type, str(placement.dtype), placement.cuda and train.tf32),
            *((view, train.flip, train.jitter, train.erase) if view else ()),
        ]
    )
    return KeptFeatures(features_folder(path) / key, split, network.backbone.width, view)


def _check_space(*parts: KeptFeatures) -> None:
    need, folder = sum(kept.size(kept.missing()) for kept in parts), parts[0].folder.parent
    free = shutil.disk_usage(folder.parent).free
    if need > free:
        raise SlaError(
            f"the features to be kept take {need / 1e9:.1f} GB, and the disk of {folder} has {free / 1e9:.1f} GB free",
            "Free space, or lower train.keep_views.",
        )


def compute_missing(state: State, kept: KeptFeatures, between: Callable[[], None] = lambda: None) -> None:
    """Compute the batches that are missing: this process its share. Arguments and errors as for `keep_features`."""
    group, split = state.group, kept.split
    size = f"{kept.size(range(len(kept.batches))) / 1e6:,.1f} MB"
    what = f"view {kept.view} of {split}" if kept.view else str(split)
    missing = group.first(kept.missing)
    if not missing:
        log.info("taking the features of %s, %s, from %s", what, size, kept.folder)
        return
    log.info("computing the features of %s once: %s, kept in %s", what, size, kept.folder)
    mine = missing[group.rank :: group.world_size]
    wanted = [kept.batches[number] for number in mine]
    computed = feature_batches(state.model, SeenClips(split), state.config, state.placement, wanted, view=kept.view)
    with closing(computed), progress(f"features of {split.name}", len(missing)) as advance:
        for first in range(0, len(missing), group.world_size):
            between()
            if first + group.rank < len(missing):
                features, _ = next(computed)
                kept.keep(missing[first + group.rank], features)
            advance(min(group.world_size, len(missing) - first))
    group.wait()
