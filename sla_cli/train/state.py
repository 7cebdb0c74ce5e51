"""The state of training: weights, optimiser, loss scale, averages, finished epochs; saved in one file, state.pt."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import zipfile
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sla_cli.config.settings import Config
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, SlaError, cannot_read
from sla_cli.log import log
from sla_cli.model.checkpoint import same_backbone
from sla_cli.model.device import Placement
from sla_cli.model.distributed import ALONE, ProcessGroup
from sla_cli.model.network import Network
from sla_cli.model.torch_file import load_torch_file
from sla_cli.system.atomic import atomic_write
from sla_cli.system.regular_file import read_regular
from sla_cli.train.metrics import Epoch, UnfinishedEpoch
from sla_cli.train.optim import make_optimizer
from sla_cli.train.weight_average import WeightAverage
from sla_cli.work.run import AGAIN

VERSION = 1
# Exceptions of zipfile and torch for a damaged or other archive.
NOT_A_ZIP = (EOFError, OverflowError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error)


class State:
    """The objects that a run trains, on its device and in its group of processes.

    Attributes:
        forward: the model in the form that training calls.
        unfinished: the current epoch, if some of its steps are finished.
        saved: what was saved or loaded last, in words.
    """

    def __init__(self, model: Network, config: Config, placement: Placement, group: ProcessGroup = ALONE) -> None:
        self.model, self.config, self.placement, self.group = model, config, placement, group
        self.forward = group.wrap(model)
        self.optimizer = make_optimizer(model, config.train)
        self.scaler = torch.amp.GradScaler(placement.device.type, enabled=placement.dtype == torch.float16)
        self.average = WeightAverage(model, config.train) if config.train.ema or config.train.average else None
        self.epochs: list[Epoch] = []
        self.unfinished: UnfinishedEpoch | None = None
        self.saved = ""

    @property
    def moment(self) -> str:
        """The progress of training, in words."""
        epoch = self.unfinished
        return f"step {epoch.steps} of epoch {epoch.number}" if epoch else f"epoch {len(self.epochs)}"

    def averaged(self) -> AbstractContextManager[None]:
        """The model with the weights that are scored and saved."""
        return self.average.applied() if self.average else nullcontext()


def save_state(path: Path, state: State) -> None:
    """Write everything that resuming needs; only the main process writes it."""
    if state.group.is_main:
        content = {
            "version": VERSION,
            "backbone": state.model.backbone_digest,
            "backbone_norms": state.model.backbone_norms,
            "weights": state.model.trained_state(),
            "optimizer": state.optimizer.state_dict(),
            "scaler": state.scaler.state_dict(),
            "ema": state.average.state_dict() if state.average else None,
            "epochs": [asdict(epoch) for epoch in state.epochs],
            "tally": asdict(state.unfinished) if state.unfinished else None,
            "processes": state.group.world_size,
        }
        buffer = io.BytesIO()  # torch.save to a file replaces the error of a full disk by its own
        with atomic_write(path) as temporary:
            torch.save(content, buffer)
            temporary.write_bytes(buffer.getbuffer())
    state.saved = state.moment


def load_state(path: Path, state: State) -> None:
    """Restore the state that was saved at `path`; only tensors and plain values are unpickled.

    Raises:
        FormatError: not a state file, one of another version, or a damaged one.
        SlaError: another model or backbone, or saved within an epoch with another number of processes.
    """
    try:
        file = io.BytesIO(read_regular(path, sys.maxsize))  # so that a read error of the disk does not look like damage
    except OSError as error:
        raise cannot_read(path, error) from error
    try:
        _verify(file)
        content = load_torch_file(file)
        version, backbone = content["version"], content["backbone"]
    except (*NOT_A_ZIP, pickle.UnpicklingError, LookupError, TypeError) as error:
        raise FormatError(f"{path}: not a training state, or a damaged one", AGAIN) from error
    if version != VERSION:
        raise FormatError(f"{path}: training state version {version}, this sla reads {VERSION}", "Train again.")
    try:
        _restore(path, state, content, backbone)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: not a training state that sla wrote, or a damaged one", AGAIN) from error


def _restore(path: Path, state: State, content: dict[str, Any], backbone: str) -> None:
    """Restore the content. Raises SlaError as `load_state` does; forged content can raise any exception."""
    if state.model.misfits(content["weights"]) or bool(content["ema"]) != bool(state.average):
        raise SlaError(f"{path} does not fit the model of its config.toml", "Was config.toml edited?")
    if not same_backbone(backbone, content.get("backbone_norms"), state.model):
        raise SlaError(
            f"{path} belongs to another backbone ({backbone}, here {state.model.backbone_digest})",
            "Has the file of model.weights in config.toml been replaced?",
        )
    now = state.group.world_size
    before = content.get("processes", now)
    if before != now and content["tally"]:  # the number of processes determines the clips of a step
        raise SlaError(
            f"{path} was saved within an epoch by a training with {counted(before, 'process')}; here: {now}",
            f"Resume with {before} (torchrun --nproc-per-node); the number can change only between epochs.",
        )
    if before != now:
        log.warning(
            "trained with %s so far, now %d: batches per step change in proportion", counted(before, "process"), now
        )
    state.model.load_state_dict(content["weights"], strict=False)
    state.optimizer.load_state_dict(content["optimizer"])
    if content["scaler"]:  # empty if it was trained without fp16, as `auto` may be on another device
        state.scaler.load_state_dict(content["scaler"])
    if state.average:
        state.average.load_state_dict(content["ema"])
    state.epochs = [Epoch.from_json(values) for values in content["epochs"]]
    state.unfinished = UnfinishedEpoch(**content["tally"]) if content["tally"] else None
    state.saved = state.moment


def _verify(file: io.BytesIO) -> None:
    """Raise one of NOT_A_ZIP unless all parts have their original checksums, which torch does not verify."""
    with zipfile.ZipFile(file) as archive:
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"{damaged} has another checksum")
    file.seek(0)
