"""Nothing is added to the backbone: the linear probe that the other variants are compared with."""

from __future__ import annotations

from typing import Any

from sla_cli.config.settings import Config
from sla_cli.model.clip_borders import ClipBorders


def adapt(vit: Any, borders: ClipBorders, config: Config) -> None:
    """Leave all blocks unchanged."""
