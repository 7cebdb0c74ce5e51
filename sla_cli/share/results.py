"""What exporting a model reports: known without torch, so that `sla schema` needs none."""

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
