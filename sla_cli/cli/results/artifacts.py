"""What `sla info`, `sla tune` and `sla lm` print with --json."""

from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET, Struct, UnsetType

from sla_cli.core.quantities import Count
from sla_cli.lm.estimate_file import Estimated
from sla_cli.work.describe import Description
from sla_cli.work.tuning import Tuned


class Sheet(Struct, kw_only=True):
    """A contact sheet.

    Attributes:
        path: path of the picture
        width: width in pixels
        height: height in pixels
    """

    path: Path
    width: Count
    height: Count


@dataclass(frozen=True, kw_only=True)
class Described(Description):
    """A file or folder.

    Attributes:
        sheet: Only with `--sheet`: the contact sheet
    """

    sheet: Sheet | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class TunedFolder(Tuned):
    """The choice, and where it is.

    Attributes:
        tuned: path of the folder with `tuned.json`, `tune.tsv`, `clips.tsv` and `tune.png`
    """

    tuned: Path


class EstimatedModel(Estimated, kw_only=True):
    """A model.

    Attributes:
        lm: path of the ARPA file
    """

    lm: Path
