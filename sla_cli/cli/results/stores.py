"""What commands that make or check stores print with --json."""

from dataclasses import dataclass
from pathlib import Path

from sla_cli.prep.merge import MergeResult
from sla_cli.prep.result import PrepResult


@dataclass(kw_only=True)
class Prepared(PrepResult):
    """With `--part`, `store` is null, `encoded` and `reused` count the clips of the part, and `clips`, `divisions`,
    `labels`, `psnr` and `files` have no meaning yet (they are empty, 0 or null). With exit code 2, if clips cannot be
    read and `--on-error skip` is not given, only `failed` has a meaning.

    Attributes:
        store: path of the store; null if none was written
    """

    store: Path | None


@dataclass(kw_only=True)
class Merged(MergeResult):
    """The merged store.

    Attributes:
        store: path of the new store
    """

    store: Path
