"""Tables and the picture of docs/next.md, from what benchmarks/next.py has measured.

    python benchmarks/next_figures.py docs/next.json [--picture docs/next.png]

`area` is the mean WER over the annotated minutes, by trapezoids. `difference` is that to the area of random choice with
the same seed, in points, with a 95 % interval over seeds by Student's t; below 0 the strategy is better. In `both` the
differences of all corpora are taken together.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from sla_cli.core.seed_groups import spread

RANDOM = "random"
Points = Sequence[Sequence[float]]  # minutes, clips, WER of each run
Curves = Mapping[str, Mapping[str, Points]]  # strategy, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    measured = json.loads(options.measured.read_text(encoding="utf-8"))
    print(tables(measured))
    if options.picture:
        draw(measured, options.picture)


def tables(measured: Mapping[str, Curves]) -> str:
    """A table for each corpus, and one of all differences."""
    parts = [f"{corpus}:\n\n{table(curves)}" for corpus, curves in measured.items()]
    rows = [
        row(f"`{name}`", interval([each for curves in measured.values() for each in differences(curves, name)]))
        for name in next(iter(measured.values()))
        if name != RANDOM
    ]
    parts.append("both:\n\n" + "\n".join([row("strategy", "difference"), "|---|---|", *rows]))
    return "\n\n".join(parts)


def table(curves: Curves) -> str:
    """WER by annotated minutes, the mean over seeds, and the area."""
    minutes = np.mean([[point[0] for point in points] for points in curves[RANDOM].values()], axis=0)
    lines = [row("strategy", *(f"{at:.1f} min" for at in minutes), "area", "difference", "of each seed")]
    lines.append("|---" * (len(minutes) + 4) + "|")
    for name, runs in curves.items():
        wer = np.mean([[point[2] for point in points] for points in runs.values()], axis=0)
        mean = np.mean([area(points) for points in runs.values()])
        found = differences(curves, name)
        against = (interval(found), ", ".join(f"{one:+.1f}" for one in found)) if name != RANDOM else ("", "")
        lines.append(row(f"`{name}`", *(f"{rate:.1f}" for rate in wer), f"{mean:.1f}", *against))
    return "\n".join(lines)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def area(points: Points) -> float:
    at, wer = np.array(points)[:, 0], np.array(points)[:, 2]
    return float((np.diff(at) * (wer[1:] + wer[:-1]) / 2).sum() / (at[-1] - at[0]))


def differences(curves: Curves, name: str) -> list[float]:
    """Area minus that of random, of each seed that both have."""
    return [
        area(points) - area(curves[RANDOM][seed]) for seed, points in curves[name].items() if seed in curves[RANDOM]
    ]


def interval(values: Sequence[float]) -> str:
    """Mean and its interval."""
    deviation = spread(values)
    if deviation is None:
        return f"{np.mean(values):+.2f}"
    half = float(stdtrit(len(values) - 1, 0.975)) * deviation / len(values) ** 0.5
    return f"{np.mean(values):+.2f} [{np.mean(values) - half:+.2f}, {np.mean(values) + half:+.2f}]"


def draw(measured: Mapping[str, Curves], path: Path) -> None:
    """WER over annotated minutes: the mean of the seeds of each strategy, and the seeds of random as thin lines."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, len(measured), squeeze=False)[0]
    for one, (corpus, curves) in zip(axes, measured.items(), strict=True):
        for (name, runs), marker in zip(curves.items(), "os^Dv", strict=False):
            minutes, wer = (np.mean([[point[k] for point in points] for points in runs.values()], 0) for k in (0, 2))
            one.plot(minutes, wer, marker=marker, label=name, color="black" if name == RANDOM else None)
        for points in curves[RANDOM].values():
            one.plot(*np.array(points)[:, [0, 2]].T, color="black", linewidth=0.5, alpha=0.5)
        one.set(title=corpus, xlabel="annotated minutes", ylabel="dev WER, %")
        one.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
