"""The table and the picture of docs/experiments/next.md, from what benchmarks/next.py has measured.

    cd docs/figures
    python ../../benchmarks/next_figures.py next.json next.toml [--picture ../experiments/next.png]

`area` is the mean WER over the annotated minutes, by trapezoids. `difference` is that to the area of random choice with
the same seed, in points, with a 95 % interval over seeds by Student's t; below 0 the strategy is better. In `both` the
differences of all corpora are taken together. `python docs/reference.py` then writes the table into the page.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from scipy.special import stdtrit

from sla_cli.core.seed_groups import spread

RANDOM = "random"
Points = Sequence[Sequence[float]]  # minutes, clips, WER of each run
Curves = Mapping[str, Mapping[str, Points]]  # strategy, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    measured = json.loads(options.measured.read_text(encoding="utf-8"))
    figures = tomllib.loads(options.figures.read_text(encoding="utf-8"))
    options.figures.write_text(tomli_w.dumps({**figures, "areas": table(measured)}), encoding="utf-8")
    if options.picture:
        draw(measured, options.picture)


def table(measured: Mapping[str, Curves]) -> dict[str, list[Any]]:
    """Columns and rows: of each strategy the mean area and the difference on each corpus, and on all together."""
    columns = ["strategy", *(f"{corpus}: {what}" for corpus in measured for what in ("area", "difference")), "both"]
    rows = []
    for name in next(iter(measured.values())):
        cells = [f"`{name}`"]
        for curves in measured.values():
            mean = np.mean([area(points) for points in curves[name].values()])
            cells += [f"{mean:.1f}", interval(differences(curves, name)) if name != RANDOM else ""]
        together = [each for curves in measured.values() for each in differences(curves, name)]
        rows.append([*cells, interval(together) if name != RANDOM else ""])
    return {"columns": columns, "rows": rows}


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
