"""A table of runs as Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sla_cli.core.clip import SPLITS
from sla_cli.core.markdown import unmarked
from sla_cli.core.seed_groups import SeedGroup
from sla_cli.score.run_table import Row, mean_share
from sla_cli.score.score import ScoreOptions
from sla_cli.work.like import Like, begins

TableFormat = Literal["markdown", "latex"]
NONE = "-"
# Characters that have a meaning in LaTeX.
LATEX = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "|": r"\textbar{}",  # these three are other characters in the default encoding, OT1
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
# What the intervals are over in addition to clips, by whether rows are groups of seeds: none, all, or some.
SEEDS_DRAWN = {(False,): ".", (True,): " and seeds.", (False, True): ", in rows with ± also over seeds."}


HEADER = ("run", "search", "variant", "trained parameters")
STARTS = (f"| {' | '.join(HEADER)} |".encode(), b"\\begin{table}\n\\centering\n\\caption{")
ENDINGS = {"markdown": (".md", ".txt"), "latex": (".tex", ".txt")}


def runs_like(kind: TableFormat) -> Like:
    """What a table may replace: one of either kind."""
    return Like("a table of runs", lambda path: begins(path, 80).startswith(STARTS), ENDINGS[kind])


def table_text(rows: Sequence[Row], kind: TableFormat, options: ScoreOptions) -> str:
    """The table with an explanation of its numbers. LaTeX needs the package booktabs."""
    splits = [split for split in SPLITS if any(split in row.scores for row in rows)]
    header = list(HEADER)
    header += [title for split in splits for title in (f"{split} del / ins", f"{split} WER")]
    cells = [[row.name, row.search, row.variant, _millions(row.trained), *_figures(row, splits)] for row in rows]
    return {"markdown": _markdown, "latex": _latex}[kind](header, cells, _caption(rows, options))


def _figures(row: Row, splits: Sequence[str]) -> list[str]:
    groups = [row.scores.get(split) for split in splits]
    return [text for group in groups for text in ((_edits(group), _rate(group)) if group else (NONE, NONE))]


def _edits(group: SeedGroup) -> str:
    return f"{mean_share(group, 'deletions'):.1f} / {mean_share(group, 'insertions'):.1f}"


def _rate(group: SeedGroup) -> str:
    """`31.20 ± 1.20 [28.01, 34.30]`"""
    spread = "" if group.spread is None else f" ± {group.spread:.2f}"
    ends = "" if group.interval is None else f" [{group.interval.low:.2f}, {group.interval.high:.2f}]"
    return f"{group.mean:.2f}{spread}{ends}"


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 10_000 else f"{count}"


def _caption(rows: Sequence[Row], options: ScoreOptions) -> str:
    """The explanation of the numbers, in sentences."""
    groups = [group for row in rows for group in row.scores.values()]
    profiles = sorted({f"{score.profile}.v{score.profile_version}" for group in groups for score in group.scores})
    how = options.resampling
    units = sorted({group.interval.units for group in groups if group.interval})
    text = f"WER, deletions and insertions in percent, scored under profile {', '.join(profiles)}."
    if units:
        drawn = " to ".join(map(str, dict.fromkeys((units[0], units[-1]))))
        text += f" In brackets {how.level:g} % bootstrap intervals over {drawn} {how.cluster}s"
        text += SEEDS_DRAWN[tuple(sorted({group.spread is not None for group in groups}))]
    if counts := sorted({len(group.scores) for group in groups if group.spread is not None}):
        text += f" Mean ± standard deviation of {' or '.join(map(str, counts))} seeds."
    return text


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    lines = [
        header,
        ["---", "---", "---", *["---:"] * (len(header) - 3)],
        *([unmarked(cell) for cell in row] for row in rows),
    ]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", caption])


def _latex(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"{' & '.join(map(_escaped, cells))} \\\\"

    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escaped(caption)}}}",
            rf"\begin{{tabular}}{{lll{'r' * (len(header) - 3)}}}",
            r"\toprule",
            line(header),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _escaped(text: str) -> str:
    return "".join(LATEX.get(char, char) for char in text)
