"""What commands that make or check stores print with --json."""

from dataclasses import dataclass
from pathlib import Path

from sla_cli.prep.export.export import ExportResult
from sla_cli.prep.left_out import Holder
from sla_cli.prep.merge import MergeResult
from sla_cli.prep.result import PrepResult


@dataclass(kw_only=True)
class Prepared(PrepResult):
    """With `--part`, `store` is null, `encoded` and `reused` count the clips of the part, and `clips`, `divisions`,
    `labels`, `psnr` and `files` have no meaning yet (they are empty, 0 or null).

    Attributes:
        store: path of the store; null with `--part`
    """

    store: Path | None


@dataclass(frozen=True)
class NotPrepared:
    """With exit code 2: clips cannot be read, and `--on-error skip` is not given.

    Attributes:
        store: no store was written
        failed: by clip id, why its frames cannot be read
    """

    store: None
    failed: dict[str, str]


@dataclass(kw_only=True)
class Merged(MergeResult):
    """The merged store.

    Attributes:
        store: path of the new store
    """

    store: Path


@dataclass(frozen=True, kw_only=True)
class Exported(ExportResult):
    """The exported store.

    Attributes:
        export: path of the folder
        root: path of the root folder of the layout in it
    """

    export: Path
    root: Path


@dataclass(frozen=True)
class WithoutSigner:
    """A store without a signer.

    Attributes:
        store: path of the store
        signer: name of the signer
        clips: ids of the clips that were removed
        divisions: by division that had some of them, their number
        held_by: what was made from the store before, and still holds what was copied or learned from these clips
    """

    store: Path
    signer: str
    clips: tuple[str, ...]
    divisions: dict[str, int]
    held_by: list[Holder]
