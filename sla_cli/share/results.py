"""What exporting and publishing a model report: known without torch, so that `sla schema` needs none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sla_cli.core.quantities import Count
from sla_cli.work.model_folder import Stored


@dataclass(frozen=True)
class Exported:
    """A model folder that was written.

    Attributes:
        model: its folder
        files: name of each file with its number of bytes
        stored: type of the weights on disk
        with_backbone: whether the weights of the backbone are in it
        open_questions: what its card leaves open
    """

    model: Path
    files: dict[str, Count]
    stored: Stored
    with_backbone: bool
    open_questions: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """A model that was uploaded to the Hugging Face hub, or that `--yes` would upload.

    Attributes:
        model: its folder
        repository: on the hub, OWNER/NAME
        files: name of each file of the model with its number of bytes
        private: whether only people whom its owner chooses can read the repository; null if only the hub knows
        tag: name of the revision, null without one
        commit: identifies the revision, null if nothing was uploaded
        address: what `--run` takes to open this revision, null if nothing was uploaded
    """

    model: Path
    repository: str
    files: dict[str, Count]
    private: bool | None
    tag: str | None
    commit: str | None
    address: str | None
