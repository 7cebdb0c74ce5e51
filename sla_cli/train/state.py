"""All that changes while training: weights, optimiser, loss scale, epochs so far. One file, written whole."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import torch

from sla_cli.config import TrainConfig
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.atomic import atomic_write
from sla_cli.model.device import Placement
from sla_cli.model.recognizer import Recognizer
from sla_cli.train.metrics import Epoch

VERSION = 1


class State:
    """The moving parts of a run."""

    def __init__(self, model: Recognizer, config: TrainConfig, placement: Placement) -> None:
        self.model, self.config = model, config
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=config.lr, weight_decay=config.weight_decay, fused=True)
        self.scaler = torch.amp.GradScaler(placement.device.type, enabled=placement.dtype == torch.float16)
        self.epochs: list[Epoch] = []

    def set_lr(self, epoch: int) -> float:
        """Step schedule: the learning rate of an epoch (from 1)."""
        lr = self.config.lr * self.config.gamma ** sum(epoch > milestone for milestone in self.config.milestones)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr


def save_state(path: Path, state: State) -> None:
    """Write everything that resuming needs."""
    content = {
        "version": VERSION,
        "backbone": state.model.backbone_digest,
        "weights": state.model.trained_state(),
        "optimizer": state.optimizer.state_dict(),
        "scaler": state.scaler.state_dict(),
        "epochs": [epoch.to_json() for epoch in state.epochs],
    }
    buffer = io.BytesIO()  # torch.save to a file hides a full disk in an error of its own
    with atomic_write(path) as temporary:
        torch.save(content, buffer)
        temporary.write_bytes(buffer.getbuffer())


def load_state(path: Path, state: State) -> None:
    """Bring a fresh state to where `path` left off; only tensors and plain values are unpickled.

    Raises:
        FormatError: not a state file, or one of another version.
        SlaError: of a model with other parameters or another backbone.
    """
    if not zipfile.is_zipfile(path):
        raise FormatError(f"{path}: not a training state, or a damaged one", "Train again.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        version, backbone = content["version"], content["backbone"]
    except (RuntimeError, pickle.UnpicklingError, LookupError, TypeError) as error:
        raise FormatError(f"{path}: not a training state, or a damaged one", "Train again.") from error
    if version != VERSION:
        raise FormatError(f"{path}: training state version {version}, this sla reads {VERSION}", "Train again.")
    if _shapes(content["weights"]) != _shapes(state.model.trained_state()):
        raise SlaError(f"{path} does not fit the model of its config.toml", "Was config.toml edited?")
    if backbone != state.model.backbone_digest:
        raise SlaError(
            f"{path} is of another backbone ({backbone}, here {state.model.backbone_digest})",
            "Has the file of model.weights in config.toml been replaced?",
        )
    state.model.load_state_dict(content["weights"], strict=False)
    state.optimizer.load_state_dict(content["optimizer"])
    state.scaler.load_state_dict(content["scaler"])
    state.epochs = [Epoch.from_json(values) for values in content["epochs"]]


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}
