"""What commands that score and compare print with --json."""

from pathlib import Path

from msgspec import Struct

from sla_cli.core.quantities import Count
from sla_cli.work.comparison_figures import ComparisonFigures, GroupFigures
from sla_cli.work.figures import Figures


class FileScore(Figures, kw_only=True, frozen=True):
    """The score of a file of hypotheses.

    Attributes:
        hypotheses: path of the file of hypotheses
        scores: path of the folder with the score
    """

    hypotheses: Path
    scores: Path


class Scored(FileScore, kw_only=True, frozen=True):
    """The score of one file of hypotheses. For several files see [the next section](#sla-score-several-files).

    Attributes:
        files: a list with the same keys once more, so that scripts can read the scores of one file and of several alike
    """

    files: list[FileScore]


class ScoredFiles(Struct, kw_only=True):
    """If several files of hypotheses are scored.

    Attributes:
        files: one object for each file of hypotheses, in the order given
    """

    files: list[FileScore]


class Compared(ComparisonFigures, kw_only=True, frozen=True):
    """For two systems. For groups of runs see [the next section](#sla-compare-groups).

    Attributes:
        output: path of the table that `-o` names; null without `-o`
    """

    output: Path | None


class TableRow(Struct, kw_only=True):
    """A row of the table.

    Attributes:
        name: name as given
        search: how its hypotheses were decoded: `greedy`, `beam10`, `beam10-lm`, …
        variant: what was added to the backbone
        trained: number of trained parameters
        scores: by split: `dev` and `test`, as far as decoded, or that of `--split`
    """

    name: str
    search: str
    variant: str
    trained: Count
    scores: dict[str, GroupFigures]


class Tabled(Struct, kw_only=True):
    """Runs side by side.

    Attributes:
        rows: rows in the order given
        output: path of the file that `-o` names; null without `-o`
    """

    rows: list[TableRow]
    output: Path | None
