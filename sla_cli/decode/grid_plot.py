"""A picture of a grid of word error rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sla_cli.decode.grid_search import GridPoint, Trial

MOST_NUMBERS = 200  # cells in which a number can be read; a picture of thousands takes minutes and gigabytes
MOST_BEAMS = 10  # panels side by side
LARGE = (14.0, 7.0)  # inches of the picture of a larger grid


def draw_grid(path: Path, trials: Sequence[Trial], chosen: GridPoint, title: str) -> None:
    """Write a PNG: alpha upwards, beta to the right, a panel for each beam, the chosen cell framed.

    A large grid has colours without numbers, and only some ticks; of many beams, only the chosen one is drawn.

    Args:
        trials: of every combination of the grid's values.
    """
    wers = {trial.point: trial.counts.wer for trial in trials}
    beams = sorted({point.beam for point in wers})
    if len(beams) > MOST_BEAMS:
        beams = [chosen.beam]
    alphas, betas = sorted({point.alpha for point in wers}), sorted({point.beta for point in wers})
    numbered = len(beams) * len(alphas) * len(betas) <= MOST_NUMBERS
    width, height = 0.75 * len(betas) + 0.7, 0.5 * len(alphas) + 1.3
    size = (max(4.2, width * len(beams) + 1.1), max(3.0, height)) if numbered else LARGE
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(beams), squeeze=False, sharey=True)[0]
    low, high = min(wers.values()), max(wers.values())
    top = max(min(high, 2 * low), low + 0.1)  # large values would leave no colours for values near the best
    for panel, beam in zip(axes, beams, strict=True):
        values = np.array([[wers[GridPoint(beam, alpha, beta)] for beta in betas] for alpha in alphas])
        image = panel.imshow(values, origin="lower", aspect="auto", cmap="viridis_r", vmin=low, vmax=top)
        for (row, column), value in np.ndenumerate(values if numbered else np.empty((0, 0))):
            dark = (value - low) / (top - low) > 0.55
            colour = "white" if dark else "black"
            panel.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color=colour)
        if chosen.beam == beam:
            corner = (betas.index(chosen.beta) - 0.5, alphas.index(chosen.alpha) - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#d62728", linewidth=2.5, clip_on=False))
        panel.set_xticks(*_ticks(betas, MOST_NUMBERS if numbered else max(2, 20 // len(beams))))
        panel.set_yticks(*_ticks(alphas, MOST_NUMBERS if numbered else 20))
        panel.set_title(f"beam {beam}", fontsize=9)
    axes[0].set_ylabel("alpha (language model)")
    figure.colorbar(image, ax=list(axes), extend="max" if high > top else "neither", label="WER %")
    figure.supxlabel("beta (added for each gloss)", fontsize="medium")
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, format="png")


def _ticks(values: Sequence[float], most: int) -> tuple[list[int], list[str]]:
    """Places and labels of the values, at most so many, from the first to the last."""
    places = sorted(set(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int).tolist()))
    return places, [f"{values[place]:g}" for place in places]
