"""What `sla info`, `sla tune` and `sla lm` print with --json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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


class ExportedModel(Struct, kw_only=True):
    """A model folder.

    Attributes:
        model: its folder
        files: name of each file with its number of bytes
        stored: type of the weights on disk
        with_backbone: whether the weights of the backbone are in it
        open_questions: what its card leaves open
    """

    model: Path
    files: dict[str, Count]
    stored: Literal["float32", "float16"]
    with_backbone: bool
    open_questions: tuple[str, ...]


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
