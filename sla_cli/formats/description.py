"""An artifact in a few figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sla_cli.formats.receipt import Receipt


@dataclass(frozen=True)
class Description:
    """What a file or folder is.

    Attributes:
        path: file or folder.
        kind: as people call it: store, run, emissions, …
        format: name and version, "" where it is not sla's own.
        complete: whether it is whole; None for what no receipt belongs to.
        facts: what there is to know, JSON values.
        receipt: how it was made, None where nothing says.
    """

    path: Path
    kind: str
    format: str
    complete: bool | None
    facts: dict[str, Any]
    receipt: Receipt | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {**asdict(self), "path": str(self.path)}
